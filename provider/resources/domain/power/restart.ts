import type { Difference, Values } from "../../../fields";
import type { FoundDomain, Power } from "../observe";
import { deferredOf } from "../pending";
import type { PowerStep } from "./power";

/** True when an update power-cycles the guest: it runs, something needs that, and the program asked for it. */
export function restarts(found: FoundDomain, changes: readonly Difference[], wanted: Values): boolean {
  const asked = wanted["whenRestartNeeded"] === "restart" && wanted["powerState"] !== "stopped";
  return asked && found.live !== undefined && deferredOf(found, changes).length > 0;
}

/** The steps of a power cycle, from a guest that runs or is paused; only what runs can be asked to stop. */
export function restartSteps(found: Power, wanted: unknown): readonly PowerStep[] {
  const paused = wanted === "paused" || (wanted !== "running" && found === "paused");
  return [...(found === "running" ? [] : ["resume" as const]), "stop", paused ? "start paused" : "start"];
}

/** How a guest goes on after these steps, as a mark carries it until they are over. */
export function goesOnAs(steps: readonly PowerStep[]): "running" | "paused" {
  return steps.at(-1) === "start" ? "running" : "paused";
}

/** How a guest goes on whose power cycle was cut off; a program that manages its power says that itself. */
export function cutOff({ mark, power }: FoundDomain, wanted: Values): string | undefined {
  const { restarting } = mark ?? {};
  return wanted["powerState"] === "unmanaged" && restarting !== power ? restarting : undefined;
}

/** The same as a difference, for a preview to show and an update to mend. */
export function leftOff(found: FoundDomain, wanted: Values): Difference[] {
  const after = cutOff(found, wanted);
  return after === undefined
    ? []
    : [{ path: ["powerState"], kind: "update", cost: "live", before: found.power, after }];
}

/** An earlier update's debt that this one pays: the machine is as the program says, but the guest is not. */
export function owed(found: FoundDomain, wanted: Values, changes: readonly Difference[]): Difference[] {
  const mended = changes.filter(({ cost }) => cost === "live");
  if (!restarts(found, mended, wanted)) return [];
  const before = deferredOf(found, mended);
  return [{ path: ["restartPending"], kind: "update", cost: "restart", before, after: [] }];
}
