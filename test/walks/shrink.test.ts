import type { Edit } from "../real/walks/program";
import { shrunk } from "../real/walks/shrink";
import type { Failure } from "../real/walks/walk";

// How a failing walk becomes short, with a host that goes wrong as each test says.
const edits = (names: string): Edit[] => Array.from(names, (what) => ({ what }));
const names = (some: readonly Edit[]): string => some.map(({ what }) => what).join("");
const LONG_MS = 60_000;

/** A host that goes wrong after the edit which completes these, in their order. */
function brokenBy(needed: string): { run: (some: readonly Edit[]) => Promise<Failure | undefined>; runs: string[] } {
  const runs: string[] = [];
  const run = (some: readonly Edit[]): Promise<Failure | undefined> => {
    runs.push(names(some));
    let left = needed;
    const at = some.findIndex(({ what }) => {
      if (left.startsWith(what)) left = left.slice(1);
      return left === "";
    });
    return Promise.resolve(at < 0 ? undefined : { at, wrong: [needed] });
  };
  return { run, runs };
}

describe("a failing walk", () => {
  it.each(["h", "ah", "abh", "adh", "cdefgh", "bdfh", "abcdefgh"])(
    "is cut to the edits that it takes: %s",
    async (needed) => {
      const { run } = brokenBy(needed);
      const short = await shrunk(edits("abcdefghijkl"), { at: 7, wrong: ["at first"] }, run, LONG_MS);
      expect(names(short.edits)).toBe(needed);
      // Where nothing can go, nothing was seen to fail again.
      expect(short.failure).toEqual({ at: needed.length - 1, wrong: needed === "abcdefgh" ? ["at first"] : [needed] });
    },
  );

  it("ends with the edit that failed, and loses halves before single edits", async () => {
    const { run, runs } = brokenBy("h");
    await shrunk(edits("abcdefgh"), { at: 7, wrong: [] }, run, LONG_MS);
    expect(runs.slice(0, 2)).toEqual(["abch", "h"]);
    expect(runs.every((one) => one.endsWith("h"))).toBe(true);
  });

  it("goes on with another failure that it meets earlier", async () => {
    const run = (some: readonly Edit[]): Promise<Failure | undefined> => {
      const text = names(some);
      if (text.includes("c") && !text.includes("a"))
        return Promise.resolve({ at: text.indexOf("c"), wrong: ["other"] });
      return Promise.resolve(text === "abcdef" ? { at: text.length - 1, wrong: ["first"] } : undefined);
    };
    const short = await shrunk(edits("abcdef"), { at: 5, wrong: ["first"] }, run, LONG_MS);
    expect([names(short.edits), short.failure]).toEqual(["c", { at: 0, wrong: ["other"] }]);
  });

  it("may lose its last edit too where it failed at the end, against the fresh build", async () => {
    const run = (some: readonly Edit[]): Promise<Failure | undefined> =>
      Promise.resolve(names(some).includes("b") ? { at: some.length, wrong: ["unlike"] } : undefined);
    const short = await shrunk(edits("abcd"), { at: 4, wrong: ["unlike"] }, run, LONG_MS);
    expect([names(short.edits), short.failure]).toEqual(["b", { at: 1, wrong: ["unlike"] }]);
  });

  it("is cut though a shorter one has no end, which says nothing of the edits", async () => {
    const { run } = brokenBy("adh");
    const fragile = (some: readonly Edit[]): Promise<Failure | undefined> =>
      names(some) === "abch" ? Promise.reject(new Error("the guest does not answer")) : run(some);
    const said = jest.spyOn(process.stderr, "write").mockReturnValue(true);
    const short = await shrunk(edits("abcdefgh"), { at: 7, wrong: [] }, fragile, LONG_MS);
    const told = said.mock.calls.flat();
    said.mockRestore();
    expect([names(short.edits), new Set(told)]).toEqual(["adh", new Set(["Error: the guest does not answer\n"])]);
  });

  it("stays as it is, up to its failure, where there is no time", async () => {
    const { run, runs } = brokenBy("c");
    const short = await shrunk(edits("abcdef"), { at: 2, wrong: ["c"] }, run, 0);
    expect([names(short.edits), short.failure, runs]).toEqual(["abc", { at: 2, wrong: ["c"] }, []]);
  });
});
