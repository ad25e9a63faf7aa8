import { isBelow, parsePath, type Values } from "../../fields";
import type { Place } from "../../resources/place";
import type { Request } from "../../resources/port";
import { ownerIn } from "../hidden";
import type { Engine } from "./engine";
import type { Telling } from "./operation";
import type { Mask } from "./secrets";

const PROGRESS_EVERY_MS = 200;

/** What an operation of the engine's tells about itself. */
export interface Call {
  readonly urn: string;
  readonly preview?: boolean;
  readonly timeoutMs?: number | undefined;
  readonly oldInputs?: Values | undefined;
  readonly ignoreChanges?: readonly string[];
  readonly autonaming?: Request["autonaming"] | undefined;
}

/** What belongs to this one run of it. */
export interface Run extends Telling {
  readonly place: Place;
  readonly engine: Engine;
  readonly mask: Mask;
  readonly signal: AbortSignal;
}

/**
 * The engine tells a provider no organization; `organization` is the one of every backend but Pulumi Cloud. It counts only
 * where an object is made: what stands in a state goes by its incarnation and its host, whichever door made it.
 */
function organization(): string {
  const told = process.env["PULUMI_ORGANIZATION"];
  return told !== undefined && told !== "" ? told : "organization";
}

/** A request as the engine's own protocol can make it. */
export function requestFor(call: Call, { place, engine, mask, signal, begun, mustEnd }: Run): Request {
  const owner = ownerIn(call.urn, organization());
  const ignored = (call.ignoreChanges ?? []).map(parsePath);
  let spokeAt = 0;
  return {
    name: owner.name,
    owner,
    place,
    preview: call.preview ?? false,
    signal,
    begun,
    mustEnd,
    ...(call.timeoutMs === undefined ? {} : { timeoutMs: call.timeoutMs }),
    ...(call.oldInputs === undefined ? {} : { oldInputs: call.oldInputs }),
    ...(call.autonaming === undefined ? {} : { autonaming: call.autonaming }),
    ignores: (path) => ignored.some((pattern) => isBelow(path, pattern)),
    progress: (message) => {
      if (Date.now() - spokeAt < PROGRESS_EVERY_MS) return;
      spokeAt = Date.now();
      engine.say("info", call.urn, mask(message), true);
    },
    info: (message) => {
      engine.say("info", call.urn, mask(message));
    },
    warn: (message) => {
      engine.say("warning", call.urn, mask(message));
    },
  };
}
