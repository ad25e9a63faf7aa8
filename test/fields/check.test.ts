import { checkValues, grammar, list, object, text, UNKNOWN, type Values } from "../../provider/fields";
import { machine } from "./tables";

/** What check says, a line for each failure. */
const complaints = (values: Values): string[] =>
  checkValues(machine, { name: "web", ...values }).map(({ property, reason }) => `${property}: ${reason}`);

describe("check", () => {
  it("has nothing to say about good inputs", () => {
    expect(
      complaints({
        title: "Grüße, 世界",
        notes: "line\nline\ttab",
        kind: "qemu",
        memory: 512,
        capacity: 0.5,
        vcpus: 64,
        delay: 1.5,
        suspend: false,
        os: { kernel: "/k", loader: { secure: true } },
        disks: [{ file: "/a", target: "vda" }, { target: "vdb" }],
        tags: ["a", "a"],
        labels: { any: "thing" },
        asset: Buffer.from("x"),
        __defaults: ["kind"],
      }),
    ).toEqual([]);
  });

  it("suggests the name that was meant", () => {
    expect(complaints({ memroy: 1 })).toEqual(['memroy: unknown property; did you mean "memory"?']);
    expect(complaints({ vcpu: 1 })).toEqual(['vcpu: unknown property; did you mean "vcpus"?']);
    expect(complaints({ boot_order: 1 })).toEqual(["boot_order: unknown property"]);
    expect(complaints({ disks: [{ target: "vda", boot_order: 1 }] })).toEqual([
      'disks[0].boot_order: unknown property; did you mean "bootOrder"?',
    ]);
    expect(complaints({ os: { "a.b": 1 } })).toEqual(['os["a.b"]: unknown property']);
  });

  it("knows no property that every JavaScript object has", () => {
    const values = JSON.parse('{"constructor": 1, "toString": "x", "os": {"__proto__": 1, "valueOf": 2}}') as Values;
    expect(complaints(values)).toEqual([
      "constructor: unknown property",
      "toString: unknown property",
      "os.valueOf: unknown property",
    ]);
  });

  it("says that an output cannot be given", () => {
    expect(complaints({ uuid: "x" })).toEqual(["uuid: is set by the provider and cannot be given"]);
  });

  it("says what is missing, wherever it is nested", () => {
    expect(complaints({ name: undefined })).toEqual(["name: is required"]);
    expect(complaints({ disks: [{ target: "vda" }, { file: "/b" }] })).toEqual(["disks[1].target: is required"]);
  });

  it("takes null for absent, as Pulumi does", () => {
    expect(complaints({ title: null, disks: null, os: { kernel: null } })).toEqual([]);
    expect(complaints({ name: null })).toEqual(["name: is required"]);
    expect(complaints({ disks: [{ target: "vda", file: "/a", block: null }] })).toEqual([]);
  });

  it.each([
    [{ title: 7 }, "title: must be text, not number 7"],
    [{ title: ["a"] }, "title: must be text, not a list"],
    [{ memory: "64" }, "memory: must be a number (in MiB), not text"],
    [{ memory: true }, "memory: must be a number (in MiB), not boolean true"],
    [{ suspend: "yes" }, "suspend: must be true or false, not text"],
    [{ suspend: 0 }, "suspend: must be true or false, not number 0"],
    [{ os: "linux" }, "os: must be an object, not text"],
    [{ os: [] }, "os: must be an object, not a list"],
    [{ os: { loader: { secure: "x" } } }, "os.loader.secure: must be true or false, not text"],
    [{ disks: { target: "vda" } }, "disks: must be a list, not an object"],
    [{ disks: ["vda"] }, "disks[0]: must be an object, not text"],
    [{ disks: [null] }, "disks[0]: must not be null"],
    [{ tags: [1] }, "tags[0]: must be text, not number 1"],
    [{ labels: "x" }, "labels: must be an object of texts, not text"],
    [{ labels: { "a.b": 1 } }, 'labels["a.b"]: must be text, not number 1'],
    [{ labels: { a: "1", "a b": "2" } }, 'labels["a b"]: is no label'],
    [{ labels: { a: "1", b: "2", c: "3", d: "4" } }, "labels: has 4 names; at most 3 are allowed"],
  ])("refuses the wrong type: %j", (values, complaint) => {
    expect(complaints(values)).toEqual([complaint]);
  });

  it.each([
    [{ vcpus: 0 }, "vcpus: must be at least 1, not 0"],
    [{ vcpus: 65 }, "vcpus: must be at most 64, not 65"],
    [{ vcpus: 1.5 }, "vcpus: must be a whole number, not 1.5"],
    [{ vcpus: 2 ** 53 }, "vcpus: must be a whole number, not 9007199254740992"],
    [{ vcpus: NaN }, "vcpus: must be a finite number"],
    [{ memory: Infinity }, "memory: must be a finite number"],
    [{ memory: 0 }, "memory: must be at least 1 (in MiB), not 0"],
    [{ capacity: -1 }, "capacity: must be at least 0 (in GiB), not -1"],
    [{ delay: 61 }, "delay: must be at most 60 (in s), not 61"],
    [{ kind: "xen" }, 'kind: must be one of "kvm", "qemu"'],
    [{ tags: ["a", "b", "c", "d", "e"] }, "tags: has 5 items; at most 4 are allowed"],
    [{ title: "x".repeat(4097) }, "title: is longer than 4096 characters"],
    [{ notes: "x".repeat(1024 * 1024 + 1) }, "notes: is longer than 1048576 characters"],
  ])("refuses what is out of range: %j", (values, complaint) => {
    expect(complaints(values).map((line) => line.slice(0, 200))).toEqual([complaint]);
  });

  it("takes numbers above 1 PiB for bytes, and 1 PiB itself for what it says", () => {
    expect(complaints({ memory: 536870912000 })).toEqual([
      "memory: 536870912000 MiB is above 1 PiB and looks like bytes: 536870912000 bytes are 512000 MiB",
    ]);
    expect(complaints({ capacity: 10737418240 })).toEqual([
      "capacity: 10737418240 GiB is above 1 PiB and looks like bytes: 10737418240 bytes are 10 GiB",
    ]);
    expect(complaints({ memory: 2 ** 30, capacity: 2 ** 20 })).toEqual([]);
  });

  it("refuses two of a variant", () => {
    expect(complaints({ disks: [{ target: "vda", file: "/a", block: "/dev/b" }] })).toEqual([
      'disks[0]: has file and block: set one of "file", "block", not several',
    ]);
  });

  it("refuses two items of one identity", () => {
    expect(complaints({ disks: [{ target: "vda" }, { target: "vdb" }, { target: "vda" }] })).toEqual([
      'disks[2]: has the same identity "vda" as disks[0]',
    ]);
  });

  it("says what is wrong inside an item before it compares identities", () => {
    expect(complaints({ disks: [{ target: 7 }, { target: 7 }] })).toEqual([
      "disks[0].target: must be text, not number 7",
      "disks[1].target: must be text, not number 7",
    ]);
  });
});

describe("characters", () => {
  it.each([
    ["\u0000", "U+0000"],
    ["\u001f", "U+001F"],
    ["\n", "U+000A"],
    ["\u007f", "U+007F"],
    ["\u0085", "U+0085"],
    ["\u200b", "U+200B"],
    ["\u200e", "U+200E"],
    ["\u202e", "U+202E"],
    ["\u2028", "U+2028"],
    ["\u2066", "U+2066"],
    ["\ufeff", "U+FEFF"],
    ["\ud800", "U+D800"],
    ["\ufffe", "U+FFFE"],
    ["\u{e0001}", "U+E0001"],
  ])("refuses %j in one line of text, with its path", (character, name) => {
    const reason = `must be printable text; it has the character ${name}`;
    expect(complaints({ title: `a${character}b` })).toEqual([`title: ${reason}`]);
    expect(complaints({ disks: [{ target: "vda", cache: character }] })).toEqual([`disks[0].cache: ${reason}`]);
    expect(complaints({ tags: ["a", character] })).toEqual([`tags[1]: ${reason}`]);
  });

  it.each(["\u0000", "\u000b", "\u001f", "\ud800", "\udc00\ud800", "\uffff"])(
    "refuses %j in text of several lines: XML cannot carry it",
    (character) => {
      expect(complaints({ notes: character })[0]).toMatch(
        /^notes: has the character U\+[0-9A-F]{4}, which XML cannot carry$/,
      );
      expect(complaints({ labels: { x: character } })[0]).toMatch(/^labels.x: has the character/);
    },
  );

  it("lets lines, tabs, quotes and markup through in text of several lines", () => {
    expect(complaints({ notes: `#cloud-config\r\n\t<a href="x">&amp;]]>--></a>'` })).toEqual([]);
  });
});

describe("what is not known yet", () => {
  it("passes wherever it stands", () => {
    expect(
      complaints({
        name: UNKNOWN,
        kind: UNKNOWN,
        memory: UNKNOWN,
        suspend: UNKNOWN,
        os: { kernel: UNKNOWN, loader: UNKNOWN },
        disks: [{ file: UNKNOWN, target: UNKNOWN }, UNKNOWN],
        tags: [UNKNOWN, "a"],
        labels: { a: UNKNOWN },
      }),
    ).toEqual([]);
    expect(complaints({ os: UNKNOWN, disks: UNKNOWN, tags: UNKNOWN, labels: UNKNOWN })).toEqual([]);
  });

  it("is not handed to a check or a key that trusts the type", () => {
    const seen: unknown[] = [];
    const table = {
      cards: list(
        object(
          { mac: text({ doc: "", check: grammar.macAddress }), name: text({ doc: "" }) },
          {
            doc: "",
            check: (card: Values) => {
              seen.push(card["mac"]);
              return undefined;
            },
          },
        ),
        { doc: "", key: (card: Values) => `${card["mac"] as string}/${card["name"] as string}` },
      ),
    };
    expect(
      checkValues(table, {
        cards: [
          { mac: UNKNOWN, name: "a" },
          { mac: UNKNOWN, name: "a" },
        ],
      }),
    ).toEqual([]);
  });

  it("makes no two items the same: two MACs that are not known yet differ", () => {
    const card = object({ mac: text({ doc: "" }), name: text({ doc: "" }) }, { doc: "" });
    const key = (item: Values): string => [item["mac"], item["name"]].filter(Boolean).map(String).join();
    const table = { cards: list(card, { key, doc: "" }) };
    expect(checkValues(table, { cards: [{ mac: UNKNOWN }, { mac: UNKNOWN }] })).toEqual([]);
    expect(checkValues(table, { cards: [{ name: "a" }, { name: "a" }] })).toEqual([
      { property: "cards[1]", reason: 'has the same identity "a" as cards[0]' },
    ]);
  });
});

describe("grammars", () => {
  it.each(["web", "a", "0", "web-1.example_x", "a".repeat(128)])("takes %s as an object's name", (name) => {
    expect(grammar.objectName(name)).toBeUndefined();
  });

  it.each([
    "",
    " ",
    "../x",
    "..",
    ".hidden",
    "-rf",
    "a b",
    "a/b",
    "a\n",
    "a\nb",
    "\u202eweb",
    "$(id)",
    "%n",
    "a,b",
    "é",
    "a".repeat(129),
    "x".repeat(300),
  ])("refuses %j as an object's name", (name) => {
    expect(grammar.objectName(name)).toMatch(/^must be 1 to 128 letters/);
  });

  it.each(["virbr0", "br-lan", "eth0.100", "a".repeat(15)])("takes %s as an interface's name", (name) => {
    expect(grammar.interfaceName(name)).toBeUndefined();
  });

  it.each(["a".repeat(16), "", "br 0", "br0\n", "../br", "-br"])("refuses %j as an interface's name", (name) => {
    expect(grammar.interfaceName(name)).toMatch(/at most 15/);
  });

  it.each(["web", "web.example.org", "a-b", "0.x", `${"a".repeat(63)}.b`])("takes %s as a host name", (name) => {
    expect(grammar.hostName(name)).toBeUndefined();
  });

  it.each([
    "",
    "a.",
    ".a",
    "-a",
    "a-",
    "a_b",
    "a b",
    "a#b",
    "a\nlog-facility=/tmp/x",
    "web\n",
    "a".repeat(64),
    `${"a.".repeat(127)}b`,
  ])("refuses %j as a host name", (name) => {
    expect(name.length > 253 || grammar.hostName(name) !== undefined).toBe(true);
  });

  it.each([
    ["52:54:00:12:34:56", undefined],
    ["AA:bb:CC:dd:EE:ff", undefined],
    ["53:54:00:12:34:56", "is a multicast address; the first byte must be even"],
    ["ff:ff:ff:ff:ff:ff", "is a multicast address; the first byte must be even"],
    ["00:00:00:00:00:00", "is the null address"],
    ["52-54-00-12-34-56", "must be a MAC address such as 52:54:00:12:34:56"],
    ["52:54:00:12:34", "must be a MAC address such as 52:54:00:12:34:56"],
    ["52:54:00:12:34:56\n", "must be a MAC address such as 52:54:00:12:34:56"],
  ])("a card's MAC %j: %s", (mac, complaint) => {
    expect(grammar.macAddress(mac)).toBe(complaint);
  });

  it.each([
    ["/var/lib/x.img", undefined],
    ["/a/..b/c", undefined],
    ["a/b", "must be an absolute path"],
    ["", "must be an absolute path"],
    ["/a/../etc/shadow", "must not contain '..'"],
    ["/a/..", "must not contain '..'"],
    ["/a\nb", "must be printable text; it has the character U+000A"],
  ])("a path %j: %s", (path, complaint) => {
    expect(grammar.absolutePath(path)).toBe(complaint);
  });

  it("tells a UUID in its canonical text", () => {
    expect(grammar.uuidText("c6c0b1f0-0000-8000-8000-000000000001")).toBeUndefined();
    expect(grammar.uuidText("c6c0b1f0000080008000000000000001")).toBe("must be a UUID");
  });
});
