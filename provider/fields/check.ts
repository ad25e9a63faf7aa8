import { keyOf } from "./defaults";
import { printable, xmlText } from "./grammar";
import { printPath, type Path } from "./path";
import { UNKNOWN } from "./unknown";
import {
  type AnyField,
  type FlagField,
  type ListField,
  longest,
  type MapField,
  type NumberField,
  type ObjectField,
  type Table,
  type TextField,
  type Values,
} from "./vocabulary";
import { isRecord } from "./values";

/** One thing wrong with a program's input, at a property path. */
export interface Failure {
  readonly property: string;
  readonly reason: string;
}

type Found = Failure[];
type Walk<F> = (field: F, value: unknown, path: Path, found: Found) => void;

const PIB = 1024 ** 5;

/** Checks inputs against a table: unknown properties, types, ranges, grammars, required ones. Unknown values pass. */
export function checkValues(table: Table, values: Values, path: Path = []): Failure[] {
  const found: Found = [];
  checkTable(table, values, path, found);
  return found;
}

function checkTable(table: Table, values: Values, path: Path, found: Found): void {
  for (const name of Object.keys(values)) {
    // Null is Pulumi's word for a property that is not given.
    if (name.startsWith("__") || isAbsent(values[name])) continue;
    const field = Object.hasOwn(table, name) ? table[name] : undefined;
    if (field === undefined) found.push(fail([...path, name], `unknown property${suggestion(name, table)}`));
    else if (field.output) found.push(fail([...path, name], "is set by the provider and cannot be given"));
    else checkField(field, values[name], [...path, name], found);
  }
  for (const [name, field] of Object.entries(table)) {
    if (field.required && isAbsent(values[name])) found.push(fail([...path, name], "is required"));
  }
}

function checkField(field: AnyField, value: unknown, path: Path, found: Found): void {
  if (value === UNKNOWN) return;
  // A record of handlers, so that a new kind without its check does not compile.
  const walks: { readonly [K in AnyField["kind"]]: Walk<never> } = {
    text: checkText,
    number: checkNumber,
    flag: checkFlag,
    object: checkObject,
    list: checkList,
    map: checkMap,
    opaque: () => undefined,
  };
  const before = found.length;
  walks[field.kind](field as never, value, path, found);
  if (found.length > before) return;
  const complaint = field.check?.(value as never);
  if (complaint !== undefined) found.push(fail(path, complaint));
}

function checkText(field: TextField, value: unknown, path: Path, found: Found): void {
  if (typeof value !== "string") {
    found.push(fail(path, `must be text, not ${nameOf(value)}`));
    return;
  }
  if (field.values && !field.values.includes(value)) {
    found.push(fail(path, `must be one of ${field.values.map((v) => `"${v}"`).join(", ")}`));
    return;
  }
  const most = longest(field);
  const complaint =
    value.length > most ? `is longer than ${most} characters` : (field.multiline ? xmlText : printable)(value);
  if (complaint !== undefined) found.push(fail(path, complaint));
}

function checkNumber(field: NumberField, value: unknown, path: Path, found: Found): void {
  const complaint = numberComplaint(field, value);
  if (complaint !== undefined) found.push(fail(path, complaint));
}

function numberComplaint(field: NumberField, value: unknown): string | undefined {
  const unit = field.unit ? ` (in ${field.unit.name})` : "";
  if (typeof value !== "number") return `must be a number${unit}, not ${nameOf(value)}`;
  if (!Number.isFinite(value)) return "must be a finite number";
  if (field.whole && !Number.isSafeInteger(value)) return `must be a whole number, not ${value}`;
  if (field.unit && field.unit.bytes > 1 && value * field.unit.bytes > PIB) return looksLikeBytes(field.unit, value);
  if (field.min !== undefined && value < field.min) return `must be at least ${field.min}${unit}, not ${value}`;
  if (field.max !== undefined && value > field.max) return `must be at most ${field.max}${unit}, not ${value}`;
  return undefined;
}

function looksLikeBytes(unit: { readonly name: string; readonly bytes: number }, value: number): string {
  return `${value} ${unit.name} is above 1 PiB and looks like bytes: ${value} bytes are ${value / unit.bytes} ${unit.name}`;
}

function checkFlag(_field: FlagField, value: unknown, path: Path, found: Found): void {
  if (typeof value !== "boolean") found.push(fail(path, `must be true or false, not ${nameOf(value)}`));
}

function checkObject(field: ObjectField, value: unknown, path: Path, found: Found): void {
  if (!isRecord(value)) {
    found.push(fail(path, `must be an object, not ${nameOf(value)}`));
    return;
  }
  checkTable(field.fields, value, path, found);
  if (!field.oneOf) return;
  const given = field.oneOf.filter((name) => !isAbsent(value[name]));
  const names = field.oneOf.map((name) => `"${name}"`).join(", ");
  if (given.length > 1) found.push(fail(path, `has ${given.join(" and ")}: set one of ${names}, not several`));
}

function checkList(field: ListField, value: unknown, path: Path, found: Found): void {
  if (!Array.isArray(value)) {
    found.push(fail(path, `must be a list, not ${nameOf(value)}`));
    return;
  }
  const most = field.most ?? 1024;
  if (value.length > most) {
    found.push(fail(path, `has ${value.length} items; at most ${most} are allowed`));
    return;
  }
  value.forEach((item, index) => {
    if (isAbsent(item)) found.push(fail([...path, index], "must not be null"));
    else checkField(field.item, item, [...path, index], found);
  });
  checkKeys(field, value, path, found);
}

function checkKeys(field: ListField, items: readonly unknown[], path: Path, found: Found): void {
  if (!field.key) return;
  const seen = new Map<string, number>();
  items.forEach((item, index) => {
    const key = isRecord(item) ? keyOf(field, item) : undefined;
    if (key === undefined) return;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else found.push(fail([...path, index], `has the same identity "${key}" as ${printPath([...path, first])}`));
  });
}

function checkMap(field: MapField, value: unknown, path: Path, found: Found): void {
  if (!isRecord(value)) {
    found.push(fail(path, `must be an object of texts, not ${nameOf(value)}`));
    return;
  }
  const given = Object.entries(value).filter(([, text]) => !isAbsent(text));
  const most = field.most ?? 1024;
  if (given.length > most) {
    found.push(fail(path, `has ${given.length} names; at most ${most} are allowed`));
    return;
  }
  for (const [name, text] of given) {
    const complaint = field.names?.(name) ?? textComplaint(text);
    if (complaint !== undefined) found.push(fail([...path, name], complaint));
  }
}

function textComplaint(text: unknown): string | undefined {
  if (text === UNKNOWN) return undefined;
  return typeof text === "string" ? xmlText(text) : `must be text, not ${nameOf(text)}`;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function fail(path: Path, reason: string): Failure {
  return { property: printPath(path), reason };
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return "text";
  return typeof value === "number" || typeof value === "boolean" ? `${typeof value} ${value}` : typeof value;
}

/** The nearest known name, when a property looks like a slip of the hand. */
function suggestion(name: string, table: Table): string {
  const fold = (text: string): string =>
    text
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "")
      .replace(/s$/, "");
  const near = Object.keys(table).find((known) => fold(known) === fold(name) || distance(known, name) <= 2);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2 || a.length < 4) return 9;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 9;
}
