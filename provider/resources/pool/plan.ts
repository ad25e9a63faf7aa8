import { type Difference, differences, type Path, readTable, type Values, writeTable } from "../../fields";
import { cloneXml, element, equalXml, printXml, type XmlElement } from "../../xml";
import { kinds } from "./check";
import { pool } from "./fields";
import type { Goal } from "../definition";
import type { FoundPool } from "./observe";

/** virStoragePoolBuildFlags. */
export const Build = { NEW: 0, NO_OVERWRITE: 4, OVERWRITE: 8 } as const;

/** One step towards a goal. */
export type Step =
  | { readonly act: "define"; readonly xml: string }
  | { readonly act: "stop" }
  | { readonly act: "build"; readonly flags: number }
  /** Starts it; as long as that fails, builds it with the next of these flags and starts it then. */
  | { readonly act: "start"; readonly builds: readonly number[] }
  | { readonly act: "autostart"; readonly on: boolean };

/** What differs from the definition, or from what runs: that goes by a restart, whatever the definition says. */
export function changesOf(found: FoundPool, wanted: Values, managed: Values | undefined): Difference[] {
  const against = (before: Values): Difference[] =>
    differences(pool, before, wanted, { managed, situation: { before, after: wanted } });
  const defined = against(found.values);
  if (!found.active) return defined;
  const shown = new Set(defined.map(({ path }) => path.join("/")));
  const running = against({ ...readTable(pool, found.live), autostart: found.autostart });
  const more = running.filter(({ path }) => !shown.has(path.join("/")));
  return [...defined, ...more.map((one) => ({ ...one, cost: "restart" as const }))];
}

/**
 * The steps from what is found to what is wanted, in order. `fresh`: it is our own create, new or not finished; nothing
 * else is ever formatted. What the program ignores needs no restart.
 */
export function plan(
  found: FoundPool | undefined,
  goal: Goal,
  fresh: boolean,
  ignores: (path: Path) => boolean = () => false,
): Step[] {
  const on = goal.inputs["autostart"] !== false;
  const xml = definitionOf(found, goal);
  const autostart: Step[] = (found?.autostart ?? false) === on ? [] : [{ act: "autostart", on }];
  if (!found) return [{ act: "define", xml: printXml(xml) }, start(goal.inputs, fresh), ...autostart];
  const changed = changesOf(found, goal.inputs, goal.managed).filter(
    ({ cost, path }) => cost === "restart" && !ignores(path),
  );
  const same = found.persistent && equalXml(xml, found.inactive);
  const define: Step[] = same ? [] : [{ act: "define", xml: printXml(xml) }];
  // Defined before it is stopped: what libvirt refuses leaves the running pool as it is.
  if (found.active && changed.length === 0) return [...define, ...autostart];
  const stop: Step[] = found.active ? [{ act: "stop" }] : [];
  const rebuilt = changed.some(({ path }) => path[0] === "permissions");
  const owners: Step[] = rebuilt && makesDirectory(goal.inputs) ? [{ act: "build", flags: Build.NEW }] : [];
  return [
    ...define,
    ...stop,
    ...owners,
    fresh ? start(goal.inputs, fresh) : { act: "start", builds: [] },
    ...autostart,
  ];
}

/** What starts is never formatted: it is such a pool already, and its content may be one whose definition alone was lost. */
function start(inputs: Values, fresh: boolean): Step {
  // A mount point comes before a file system: without it nothing would start.
  const directory = makesDirectory(inputs) ? [Build.NEW] : [];
  const format = fresh ? formatFlags(inputs) : undefined;
  return { act: "start", builds: format === undefined ? directory : [...directory, format] };
}

/** How a source that does not start may be formatted; undefined: not at all. */
function formatFlags(inputs: Values): number | undefined {
  const build = inputs["build"] as { overwrite?: boolean } | undefined; // checked
  if (!build || !formats(inputs)) return undefined;
  if (inputs["type"] === "zfs") return Build.NEW;
  return build.overwrite === true ? Build.OVERWRITE : Build.NO_OVERWRITE;
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
