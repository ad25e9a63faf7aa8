import type { XmlElement } from "../xml";

/** What a change costs: applied to the running guest, waiting for its next power cycle, or a new object. */
export type Cost = "live" | "restart" | "replace";

/** What a cost may depend on beside the two values: the whole arguments and, when the guest runs, its live side. */
export interface Situation {
  readonly before: Values;
  readonly after: Values;
  /** The live definition in the table's terms; absent when nothing runs. */
  readonly live?: Values;
  /** The list item that the property belongs to, on both sides. */
  readonly item?: { readonly found: Values; readonly wanted: Values };
  /** Free hot-plug PCI places of the running guest; absent when nothing runs. */
  readonly freePorts?: number;
  /** SCSI controllers of the running guest, counted from index 0 to the first gap; absent when nothing runs. */
  readonly scsiControllers?: number;
  /** MACs of the running guest's cards that hang on a plain bridge; absent when nothing runs. */
  readonly bridgedCards?: ReadonlySet<string>;
  /** Networks without a plain bridge (macvtap, host devices, Open vSwitch), as far as known; absent when nothing runs. */
  readonly bridgelessNetworks?: ReadonlySet<string>;
  /** CPUs that the running guest can be asked to give up; absent when nothing runs. */
  readonly removableCpus?: number;
}

/** A table's values by property name, as programs write them and as the host is read. */
export type Values = Readonly<Record<string, unknown>>;

/** The cost of a change as a constant, or as a pure function of the values. Unknown values arrive as UNKNOWN. */
export type Change = Cost | ((before: unknown, after: unknown, at: Situation) => Cost);

/** A pair of functions where one path would bend the table; `write` with undefined removes. */
export interface XmlPair {
  readonly read: (parent: XmlElement) => unknown;
  readonly write: (parent: XmlElement, value: unknown) => void;
}

/** How a flag stands in XML: an attribute's words, or the presence of an element. */
export type FlagForm = "yes" | "on" | "present";

/** A factor between the program's unit and the XML's, in bytes. */
export interface Unit {
  readonly name: "MiB" | "GiB" | "KiB" | "s" | "ms";
  /** Bytes in one of the program's units; 1 for times. */
  readonly bytes: number;
}

interface Common {
  /** One or two sentences for people: shape, unit, default, errors. */
  readonly doc: string;
  /** Where it stands below the table's element: `vcpu/@current`, or a pair; absent: not in the XML. */
  readonly xml?: string | XmlPair;
  /** Absent: not part of the object on the host (a wish about how to treat it), so a change costs nothing. */
  readonly change?: Change;
  readonly required?: true;
  /** A name: where the program gives none the provider makes one, so there is always one. */
  readonly filled?: true;
  /** Set by the provider, never by the program. */
  readonly output?: true;
  readonly secret?: true;
  /** Says what is wrong with a value of the right type, or nothing. */
  readonly check?: (value: never) => string | undefined;
  /** Equality where the host writes a wish in other words (`q35` as `pc-q35-7.2`). */
  readonly same?: (wanted: never, found: never) => boolean;
}

export interface TextOptions extends Common {
  readonly default?: string;
  /** The only values allowed. */
  readonly values?: readonly string[];
  /** Longest text in characters; 4096 unless told. */
  readonly most?: number;
  /** The value that is meant where the XML says nothing; it is never written. */
  readonly absent?: string;
  /** Newlines, tabs and any other text that XML can carry are allowed (user data, descriptions). */
  readonly multiline?: true;
}

export interface NumberOptions extends Common {
  readonly default?: number;
  readonly min?: number;
  readonly max?: number;
}

export interface FlagOptions extends Common {
  readonly default?: boolean;
  readonly form?: FlagForm;
}

export interface ObjectOptions extends Common {
  /** At most one of these properties may be set. */
  readonly oneOf?: readonly string[];
}

export interface ListOptions extends Common {
  /** The identity of an item, never made from its position. Undefined: it has none. */
  readonly key?: (item: Values) => string | undefined;
  /** Items of the XML list that belong to this property; absent: all of the path. */
  readonly where?: (element: XmlElement) => boolean;
  /** Others add items of their own: those that the program never listed are neither compared nor removed. */
  readonly shared?: true;
  readonly most?: number;
}

export interface MapOptions extends Common {
  /** Says what is wrong with a name, or nothing. */
  readonly names?: (name: string) => string | undefined;
  /** Most names; 1024 unless told. */
  readonly most?: number;
}

export type Presence = "required" | "filled" | "optional" | "output";
export type Liveness = "live" | "never";

type PresenceOf<O> = O extends { output: true }
  ? "output"
  : O extends { required: true }
    ? "required"
    : O extends { filled: true }
      ? "filled"
      : "optional";
type Cold = Exclude<Cost, "live">;
type LivenessOf<O> = O extends { change: Cold | ((...all: never) => Cold) }
  ? "never"
  : O extends { change: "live" | ((...all: never) => unknown) }
    ? "live"
    : "never";

/** What may change live inside an object owes an act as well. */
type InnerLiveness<T extends Table, O> = [LiveKeys<T>] extends [never] ? LivenessOf<O> : "live";

/** Carries a field's types; never set at run time. */
interface Phantom<T, P extends Presence, L extends Liveness> {
  readonly "~"?: { readonly value: T; readonly presence: P; readonly live: L };
}

export type TextField = { readonly kind: "text" } & TextOptions;
export type NumberField = { readonly kind: "number"; readonly whole: boolean; readonly unit?: Unit } & NumberOptions;
export type FlagField = { readonly kind: "flag" } & FlagOptions;
export type ObjectField = { readonly kind: "object"; readonly fields: Table } & ObjectOptions;
export type ListField = { readonly kind: "list"; readonly item: AnyField } & ListOptions;
export type MapField = { readonly kind: "map" } & MapOptions;
/** Anything, passed on as it is (a Pulumi asset). */
export type OpaqueField = { readonly kind: "opaque" } & Common;

export type AnyField = TextField | NumberField | FlagField | ObjectField | ListField | MapField | OpaqueField;
export type Field<T, P extends Presence, L extends Liveness> = AnyField & Phantom<T, P, L>;
export type Table = Readonly<Record<string, AnyField>>;

type ValueOf<F> = F extends { readonly "~"?: { readonly value: infer T } } ? T : unknown;
type KeysOf<T extends Table, P extends Presence> = {
  [K in keyof T]: T[K] extends { readonly "~"?: { readonly presence: P } } ? K : never;
}[keyof T];

/** The arguments of a table: what a program writes. */
export type Args<T extends Table> = { [K in KeysOf<T, "required">]: ValueOf<T[K]> } & {
  [K in KeysOf<T, "optional" | "filled">]?: ValueOf<T[K]> | undefined;
};

/** The outputs of a table: its arguments as they are known, and what the provider adds. */
export type Outputs<T extends Table> = Args<T> & { [K in KeysOf<T, "output" | "filled">]: ValueOf<T[K]> };

/** The properties that may change on a running guest: each owes an act. */
export type LiveKeys<T extends Table> = {
  [K in keyof T]: T[K] extends { readonly "~"?: { readonly live: "live" } } ? K : never;
}[keyof T];

const MIB = 1024 * 1024;

/** Text of one line; control, bidirectional and format characters are refused unless `multiline`. */
export function text<const O extends TextOptions>(
  options: O,
): Field<O extends { values: readonly (infer V)[] } ? V : string, PresenceOf<O>, LivenessOf<O>> {
  return { kind: "text", ...options };
}

/** A whole number. */
export function int<const O extends NumberOptions>(options: O): Field<number, PresenceOf<O>, LivenessOf<O>> {
  return { kind: "number", whole: true, ...options };
}

/** Memory in MiB, whole where a program writes it; above 1 PiB it looks like bytes and is refused. */
export function mebibytes<const O extends NumberOptions>(options: O): Field<number, PresenceOf<O>, LivenessOf<O>> {
  return { kind: "number", whole: false, unit: { name: "MiB", bytes: MIB }, min: 1, ...options };
}

/** Capacity in GiB, fractions allowed, rounded to the byte; above 1 PiB it looks like bytes and is refused. */
export function gibibytes<const O extends NumberOptions>(options: O): Field<number, PresenceOf<O>, LivenessOf<O>> {
  return { kind: "number", whole: false, unit: { name: "GiB", bytes: 1024 * MIB }, min: 0, ...options };
}

/** A time in seconds, fractions allowed. */
export function seconds<const O extends NumberOptions>(options: O): Field<number, PresenceOf<O>, LivenessOf<O>> {
  return { kind: "number", whole: false, unit: { name: "s", bytes: 1 }, min: 0, ...options };
}

/** True or false; `form` says how XML writes it (default `yes`/`no`). */
export function flag<const O extends FlagOptions>(options: O): Field<boolean, PresenceOf<O>, LivenessOf<O>> {
  return { kind: "flag", ...options };
}

/** A nested object with a table of its own. */
export function object<const T extends Table, const O extends ObjectOptions>(
  fields: T,
  options: O,
): Field<O extends { output: true } ? Outputs<T> : Args<T>, PresenceOf<O>, InnerLiveness<T, O>> {
  return { kind: "object", fields, ...options };
}

/** A list; with a `key`, order is no change and one item's change touches that item alone. */
export function list<const F extends AnyField, const O extends ListOptions>(
  item: F,
  options: O,
): Field<readonly ValueOf<F>[], PresenceOf<O>, LivenessOf<O>> {
  return { kind: "list", item, ...options };
}

/** Texts by name, each changed by itself; no path of XML leads to them, a pair does. */
export function map<const O extends MapOptions & { readonly xml?: XmlPair }>(
  options: O,
): Field<Readonly<Record<string, string>>, PresenceOf<O>, LivenessOf<O>> {
  return { kind: "map", ...options };
}

/** A value that is passed on as it is. */
export function opaque<const O extends Common>(options: O): Field<unknown, PresenceOf<O>, LivenessOf<O>> {
  return { kind: "opaque", ...options };
}

/** Characters that a text may have: the program's at most, and what is taken over from the host. */
export function longest({ most, multiline }: TextField): number {
  return most ?? (multiline ? 1024 * 1024 : 4096);
}
