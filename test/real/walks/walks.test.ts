// Random walks: small programs edited at random by a seeded generator. A failure prints the shortest list of edits that fails.
import { readFileSync } from "node:fs";
import { describeInLab } from "../../e2e/engine";
import { placeOf } from "../request";
import { drawWalk } from "./draw";
import { furnish } from "./furnish";
import type { Edit } from "./program";
import { shrunk } from "./shrink";
import { walk } from "./walk";

/** What `npm run walks` asks for: { seeds, steps } or { replay }; otherwise two seeds that stay. */
interface Asked {
  readonly seeds?: readonly number[];
  readonly steps?: number;
  /** A file with a list of edits. */
  readonly replay?: string;
}
const said = process.env["PULUMI_KVM_WALKS"];
const asked = said === undefined ? undefined : (JSON.parse(said) as Asked);
const seeds = asked?.seeds ?? [1, 2];
const steps = asked?.steps ?? 10;
const MINUTE_MS = 60_000;
/** How long a failing walk may take to become short. */
const shrinkMs = (asked ? 20 : 4) * MINUTE_MS;

jest.setTimeout(60 * MINUTE_MS);

const walks: readonly (readonly [string, readonly Edit[]])[] =
  asked?.replay === undefined
    ? seeds.map((seed) => [`seed ${seed}, ${steps} steps`, drawWalk(seed, steps)])
    : [[asked.replay, JSON.parse(readFileSync(asked.replay, "utf8")) as readonly Edit[]]];

describeInLab("a program edited at random", () => {
  const place = placeOf();
  beforeAll(() => {
    furnish();
  });
  afterAll(() => place.host.close());

  it.each(walks)("reaches what each preview says, and in the end what a fresh build is: %s", async (_, edits) => {
    const failure = await walk(place, edits);
    if (!failure) return;
    // Told before it is made short: whoever has no time for that knows what to look for.
    process.stderr.write(`edit ${failure.at + 1} of ${edits.length}: ${failure.wrong.join("; ")}\n`);
    const short =
      asked?.replay === undefined
        ? await shrunk(edits, failure, (some) => walk(place, some), shrinkMs)
        : { edits, failure };
    throw new Error(
      `${short.failure.wrong.join("\n")}\nafter the last of these edits (replay: npm run walks -- --replay FILE):\n` +
        JSON.stringify(short.edits, undefined, 1),
    );
  });
});
