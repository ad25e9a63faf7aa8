import { differences, type Values, writeTable } from "../../fields";
import { cloneXml, element, equalXml, printXml, type XmlElement } from "../../xml";
import type { Found, Goal } from "../flow";
import { kinds } from "./check";
import { pool } from "./fields";

/** A pool as it stands on the host. */
export interface FoundPool extends Found {
  readonly active: boolean;
  /** False: it runs, but nobody defined it, so it ends with its stop. */
  readonly persistent: boolean;
  readonly autostart: boolean;
  readonly inactive: XmlElement;
  /** In GiB; 0 where it does not run. */
  readonly capacity: number;
  readonly available: number;
  /** The directory was made by our create, so it goes with the pool where it is empty then. */
  readonly madeDirectory: boolean;
  /** It ran at some time of its life in the state: whatever is in its source now may be somebody's data. */
  readonly ran: boolean;
}

/** virStoragePoolBuildFlags. */
export const Build = { NEW: 0, NO_OVERWRITE: 4, OVERWRITE: 8 } as const;

/** One step towards a goal. */
export type Step =
  | { readonly act: "define"; readonly xml: string }
  | { readonly act: "stop" }
  | { readonly act: "build"; readonly flags: number }
  /** Starts it; where that fails and `build` is given, builds it with these flags and starts it then. */
  | { readonly act: "start"; readonly build?: number }
  | { readonly act: "autostart"; readonly on: boolean };

/**
 * The steps from what is found to what is wanted, in order. `fresh`: it is our own create, new or not finished; nothing
 * else is ever built.
 */
export function plan(found: FoundPool | undefined, goal: Goal, fresh: boolean): Step[] {
  const on = goal.inputs["autostart"] !== false;
  const xml = definitionOf(found, goal);
  const autostart: Step[] = (found?.autostart ?? false) === on ? [] : [{ act: "autostart", on }];
  if (!found) {
    const format: Step[] = overwrites(goal.inputs) ? [{ act: "build", flags: Build.OVERWRITE }] : [];
    return [{ act: "define", xml: printXml(xml) }, ...format, start(goal.inputs), ...autostart];
  }
  const changed = differences(pool, found.values, goal.inputs, {
    managed: goal.managed,
    situation: { before: found.values, after: goal.inputs },
  }).filter(({ cost }) => cost === "restart");
  const same = found.persistent && equalXml(xml, found.inactive);
  const define: Step[] = same ? [] : [{ act: "define", xml: printXml(xml) }];
  // Defined before it is stopped: what libvirt refuses leaves the running pool as it is.
  if (found.active && changed.length === 0) return [...define, ...autostart];
  const stop: Step[] = found.active ? [{ act: "stop" }] : [];
  const rebuilt = changed.some(({ path }) => path[0] === "permissions");
  const owners: Step[] = rebuilt && makesDirectory(goal.inputs) ? [{ act: "build", flags: Build.NEW }] : [];
  return [...define, ...stop, ...owners, fresh ? start(goal.inputs) : { act: "start" }, ...autostart];
}

function start(inputs: Values): Step {
  const build = buildFlags(inputs);
  return { act: "start", ...(build === undefined ? {} : { build }) };
}

/** How a source that does not start may be built; undefined: not at all. */
function buildFlags(inputs: Values): number | undefined {
  const wish = inputs["build"] !== undefined;
  if (wish && formats(inputs))
    return inputs["type"] === "zfs" ? Build.NEW : overwrites(inputs) ? Build.OVERWRITE : Build.NO_OVERWRITE;
  return makesDirectory(inputs) ? Build.NEW : undefined;
}

function overwrites(inputs: Values): boolean {
  const build = inputs["build"] as { overwrite?: boolean } | undefined; // checked
  return build?.overwrite === true && formats(inputs) && inputs["type"] !== "zfs";
}

function formats(inputs: Values): boolean {
  return kinds[String(inputs["type"])]?.builds.includes("format") ?? false;
}

function makesDirectory(inputs: Values): boolean {
  return kinds[String(inputs["type"])]?.builds.includes("directory") ?? false;
}

/** The definition that is wanted: the found one, patched. */
function definitionOf(found: FoundPool | undefined, goal: Goal): XmlElement {
  const root = found
    ? cloneXml(found.inactive)
    : element("pool", {}, element("name", {}, goal.name), element("uuid", {}, goal.id));
  writeTable(pool, root, goal.inputs, goal.managed);
  return root;
}
