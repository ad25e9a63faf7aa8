import {
  type Cost,
  deepEqual,
  type Difference,
  differences,
  inWords,
  type Situation,
  type Table,
  type Values,
  withKnownSecrets,
} from "../fields";
import type { Definition, Found } from "./definition";
import { isFilled } from "./naming";
import type { Request } from "./port";

/** The program's inputs and the host, one beside the other. */
export interface Comparison {
  /** The inputs, completed by the resource from what was found. */
  readonly wanted: Values;
  readonly differences: readonly Difference[];
}

/** Compares inputs with what stands on the host; `managed` are the former inputs, whose lack in the new ones removes. */
export function compare<F extends Found>(
  kind: Definition<F>,
  seen: F,
  inputs: Values,
  managed: Values | undefined,
): Comparison {
  return compareSeen(kind, asLeft(kind, seen, managed ?? inputs), inputs, managed);
}

/** The same with what is seen alone. */
export function compareSeen<F extends Found>(
  kind: Definition<F>,
  found: F,
  inputs: Values,
  managed: Values | undefined,
): Comparison {
  const wanted = kind.wanted?.(found, inputs, managed) ?? inputs;
  const situation = { ...situate(found.values, inputs), ...found.situation };
  const plain =
    kind.changes?.(found, wanted, managed) ?? differences(kind.table, found.values, wanted, { managed, situation });
  return { wanted, differences: plain };
}

/** The object, with what cannot be seen of it as it is known to have been left. */
export function asLeft<F extends Found>(kind: Definition<F>, seen: F, known: Values): F {
  const found = seen.secretsUnseen === true ? withSecrets(kind.table, seen, known) : seen;
  return kind.recalled?.(found, known) ?? found;
}

/** Whoever may only look sees no password: they are taken to be as they were left. */
function withSecrets<F extends Found>(table: Table, found: F, known: Values): F {
  const filled = (values: Values): Values => withKnownSecrets(table, values, known);
  const { situation } = found;
  const live = situation?.live;
  return {
    ...found,
    values: filled(found.values),
    ...(live ? { situation: { ...situation, live: filled(live) } } : {}),
  };
}

/** What a cost may depend on. */
export function situate(before: Values, after: Values): Situation {
  return { before, after };
}

/** The differences without those that the program asked to ignore. */
export function asked(request: Request, all: readonly Difference[]): Difference[] {
  return all.filter(({ path }) => request.ignores?.(path) !== true);
}

/** The values that are there. */
export function given(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/**
 * The wishes that changed, by name. A wish (`deletionProtection`) costs nothing, but delete reads it in the state: only an
 * update carries it there. A default that is new in this version is none.
 */
export function changedWishes(table: Table, olds: Values, news: Values): string[] {
  const wishes = Object.entries(table).filter(
    ([, field]) => field.change === undefined && !field.output && field.kind !== "opaque",
  );
  const names = wishes.map(([name]) => name).filter((name) => olds[name] !== undefined || !isFilled(news, name));
  return names.filter((name) => !deepEqual(olds[name], news[name]));
}

/** What a change costs an object that no guest runs in. */
const costs: Readonly<Record<Cost, string>> = { live: "live", restart: "by a restart of it", replace: "by a new one" };

/** Differences in one line for people, by what they cost. */
export function costsInWords(all: readonly Difference[], table: Table): string {
  const groups = Object.entries(costs).map(([cost, words]) => {
    const own = all.filter((one) => one.cost === cost);
    return own.length === 0 ? [] : [`${words}: ${own.map((one) => inWords(one, table)).join(", ")}`];
  });
  return groups.flat().join("; ");
}
