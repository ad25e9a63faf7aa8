import { differences, type Difference, printPath } from "../../fields";
import { findAll } from "../../xml";
import { isDeviceList } from "./parts/devices";
import { diskSources, isSeed } from "./parts/disks";
import { domain as table } from "./fields";
import type { FoundDomain } from "./observe";
import { asStarted, hasDeferred, withoutChosenPorts } from "./started";

/** A path by identity (`disks[vdb].cache`), which outlives a reorder. */
export function label({ path, key }: Difference): string {
  const [list, index, ...rest] = path;
  if (key === undefined || typeof index !== "number") return printPath(path);
  return [`${String(list)}[${key}]`, ...rest].join(".");
}

/** True where one label is the other's, or stands above or below it: a device says all of its own. */
export function touches(one: string, other: string): boolean {
  const [a, b] = [sourceless(one), sourceless(other)];
  return a === b || isWithin(a, b) || isWithin(b, a);
}

/** What the program calls a disk's `volume` is a file or a block device to who looks at the host alone. */
function sourceless(label: string): string {
  const source = diskSources.find((name) => label.endsWith(`].${name}`));
  return source !== undefined && label.startsWith("disks[") ? `${label.slice(0, -source.length)}source` : label;
}

function isWithin(one: string, other: string): boolean {
  return one.startsWith(`${other}.`) || one.startsWith(`${other}[`);
}

/** What is done to a machine from outside waits for no guest. */
function isOfGuest({ path }: Difference): boolean {
  return !["name", "powerState", "autostart"].includes(String(path[0]));
}

/** What waited before and still does, and what these changes add; a saved guest comes back without all of them. */
export function deferredOf(found: FoundDomain, changes: readonly Difference[]): readonly string[] {
  if (!found.live && !found.saved) return [];
  const added = changes.filter((one) => (found.saved ? isOfGuest(one) : one.cost === "restart")).map(label);
  if (found.saved) return outermost([...(found.mark?.deferred ?? []), ...added]);
  // What only the definition has, and goes back to what the guest has, is no debt any more.
  const mended = changes.filter(({ cost }) => cost === "live").map(label);
  const left = pendingOf(found).filter((name) => !mended.some((one) => one === name || isWithin(name, one)));
  return outermost([...left, ...added]);
}

/** What neither libvirt nor the guest changes by itself: where both definitions differ in it, somebody wants a power cycle. */
const STEADY = new Set(["memory", "maxMemory", "vcpus", "numatune", "os", "clock"]);

/**
 * The properties that wait for a power cycle: what an update deferred in this run of the guest, and what another hand wrote to
 * the definition, as far as the guest still has it otherwise.
 */
export function pendingOf(found: FoundDomain): readonly string[] {
  const live = asStarted(found);
  if (!live) return [];
  const values = withoutChosenPorts(found.values);
  const situation = { before: live, after: values, ...found.situation };
  const differing = differences(table, live, values, { managed: live, situation });
  const deferred = hasDeferred(found) ? [] : (found.mark?.deferred ?? []);
  const open = differing.map(label);
  const waiting = deferred.filter((name) => open.some((one) => touches(name, one)));
  return outermost([...waiting, ...differing.filter(isSteady).map(label), ...(lacksSeed(found) ? ["cloudInit"] : [])]);
}

/** Each once, without what stands below another one. */
function outermost(labels: readonly string[]): readonly string[] {
  const all = [...new Set(labels)].sort();
  return all.filter((one) => !all.some((other) => isWithin(one, other)));
}

/** The definition has a drive for the seed, and the guest has none. */
export function lacksSeed({ live, seedPath }: FoundDomain): boolean {
  return live !== undefined && seedPath !== undefined && !findAll(live, "devices/disk").some(isSeed);
}

function isSteady({ path, kind, cost, before, after }: Difference): boolean {
  // libvirt gives a guest whole MiB.
  if (path[0] === "memory" && typeof after === "number" && Math.ceil(after) === before) return false;
  const device = isDeviceList(path[0]) && path.length === 2 && kind !== "update";
  return cost === "restart" && (device || STEADY.has(String(path[0])));
}
