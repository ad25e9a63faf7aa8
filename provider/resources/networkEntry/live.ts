import type { Network } from "../../rpc";
import { doing, Explained, explain } from "../errors";
import { messageOf } from "../flow";
import { updateEntry } from "../network/live";
import type { Request } from "../port";
import type { Kind } from "./kind";
import { inverse, type Step } from "./plan";

const words: Readonly<Record<Step["act"], readonly [string, string]>> = {
  add: ["add", "to"],
  modify: ["change", "in"],
  delete: ["remove", "from"],
};

/** Runs the steps; where one fails, those before it are taken back, so that the network is as it was. */
export async function runAll(request: Request, kind: Kind, net: Network, steps: readonly Step[]): Promise<void> {
  const done: Step[] = [];
  for (const step of steps) {
    try {
      await run(request, kind, net, step, request.signal);
      done.push(step);
    } catch (error) {
      throw await takenBack(request, kind, net, done, error);
    }
  }
}

async function run(request: Request, kind: Kind, net: Network, step: Step, signal?: AbortSignal): Promise<void> {
  const [verb, preposition] = words[step.act];
  const { act: command, parentIndex, xml, flags } = step;
  const action = `${verb} the ${kind.noun} ${inLine(xml)} ${preposition} network "${net.name}"`;
  request.progress(action);
  await doing(action, () =>
    updateEntry(request.place, net, { command, section: kind.section, parentIndex, xml, flags }, signal),
  );
}

/** The error that says what stands after a step failed. */
async function takenBack(
  request: Request,
  kind: Kind,
  net: Network,
  done: readonly Step[],
  error: unknown,
): Promise<unknown> {
  const left = [...done];
  for (let step = left.at(-1); step; step = left.at(-1)) {
    try {
      // Also after a cancel, which would end a call with the request's own signal.
      await run(request, kind, net, inverse(step));
      left.pop();
    } catch (second) {
      const applied = left.map(({ act, xml }) => `${words[act][0]} ${inLine(xml)}`).join(", ");
      return new Explained(
        `${messageOf(error)}; before that was done and could not be taken back: ${applied} (${messageOf(second)})`,
        { cause: error },
      );
    }
  }
  const failed = explain(`${kind.noun} of network "${net.name}"`, error);
  if (done.length === 0) return failed;
  return new Explained(`${failed.message}; the entry is as it was before`, { cause: error });
}

/** An entry in one line of a message. */
export function inLine(xml: string): string {
  return xml.replace(/\s*\n\s*/g, "");
}
