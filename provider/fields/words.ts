import { deepEqual, type Difference } from "./differ";
import { type Path, printPath } from "./path";
import type { AnyField, Table } from "./vocabulary";
import { isRecord } from "./values";

/** Of an object so many values are told; of more only that it is another. */
const MOST = 3;

/**
 * A difference in words: `memory 2048 -> 4096 MiB`, `iotune.totalIopsSec set to 500`, `dns added`; values of secrets, of lists
 * and of large objects are left out.
 */
export function inWords(difference: Difference, table: Table, named: (path: Path) => string = printPath): string {
  const { path, kind, before, after, secret } = difference;
  const what = named(path);
  if (kind === "delete") return `${what} removed`;
  const field = fieldAt(table, path);
  if (!secret && field?.kind === "object" && isRecord(after)) {
    const parts = Object.entries(field.fields).flatMap(([name, one]) => partOf(difference, name, one));
    if (parts.length > 0 && parts.length <= MOST) return parts.map((part) => inWords(part, table, named)).join(", ");
  }
  if (secret || !isPlain(after)) return `${what} ${kind === "add" ? "added" : "changed"}`;
  const unit = field?.kind === "number" ? field.unit?.name : undefined;
  const value = unit === undefined ? short(after) : `${short(after)} ${unit}`;
  if (before === undefined || before === "") return `${what} set to ${value}`;
  return isPlain(before) ? `${what} ${short(before)} -> ${value}` : `${what} changed`;
}

/** One property of an object that differs. */
function partOf(whole: Difference, name: string, field: AnyField): Difference[] {
  const before = isRecord(whole.before) ? whole.before[name] : undefined;
  const after = isRecord(whole.after) ? whole.after[name] : undefined;
  if (deepEqual(before, after)) return [];
  const kind = before === undefined ? "add" : after === undefined ? "delete" : "update";
  return [{ ...whole, path: [...whole.path, name], kind, before, after, ...(field.secret ? { secret: true } : {}) }];
}

function fieldAt(table: Table, path: Path): AnyField | undefined {
  let field: AnyField | undefined;
  let inside: Table | undefined = table;
  for (const step of path) {
    field = typeof step === "number" ? (field?.kind === "list" ? field.item : undefined) : inside?.[step];
    inside = field?.kind === "object" ? field.fields : undefined;
  }
  return field;
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Long texts are cut, and fractions (a size that was rounded to a block) told in as many digits as people read. */
function short(value: string | number | boolean): string {
  const isFraction = typeof value === "number" && !Number.isInteger(value);
  const text = isFraction ? String(Number(value.toPrecision(6))) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
