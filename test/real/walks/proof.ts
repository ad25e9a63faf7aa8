// What a diff announced, against what stands on the host after the update.
import {
  type AnyField,
  type Difference,
  equalValues,
  isRecord,
  keyOf,
  type Table,
  text,
  type Values,
} from "../../../provider/fields";
import { disk } from "../../../provider/resources/domain/parts/disks";
import { domain } from "../../../provider/resources/domain/fields";
import { label } from "../../../provider/resources/domain/pending";
import { virsh } from "../../e2e/engine";
import type { Sight } from "./sight";

/** What of a machine is not as announced, in words; none: it all happened. */
export function complaints(
  differences: readonly Difference[],
  before: Sight,
  after: Sight,
  pending: readonly string[],
): string[] {
  const told = differences.flatMap((one) => complaintsOf(one, before, after, pending));
  const power = differences.some(({ path }) => path[0] === "powerState");
  if (!power && before.run !== after.run)
    told.push(`the guest's run was ${String(before.run)} and is ${String(after.run)}`);
  return [...told, ...after.loose.map((mac) => `card ${mac} hangs in the air`)];
}

function complaintsOf(one: Difference, before: Sight, after: Sight, pending: readonly string[]): string[] {
  const { cost } = one;
  const name = label(one);
  const told: string[] = [];
  if (!meets(domain, after.inactive, one)) told.push(`${name}: the definition does not carry it`);
  const inGuest = after.live && meets(domain, after.live, one);
  if (cost === "live" && inGuest === false) told.push(`${name}: announced live, the guest lacks it`);
  // What starts with this update is started with all of it.
  if (cost !== "restart" || before.run === undefined || before.run !== after.run) return told;
  if (inGuest && (one.kind !== "delete" || lost(one, after)))
    told.push(`${name}: announced for a power cycle, the guest has it already`);
  if (!pending.some((one) => name === one || name.startsWith(`${one}.`)))
    told.push(`${name}: not in restartPending (${pending.join(", ")})`);
  return told;
}

/** After a power cycle the guest has all that was announced. */
export function afterCycle(differences: readonly Difference[], after: Sight): string[] {
  return differences
    .filter((one) => one.path[0] !== "powerState" && after.live && !meets(domain, after.live, one))
    .map((one) => `${label(one)}: the guest lacks it after a power cycle`);
}

/** True where the values are what the difference leads to. */
export function meets(table: Table, values: Values, one: Difference): boolean {
  const { path, key, before, after, kind } = one;
  if (table === domain && path[0] === "cloudInit") return seedMeets(values, one);
  const [field, seen] = valueAt(table, values, path, key);
  if (kind === "delete" && seen === undefined) return true;
  if (kind !== "delete") return equalValues(field, table === domain ? asWritten(after, path) : after, seen);
  return typeof path.at(-1) === "string" && !equalValues(field, before, seen);
}

/** True where a guest lost a value: one that has another value than the definition had, or lacks all of its group, did not. */
function lost(one: Difference, { live = {}, inactive }: Sight): boolean {
  const group = { ...one, path: one.path.slice(0, -1) };
  const waits = group.path.length > 0 && seenIn(live, group) === undefined && seenIn(inactive, group) !== undefined;
  return !waits && seenIn(live, one) === undefined;
}

function seenIn(values: Values, { path, key }: Difference): unknown {
  return path[0] === "cloudInit" ? undefined : valueAt(domain, values, path, key)[1];
}

/** A volume is written into the machine as its file. */
function asWritten(wanted: unknown, path: Difference["path"]): unknown {
  if (path[0] !== "disks") return wanted;
  if (path[2] === "volume") return pathOf(String(wanted));
  if (path.length > 2 || !isRecord(wanted)) return wanted;
  const { volume, ...rest } = wanted;
  return typeof volume === "string" ? { ...rest, file: pathOf(volume) } : rest;
}

function pathOf(volume: string): string {
  const [pool = "", name = ""] = volume.split("/");
  return virsh("vol-path", "--pool", pool, name);
}

/** A seed is one image: it has the text of each part, or is gone. */
function seedMeets(values: Values, { path, kind, after }: Difference): boolean {
  const seed = values["seed"];
  const parts = path.length > 1 ? { [String(path[1])]: after } : isRecord(after) ? after : {};
  if (kind === "delete" && path.length === 1) return seed === undefined;
  if (typeof seed !== "string") return false;
  return Object.entries(parts).every(
    ([name, text]) => name === "pool" || typeof text !== "string" || seed.includes(text),
  );
}

/** The field at a difference's path, and what the values have there; the last list's item by its identity. */
function valueAt(table: Table, values: Values, path: Difference["path"], key?: string): [AnyField, unknown] {
  const [name = "", index, ...rest] = path;
  // A volume stands on the host as its file.
  const own = table === disk && name === "volume" ? "file" : name;
  const field = table[own];
  if (field === undefined) throw new Error(`the table has no ${path.join(".")}`);
  const value = values[own];
  if (index === undefined) return [field, value];
  if (field.kind === "object") return valueAt(field.fields, isRecord(value) ? value : {}, path.slice(1), key);
  if (field.kind === "map") return [text({ doc: field.doc }), isRecord(value) ? value[index] : undefined];
  if (field.kind !== "list") throw new Error(`${String(name)} has nothing below it`);
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  const last = !rest.some((step) => typeof step === "number");
  const item = last ? items.filter(isRecord).find((one) => keyOf(field, one) === key) : items[Number(index)];
  if (rest.length === 0 || field.item.kind !== "object") return [field.item, item];
  return valueAt(field.item.fields, isRecord(item) ? item : {}, rest, key);
}
