// What a diff announced, against what stands on the host after the update.
import {
  type Difference,
  equalValues,
  isRecord,
  keyOf,
  type AnyField,
  type Table,
  type Values,
} from "../../../provider/fields";
import { domain } from "../../../provider/resources/domain/fields";
import { label } from "../../../provider/resources/domain/plan";
import { virsh } from "../../e2e/engine";
import type { Sight } from "./sight";

/** What is not as announced, in words; none: it all happened. */
export function complaints(
  differences: readonly Difference[],
  before: Sight,
  after: Sight,
  pending: readonly string[],
): string[] {
  const told = differences.flatMap((one) => complaintsOf(one, before, after, pending));
  const power = differences.some(({ path }) => path[0] === "powerState");
  if (!power && before.run !== after.run) told.push(`the guest's run was ${String(before.run)} and is ${String(after.run)}`);
  return [...told, ...after.loose.map((mac) => `card ${mac} hangs in the air`)];
}

function complaintsOf(one: Difference, before: Sight, after: Sight, pending: readonly string[]): string[] {
  const name = label(one);
  const { cost } = one;
  const seed = one.path[0] === "cloudInit";
  const met = (values: Values): boolean => (seed ? seedMeets(values, one) : meets(values, one));
  const told: string[] = [];
  if (!met(after.inactive)) told.push(`${name}: the definition does not carry it`);
  if (cost === "live" && after.live && !met(after.live)) told.push(`${name}: announced live, the guest lacks it`);
  // What starts with this update is started with all of it.
  if (cost !== "restart" || !before.live || before.power === "stopped") return told;
  if (after.live && met(after.live)) told.push(`${name}: announced for a power cycle, the guest has it already`);
  if (!pending.includes(name)) told.push(`${name}: not in restartPending (${pending.join(", ")})`);
  return told;
}

/** After a power cycle the guest has all that was announced. */
export function afterCycle(differences: readonly Difference[], after: Sight): string[] {
  return differences
    .filter((one) => one.path[0] !== "powerState")
    .filter((one) => after.live && !(one.path[0] === "cloudInit" ? seedMeets(after.live, one) : meets(after.live, one)))
    .map((one) => `${label(one)}: the guest lacks it after a power cycle`);
}

function meets(values: Values, { path, key, before, after, kind }: Difference): boolean {
  const [field, seen] = valueAt(domain, values, path, key);
  if (kind !== "delete") return equalValues(field, asWritten(after, path), seen);
  return seen === undefined || (path.length !== 2 && !equalValues(field, before, seen));
}

/** A volume is written into the machine as its file. */
function asWritten(wanted: unknown, path: Difference["path"]): unknown {
  if (path[0] !== "disks") return wanted;
  if (path[2] === "volume") return pathOf(String(wanted));
  if (path.length > 2 || !isRecord(wanted)) return wanted;
  const { volume, ...rest } = wanted;
  return volume === undefined ? rest : { ...rest, file: pathOf(String(volume)) };
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

/** The field at a difference's path, and what the values have there; list items by their identity. */
function valueAt(table: Table, values: Values, path: Difference["path"], key?: string): [AnyField, unknown] {
  const [name = "", index, ...rest] = path;
  // A volume stands on the host as its file.
  const own = name === "volume" && values["file"] !== undefined ? "file" : String(name);
  const field = table[own];
  if (field === undefined) throw new Error(`the table has no ${path.join(".")}`);
  const value = values[own];
  if (index === undefined) return [field, value];
  if (field.kind === "object") return valueAt(field.fields, isRecord(value) ? value : {}, path.slice(1), key);
  if (field.kind !== "list") throw new Error(`${String(name)} has nothing below it`);
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  const item = items.filter(isRecord).find((one) => keyOf(field, one) === key);
  if (rest.length === 0 || field.item.kind !== "object") return [field.item, item];
  return valueAt(field.item.fields, item ?? {}, rest, key);
}
