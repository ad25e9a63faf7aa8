import type { Network } from "../../rpc";
import { doing, Explained, explain } from "../errors";
import type { Request } from "../port";
import { updateEntry } from "./live";

/** One call of NetworkUpdate. */
export interface Step {
  readonly act: "add" | "modify" | "delete";
  readonly parentIndex: number;
  readonly xml: string;
  /** The sides that it is for, one or both. */
  readonly flags: number;
  /** What a modified entry was before. */
  readonly before?: string;
}

/** A call with the section of its entry (virNetworkUpdateSection) and libvirt's noun for it. */
export interface Act extends Step {
  readonly section: number;
  readonly noun: string;
}

const words: Readonly<Record<Step["act"], readonly [string, string]>> = {
  add: ["add", "to"],
  modify: ["change", "in"],
  delete: ["remove", "from"],
};

/** The step that takes another one back. */
export function inverse<S extends Step>(step: S): S {
  const { act, before, xml } = step;
  if (act === "modify") return { ...step, xml: before ?? xml, before: xml };
  return { ...step, act: act === "add" ? "delete" : "add" };
}

/** Runs the acts; where one fails, those before it are taken back, so that `what` is as it was. */
export async function updateAll(request: Request, net: Network, acts: readonly Act[], what: string): Promise<void> {
  const done: Act[] = [];
  for (const act of acts) {
    try {
      await run(request, net, act, request.signal);
      done.push(act);
    } catch (error) {
      throw await takenBack(request, net, done, error, what);
    }
  }
}

async function run(request: Request, net: Network, step: Act, signal?: AbortSignal): Promise<void> {
  const [verb, preposition] = words[step.act];
  const { act: command, section, noun, parentIndex, xml, flags } = step;
  const action = `${verb} the ${noun} ${inLine(xml)} ${preposition} network "${net.name}"`;
  request.progress(action);
  await doing(action, () => updateEntry(request.place, net, { command, section, parentIndex, xml, flags }, signal));
}

/** The error that says what stands after an act failed. */
async function takenBack(
  request: Request,
  net: Network,
  done: readonly Act[],
  error: unknown,
  what: string,
): Promise<Error> {
  const failed = explain(`entries of network "${net.name}"`, error);
  const left = [...done];
  for (let act = left.at(-1); act; act = left.at(-1)) {
    try {
      // Also after a cancel, which would end a call with the request's own signal.
      await run(request, net, inverse(act));
      left.pop();
    } catch (second) {
      const applied = left.map((one) => `${words[one.act][0]} ${inLine(one.xml)}`).join(", ");
      const reason = explain("take it back", second).message;
      return new Explained(
        `${failed.message}; before that was done and could not be taken back: ${applied} (${reason})`,
        { cause: error },
      );
    }
  }
  if (done.length === 0) return failed;
  return new Explained(`${failed.message}; ${what} is as it was before`, { cause: error });
}

/** An entry in one line of a message. */
export function inLine(xml: string): string {
  return xml.replace(/\s*\n\s*/g, "");
}
