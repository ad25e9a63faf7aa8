// Which walks are walked: what `npm run walks` asks for, or a few that stay the same.
import { readFileSync } from "node:fs";
import type { Place } from "../../../provider/resources/place";
import { drawWalk } from "./draw";
import type { Edit } from "./program";
import { shrunk } from "./shrink";
import { walk } from "./walk";
import type { Way } from "./way";

/** What `npm run walks` says by its environment. */
interface Asked {
  readonly seeds?: readonly number[];
  readonly steps?: number;
  /** A file with a list of edits. */
  readonly replay?: string;
}

const said = process.env["PULUMI_KVM_WALKS"];
const asked = said === undefined ? undefined : (JSON.parse(said) as Asked);
export const MINUTE_MS = 60_000;
/** How long a failing walk may take to become short. */
const shrinkMs = (asked ? 20 : 4) * MINUTE_MS;

/** The walks with their titles: those that were asked for, else of these seeds. */
export function walksOf(seeds: readonly number[], steps: number): (readonly [string, readonly Edit[]])[] {
  if (asked?.replay !== undefined)
    return [[asked.replay, JSON.parse(readFileSync(asked.replay, "utf8")) as readonly Edit[]]];
  const count = asked?.steps ?? steps;
  return (asked?.seeds ?? seeds).map((seed) => [`seed ${seed}, ${count} steps`, drawWalk(seed, count)]);
}

/** Walks, and throws with the shortest list of edits that goes wrong. */
export async function walked(place: Place, edits: readonly Edit[], way: () => Way): Promise<void> {
  const failure = await walk(place, edits, way());
  if (!failure) return;
  // Told before it is made short: whoever has no time for that knows what to look for.
  process.stderr.write(`edit ${failure.at + 1} of ${edits.length}: ${failure.wrong.join("; ")}\n`);
  const again = (some: readonly Edit[]): ReturnType<typeof walk> => walk(place, some, way());
  const short = asked?.replay === undefined ? await shrunk(edits, failure, again, shrinkMs) : { edits, failure };
  throw new Error(
    `${short.failure.wrong.join("\n")}\nafter the last of these edits (replay: npm run walks -- --replay FILE):\n` +
      JSON.stringify(short.edits, undefined, 1),
  );
}
