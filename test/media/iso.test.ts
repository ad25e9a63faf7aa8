import { createHash } from "node:crypto";
import { isoImage, MediaError, seedImage, type IsoFile } from "../../provider/media";

interface Found {
  name: string;
  data: Buffer;
  flags: number;
  mode?: number;
}

/** A reader of its own: finds a tree's root by its descriptor and walks the records, sector by sector. */
function readTree(image: Buffer, tree: "plain" | "rockRidge" | "joliet"): Found[] {
  const descriptor = image.subarray((tree === "joliet" ? 17 : 16) * 2048);
  const start = descriptor.readUInt32LE(156 + 2) * 2048;
  const end = start + descriptor.readUInt32LE(156 + 10);
  const found: Found[] = [];
  for (let at = start; at < end;) {
    const length = image[at]!;
    if (length === 0) {
      at = (Math.floor(at / 2048) + 1) * 2048;
      continue;
    }
    if ((at % 2048) + length > 2048) throw new Error(`the record at ${at} crosses a sector`);
    found.push(readRecord(image, image.subarray(at, at + length), tree));
    at += length;
  }
  return found;
}

function readRecord(image: Buffer, record: Buffer, tree: string): Found {
  for (const at of [2, 10]) {
    if (record.readUInt32BE(at + 4) !== record.readUInt32LE(at)) throw new Error(`byte orders differ at ${at}`);
  }
  const identifier = record.subarray(33, 33 + record[32]!);
  const from = record.readUInt32LE(2) * 2048;
  const data = image.subarray(from, from + record.readUInt32LE(10));
  const common = { data, flags: record[25]! };
  if (tree === "plain") return { ...common, name: identifier.toString("latin1") };
  if (tree === "joliet") return { ...common, name: jolietName(identifier) };
  const fields = new Map<string, Buffer>();
  const systemUse = 33 + record[32]! + (record[32]! % 2 === 0 ? 1 : 0);
  for (let at = systemUse; at + 4 <= record.length; at += record[at + 2]!) {
    fields.set(record.toString("latin1", at, at + 2), record.subarray(at + 4, at + record[at + 2]!));
  }
  return {
    ...common,
    name: fields.get("NM")?.toString("latin1", 1) ?? "",
    mode: fields.get("PX")!.readUInt32LE(0),
  };
}

/** The directory itself and its parent have names of one byte in every tree. */
function jolietName(identifier: Buffer): string {
  if (identifier.length === 1) return identifier.toString("latin1");
  return Buffer.from(identifier).swap16().toString("utf16le");
}

const seed = { userData: "#cloud-config\npassword: é\n", metaData: "instance-id: a\n", networkConfig: "version: 2\n" };

describe("a seed", () => {
  const image = seedImage(seed);

  it.each(["rockRidge", "joliet"] as const)("names cloud-init's documents in full by %s", (tree) => {
    const [self, parent, ...files] = readTree(image, tree);
    expect([self!.flags, parent!.flags]).toEqual([2, 2]);
    expect(files.map(({ name, data }) => [name, data.toString("utf8")])).toEqual([
      ["meta-data", "instance-id: a\n"],
      ["network-config", "version: 2\n"],
      ["user-data", "#cloud-config\npassword: é\n"],
    ]);
  });

  it("has plain 8.3 names for readers that know neither", () => {
    expect(readTree(image, "plain").map(({ name }) => name)).toEqual([
      "\u0000",
      "\u0001",
      "META_DAT.;1",
      "NETWORK_.;1",
      "USER_DAT.;1",
    ]);
  });

  it("lets root alone read its files", () => {
    expect(readTree(image, "rockRidge").map(({ mode }) => mode!.toString(8))).toEqual([
      "40555",
      "40555",
      "100400",
      "100400",
      "100400",
    ]);
  });

  it("is labelled cidata in both trees", () => {
    expect(image.toString("latin1", 16 * 2048, 16 * 2048 + 8)).toBe("\u0001CD001\u0001\u0000");
    expect(image.toString("latin1", 16 * 2048 + 40, 16 * 2048 + 72)).toBe("cidata".padEnd(32));
    expect(image.toString("latin1", 17 * 2048, 17 * 2048 + 8)).toBe("\u0002CD001\u0001\u0000");
    expect(image.toString("latin1", 17 * 2048 + 88, 17 * 2048 + 91)).toBe("%/E");
    const joliet = Buffer.from(image.subarray(17 * 2048 + 40, 17 * 2048 + 72)).swap16();
    expect(joliet.toString("utf16le")).toBe("cidata".padEnd(16));
    expect(image.toString("latin1", 18 * 2048, 18 * 2048 + 7)).toBe("\u00ffCD001\u0001");
  });

  it("announces Rock Ridge in the root's first record", () => {
    const root = image.readUInt32LE(16 * 2048 + 156 + 2) * 2048;
    expect(image.subarray(root + 34, root + 41).toString("hex")).toBe("53500701beef00");
    expect(image.includes("RRIP_1991A")).toBe(true);
  });

  it("says its own length", () => {
    expect(image.length).toBe(image.readUInt32LE(16 * 2048 + 80) * 2048);
    expect(image.length).toBe(28 * 2048);
  });

  it("has the same bytes each time", () => {
    expect(seedImage(seed).equals(image)).toBe(true);
    expect(createHash("sha256").update(image).digest("hex")).toBe(
      "2329c719ed16e93a43c183690bc56d2d84450c7c79432b1e9ee95ff8268d1626",
    );
  });

  it("always has user-data, without which cloud-init ignores it", () => {
    const files = readTree(seedImage({ metaData: "" }), "joliet").slice(2);
    expect(files.map(({ name, data }) => [name, data.toString("utf8")])).toEqual([
      ["meta-data", ""],
      ["user-data", "#cloud-config\n"],
    ]);
  });

  it("carries vendor-data where it is given", () => {
    expect(readTree(seedImage({ metaData: "", vendorData: "v" }), "rockRidge").at(-1)).toMatchObject({
      name: "vendor-data",
      data: Buffer.from("v"),
    });
  });
});

describe("an ISO image", () => {
  const many: IsoFile[] = Array.from({ length: 1500 }, (_, index) => ({
    name: `a file with a rather long name ${index}.text`,
    data: Buffer.from(`content ${index}`),
  }));

  it.each(["rockRidge", "joliet"] as const)("holds 1,500 files in a directory of many sectors: %s", (tree) => {
    const files = readTree(isoImage("MANY", many), tree).slice(2);
    const byName = new Map(files.map(({ name, data }) => [name, data.toString()]));
    expect(byName.size).toBe(1500);
    for (const { name, data } of many) expect(byName.get(name)).toBe(data.toString());
  });

  it("gives each file a plain name of its own, in order", () => {
    const names = readTree(isoImage("MANY", many), "plain")
      .slice(2)
      .map(({ name }) => name);
    expect(new Set(names).size).toBe(1500);
    expect([...names].sort()).toEqual(names);
    expect(names.every((name) => /^[A-Z0-9_]{1,8}\.[A-Z0-9_]{0,3};1$/.test(name))).toBe(true);
  });

  it("keeps contents of every length apart", () => {
    const files = [0, 1, 2047, 2048, 2049, 100_000].map((length) => ({
      name: `f${length}`,
      data: Buffer.alloc(length, length % 251),
    }));
    const found = readTree(isoImage("X", files), "rockRidge").slice(2);
    for (const { name, data } of files) expect(found.find((file) => file.name === name)!.data.equals(data)).toBe(true);
  });

  it("may be empty, and takes the longest name", () => {
    expect(readTree(isoImage("X", []), "joliet")).toHaveLength(2);
    const name = "n".repeat(64);
    expect(readTree(isoImage("X", [{ name, data: Buffer.alloc(0) }]), "rockRidge")[2]!.name).toBe(name);
  });

  it.each(["", ".", "..", "a/b", "a\\b", "a:b", "a*", "é", "a\u0000", "n".repeat(65)])(
    "refuses the name %j",
    (name) => {
      expect(() => isoImage("X", [{ name, data: Buffer.alloc(0) }])).toThrow(MediaError);
    },
  );

  it("refuses a name that is there twice", () => {
    const file = { name: "a", data: Buffer.alloc(0) };
    expect(() => isoImage("X", [file, file])).toThrow('the file "a" is there twice');
  });

  it.each(["", "a b", "é", "l".repeat(17)])("refuses the label %j", (label) => {
    expect(() => isoImage(label, [])).toThrow(MediaError);
  });
});
