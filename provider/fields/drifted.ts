import { DEFAULTS, keyOf } from "./defaults";
import { deepEqual } from "./differ";
import type { AnyField, Table, Values } from "./vocabulary";
import { isRecord } from "./values";

/**
 * What the host shows in the place of inputs, without the record of defaults that another hand changed: the next check fills
 * those anew, where it would take the other hand's value for one that was filled.
 */
export function forgetDrifted(table: Table, seen: Values, inputs: Values): Values {
  const listed = seen[DEFAULTS];
  if (!Array.isArray(listed)) return seen;
  const [now, before] = [valuesByPath(table, seen), valuesByPath(table, inputs)];
  return { ...seen, [DEFAULTS]: listed.filter((path) => deepEqual(now.get(String(path)), before.get(String(path)))) };
}

/** Each value of a table, by the path by which a default is recorded. */
function valuesByPath(table: Table, values: Values, prefix = ""): Map<string, unknown> {
  const all = new Map<string, unknown>();
  for (const [name, field] of Object.entries(table)) {
    const [path, value] = [`${prefix}${name}`, values[name]];
    all.set(path, value);
    for (const [below, fields, inner] of within(field, value, path))
      for (const entry of valuesByPath(fields, inner, `${below}.`)) all.set(...entry);
  }
  return all;
}

/** The objects in a value, each with its path and its table. */
function within(field: AnyField, value: unknown, path: string): readonly (readonly [string, Table, Values])[] {
  if (field.kind === "object") return isRecord(value) ? [[path, field.fields, value]] : [];
  if (field.kind !== "list" || field.item.kind !== "object" || !Array.isArray(value)) return [];
  const { fields } = field.item;
  return value.flatMap((item: unknown, index) =>
    isRecord(item) ? [[`${path}[${keyOf(field, item) ?? index}]`, fields, item] as const] : [],
  );
}
