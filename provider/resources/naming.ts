import { deepEqual, DEFAULTS, type Table, UNKNOWN, type Values } from "../fields";
import type { Definition, Found } from "./definition";
import { identityUnknown, identityValues, ownedName } from "./owner";
import type { Request } from "./port";

/** True when the provider, not the program, chose the value at a top-level path. */
export function isFilled(inputs: Values, name: string): boolean {
  const listed = inputs[DEFAULTS];
  return Array.isArray(listed) && listed.includes(name);
}

/** True where the values that make the identity are the same, so that a replacement would be the same object. */
export function sameIdentity(table: Table, olds: Values, news: Values): boolean {
  return deepEqual(identityValues(table, olds), identityValues(table, news));
}

/** Fills the name where the program gives none. */
export function withName(table: Table, request: Request, olds: Values | undefined, inputs: Values): Values {
  if (table["name"]?.filled !== true || inputs["name"] !== undefined) return inputs;
  const listed = inputs[DEFAULTS];
  const filled = [...(Array.isArray(listed) ? (listed as unknown[]) : []), "name"];
  return { ...inputs, name: nameFor(table, request, olds, inputs), [DEFAULTS]: filled };
}

function nameFor(table: Table, request: Request, olds: Values | undefined, inputs: Values): unknown {
  const old = olds?.["name"];
  const kept = olds && isFilled(olds, "name") && sameIdentity(table, olds, inputs);
  if (kept && typeof old === "string") return old;
  if (request.autonaming !== undefined) return request.autonaming;
  const identity = identityValues(table, inputs);
  return identityUnknown(identity) ? UNKNOWN : ownedName(request.owner, identity);
}

/** What an object is called in messages. */
export function calledOf<F extends Found>(kind: Definition<F>, values: Values): string {
  const { name } = values;
  return kind.called?.(values) ?? (typeof name === "string" ? name : "?");
}

/** An object in messages: `volume "x"`. */
export function whatOf<F extends Found>(kind: Definition<F>, values: Values): string {
  return `${kind.noun} "${calledOf(kind, values)}"`;
}
