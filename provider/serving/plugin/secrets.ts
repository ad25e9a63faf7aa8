import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { type AnyField, isRecord, type Path, type PathPattern, type Table, type Values } from "../../fields";
import { fromWire, toWire, UNKNOWN_TEXT } from "../wire";

// Objects with this property are more than their properties (sdk/go/common/resource/sig).
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e";

/** Values as resources take them, and where secrets stood in them. */
export interface Opened {
  readonly values: Values;
  readonly secrets: readonly Path[];
}

/** Takes the engine's wrappers off: secrets, outputs, references to resources. Assets stay as they are. */
export function open(struct: Struct | undefined): Opened {
  const secrets: Path[] = [];
  const bare = struct ? unwrap(struct.toJavaScript(), [], secrets) : {};
  return { values: fromWire(bare as Values), secrets }; // a struct is an object
}

function unwrap(value: unknown, path: Path, secrets: Path[]): unknown {
  if (Array.isArray(value)) return value.map((item, index) => unwrap(item, [...path, index], secrets));
  if (!isRecord(value)) return value;
  switch (value[SIGNATURE]) {
    case undefined:
      return Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, unwrap(inner, [...path, name], secrets)]),
      );
    case SECRET:
      secrets.push(path);
      return unwrap(value["value"], path, secrets);
    case OUTPUT:
      if (value["secret"] === true) secrets.push(path);
      return "value" in value ? unwrap(value["value"], path, secrets) : UNKNOWN_TEXT;
    case RESOURCE:
      // A component has no id, and a resource that does not exist yet has an empty one.
      if (value["id"] === undefined) return value["urn"];
      return value["id"] === "" ? UNKNOWN_TEXT : unwrap(value["id"], path, secrets);
    default:
      return value;
  }
}

/** Values for the engine: what the table calls secret and what stood as a secret before is wrapped, at every depth. */
export function seal(table: Table, values: Values, secrets: readonly PathPattern[]): Struct {
  const wrapped = wrap(toWire(values), [...tableSecrets(table), ...secrets]);
  return Struct.fromJavaScript(wrapped as Parameters<typeof Struct.fromJavaScript>[0]); // toWire leaves only JSON
}

function wrap(value: unknown, patterns: readonly PathPattern[]): unknown {
  if (patterns.length === 0 || value === null) return value;
  if (patterns.some(({ length }) => length === 0)) return { [SIGNATURE]: SECRET, value };
  const inside = (step: string | number): PathPattern[] =>
    patterns.filter(([first]) => first === step || first === "*").map(([, ...rest]) => rest);
  if (Array.isArray(value)) return value.map((item, index) => wrap(item, inside(index)));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, wrap(inner, inside(name))]));
}

/** The paths as they hold for any order of the lists on the way: a refresh may find another one. */
export function inAnyOrder(paths: readonly Path[]): PathPattern[] {
  return paths.map((path) => path.map((step) => (typeof step === "number" ? "*" : step)));
}

/** Where a table's secrets stand. */
export function tableSecrets(table: Table): PathPattern[] {
  return Object.entries(table).flatMap(([name, field]) => fieldSecrets(field).map((path) => [name, ...path]));
}

function fieldSecrets(field: AnyField): PathPattern[] {
  if (field.secret) return [[]];
  if (field.kind === "object") return tableSecrets(field.fields);
  return field.kind === "list" ? fieldSecrets(field.item).map((path) => ["*", ...path]) : [];
}

// Shorter ones would black out ordinary words, and a look at them tells no more than a guess.
const SHORTEST_MASKED = 4;

/** Takes the secrets of an operation out of a text for people. */
export type Mask = (text: string) => string;

/** A mask for all that stands at secret places of these values. */
export function maskOf(table: Table, all: readonly Opened[]): Mask {
  const found = new Set<string>();
  for (const { values, secrets } of all) collect(values, [...tableSecrets(table), ...secrets], found);
  // The longest first, so that one that begins like another leaves nothing behind.
  const texts = [...found].sort((a, b) => b.length - a.length);
  return (text) => texts.reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);
}

function collect(value: unknown, patterns: readonly PathPattern[], found: Set<string>): void {
  if (patterns.length === 0) return;
  if (patterns.some(({ length }) => length === 0)) {
    for (const text of leaves(value)) if (text.length >= SHORTEST_MASKED) found.add(text).add(asXml(text));
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    const step = Array.isArray(value) ? Number(name) : name;
    const below = patterns.filter(([first]) => first === step || first === "*").map(([, ...rest]) => rest);
    collect(inner, below, found);
  }
}

function leaves(value: unknown): string[] {
  if (typeof value === "string" || typeof value === "number") return [String(value)];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leaves) : [];
}

function asXml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
  };
  return text.replace(/[&<>"']/g, (sign) => names[sign] ?? sign);
}
