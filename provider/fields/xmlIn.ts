import { childrenOf, find, readPath, type XmlElement } from "../xml";
import {
  type AnyField,
  type FlagField,
  type ListField,
  longest,
  type NumberField,
  type ObjectField,
  type Table,
  type TextField,
  type Values,
} from "./vocabulary";

/** Reads an element into a table's terms; what is absent on the host is absent in the values. */
export function readTable(table: Table, element: XmlElement): Values {
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(table)) {
    const value = readField(field, element);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function readField(field: AnyField, parent: XmlElement): unknown {
  if (field.xml === undefined) return undefined;
  if (typeof field.xml !== "string") return field.xml.read(parent);
  const path = field.xml;
  const readers: { readonly [K in AnyField["kind"]]: () => unknown } = {
    text: () => readText(field as TextField, parent, path),
    number: () => readNumber(field as NumberField, parent, path),
    flag: () => readFlag(field as FlagField, parent, path),
    object: () => readObject((field as ObjectField).fields, parent, path),
    list: () => readList(field as ListField, parent, path),
    map: () => undefined,
    opaque: () => undefined,
  };
  return readers[field.kind]();
}

/** Whoever edits a definition on the host may write megabytes into it: no state is to grow by them. */
function readText(field: TextField, parent: XmlElement, path: string): string | undefined {
  const value = readPath(parent, path);
  const most = longest(field);
  return value === undefined || value.length <= most
    ? value
    : `${value.slice(0, most)}... (${value.length} characters)`;
}

function readNumber(field: NumberField, parent: XmlElement, path: string): number | undefined {
  const raw = readPath(parent, path)?.trim();
  if (raw === undefined || !/^[+-]?[0-9]+(\.[0-9]+)?$/.test(raw)) return undefined;
  if (!field.unit || field.unit.bytes === 1) return Number(raw);
  // An attribute has no unit of its own.
  const owner = endsInAttribute(path) ? undefined : find(parent, path);
  return (Number(raw) * unitBytes(owner?.attributes.get("unit"))) / field.unit.bytes;
}

/** True for `video/@ram`, not for `page[@node='0']`. */
export function endsInAttribute(path: string): boolean {
  return /(^|\/)@[^/\]]+$/.test(path);
}

/** Bytes in one of libvirt's units; KiB where it names none (memory's default). */
export function unitBytes(unit: string | undefined): number {
  if (unit === undefined) return 1024;
  const text = unit.toLowerCase();
  if (text === "b" || text === "byte" || text === "bytes") return 1;
  const power = "kmgtpe".indexOf(text.charAt(0)) + 1;
  if (power === 0) return 1024;
  return (/^[kmgtpe]b$/.test(text) ? 1000 : 1024) ** power;
}

function readFlag(field: FlagField, parent: XmlElement, path: string): boolean | undefined {
  if (field.form === "present") return find(parent, path) ? true : undefined;
  const raw = readPath(parent, path);
  if (raw === undefined) return undefined;
  return raw === "yes" || raw === "on" || raw === "1";
}

function readObject(fields: Table, parent: XmlElement, path: string): Values | undefined {
  const element = path === "." ? parent : find(parent, path);
  if (!element) return undefined;
  const values = readTable(fields, element);
  return path === "." && Object.keys(values).length === 0 ? undefined : values;
}

/** Splits `devices/disk` into the container's path and the items' name. */
export function splitList(path: string): { readonly container: string; readonly item: string } {
  const cut = path.lastIndexOf("/");
  return { container: cut < 0 ? "." : path.slice(0, cut), item: path.slice(cut + 1) };
}

/** The elements of the host that belong to a list. */
export function listElements(field: ListField, parent: XmlElement, path: string): XmlElement[] {
  const { container, item } = splitList(path);
  const holder = container === "." ? parent : find(parent, container);
  const elements = holder ? childrenOf(holder, item) : [];
  return field.where ? elements.filter(field.where) : elements;
}

/** Reads one element of a list. */
export function readItem(field: ListField, element: XmlElement): unknown {
  if (field.item.kind === "object") return readTable(field.item.fields, element);
  const xml = field.item.xml;
  return typeof xml === "object" ? xml.read(element) : readField({ ...field.item, xml: xml ?? "." }, element);
}

function readList(field: ListField, parent: XmlElement, path: string): unknown[] | undefined {
  const elements = listElements(field, parent, path);
  return elements.length > 0 ? elements.map((element) => readItem(field, element)) : undefined;
}
