import {
  type AnyField,
  deepEqual,
  type Difference,
  isRecord,
  keyOf,
  type ListField,
  type Path,
  printPath,
  type Table,
  type Values,
} from "../../fields";
import { changedWishes } from "../../resources/compare";
import type { Diff } from "../../resources/port";

/** How a property changes, as the engine shows it. */
export interface Change {
  readonly kind: Difference["kind"];
  readonly replaces: boolean;
  /** The program's inputs differ; false: the host does. */
  readonly inputDiff: boolean;
}

/** A diff in the engine's terms. */
export interface Shown {
  readonly changes: boolean;
  /** By property path. */
  readonly detailed: ReadonlyMap<string, Change>;
  /** Top-level names of all changes, and of those that replace. */
  readonly diffs: readonly string[];
  readonly replaces: readonly string[];
  readonly stables: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

/** What the engine compares: the program's former inputs, the state, the program's inputs. */
export interface Sides {
  readonly oldInputs: Values;
  readonly olds: Values;
  readonly news: Values;
}

/**
 * A diff as the engine takes it. Its rules hold by construction: every name in `diffs` has a path in `detailed` and every path
 * its name, none comes twice, what replaces has a replacing kind, and without changes all is empty.
 */
export function shown(table: Table, diff: Diff, sides: Sides): Shown {
  const found = diff.differences.map((difference) => changeOf(table, difference, sides));
  const all = diff.changes || found.length > 0 ? [...found, ...wishes(table, diff, sides)] : [];
  const detailed = new Map<string, Change>();
  for (const { path, change } of all) detailed.set(printPath(path), joined(detailed.get(printPath(path)), change));
  const replaces = names(all.filter(({ change }) => change.replaces));
  return {
    changes: diff.changes || all.length > 0,
    detailed,
    diffs: names(all),
    replaces,
    stables: diff.stables,
    deleteBeforeReplace: diff.deleteBeforeReplace && replaces.length > 0,
  };
}

interface Placed {
  readonly path: Path;
  readonly change: Change;
}

function names(all: readonly Placed[]): string[] {
  return [...new Set(all.map(({ path }) => String(path[0])))];
}

function changeOf(table: Table, difference: Difference, sides: Sides): Placed {
  const replaces = difference.cost === "replace";
  const { path, kind } = placed(table, difference, sides);
  const inputDiff = !deepEqual(valueAt(sides.oldInputs, path), valueAt(sides.news, path));
  return { path, change: { kind, replaces, inputDiff } };
}

/** An item that goes has its place in the host's list; the engine looks for it in the program's former one. */
function placed(table: Table, difference: Difference, sides: Sides): Pick<Difference, "path" | "kind"> {
  const { path, kind, key } = difference;
  const list = kind === "delete" && typeof path.at(-1) === "number" ? listAt(table, path.slice(0, -1)) : undefined;
  if (!list?.key || key === undefined) return { path, kind };
  const parent = path.slice(0, -1);
  for (const values of [sides.oldInputs, sides.olds]) {
    const index = placeIn(list, valueAt(values, parent), key);
    if (index >= 0) return { path: [...parent, index], kind };
  }
  // Somebody else put it there: neither inputs nor state have a place for it.
  return { path: parent, kind: "update" };
}

function placeIn(list: ListField, items: unknown, key: string): number {
  if (!Array.isArray(items)) return -1;
  return items.findIndex((item: unknown) => isRecord(item) && keyOf(list, item) === key);
}

/** The list that stands at a path of a table. */
function listAt(table: Table, path: Path): ListField | undefined {
  let field: AnyField | undefined = { kind: "object", fields: table, doc: "" };
  for (const step of path) {
    if (typeof step === "number") field = field?.kind === "list" ? field.item : undefined;
    else field = field?.kind === "object" && Object.hasOwn(field.fields, step) ? field.fields[step] : undefined;
  }
  return field?.kind === "list" ? field : undefined;
}

function valueAt(values: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => {
    if (typeof step === "number") return Array.isArray(value) ? (value as unknown[])[step] : undefined;
    return isRecord(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }, values);
}

/** What is no part of the object (`deletionProtection`), so that no difference with the host tells that it changes. */
function wishes(table: Table, diff: Diff, { oldInputs, news }: Sides): Placed[] {
  const told = new Set(diff.differences.map(({ path }) => path[0]));
  const names = changedWishes(table, oldInputs, news).filter((name) => !name.startsWith("__") && !told.has(name));
  return names.map((name) => {
    const kind = oldInputs[name] === undefined ? "add" : news[name] === undefined ? "delete" : "update";
    return { path: [name], change: { kind, replaces: false, inputDiff: true } };
  });
}

/** One item goes and another comes at the same place. */
function joined(before: Change | undefined, change: Change): Change {
  if (!before) return change;
  return {
    kind: before.kind === change.kind ? change.kind : "update",
    replaces: before.replaces || change.replaces,
    inputDiff: before.inputDiff || change.inputDiff,
  };
}
