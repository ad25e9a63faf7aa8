import { type Args, checkValues, type Failure, hasUnknown, readTable, type Table, type Values } from "../fields";
import { codeName } from "../rpc";
import type { XmlElement } from "../xml";
import { doing, Explained } from "./errors";
import type { Looking, Lookup } from "./port";

/** A function whose tables are known to the compiler. */
type Tabled<A extends Table, R extends Table> = Omit<Lookup, "args" | "results"> & {
  readonly args: A;
  readonly results: R;
};

type Typed<A extends Table, R extends Table> = Omit<Tabled<A, R>, "look"> & {
  readonly look: (from: Looking, args: Args<A>) => Promise<Args<R>>;
};

/** Makes a function from its tables and its one act, which their types bind. */
export function lookup<const A extends Table, const R extends Table>(one: Typed<A, R>): Tabled<A, R> {
  // The doors ask with arguments that `complaints` has passed.
  return { ...one, look: (from, args) => one.look(from, args as Args<A>) };
}

/** What is wrong with the arguments of a function. */
export function complaints({ args, ways }: Lookup, given: Values): Failure[] {
  const wrong = checkValues(args, given);
  const unknown = Object.keys(given).filter((name) => hasUnknown(given[name]));
  const all = [...wrong, ...unknown.map((property) => ({ property, reason: "is not known yet" }))];
  return all.length > 0 || !ways ? all : strays(ways, given);
}

function strays(ways: readonly (readonly string[])[], given: Values): Failure[] {
  const isGiven = (name: string): boolean => given[name] !== undefined && given[name] !== null;
  const own = ways.flat().filter(isGiven);
  if (ways.some((way) => way.length === own.length && way.every(isGiven))) return [];
  const words = ways.map((way) => way.map((name) => `"${name}"`).join(" with ")).join(", or ");
  return [{ property: own[0] ?? ways[0]?.[0] ?? "", reason: `give ${words}` }];
}

/** A check for one of these texts. Not `values`: enumerations in functions' arguments are wrong in generated examples. */
export function among(all: readonly string[]): (value: string) => string | undefined {
  return (value) => (all.includes(value) ? undefined : `must be one of ${all.map((one) => `"${one}"`).join(", ")}`);
}

/** Asks a host; every error names the function. */
export async function answer(one: Lookup, from: Looking, args: Values): Promise<Values> {
  return doing(one.token, () => one.look(from, args));
}

/** Reads an element by a table of results; what is required stands in all that libvirt writes. */
export function resultsIn<T extends Table>(table: T, element: XmlElement): Args<T> {
  return readTable(table, element) as Args<T>;
}

/** What was sought and is not there. */
export interface Sought {
  /** libvirt's noun. */
  readonly noun: string;
  /** How it was named: `named "web"`. */
  readonly how: string;
  readonly code: number;
  /** What to do about it. */
  readonly next: string;
}

/** The error of an object that is not there. */
export function missing({ place }: Looking, { noun, how, code, next }: Sought): Explained {
  const { text } = place.uri;
  return new Explained(
    `${text} has no ${noun} ${how} (libvirt: ${code}, ${codeName(code)}): ${next}, or give \`{ provider }\` to ask another host`,
  );
}
