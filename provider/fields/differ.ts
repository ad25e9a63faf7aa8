import { keyOf } from "./defaults";
import type { Path } from "./path";
import { UNKNOWN } from "./unknown";
import type { AnyField, Cost, ListField, MapField, ObjectField, Situation, Table, Values } from "./vocabulary";
import { isRecord } from "./values";

/** One property that is not as wanted. */
export interface Difference {
  /** Where it stands in the wanted inputs (in the found ones, for a removal). */
  readonly path: Path;
  readonly kind: "add" | "update" | "delete";
  readonly cost: Cost;
  readonly before: unknown;
  readonly after: unknown;
  /** The identity of the list item that it belongs to. */
  readonly key?: string;
  /** Its values belong in no message. */
  readonly secret?: true;
}

/**
 * What has to change so that the host (`found`) says what is `wanted`. A property that the program does not give is not
 * compared, unless `managed` (the program's former inputs) had it: then it is to be removed.
 */
export function differences(
  table: Table,
  found: Values,
  wanted: Values,
  options: { readonly managed?: Values | undefined; readonly situation: Situation },
): Difference[] {
  const walk = new Walk(options.situation);
  walk.table(table, found, wanted, options.managed ?? {}, []);
  return walk.differences;
}

/** True when a wish is met by what the host says, by the field's own equality. */
export function equalValues(field: AnyField, wanted: unknown, found: unknown): boolean {
  if (wanted === UNKNOWN || found === UNKNOWN) return wanted === found;
  if (field.same) return field.same(wanted as never, found as never);
  if (field.kind === "object") return equalObjects(field.fields, wanted, found);
  if (field.kind === "list") return equalLists(field, wanted, found);
  if (field.kind === "number" && field.unit) return equalNumbers(wanted, found);
  if (field.kind === "text" && field.xml !== undefined) return inXml(wanted) === inXml(found);
  return deepEqual(wanted, found);
}

/** True for a wish that is met by what is not there: XML says false by absence, and libvirt drops empty texts and lists. */
export function metByAbsence(field: AnyField, wanted: unknown): boolean {
  if (field.kind === "flag") return wanted === false && field.form === "present";
  if (field.kind === "text") return wanted === "" || (field.absent !== undefined && wanted === field.absent);
  if (field.kind === "list") return Array.isArray(wanted) && wanted.length === 0;
  if (field.kind === "map") return isRecord(wanted) && Object.keys(wanted).length === 0;
  if (field.kind !== "object" || field.xml !== "." || !isRecord(wanted)) return false;
  return Object.entries(field.fields).every(
    ([name, one]) => wanted[name] === undefined || metByAbsence(one, wanted[name]),
  );
}

/** Numbers that passed through another unit are equal when a rounding in the ninth digit is all that differs. */
function equalNumbers(wanted: unknown, found: unknown): boolean {
  if (typeof wanted !== "number" || typeof found !== "number") return wanted === found;
  return wanted === found || Math.abs(wanted - found) <= Math.abs(wanted) * 1e-9;
}

/** XML knows one line end. */
function inXml(value: unknown): unknown {
  return typeof value === "string" ? value.replace(/\r\n?/g, "\n") : value;
}

function equalObjects(table: Table, wanted: unknown, found: unknown): boolean {
  if (!isRecord(wanted) || !isRecord(found)) return false;
  return Object.entries(table).every(([name, field]) => {
    if (wanted[name] === undefined) return true;
    return found[name] === undefined
      ? metByAbsence(field, wanted[name])
      : equalValues(field, wanted[name], found[name]);
  });
}

function equalLists(field: ListField, wanted: unknown, found: unknown): boolean {
  if (!Array.isArray(wanted) || !Array.isArray(found)) return false;
  if (wanted.length !== found.length && !field.shared) return false;
  if (!field.key) return wanted.every((item: unknown, index) => equalValues(field.item, item, found[index]));
  return wanted.every((item: unknown) => {
    const other = matching(field, item, found);
    return other !== undefined && equalValues(field.item, item, other);
  });
}

function matching(field: ListField, item: unknown, others: readonly unknown[]): unknown {
  const key = isRecord(item) ? keyOf(field, item) : undefined;
  // An only item needs no identity: it is found where it says the same.
  return others.find(
    (other) => isRecord(other) && keyOf(field, other) === key && (key !== undefined || deepEqual(item, other)),
  );
}

/** Equality of plain values, by structure; a property that is undefined is absent. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => deepEqual(item, b[index]));
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => deepEqual(a[key], b[key]));
}

class Walk {
  readonly differences: Difference[] = [];
  private inside: Situation["item"] | undefined;
  constructor(private readonly situation: Situation) {}

  /** `key` names the list item that the table belongs to, where it belongs to one. */
  table(table: Table, found: Values, wanted: Values, managed: Values, path: Path, key?: string): void {
    for (const [name, field] of Object.entries(table)) {
      if (field.output || field.change === undefined) continue;
      this.field(field, found[name], wanted[name], managed[name], [...path, name], key);
    }
  }

  private field(field: AnyField, found: unknown, wanted: unknown, managed: unknown, path: Path, key?: string): void {
    if (wanted === undefined) {
      if (managed !== undefined && found !== undefined) this.note(field, "delete", found, undefined, path, key);
    } else if (wanted !== UNKNOWN && field.kind === "list" && field.key && Array.isArray(wanted)) {
      this.list(field, Array.isArray(found) ? found : [], wanted, Array.isArray(managed) ? managed : [], path);
    } else if (field.kind === "map" && isRecord(wanted)) {
      this.map(field, isRecord(found) ? found : {}, wanted, path, key);
    } else if (found === undefined) {
      if (!metByAbsence(field, wanted)) this.note(field, "add", undefined, wanted, path, key);
    } else if (field.kind === "object" && !field.same && isRecord(wanted) && isRecord(found)) {
      this.object(field, found, wanted, isRecord(managed) ? managed : {}, path, key);
    } else if (!equalValues(field, wanted, found)) {
      this.note(field, "update", found, wanted, path, key);
    }
  }

  private object(field: ObjectField, found: Values, wanted: Values, managed: Values, path: Path, key?: string): void {
    this.table(field.fields, found, wanted, managed, path, key);
  }

  /** Whoever gives a map gives all of it: what another hand adds goes. */
  private map(field: MapField, found: Values, wanted: Values, path: Path, key?: string): void {
    for (const name of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
      const [before, after] = [found, wanted].map((values) => (Object.hasOwn(values, name) ? values[name] : undefined));
      if (before === after) continue;
      const kind = before === undefined ? "add" : after === undefined ? "delete" : "update";
      this.note(field, kind, before, after, [...path, name], key);
    }
  }

  private list(
    field: ListField,
    found: readonly unknown[],
    wanted: readonly unknown[],
    managed: readonly unknown[],
    path: Path,
  ): void {
    wanted.forEach((item, index) => {
      const key = isRecord(item) ? keyOf(field, item) : undefined;
      const other = matching(field, item, found);
      if (other === undefined) this.note(field, "add", undefined, item, [...path, index], key);
      else this.item(field, other, item, matching(field, item, managed), [...path, index], key);
    });
    found.forEach((item, index) => {
      const key = isRecord(item) ? keyOf(field, item) : undefined;
      const another = field.shared && matching(field, item, managed) === undefined;
      if (!another && matching(field, item, wanted) === undefined) {
        this.note(field, "delete", item, undefined, [...path, index], key);
      }
    });
  }

  private item(
    field: ListField,
    found: unknown,
    wanted: unknown,
    managed: unknown,
    path: Path,
    key: string | undefined,
  ): void {
    if (field.item.kind !== "object" || !isRecord(found) || !isRecord(wanted)) return;
    const outer = this.inside;
    this.inside = { found, wanted };
    this.table(field.item.fields, found, wanted, isRecord(managed) ? managed : {}, path, key);
    this.inside = outer;
  }

  private note(
    field: AnyField,
    kind: Difference["kind"],
    before: unknown,
    after: unknown,
    path: Path,
    key?: string,
  ): void {
    const change = field.change;
    if (change === undefined) return;
    const situation = this.inside ? { ...this.situation, item: this.inside } : this.situation;
    const cost = typeof change === "string" ? change : change(before, after, situation);
    this.differences.push({
      path,
      kind,
      cost,
      before,
      after,
      ...(key === undefined ? {} : { key }),
      ...(field.secret ? { secret: true } : {}),
    });
  }
}
