import {
  differences,
  flag,
  int,
  list,
  object,
  parsePath,
  isBelow,
  type Table,
  text,
  UNKNOWN,
  type Values,
} from "../../provider/fields";
import type { Diff } from "../../provider/resources/port";
import { shown, type Sides } from "../../provider/serving/plugin/diff";

const item = object(
  { target: text({ doc: "." }), bus: text({ change: "restart", doc: "." }) },
  { change: "live", doc: "." },
);
const table = {
  name: text({ filled: true, change: "replace", doc: "." }),
  size: int({ change: "live", doc: "." }),
  deep: object(
    { mode: text({ change: "replace", doc: "." }), "odd-name": text({ change: "live", doc: "." }) },
    { change: "live", doc: "." },
  ),
  disks: list(item, { key: (disk) => disk["target"] as string | undefined, change: "live", doc: "." }),
  protect: flag({ doc: "." }),
  uuid: text({ output: true, doc: "." }),
} satisfies Table;

function diffOf(found: Values, { oldInputs, news }: Sides, changes = false): Diff {
  const all = differences(table, found, news, { managed: oldInputs, situation: { before: found, after: news } });
  const replaces = [...new Set(all.filter(({ cost }) => cost === "replace").map(({ path }) => String(path[0])))];
  return {
    differences: all,
    replaces,
    deleteBeforeReplace: replaces.length > 0,
    stables: replaces.length > 0 ? [] : ["uuid"],
    changes: changes || all.length > 0,
  };
}

function detailed(diff: ReturnType<typeof shown>): Record<string, string> {
  const words = [...diff.detailed].map(([path, { kind, replaces, inputDiff }]) => {
    const parts = [kind, ...(replaces ? ["replace"] : []), ...(inputDiff ? [] : ["drift"])];
    return [path, parts.join(" ")] as const;
  });
  return Object.fromEntries(words);
}

describe("a diff of the plugin", () => {
  it("names what the program changed, and marks what replaces", () => {
    const oldInputs = { name: "a", size: 1, deep: { mode: "x", "odd-name": "1" } };
    const sides = { olds: oldInputs, oldInputs, news: { name: "a", deep: { mode: "y", "odd-name": "2" } } };
    const diff = shown(table, diffOf(oldInputs, sides), sides);
    expect(detailed(diff)).toEqual({ size: "delete", "deep.mode": "update replace", 'deep["odd-name"]': "update" });
    expect(diff).toMatchObject({ diffs: ["size", "deep"], replaces: ["deep"], deleteBeforeReplace: true, stables: [] });
  });

  it("tells drift from a change of the program", () => {
    const inputs = { size: 1, disks: [{ target: "vda", bus: "virtio" }] };
    const sides = { olds: inputs, oldInputs: inputs, news: inputs };
    const diff = shown(table, diffOf({ size: 2, disks: [] }, sides), sides);
    expect(detailed(diff)).toEqual({ size: "update drift", "disks[0]": "add drift" });
  });

  it("finds an item that goes where the program had it, not where the host has it", () => {
    const [a, b] = [{ target: "vda" }, { target: "vdb" }];
    const sides = { olds: { disks: [a, b] }, oldInputs: { disks: [a, b] }, news: { disks: [a] } };
    const diff = shown(table, diffOf({ disks: [b, a] }, sides), sides);
    expect(detailed(diff)).toEqual({ "disks[1]": "delete" });
  });

  it("shows what somebody else put into a list at the list", () => {
    const inputs = { disks: [{ target: "vda" }] };
    const sides = { olds: inputs, oldInputs: inputs, news: inputs };
    const diff = shown(table, diffOf({ disks: [{ target: "vda" }, { target: "vdz" }] }, sides), sides);
    expect(detailed(diff)).toEqual({ disks: "update drift" });
  });

  it("joins an item that goes with one that comes at its place", () => {
    const sides = {
      olds: { disks: [{ target: "vda" }] },
      oldInputs: { disks: [{ target: "vda" }] },
      news: { disks: [{ target: "vdb" }] },
    };
    expect(detailed(shown(table, diffOf(sides.olds, sides), sides))).toEqual({ "disks[0]": "update" });
  });

  it("shows a wish, which is no part of the object", () => {
    const sides = { olds: {}, oldInputs: { size: 1 }, news: { size: 1, protect: true } };
    const diff = shown(table, diffOf({ size: 1 }, sides, true), sides);
    expect(detailed(diff)).toEqual({ protect: "add" });
    expect(diff.diffs).toEqual(["protect"]);
  });

  it("shows no wish that only this version fills in, beside another change", () => {
    const news = { size: 2, protect: true, __defaults: ["protect"] };
    const sides = { olds: {}, oldInputs: { size: 1 }, news };
    expect(detailed(shown(table, diffOf({ size: 1 }, sides), sides))).toEqual({ size: "update" });
  });

  it("says that there is a change where no property tells it: the object is gone", () => {
    const sides = { olds: { size: 1 }, oldInputs: { size: 1 }, news: { size: 1 } };
    expect(shown(table, diffOf({ size: 1 }, sides, true), sides)).toMatchObject({ changes: true, diffs: [] });
  });

  it("holds the protocol's four rules for any values", () => {
    const random = mulberry(20240607);
    for (let round = 0; round < 2_000; round += 1) {
      const sides = { olds: values(random), oldInputs: values(random), news: values(random, true) };
      const diff = shown(table, diffOf(values(random), sides, random() < 0.1), sides);
      const tops = [...diff.detailed.keys()].map((path) => path.split(/[.[]/)[0]);
      expect([...new Set(tops)].sort()).toEqual([...diff.diffs].sort());
      expect(new Set(diff.diffs).size).toBe(diff.diffs.length);
      expect(new Set(diff.replaces).size).toBe(diff.replaces.length);
      const replacing = [...diff.detailed]
        .filter(([, change]) => change.replaces)
        .map(([path]) => path.split(/[.[]/)[0]);
      expect([...new Set(replacing)].sort()).toEqual([...diff.replaces].sort());
      if (!diff.changes) expect([diff.diffs, diff.replaces, diff.detailed.size]).toEqual([[], [], 0]);
      if (diff.replaces.length === 0) expect(diff.deleteBeforeReplace).toBe(false);
    }
  });
});

describe("ignoreChanges", () => {
  it.each([
    ["size", ["size"], true],
    ["deep", ["deep", "mode"], true],
    ["deep.mode", ["deep"], false],
    ["disks[*].bus", ["disks", 3, "bus"], true],
    ["disks[1].bus", ["disks", 3, "bus"], false],
    ['deep["odd-name"]', ["deep", "odd-name"], true],
    ['["a.b"].c', ["a.b", "c"], true],
    ["*", ["anything", 1], true],
  ])("%s holds for %j: %s", (pattern, path, holds) => {
    expect(isBelow(path, parsePath(pattern))).toBe(holds);
  });
});

/** A small generator, so that a failure can be repeated. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function values(random: () => number, unknowns = false): Values {
  const some = <T>(...all: readonly T[]): T | undefined =>
    random() < 0.3 ? undefined : all[Math.floor(random() * all.length)];
  const maybe = unknowns && random() < 0.2 ? UNKNOWN : undefined;
  const disks = some([], ["vda"], ["vdb", "vda"], ["vda", "vdc"])?.map((target) => ({
    target,
    bus: some("virtio", "scsi"),
  }));
  const all = {
    name: maybe ?? some("a", "b"),
    size: some(1, 2),
    deep: some({ mode: some("x", "y"), "odd-name": maybe ?? some("1", "2") }),
    disks: maybe ?? disks,
    protect: some(true, false),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
