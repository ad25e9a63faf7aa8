import { setTimeout as sleep } from "node:timers/promises";
import { type AnyField, foundAsManaged, isRecord, type Values } from "../../fields";
import { Code, isLibvirt } from "../../rpc";
import { parseXml } from "../../xml";
import type { Goal } from "../flow";
import type { Request } from "../port";
import { addressesOf } from "./addresses";
import { domain as table } from "./fields";
import { type FoundDomain, handleOf } from "./observe";
import type { Plan } from "./plan";
import { agentAnswers } from "./waiting";

/** What has to answer after a change, and how soon. */
interface Gate {
  readonly by: string;
  readonly withinMs: number;
}

/** The gate that a change has to pass; nothing where the program asks for none, or no guest was touched. */
export function gateOf(inputs: Values, planned: Plan): Gate | undefined {
  const wish = inputs["confirm"];
  const stays = inputs["powerState"] === "running" || inputs["powerState"] === "unmanaged";
  if (!isRecord(wish) || !stays || (!planned.restarts && planned.live.length === 0)) return undefined;
  const seconds = typeof wish["within"] === "number" ? wish["within"] : 120;
  return { by: String(wish["by"]), withinMs: seconds * 1000 };
}

/** Asks until the guest answers; false when the time is over. */
export async function passes(request: Request, goal: Goal, gate: Gate): Promise<boolean> {
  const begin = performance.now();
  let told = begin;
  for (;;) {
    request.signal.throwIfAborted();
    const leftMs = gate.withinMs - (performance.now() - begin);
    if (leftMs <= 0) return false;
    if (await answers(request, goal.id, gate.by, Math.min(5000, Math.max(leftMs, 100)))) return true;
    if (performance.now() - told > 5000) {
      told = performance.now();
      const seconds = Math.round((told - begin) / 1000);
      request.progress(
        `waiting for ${gate.by} to confirm the change of domain "${goal.name}" (${seconds} of ${gate.withinMs / 1000} s)`,
      );
    }
    await sleep(500);
  }
}

async function answers(request: Request, uuid: string, by: string, timeoutMs: number): Promise<boolean> {
  if (by === "agent") return agentAnswers(request, uuid);
  if (by === "console")
    return request.place.host.consoleAnswers(handleOf(uuid), timeoutMs, request.signal).catch(unlessBusy);
  const { xml } = await request.place.host.call("DOMAIN_GET_XML_DESC", { dom: handleOf(uuid), flags: 0 });
  const port = Number(by.slice("tcp:".length));
  for (const address of await addressesOf(request, handleOf(uuid), parseXml(xml))) {
    if (await request.place.host.listens(address, port, timeoutMs)) return true;
  }
  return false;
}

/** Another client has the console, or the guest is just starting. */
function unlessBusy(error: unknown): boolean {
  if (isLibvirt(error, Code.OPERATION_FAILED, Code.OPERATION_INVALID, Code.INTERNAL_ERROR)) return false;
  throw error;
}

/** The way back: what stood on the host before, as far as the program names it, reached from where the change led. */
export function backTo(goal: Goal, found: FoundDomain, managed: Values, planned: Plan): Goal {
  const inputs = asItStood(found, managed, goal.inputs);
  const shutdown = isRecord(managed["shutdown"]) ? managed["shutdown"] : {};
  return {
    ...goal,
    name: found.name,
    inputs: {
      ...inputs,
      name: found.name,
      waitFor: {},
      // Who asked for a confirmed restart wants it undone, also where the guest hears nothing any more.
      ...(planned.restarts ? { whenRestartNeeded: "restart", shutdown: { ...shutdown, thenForce: true } } : {}),
    },
    managed: goal.inputs,
  };
}

/** After a change that was not confirmed the state has the inputs of that one: what the host had tells better. */
function asItStood(found: FoundDomain, managed: Values, inputs: Values): Values {
  const names = [...new Set([...Object.keys(managed), ...Object.keys(inputs)])].filter((name) => name !== "confirm");
  const entries = names.map((name) => {
    const field = table[name as keyof typeof table] as AnyField | undefined;
    // A seed is known by its content alone; a wish stands nowhere on the host.
    if (field?.change === undefined || name === "cloudInit") return [name, managed[name]] as const;
    return [name, foundAsManaged(field, found.values[name], managed[name] ?? inputs[name])] as const;
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
