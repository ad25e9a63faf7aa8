import {
  deepEqual,
  differences,
  flag,
  hasUnknown,
  int,
  list,
  object,
  type Situation,
  text,
  UNKNOWN,
  type Values,
} from "../../provider/fields";
import { differ, machine } from "./tables";

describe("differences", () => {
  it.each([
    ["text", { title: "a" }, { title: "b" }, ["title update live"]],
    ["an added property", {}, { title: "b" }, ["title add live"]],
    ["a number", { vcpus: 1 }, { vcpus: 2 }, ["vcpus update restart"]],
    ["a flag", { suspend: true }, { suspend: false }, ["suspend update restart"]],
    ["a replaced property", { name: "a" }, { name: "b" }, ["name update replace"]],
    ["a nested property", { os: { kernel: "/a" } }, { os: { kernel: "/b" } }, ["os.kernel update restart"]],
    ["a nested replace", { os: { arch: "a" } }, { os: { arch: "b" } }, ["os.arch update replace"]],
    ["a nested object", { os: {} }, { os: { loader: { secure: true } } }, ["os.loader add restart"]],
    ["a whole object", {}, { os: { arch: "a" } }, ["os add restart"]],
    ["a list of texts", { tags: ["a", "b"] }, { tags: ["b", "a"] }, ["tags update live"]],
    ["a shorter list", { tags: ["a", "b"] }, { tags: ["a"] }, ["tags update live"]],
    ["a map", { labels: { a: "1" } }, { labels: { a: "2" } }, ["labels.a update live"]],
    ["a removed label", { labels: { a: "1", b: "2" } }, { labels: { a: "1" } }, ["labels.b delete live"]],
    ["the first labels", {}, { labels: { a: "1", b: "" } }, ["labels.a add live", "labels.b add live"]],
    [
      "labels apart by case",
      { labels: { a: "1" } },
      { labels: { A: "1" } },
      ["labels.A add live", "labels.a delete live"],
    ],
    [
      "a label named like what every object has",
      { labels: {} },
      { labels: { constructor: "x" } },
      ["labels.constructor add live"],
    ],
    ["a label to come", { labels: { a: "1", b: "2" } }, { labels: { a: UNKNOWN, b: "2" } }, ["labels.a update live"]],
    ["labels that are not known yet", { labels: { a: "1" } }, { labels: UNKNOWN }, ["labels update live"]],
    ["no more labels", { labels: { a: "1" } }, { labels: {} }, ["labels.a delete live"]],
    ["what the host has beside the wish", { title: "a", vcpus: 4, os: { arch: "x" } }, { os: {} }, []],
    ["numbers apart by a rounding", { memory: 100.00000000001 }, { memory: 100 }, []],
    ["whole numbers apart by one", { vcpus: 4000000001 }, { vcpus: 4000000000 }, ["vcpus update restart"]],
    ["a wish that is not in the object", {}, { wait: 5, asset: {} }, []],
    ["an output", { uuid: "a" }, { uuid: "b" }, []],
    ["a flag of presence that is false", {}, { acpi: false }, []],
    ["an empty text", {}, { title: "" }, []],
    ["an empty list or map", {}, { tags: [], disks: [], labels: {} }, []],
  ])("%s", (_, found, wanted, lines) => {
    expect(differ(found, wanted)).toEqual(lines);
  });

  it("tell a removal only of what the program had before", () => {
    const found = { title: "a", notes: "by hand", os: { arch: "x", kernel: "/k" }, tags: ["t"] };
    expect(differ(found, {}, { title: "a" })).toEqual(["title delete live"]);
    expect(differ(found, { os: {} }, { os: { kernel: "/k" } })).toEqual(["os.kernel delete restart"]);
    expect(differ(found, {}, { os: { kernel: "/k" } })).toEqual(["os delete restart"]);
    expect(differ(found, {}, { tags: ["t"] })).toEqual(["tags delete live"]);
    expect(differ({ labels: { a: "1" } }, {}, { labels: { a: "1" } })).toEqual(["labels delete live"]);
    expect(differ({ labels: { a: "1" } }, {})).toEqual([]);
    expect(differ({}, {}, { title: "a" })).toEqual([]);
  });

  it("carry both sides", () => {
    const situation = { before: {}, after: {} };
    expect(differences(machine, { title: "a" }, { title: "b" }, { situation })).toEqual([
      { path: ["title"], kind: "update", cost: "live", before: "a", after: "b" },
    ]);
    expect(differences(machine, { title: "a" }, {}, { situation, managed: { title: "a" } })).toEqual([
      { path: ["title"], kind: "delete", cost: "live", before: "a", after: undefined },
    ]);
  });

  it("use the field's own equality", () => {
    const table = {
      machine: text({ change: "restart", same: (wanted: string, found: string) => found.startsWith(wanted), doc: "" }),
    };
    const situation = { before: {}, after: {} };
    expect(differences(table, { machine: "pc-q35-7.2" }, { machine: "pc-q35" }, { situation })).toEqual([]);
    expect(differences(table, { machine: "pc-q35" }, { machine: "pc-q35-7.2" }, { situation })).toHaveLength(1);
  });
});

it("line ends are no difference where XML carries the text, which knows one, and are one where it does not", () => {
  const table = {
    description: text({ xml: "description", multiline: true, change: "live", doc: "" }),
    data: text({ multiline: true, change: "live", doc: "" }),
  };
  const situation = { before: {}, after: {} };
  const [found, wanted] = [
    { description: "a\nb", data: "a\nb" },
    { description: "a\r\nb", data: "a\r\nb" },
  ];
  expect(differences(table, found, wanted, { situation }).map(({ path }) => path)).toEqual([["data"]]);
});

describe("differences of a list with identities", () => {
  const found = {
    disks: [
      { target: "vda", file: "/a", cache: "none" },
      { target: "vdb", file: "/b" },
    ],
  };

  it.each([
    ["a reorder", [{ target: "vdb" }, { target: "vda" }], []],
    ["an added item", [{ target: "vdc" }, { target: "vda" }, { target: "vdb" }], ["disks.0 add live"]],
    ["a removed item, by its place on the host", [{ target: "vda" }], ["disks.1 delete live"]],
    [
      "an edit, by its place in the program",
      [{ target: "vdb", file: "/c" }, { target: "vda" }],
      ["disks.0.file update live"],
    ],
    [
      "another identity at the same place",
      [{ target: "vdz", file: "/a" }, { target: "vdb" }],
      ["disks.0 add live", "disks.0 delete live"],
    ],
    ["no items", [], ["disks.0 delete live", "disks.1 delete live"]],
  ])("%s", (_, disks, lines) => {
    expect(differ(found, { disks })).toEqual(lines);
  });

  it("tell a property that an item had before, by the item's identity", () => {
    const wanted = { disks: [{ target: "vdb" }, { target: "vda" }] };
    expect(differ(found, wanted, { disks: [{ target: "vda", cache: "none" }] })).toEqual([
      "disks.1.cache delete restart",
    ]);
    expect(differ(found, wanted, { disks: [{ target: "vdb", cache: "none" }] })).toEqual([]);
  });

  it("name the item", () => {
    const situation = { before: {}, after: {} };
    const wanted = { disks: [{ target: "vdb", file: "/c" }, { target: "vdc" }] };
    expect(differences(machine, found, wanted, { situation }).map(({ path, key }) => [path.join("."), key])).toEqual([
      ["disks.0.file", "vdb"],
      ["disks.1", "vdc"],
      ["disks.0", "vda"],
    ]);
  });

  it("find no change in an only item without an identity that says the same", () => {
    expect(differ({ disks: [{ file: "/a" }] }, { disks: [{ file: "/a" }] })).toEqual([]);
    expect(differ({ disks: [{ file: "/a" }] }, { disks: [{ file: "/b" }] })).toEqual([
      "disks.0 add live",
      "disks.0 delete live",
    ]);
  });

  it("leave alone what others listed, where the list is shared", () => {
    const table = {
      hosts: list(object({ ip: text({ change: "live", doc: "" }) }, { doc: "" }), {
        key: (item: Values) => item["ip"] as string,
        shared: true,
        change: "live",
        doc: "",
      }),
    };
    const all = { hosts: [{ ip: "1" }, { ip: "2" }] };
    const lines = (wanted: Values, managed?: Values): string[] =>
      differences(table, all, wanted, { managed, situation: { before: all, after: wanted } }).map(
        ({ kind, key }) => `${key ?? "?"} ${kind}`,
      );
    expect(lines({ hosts: [{ ip: "1" }] })).toEqual([]);
    expect(lines({ hosts: [{ ip: "1" }] }, { hosts: [{ ip: "2" }] })).toEqual(["2 delete"]);
    expect(lines({ hosts: [{ ip: "3" }] }, { hosts: [{ ip: "1" }] })).toEqual(["3 add", "1 delete"]);
  });
});

describe("the cost of a change", () => {
  it("is asked of a function with both values and the situation", () => {
    const asked: unknown[] = [];
    const change = (before: unknown, after: unknown, at: Situation): "live" | "restart" => {
      asked.push([before, after, at.live, at.freePorts]);
      return typeof after === "number" && after <= Number(at.live?.["vcpus"]) ? "live" : "restart";
    };
    const table = { online: int({ change, doc: "" }) };
    const costs = (after: unknown): unknown[] =>
      differences(
        table,
        { online: 1 },
        { online: after },
        {
          situation: { before: {}, after: {}, live: { vcpus: 2 }, freePorts: 3 },
        },
      ).map(({ cost }) => cost);
    expect([costs(2), costs(3), costs(UNKNOWN)]).toEqual([["live"], ["restart"], ["restart"]]);
    expect(asked).toEqual([
      [1, 2, { vcpus: 2 }, 3],
      [1, 3, { vcpus: 2 }, 3],
      [1, UNKNOWN, { vcpus: 2 }, 3],
    ]);
  });

  it("knows the item that a property belongs to, also after a list inside of the item", () => {
    const byItem = (_before: unknown, _after: unknown, at: Situation): "live" | "restart" =>
      at.item?.wanted["removable"] === true ? "live" : "restart";
    const key = (item: Values): string => item["id"] as string;
    const id = text({ change: "restart", doc: "" });
    const part = object({ id, size: int({ change: byItem, doc: "" }) }, { doc: "" });
    const drive = object(
      {
        id,
        removable: flag({ change: "restart", doc: "" }),
        parts: list(part, { key, change: "restart", doc: "" }),
        medium: text({ change: byItem, doc: "" }),
      },
      { doc: "" },
    );
    const table = {
      drives: list(drive, { key, change: "restart", doc: "" }),
      title: text({ change: byItem, doc: "" }),
    };
    const side = (mark: number): Values => ({
      title: `t${mark}`,
      drives: [
        { id: "cd", removable: true, parts: [{ id: "p", size: mark }], medium: `m${mark}` },
        { id: "hd", removable: false, parts: [], medium: `m${mark}` },
      ],
    });
    const situation = { before: {}, after: {} };
    expect(
      differences(table, side(1), side(2), { situation }).map(({ path, cost }) => `${path.join(".")} ${cost}`),
    ).toEqual(["drives.0.parts.0.size restart", "drives.0.medium live", "drives.1.medium restart", "title restart"]);
  });
});

describe("values", () => {
  it.each([
    [{ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }, true],
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [{ a: 1 }, { a: 2 }, false],
    [[1, 2], [2, 1], false],
    [[1], { 0: 1 }, false],
    [null, {}, false],
    [NaN, NaN, true],
    [UNKNOWN, UNKNOWN, true],
  ])("%j and %j: the same is %s", (a, b, same) => {
    expect(deepEqual(a, b)).toBe(same);
    expect(deepEqual(b, a)).toBe(same);
  });

  it("are unknown where something inside them is", () => {
    expect(hasUnknown({ a: [{ b: UNKNOWN }] })).toBe(true);
    expect(hasUnknown({ a: [{ b: null }] })).toBe(false);
  });
});
