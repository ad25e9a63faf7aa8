import * as pulumi from "@pulumi/pulumi";
import { type AnyField, type Args, isRecord, type Outputs, type Table, type Values } from "../fields";

type Plain = string | number | boolean | bigint | symbol | null | undefined;

/** A value that may come from another resource, at every depth. */
export type InputOf<T> = pulumi.Input<Inside<T>>;

type Inside<T> = unknown extends T
  ? unknown
  : T extends Plain
    ? T
    : T extends readonly (infer Item)[]
      ? readonly InputOf<Item>[]
      : { readonly [K in keyof T]: InputOf<T[K]> };

/** What the provider keeps for itself. */
type Hidden = `__${string}`;

/** The arguments of a table, as a program writes them. */
export type InputsOf<T extends Table> = { readonly [K in keyof Args<T> as Exclude<K, Hidden>]: InputOf<Args<T>[K]> };

/** What a program reads of a resource: its arguments as they are known, and what the provider adds. */
export type OutputsOf<T extends Table> = {
  readonly [K in keyof Outputs<T> as Exclude<K, Hidden>]-?: pulumi.Output<Outputs<T>[K]>;
};

/** Wraps what the table calls secret, wherever it stands: in plain text too, it must be secret in the state. */
export function withSecrets(table: Table, args: Values): Record<string, unknown> {
  const wrapped = Object.entries(args).map(([name, value]) => {
    const field = Object.hasOwn(table, name) ? table[name] : undefined;
    return [name, field === undefined ? value : wrap(field, value)];
  });
  return Object.fromEntries(wrapped) as Record<string, unknown>; // entries of texts and values
}

/** Outputs that hold a secret which no input of the same place hands over: the engine has to be told. */
export function secretOutputs(table: Table): string[] {
  const isOutside = (field: AnyField): boolean =>
    field.secret === true || (field.output === true && holdsSecret(field));
  return Object.keys(table).filter((name) => table[name] !== undefined && isOutside(table[name]));
}

function wrap(field: AnyField, value: unknown): unknown {
  if (value === undefined || value === null || !holdsSecret(field)) return value;
  if (field.secret) return pulumi.secret(value);
  // A later value is looked into when it is known; what it holds becomes secret, the rest stays readable.
  if (pulumi.Output.isInstance(value) || value instanceof Promise) {
    return pulumi.output(value).apply((inner: unknown) => wrap(field, inner));
  }
  if (field.kind === "object" && isRecord(value)) return withSecrets(field.fields, value);
  if (field.kind === "list" && Array.isArray(value)) return value.map((item: unknown) => wrap(field.item, item));
  return value;
}

function holdsSecret(field: AnyField): boolean {
  if (field.secret) return true;
  if (field.kind === "object") return Object.values(field.fields).some(holdsSecret);
  return field.kind === "list" && holdsSecret(field.item);
}
