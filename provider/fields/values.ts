import type { Values } from "./vocabulary";

/** True for a plain object with properties (not an array, not null). */
export function isRecord(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The list's items that are objects. */
export function itemsOf(list: unknown): readonly Values[] {
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

/** The properties of those names that are there. */
export function pick(item: Values, names: readonly string[]): Values {
  return Object.fromEntries(names.flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])));
}

/** An item without the properties of those names. */
export function without(item: Values, names: readonly string[]): Values {
  return Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)));
}

/** A value where it is a text. */
export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
