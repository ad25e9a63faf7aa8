// Samples that bear each other share one object: a boot for many of them instead of one for each.
import { deepEqual, isRecord, type Values } from "../../../provider/fields";
import { merged, set } from "../../e2e/conformance/table";
import type { Sample } from "./sample";

/** Samples that are changed together, with the arguments before and after. */
export interface Batch {
  readonly samples: readonly Sample[];
  readonly before: Values;
  readonly after: Values;
}

/** Puts each sample into the first batch that bears it. */
export function batches(base: Values, samples: readonly Sample[]): Batch[] {
  const all: Batch[] = [];
  for (const one of samples) {
    const own = wishes(one);
    const index = all.findIndex((batch) => joined(batch, own) !== undefined);
    const there = all[index] && joined(all[index], own);
    if (there) all[index] = there;
    else all.push(own);
  }
  return all.map(({ before, after, ...rest }) => ({
    ...rest,
    before: merged(base, before),
    after: merged(base, after),
  }));
}

function wishes(one: Sample): Batch {
  const around = one.with ?? {};
  return {
    samples: [one],
    before: set(around, one.path, one.before),
    after: set(merged(around, one.then ?? {}), one.path, one.after),
  };
}

function joined(one: Batch, other: Batch): Batch | undefined {
  const samples = [...one.samples, ...other.samples];
  if (one.samples[0]?.group !== other.samples[0]?.group) return undefined;
  const [before, after] = [union(one.before, other.before), union(one.after, other.after)];
  return before && after && { samples, before, after };
}

/** Both together, devices by their identity; undefined where they contradict each other. */
function union(a: Values, b: Values): Values | undefined {
  const all: Record<string, unknown> = { ...a };
  for (const [name, value] of Object.entries(b)) {
    const here = Object.hasOwn(a, name) ? both(a[name], value) : value;
    if (here === CONTRADICTION) return undefined;
    all[name] = here;
  }
  return all;
}

const CONTRADICTION = Symbol("contradiction");

function both(a: unknown, b: unknown): unknown {
  if (isRecord(a) && isRecord(b)) return union(a, b) ?? CONTRADICTION;
  if (isDevices(a) || isDevices(b)) return devices([...(isDevices(a) ? a : []), ...(isDevices(b) ? b : [])]);
  return deepEqual(a, b) ? a : CONTRADICTION;
}

function isDevices(value: unknown): value is readonly Values[] {
  return Array.isArray(value) && value.length > 0 && value.every(isRecord);
}

function devices(items: readonly Values[]): unknown {
  const all = new Map<unknown, unknown>();
  for (const item of items) {
    const key = item["target"] ?? item["mac"] ?? item["name"];
    const there = all.get(key);
    all.set(key, there === undefined ? item : both(there, item));
  }
  const joint = [...all.values()];
  return joint.includes(CONTRADICTION) ? CONTRADICTION : joint;
}
