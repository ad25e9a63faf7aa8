// What is changed on real objects: the rows of test/e2e/conformance, and in their place those that a real object needs.
import type { AnyField, Table } from "../../../provider/fields";
import { type Conformance, fieldAt, inputsOf, type Row } from "../../e2e/conformance/table";

/** One input, changed once on a real object. */
export interface Sample extends Row {
  /** It shares an object only with samples of the same group; absent: with all that have none. */
  readonly group?: string;
  /** What the machine must have for it. */
  readonly needs?: Need;
}

export type Need = "hardware virtualization";

/** A resource's samples; `reasons`: inputs that no daemon in a lab can prove, and why. */
export interface Samples extends Conformance {
  readonly rows: readonly Sample[];
}

export function sample(path: string, before: unknown, after: unknown, more: Partial<Sample> = {}): Sample {
  return { path, before, after, ...more };
}

/** The rows of the conformance table with ours in place of those of the same paths, and without those that a reason excuses. */
export function samplesOf(table: Conformance, ours: Pick<Samples, "base" | "rows" | "reasons">): Samples {
  const known = new Set(ours.rows.map(({ path }) => path));
  const reasons = { ...table.reasons, ...ours.reasons };
  const kept = table.rows.filter(({ path }) => !known.has(path) && !excused(path, reasons));
  const rows: Sample[] = [...kept, ...ours.rows];
  return { ...table, base: ours.base, reasons, rows: rows.filter(({ path }) => costs(table.table, path)) };
}

/** True where a reason covers a path: its own, or one of all below that it ends in `.`. */
export function excused(path: string, reasons: Readonly<Record<string, string>>): boolean {
  return Object.keys(reasons).some((reason) => (reason.endsWith(".") ? path.startsWith(reason) : path === reason));
}

/** What bytes are made from: their digest carries the cost. */
const MADE_FROM = new Set(["source", "content", "userData", "metaData", "networkConfig"]);

/** A wish about how to treat an object is no part of it on the host. */
function costs(table: Table, path: string): boolean {
  return MADE_FROM.has(path) || fieldAt(table, path).change !== undefined;
}

/** All that may change: each input, and each list whose items come and go. */
export function changeable(table: Table): string[] {
  return [...listsOf(table), ...inputsOf(table)].filter((path) => costs(table, path));
}

function listsOf(table: Table, prefix = ""): string[] {
  return Object.entries(table).flatMap(([name, field]) => (field.output ? [] : below(field, `${prefix}${name}`)));
}

function below(field: AnyField, path: string): string[] {
  if (field.kind === "object") return listsOf(field.fields, `${path}.`);
  if (field.kind !== "list" || field.item.kind !== "object") return [];
  return [path, ...listsOf(field.item.fields, `${path}[].`)];
}
