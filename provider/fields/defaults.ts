import { hasUnknown } from "./unknown";
import type { AnyField, ListField, Table, Values } from "./vocabulary";
import { isRecord } from "./values";

/** The hidden input that lists the paths which the provider filled. */
export const DEFAULTS = "__defaults";

/**
 * Fills a table's defaults into inputs. A path that an earlier run filled keeps its old value, so that a newer version of
 * ours makes no diff; a value that the program gave and gives no more goes back to the default, which is a change.
 */
export function fillDefaults(table: Table, news: Values, olds: Values | undefined): Values {
  const listed = olds?.[DEFAULTS];
  const filledBefore = new Set(Array.isArray(listed) ? listed.filter((x) => typeof x === "string") : []);
  const filled: string[] = [];
  const given = Object.fromEntries(Object.entries(news).filter(([name]) => name !== DEFAULTS));
  const values = fillTable(table, given, olds, "", filledBefore, filled);
  return filled.length > 0 ? { ...values, [DEFAULTS]: filled } : values;
}

function fillTable(
  table: Table,
  news: Values,
  olds: Values | undefined,
  prefix: string,
  filledBefore: ReadonlySet<string>,
  filled: string[],
): Values {
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(news)) if (value !== undefined && value !== null) values[name] = value;
  for (const [name, field] of Object.entries(table)) {
    const path = `${prefix}${name}`;
    const old = olds?.[name];
    if (values[name] !== undefined) {
      values[name] = fillInside(field, values[name], old, path, filledBefore, filled);
    } else if ("default" in field) {
      values[name] = filledBefore.has(path) && old !== undefined ? old : field.default;
      filled.push(path);
    }
  }
  return values;
}

function fillInside(
  field: AnyField,
  value: unknown,
  old: unknown,
  path: string,
  filledBefore: ReadonlySet<string>,
  filled: string[],
): unknown {
  if (field.kind === "object" && isRecord(value)) {
    return fillTable(field.fields, value, isRecord(old) ? old : undefined, `${path}.`, filledBefore, filled);
  }
  if (field.kind === "map" && isRecord(value)) return withoutNull(value);
  if (field.kind !== "list" || !Array.isArray(value) || field.item.kind !== "object") return value;
  const table = field.item.fields;
  const olds: readonly unknown[] = Array.isArray(old) ? old : [];
  return value.map((item: unknown, index): unknown => {
    if (!isRecord(item)) return item;
    // The item is named by its identity, so that a reorder does not move a recorded default to another item.
    const key = keyOf(field, item);
    const place = key ?? String(index);
    const same = (other: unknown): other is Values => isRecord(other) && keyOf(field, other) === key;
    const before = key === undefined ? [olds[index]].find(same) : olds.find(same);
    return fillTable(table, item, before, `${path}[${place}].`, filledBefore, filled);
  });
}

/** Null is Pulumi's word for what is not given. */
function withoutNull(value: Values): Values {
  return Object.fromEntries(Object.entries(value).filter(([, text]) => text !== undefined && text !== null));
}

/** The identity of a list's item, where it has one that is known. */
export function keyOf(field: ListField, item: Values): string | undefined {
  if (!field.key) return undefined;
  const key = field.key(substitute(item, undefined));
  // An identity that what is not known yet might take part in is not known either.
  return hasUnknown(item) && field.key(substitute(item, "\u0000")) !== key ? undefined : key;
}

/** The item with something in the place of each property that is not known yet. */
function substitute(item: Values, stand: string | undefined): Values {
  const known = Object.entries(item).map(([name, value]) => [name, hasUnknown(value) ? stand : value] as const);
  return Object.fromEntries(known.filter(([, value]) => value !== undefined));
}
