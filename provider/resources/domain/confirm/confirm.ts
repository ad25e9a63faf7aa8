import { setTimeout as sleep } from "node:timers/promises";
import { type AnyField, type Difference, foundAsManaged, isRecord, type Values } from "../../../fields";
import { Code, isLibvirt } from "../../../rpc";
import { cloneXml, equalXml, parseXml } from "../../../xml";
import { readMark, writeMark } from "../../mark";
import type { Request } from "../../port";
import { addressesOf } from "../parts/addresses";
import { domain as table } from "../fields";
import { type FoundDomain, handleOf } from "../observe";
import { pendingOf } from "../pending";
import type { Plan } from "../plan";
import { markUnconfirmed, unconfirmedIn } from "./unconfirmed";
import { agentAnswers } from "../power/waiting";
import type { Goal } from "../../definition";
import { type Gate, gateWished, wishesOf } from "../wishes";

/** The gate that a change has to pass; nothing where the program asks for none, or no guest was touched. */
export function gateOf(inputs: Values, found: FoundDomain, planned: Plan): Gate | undefined {
  const touched = planned.restarts || planned.live.length > 0 || found.mark?.unconfirmed !== undefined;
  const last = planned.power.at(-1);
  const runs = last === undefined ? found.power === "running" : last === "start" || last === "resume";
  return touched && runs && isLeftRunning(inputs) ? gateWished(inputs["confirm"]) : undefined;
}

function isLeftRunning({ powerState }: Values): boolean {
  return powerState === "running" || powerState === "unmanaged";
}

/** An earlier change that its guest did not confirm, for the update was cut off: this one asks again. */
export function openGate(found: FoundDomain, wanted: Values): Difference[] {
  const gate = gateWished(wanted["confirm"]);
  if (found.mark?.unconfirmed === undefined || !gate || !isLeftRunning(wanted)) return [];
  return [{ path: ["confirm"], kind: "update", cost: "live", before: "not confirmed", after: gate.by }];
}

/** A plan with its gate: before the first act the definition says that the change is not confirmed, and how things stood. */
export function gated(planned: Plan, found: FoundDomain, goal: Goal): Plan {
  const { definition: made, ...rest } = planned;
  const definition = cloneXml(made ?? found.inactive);
  const mark = readMark(definition) ?? goal.mark;
  const earlier = found.mark?.unconfirmed === undefined ? {} : { unconfirmed: found.mark.unconfirmed };
  const former = goal.managed ? formerOf(goal, found, goal.managed, planned) : {};
  writeMark(definition, markUnconfirmed({ ...mark, ...earlier }, former, planned.restarts));
  return equalXml(definition, found.inactive) ? rest : { ...rest, definition };
}

/** The properties that a change touches, as they stood before. */
function formerOf(goal: Goal, found: FoundDomain, managed: Values, planned: Plan): Values {
  const changed = planned.changes.map(({ path }) => String(path[0]));
  const names = new Set([...changed, ...(planned.restarts ? Object.keys(waitedFor(found)) : [])]);
  const stood = asItStood(found, managed, goal.inputs, planned);
  return Object.fromEntries([...names].map((name) => [name, stood[name]]));
}

/** Asks until the guest answers; false when the time is over. A cancel ends it at once: the mark says what is open. */
export async function passes(request: Request, machine: Pick<Goal, "id" | "name">, gate: Gate): Promise<boolean> {
  const { signal } = request;
  const begin = performance.now();
  let told = begin;
  let cut: () => void = () => undefined;
  const cancelled = new Promise<false>((resolve) => {
    cut = () => {
      resolve(false);
    };
    signal.addEventListener("abort", cut);
  });
  try {
    for (;;) {
      signal.throwIfAborted();
      const leftMs = gate.withinMs - (performance.now() - begin);
      if (leftMs <= 0) return false;
      const asked = answers(request, machine.id, gate.by, Math.min(5000, Math.max(leftMs, 100)));
      if (await Promise.race([asked, cancelled])) return true;
      signal.throwIfAborted();
      if (performance.now() - told > 5000) {
        told = performance.now();
        const seconds = Math.round((told - begin) / 1000);
        request.progress(
          `waiting for ${gate.by} to confirm the change of domain "${machine.name}" (${seconds} of ${gate.withinMs / 1000} s)`,
        );
      }
      await Promise.race([sleep(500), cancelled]);
    }
  } finally {
    signal.removeEventListener("abort", cut);
    if (signal.aborted)
      request.warn(
        `the change of domain "${machine.name}" stands, and ${gate.by} has not confirmed it: the next up asks again`,
      );
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

/** The way back, and the properties that it cannot bring back. */
export interface WayBack extends Goal {
  readonly lost: readonly string[];
}

/** The way back: what stood on the host before, as far as the program names it, reached from where the change led. */
export function backTo(goal: Goal, found: FoundDomain, managed: Values, planned: Plan): WayBack {
  const earlier = unconfirmedIn(found.mark);
  const stood = asItStood(found, managed, goal.inputs, planned);
  // What nobody knows any more is left as it is.
  const left = (earlier?.lost ?? []).map((name) => [name, goal.inputs[name]] as const);
  const inputs = given({ ...stood, ...earlier?.former, ...Object.fromEntries(left) });
  const shutdown = isRecord(managed["shutdown"]) ? managed["shutdown"] : {};
  const restarts = planned.restarts || earlier?.restart === true;
  return {
    ...goal,
    name: found.name,
    inputs: {
      ...inputs,
      name: found.name,
      waitFor: {},
      // Who asked for a confirmed restart wants it undone, also where the guest hears nothing any more.
      ...(restarts ? { whenRestartNeeded: "restart", shutdown: { ...shutdown, thenForce: true } } : {}),
    },
    managed: goal.inputs,
    // The force is for the way back alone.
    mark: { ...goal.mark, confirm: undefined, shutdown: undefined, ...wishesOf(managed) },
    lost: earlier?.lost ?? [],
  };
}

/** After a change that was not confirmed the state has the inputs of that one: what the host had tells better. */
function asItStood(found: FoundDomain, managed: Values, inputs: Values, planned: Plan): Values {
  const values = { ...found.values, ...(planned.restarts ? waitedFor(found) : {}) };
  const names = [...new Set([...Object.keys(managed), ...Object.keys(inputs)])].filter((name) => name !== "confirm");
  const entries = names.map((name) => {
    const field = table[name as keyof typeof table] as AnyField | undefined;
    // A seed is known by its content alone; a wish stands nowhere on the host.
    if (field?.change === undefined || name === "cloudInit") return [name, managed[name]] as const;
    return [name, foundAsManaged(field, values[name], managed[name] ?? inputs[name])] as const;
  });
  return given(Object.fromEntries(entries));
}

function given(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null));
}

/** What waited for a restart, as the guest has it until then. */
export function waitedFor(found: FoundDomain): Values {
  const live = found.situation?.live ?? {};
  const names = new Set(pendingOf(found).map((label) => label.replace(/[.[].*/, "")));
  const led = [...names].flatMap((name) => FOLLOWERS[name] ?? []);
  return Object.fromEntries([...names, ...led].map((name) => [name, live[name]]));
}

/** What may not exceed another property. */
const FOLLOWERS: Readonly<Record<string, readonly string[]>> = { memory: ["currentMemory"], vcpus: ["onlineVcpus"] };
