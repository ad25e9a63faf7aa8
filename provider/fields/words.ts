import type { Difference } from "./differ";
import { type Path, printPath } from "./path";
import type { AnyField, Table } from "./vocabulary";

/** A difference in words: `memory 2048 -> 4096 MiB`, `dns added`; values of secrets and of whole objects are left out. */
export function inWords({ path, kind, before, after, secret }: Difference, table?: Table): string {
  const what = printPath(path);
  if (kind === "delete") return `${what} removed`;
  if (secret || !isPlain(after)) return `${what} ${kind === "add" ? "added" : "changed"}`;
  const unit = table && unitOf(table, path);
  const value = unit === undefined ? short(after) : `${short(after)} ${unit}`;
  if (before === undefined) return `${what} set to ${value}`;
  return isPlain(before) ? `${what} ${short(before)} -> ${value}` : `${what} changed`;
}

/** The unit in which programs write the property. */
function unitOf(table: Table, path: Path): string | undefined {
  let field: AnyField | undefined;
  let inside: Table | undefined = table;
  for (const step of path) {
    field = typeof step === "number" ? (field?.kind === "list" ? field.item : undefined) : inside?.[step];
    inside = field?.kind === "object" ? field.fields : undefined;
  }
  return field?.kind === "number" ? field.unit?.name : undefined;
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function short(value: string | number | boolean): string {
  const text = String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
