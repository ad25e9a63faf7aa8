// The table's shape: for each input of a resource two values, and what a change between them is announced as.
import type { AnyField, Table, Values } from "../../../provider/fields";
import type { Token } from "../../../provider/resources";
import type { Declared } from "./doors";

export type Announced = "update" | "replace";

/** One input, changed once. `NN` in a text stands for the row's own number. */
export interface Row {
  /** `disks[].cache`: the first disk's. */
  readonly path: string;
  /** Undefined: absent. */
  readonly before: unknown;
  readonly after: unknown;
  /** Arguments that the input needs beside it; `then`: those that come with the change. */
  readonly with?: Values;
  readonly then?: Values;
  /** Required where the table's cost is a function, or where another value follows from this one. */
  readonly becomes?: Announced;
  /** The paths that the plugin shows, where they are not the input's own. */
  readonly shows?: readonly string[];
}

export interface Conformance {
  readonly token: Token;
  readonly table: Table;
  readonly base: Values;
  readonly rows: readonly Row[];
  /** Inputs without a row, or all below a path that ends in `.`, and why. */
  readonly reasons: Readonly<Record<string, string>>;
}

export function row(
  path: string,
  before: unknown,
  after: unknown,
  more: Omit<Row, "path" | "before" | "after"> = {},
): Row {
  return { path, before, after, ...more };
}

/** The paths of all inputs of a table that a program can give. */
export function inputsOf(table: Table, prefix = ""): string[] {
  return Object.entries(table).flatMap(([name, field]) => {
    if (field.output || name.startsWith("__")) return [];
    return leavesOf(field, `${prefix}${name}`);
  });
}

function leavesOf(field: AnyField, path: string): string[] {
  if (field.kind === "object") return inputsOf(field.fields, `${path}.`);
  if (field.kind === "list" && field.item.kind === "object") return inputsOf(field.item.fields, `${path}[].`);
  return [path];
}

/** The field at a path as rows write it. */
export function fieldAt(table: Table, path: string): AnyField {
  const [first = "", ...rest] = path.split(".");
  const field = table[first.replace("[]", "")];
  const inner = field?.kind === "list" && first.endsWith("[]") ? field.item : field;
  if (inner === undefined) throw new Error(`the table has no ${path}`);
  if (rest.length === 0) return inner;
  if (inner.kind !== "object") throw new Error(`${first} is no object`);
  return fieldAt(inner.fields, rest.join("."));
}

/** What the engine announces for a change of the row's input. */
export function announced({ table }: Conformance, { path, becomes }: Row): Announced {
  if (becomes !== undefined) return becomes;
  const { change } = fieldAt(table, path);
  if (typeof change === "function") throw new Error(`${path}: its cost is a function, so its row says what it becomes`);
  return change === "replace" ? "replace" : "update";
}

/** The resource of a row, with its input as given. */
export function declared(resource: Conformance, number: number, value: unknown, then: Values = {}): Declared {
  const one = resource.rows[number];
  if (!one) throw new Error(`${resource.token} has no row ${number}`);
  const name = nameOf(resource, number);
  const args = argsOf(resource, one, number, value, then);
  const named = resource.table["name"]?.filled ? { name: name.toLowerCase() } : {};
  return { token: resource.token, name, args: { ...named, ...args } };
}

/** The arguments of a row, with its input as given. */
export function argsOf({ base }: Conformance, row: Row, number: number, value: unknown, then: Values = {}): Values {
  return numbered(set(merged(merged(base, row.with ?? {}), then), row.path, value), number);
}

export function nameOf({ token, rows }: Conformance, number: number): string {
  return `${token}-${number}-${(rows[number]?.path ?? "").replace(/[^A-Za-z]+/g, "-")}`;
}

function numbered(args: Values, number: number): Values {
  return JSON.parse(JSON.stringify(args).replaceAll("NN", String(number))) as Values; // values of JSON
}

function isObject(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `b` over `a`, objects merged at every depth; a list takes the place of the other. */
export function merged(a: Values, b: Values): Values {
  const over = Object.entries(b).map(([name, value]) => {
    const below = a[name];
    return [name, isObject(below) && isObject(value) ? merged(below, value) : value];
  });
  return { ...a, ...(Object.fromEntries(over) as Values) };
}

/** The arguments with the input at a row's path as given; undefined: absent. */
export function set(args: Values, path: string, value: unknown): Values {
  const [first = "", ...rest] = path.split(".");
  const name = first.replace("[]", "");
  const inside = (old: unknown): unknown =>
    rest.length === 0 ? value : set(isObject(old) ? old : {}, rest.join("."), value);
  const old = args[name];
  if (!first.endsWith("[]")) return { ...args, [name]: inside(old) };
  const [head, ...tail] = Array.isArray(old) ? (old as unknown[]) : [{}];
  return { ...args, [name]: [inside(head), ...tail] };
}
