import { setMaxListeners } from "node:events";
import type { Values } from "../fields";
import type { Place } from "../resources/place";
import type { Request } from "../resources/port";
import { ownerOf } from "./hidden";

// Each line stays in the log of the whole stack, so progress is sparse in this door, and ever more so.
const FIRST_PROGRESS_MS = 10_000;

/** The signal of this door, which knows no cancel. */
export const NEVER: AbortSignal = new AbortController().signal;
// All calls of a stack listen to it, which Node would take for a leak and say so among the user's messages.
setMaxListeners(Infinity, NEVER);

/** A request as the dynamic host can make it: it knows no timeout, no cancel and no preview. */
export function requestFor(
  token: string,
  place: Place,
  values: Values,
  oldInputs?: Values,
  print: (line: string) => void = console.log,
): Request {
  const owner = ownerOf(values);
  const say = (message: string): void => {
    print(`${nounOf(token)} "${owner.name}": ${message}`);
  };
  const spoken = { atMs: Date.now(), nextMs: FIRST_PROGRESS_MS };
  return {
    name: owner.name,
    owner,
    place,
    preview: false,
    signal: NEVER,
    ...(oldInputs === undefined ? {} : { oldInputs }),
    progress: (message) => {
      if (Date.now() - spoken.atMs < spoken.nextMs) return;
      spoken.atMs = Date.now();
      spoken.nextMs *= 2;
      say(message);
    },
    info: say,
    warn: (message) => {
      say(`warning: ${message}`);
    },
  };
}

/** A token in words: `StoragePool` is a storage pool. */
export function nounOf(token: string): string {
  return token.replace(/(?<=.)[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
}
