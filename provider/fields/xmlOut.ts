import { appendChild, element, ensurePath, find, removeChild, writePath, type XmlElement } from "../xml";
import { keyOf } from "./defaults";
import { equalValues, metByAbsence } from "./differ";
import type { AnyField, FlagField, ListField, NumberField, ObjectField, Table, Values } from "./vocabulary";
import { endsInAttribute, listElements, readItem, readTable, splitList } from "./xmlIn";
import { isRecord } from "./values";

/**
 * Patches an element until it says what is wanted, and touches nothing else: what already says so keeps its words, what the
 * table does not know survives. A property that was managed before and is wanted no more is removed.
 */
export function writeTable(table: Table, parent: XmlElement, wanted: Values, managed: Values = {}): void {
  const before = readTable(table, parent);
  const written = Object.entries(table).filter(([, field]) => field.xml !== undefined && !field.output);
  // Removals first: two properties of a variant may write the same place.
  const gone = written.filter(
    ([name]) => wanted[name] === undefined && managed[name] !== undefined && before[name] !== undefined,
  );
  for (const [name, field] of gone) erase(field, parent, managed[name]);
  // What shared its place with a property that is gone went with it.
  const found = gone.length > 0 ? readTable(table, parent) : before;
  for (const [name, field] of written) {
    if (wanted[name] === undefined) continue;
    if (found[name] === undefined && metByAbsence(field, wanted[name])) continue;
    if (!isContainer(field) && found[name] !== undefined && equalValues(field, wanted[name], found[name])) continue;
    writeField(field, parent, wanted[name], managed[name]);
  }
}

function isContainer(field: AnyField): boolean {
  return (field.kind === "object" || field.kind === "list") && typeof field.xml === "string";
}

function erase(field: AnyField, parent: XmlElement, managed: unknown): void {
  if (typeof field.xml === "object") field.xml.write(parent, undefined);
  else if (field.kind === "list") writeList(field, parent, field.xml ?? "", [], managed);
  else if (field.kind === "object" && isRecord(managed) && holdsShared(field.fields))
    eraseShared(field, parent, managed);
  else if (field.xml === ".") writeTable((field as ObjectField).fields, parent, {}, isRecord(managed) ? managed : {});
  else if (field.xml !== undefined) writePath(parent, field.xml, undefined);
}

function holdsShared(table: Table): boolean {
  return Object.values(table).some((field) => field.kind === "list" && field.shared);
}

/** Takes out what was managed; the element goes too, unless items of others stand in it. */
function eraseShared(field: ObjectField, parent: XmlElement, managed: Values): void {
  const inner = typeof field.xml === "string" ? find(parent, field.xml) : undefined;
  if (!inner) return;
  writeTable(field.fields, inner, {}, managed);
  const left = Object.values(field.fields).some(
    (one) =>
      one.kind === "list" && one.shared && typeof one.xml === "string" && listElements(one, inner, one.xml).length > 0,
  );
  if (!left && typeof field.xml === "string") writePath(parent, field.xml, undefined);
}

function writeField(field: AnyField, parent: XmlElement, value: unknown, managed: unknown): void {
  if (field.xml === undefined) return;
  if (typeof field.xml !== "string") {
    field.xml.write(parent, value);
    return;
  }
  const path = field.xml;
  const writers: { readonly [K in AnyField["kind"]]: () => void } = {
    text: () => {
      writePath(parent, path, String(value));
    },
    number: () => {
      writeNumber(field as NumberField, parent, path, value as number);
    },
    flag: () => {
      writeFlag(field as FlagField, parent, path, value === true);
    },
    object: () => {
      const inner = path === "." ? parent : ensurePath(parent, path);
      writeTable((field as ObjectField).fields, inner, value as Values, isRecord(managed) ? managed : {});
    },
    list: () => {
      writeList(field as ListField, parent, path, value as readonly unknown[], managed);
    },
    map: () => undefined,
    opaque: () => undefined,
  };
  writers[field.kind]();
}

function writeNumber(field: NumberField, parent: XmlElement, path: string, value: number): void {
  if (!field.unit || field.unit.bytes === 1) {
    writePath(parent, path, String(value));
    return;
  }
  const bytes = Math.round(value * field.unit.bytes);
  // An attribute has no unit of its own: libvirt's plain numbers are KiB.
  if (endsInAttribute(path)) {
    writePath(parent, path, String(Math.round(bytes / 1024)));
    return;
  }
  const inKib = bytes % 1024 === 0;
  writePath(parent, path, String(inKib ? bytes / 1024 : bytes));
  writePath(parent, `${path}/@unit`, inKib ? "KiB" : "bytes");
}

function writeFlag(field: FlagField, parent: XmlElement, path: string, value: boolean): void {
  if (field.form === "present") {
    if (value) ensurePath(parent, path);
    else writePath(parent, path, undefined);
    return;
  }
  const words = field.form === "on" ? ["on", "off"] : ["yes", "no"];
  writePath(parent, path, value ? words[0] : words[1]);
}

function writeList(
  field: ListField,
  parent: XmlElement,
  path: string,
  wanted: readonly unknown[],
  managed: unknown,
): void {
  const { container, item } = splitList(path);
  const present = listElements(field, parent, path).map((node) => ({ node, value: readItem(field, node) }));
  const kept = new Set<XmlElement>();
  wanted.forEach((value, index) => {
    const match = present.find(({ node, value: other }) => !kept.has(node) && sameItem(field, value, other));
    const node = match?.node ?? element(item);
    kept.add(node);
    if (!match) appendChild(ensureContainer(parent, container), node);
    writeItem(field, node, value, managedItem(field, managed, value, index));
  });
  if (!field.key) order(parent, container, [...kept]);
  for (const { node, value } of present) {
    const another = field.shared && (!Array.isArray(managed) || !managed.some((item) => sameItem(field, item, value)));
    if (!kept.has(node) && !another) removeChild(ensureContainer(parent, container), node);
  }
}

/** Brings items that have no identity, so that their place is what counts, into the order in which they are wanted. */
function order(parent: XmlElement, container: string, items: readonly XmlElement[]): void {
  const among = items.length > 1 ? ensureContainer(parent, container).children : [];
  const places = among.flatMap((node, index) => ("name" in node && items.includes(node) ? [index] : []));
  places.forEach((place, index) => {
    among.splice(place, 1, ...items.slice(index, index + 1));
  });
}

function ensureContainer(parent: XmlElement, container: string): XmlElement {
  return container === "." ? parent : ensurePath(parent, container);
}

/** Writes one item of a list into its element. */
export function writeItem(field: ListField, node: XmlElement, value: unknown, managed: Values = {}): void {
  if (field.item.kind === "object") writeTable(field.item.fields, node, value as Values, managed);
  else writeField({ ...field.item, xml: field.item.xml ?? "." }, node, value, undefined);
}

function managedItem(field: ListField, managed: unknown, value: unknown, index: number): Values {
  if (!Array.isArray(managed) || !isRecord(value)) return {};
  const same: unknown = managed.find((other) => isRecord(other) && sameItem(field, value, other));
  const item: unknown = field.key ? same : managed[index];
  return isRecord(item) ? item : {};
}

function sameItem(field: ListField, wanted: unknown, found: unknown): boolean {
  if (field.key && isRecord(wanted) && isRecord(found)) {
    const key = keyOf(field, wanted);
    return key !== undefined && key === keyOf(field, found);
  }
  return equalValues(field.item, wanted, found);
}
