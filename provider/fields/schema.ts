import type { AnyField, ListField, NumberField, ObjectField, Table, TextField } from "./vocabulary";

/** A value of schema.json (https://www.pulumi.com/docs/iac/packages-and-automation/pulumi-packages/schema/). */
export interface Json {
  readonly [name: string]: string | number | boolean | Json | readonly (string | Json)[];
}

/** One resource, as schema.json needs to know it. */
export interface Described {
  readonly token: string;
  readonly doc: string;
  readonly table: Table;
}

/** One function, as schema.json needs to know it. */
export interface DescribedFunction {
  /** `getHost`. */
  readonly token: string;
  readonly doc: string;
  readonly args: Table;
  readonly results: Table;
}

/** What tables say in the words of schema.json; tokens begin with the package's name. */
export interface SchemaParts {
  readonly resources: Record<string, Json>;
  readonly functions: Record<string, Json>;
  readonly types: Record<string, Json>;
  readonly provider: Json;
  readonly config: Json;
}

/** Derives resources, functions, shared types and configuration from the tables; the same input gives the same text. */
export function schemaParts(
  name: string,
  resources: readonly Described[],
  functions: readonly DescribedFunction[],
  configuration: Described,
): SchemaParts {
  const types = new Types(name);
  const described = resources.map((one): [string, Json] => [`${name}:index:${one.token}`, resourceOf(types, one)]);
  const asked = functions.map((one): [string, Json] => [`${name}:index:${one.token}`, functionOf(types, one)]);
  const { properties } = propertiesOf(types, configuration, () => true);
  return {
    resources: Object.fromEntries(described),
    functions: Object.fromEntries(asked),
    provider: { description: configuration.doc, inputProperties: properties },
    config: { variables: properties },
    types: types.sorted(),
  };
}

function resourceOf(types: Types, { token, doc, table }: Described): Json {
  const inputs = propertiesOf(types, { token, table }, (field) => !field.output);
  const outputs = propertiesOf(types, { token, table }, () => true);
  return {
    description: doc,
    inputProperties: inputs.properties,
    requiredInputs: inputs.required,
    properties: outputs.properties,
    required: Object.keys(outputs.properties)
      .filter((name) => isAlwaysKnown(name, table))
      .sort(),
  };
}

function functionOf(types: Types, { token, doc, args, results }: DescribedFunction): Json {
  const bag = (table: Table): Json => {
    const { properties, required } = propertiesOf(types, { token: pascal(token), table }, () => true);
    return { type: "object", properties, ...(required.length > 0 ? { required } : {}) };
  };
  return { description: doc, inputs: bag(args), outputs: bag(results) };
}

/** Given, set by the provider, or a name, which is filled where the program gives none. */
function isAlwaysKnown(name: string, table: Table): boolean {
  const field = table[name];
  return field?.filled === true || field?.required === true || field?.output === true;
}

interface Scope {
  /** Names of types begin with it. */
  readonly token: string;
  readonly table: Table;
}

function propertiesOf(
  types: Types,
  { token, table }: Scope,
  include: (field: AnyField) => boolean,
): { properties: Json; required: string[] } {
  const fields = Object.entries(table).filter(([name, field]) => !name.startsWith("__") && include(field));
  return {
    properties: Object.fromEntries(fields.map(([name, field]) => [name, propertyOf(types, token, name, field)])),
    required: fields.flatMap(([name, field]) => (field.required ? [name] : [])).sort(),
  };
}

// Defaults are not handed to the SDKs: check fills them and pins what it filled, which a value from the SDK would undo.
function propertyOf(types: Types, owner: string, name: string, field: AnyField): Json {
  return {
    ...typeOf(types, `${owner}${pascal(name)}`, field),
    description: field.doc,
    ...(field.secret ? { secret: true } : {}),
    ...(field.change === "replace" ? { willReplaceOnChanges: true } : {}),
  };
}

/** The type of a value; `name` is what a type of its own would be called. */
function typeOf(types: Types, name: string, field: AnyField): Json {
  const kinds: { readonly [K in AnyField["kind"]]: (field: never) => Json } = {
    text: ({ values, doc }: TextField) => (values ? types.choice(name, values, doc) : { type: "string" }),
    number: ({ whole }: NumberField) => ({ type: whole ? "integer" : "number" }),
    flag: () => ({ type: "boolean" }),
    object: ({ fields, doc }: ObjectField) => types.object(name, fields, doc),
    list: ({ item }: ListField) => ({ type: "array", items: typeOf(types, singular(name), item) }),
    map: () => ({ type: "object", additionalProperties: { type: "string" } }),
    opaque: () => ({ $ref: "pulumi.json#/Any" }),
  };
  return kinds[field.kind](field as never); // the kind has chosen the handler
}

/** Types of their own: one for each table and each set of values, whoever uses it. */
class Types {
  private readonly known = new Map<string, Json>();
  private readonly names = new Map<object, string>();

  constructor(private readonly packageName: string) {}

  object(name: string, table: Table, doc: string): Json {
    return this.reference(name, table, () => {
      const { properties, required } = propertiesOf(this, { token: name, table }, () => true);
      return { type: "object", description: doc, properties, ...(required.length > 0 ? { required } : {}) };
    });
  }

  choice(name: string, values: readonly string[], doc: string): Json {
    return this.reference(name, values, () => ({ type: "string", description: doc, enum: values.map(choiceOf) }));
  }

  sorted(): Record<string, Json> {
    return Object.fromEntries([...this.known].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  private reference(name: string, identity: object, make: () => Json): Json {
    const known = this.names.get(identity);
    if (known !== undefined) return { $ref: `#/types/${known}` };
    const token = `${this.packageName}:index:${name}`;
    if (this.known.has(token)) throw new Error(`schema: two types would be called ${token}: rename a property`);
    this.names.set(identity, token);
    this.known.set(token, {});
    this.known.set(token, make());
    return { $ref: `#/types/${token}` };
  }
}

/** An identifier in every language: a value may begin with a digit or hold signs. */
function choiceOf(value: string): Json {
  const name = pascal(value);
  return { value, name: /^[A-Za-z]/.test(name) ? name : `Value${name}` };
}

function pascal(text: string): string {
  return text.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9]?)/g, (_, letter: string) => letter.toUpperCase());
}

function singular(name: string): string {
  if (name.endsWith("ies")) return `${name.slice(0, -3)}y`;
  if (name.endsWith("sses")) return name.slice(0, -2);
  return name.endsWith("s") && !name.endsWith("ss") ? name.slice(0, -1) : name;
}
