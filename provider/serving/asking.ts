// What a function does in the program's own process: dynamic providers have no calls for it. Loaded when one is called.
import type { Values } from "../fields";
import { loadLookup, type LookupName } from "../resources";
import { answer, complaints } from "../resources/lookup";
import { NEVER } from "./request";
import { type Configuration, placeFor } from "./settings";
import { fromWire, toWire } from "./wire";

/** Asks the host that the configuration names; connections that nobody waits for keep no program from its end. */
export async function ask(name: LookupName, configuration: Configuration, args: Values): Promise<Values> {
  const lookup = loadLookup(name);
  const given = fromWire(args);
  const wrong = complaints(lookup, given).map(({ property, reason }) => `${property}: ${reason}`);
  if (wrong.length > 0) throw new Error(`${name}: ${wrong.join("; ")}`);
  return toWire(await answer(lookup, { place: placeFor(configuration), signal: NEVER }, given));
}
