import { createHash } from "node:crypto";
import { MediaError, qcow2Image, readQcow2 } from "../../provider/media";

const gib = 1n << 30n;

describe("an empty qcow2 image", () => {
  it("is laid out as header, refcount table, refcount block, L1 table", () => {
    const image = qcow2Image({ virtualSize: gib });
    expect(image.length).toBe(4 * 65536);
    expect(image.subarray(0, 112).toString("hex")).toBe(
      [
        "514649fb", // magic
        "00000003", // version
        "0000000000000000" + "00000000", // no backing file
        "00000010", // clusters of 2^16
        "0000000040000000", // 1 GiB
        "00000000", // not encrypted
        "00000002", // two L1 entries of 512 MiB
        "0000000000030000", // L1 table
        "0000000000010000" + "00000001", // refcount table, one cluster
        "00000000" + "0000000000000000", // no snapshots
        "0000000000000000".repeat(3), // no features
        "00000004", // refcounts of 16 bits
        "00000068", // 104 bytes of header
        "0000000000000000", // no extensions
      ].join(""),
    );
    expect(image.subarray(65536, 65544).toString("hex")).toBe("0000000000020000");
    expect(image.subarray(2 * 65536, 2 * 65536 + 10).toString("hex")).toBe("00010001000100010000");
    for (const [from, to] of [
      [112, 65536],
      [65544, 131072],
      [131080, 262144],
    ] as const) {
      expect(image.subarray(from, to).every((byte) => byte === 0)).toBe(true);
    }
  });

  it("names its backing file, the format of that, and its owner", () => {
    const image = qcow2Image({
      virtualSize: gib,
      backing: { path: "/pool/base.img", format: "raw" },
      mark: "owner é",
    });
    expect(image.subarray(8, 20).toString("hex")).toBe("0000000000000090" + "0000000e");
    expect(image.subarray(104, 160).toString("latin1")).toBe(
      "\u00e2\u0079\u002a\u00ca\0\0\0\u0003raw\0\0\0\0\0" +
        "PKVM\0\0\0\u0008owner \u00c3\u00a9" +
        "\0".repeat(8) +
        "/pool/base.img\0\0",
    );
  });

  it("has the same bytes each time", () => {
    const digest = (): string =>
      createHash("sha256")
        .update(qcow2Image({ virtualSize: gib, mark: "m" }))
        .digest("hex");
    expect(digest()).toBe(digest());
    expect(digest()).toBe("681f5a6ca5877ca215dde7b6f3d2502b2c1a736a084030aeeef05a9d114ce124");
  });

  it.each([
    ["1 MiB", 1n << 20n, 1, 4],
    ["512 MiB", 512n << 20n, 1, 4],
    ["512 MiB and a sector", (512n << 20n) + 512n, 2, 4],
    ["4 TiB", 4n << 40n, 8192, 4],
    ["16 TiB", 16n << 40n, 32768, 7],
    ["1 PiB", 1n << 50n, 2097152, 259],
  ])("of %s has an L1 table to match", (_, virtualSize, l1Entries, clusters) => {
    const image = qcow2Image({ virtualSize });
    expect(image.readUInt32BE(36)).toBe(l1Entries);
    expect(image.length).toBe(clusters * 65536);
    expect(image.readUInt16BE(2 * 65536 + 2 * (clusters - 1))).toBe(1);
    expect(image.readUInt16BE(2 * 65536 + 2 * clusters)).toBe(0);
  });

  it.each([0n, -512n, 1n, 513n, (1n << 50n) + 512n])("of %s bytes is refused", (virtualSize) => {
    expect(() => qcow2Image({ virtualSize })).toThrow(MediaError);
  });

  it.each(["", "base.img", "json:{}", "nbd://host/x", "/a\0b", `/${"n".repeat(1023)}`])(
    "on the backing file %j is refused",
    (path) => {
      expect(() => qcow2Image({ virtualSize: gib, backing: { path, format: "raw" } })).toThrow(MediaError);
    },
  );

  it("with a mark of more than 4,096 bytes is refused", () => {
    expect(readQcow2(qcow2Image({ virtualSize: gib, mark: "m".repeat(4096) }))?.mark).toHaveLength(4096);
    expect(() => qcow2Image({ virtualSize: gib, mark: "é".repeat(2049) })).toThrow(MediaError);
  });
});

describe("reading a qcow2 header", () => {
  const backing = { path: `/pool/${"n".repeat(1017)}`, format: "qcow2" } as const;
  const image = qcow2Image({ virtualSize: gib, backing, mark: "owner" });
  const head = (edit: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(image.subarray(0, 65536));
    edit(bytes);
    return bytes;
  };

  it("finds all that was written", () => {
    expect(readQcow2(image.subarray(0, 65536))).toEqual({
      version: 3,
      virtualSize: gib,
      clusterSize: 65536,
      backing,
      mark: "owner",
      externalData: false,
      encrypted: false,
    });
  });

  it("finds little where little was written", () => {
    expect(readQcow2(qcow2Image({ virtualSize: 512n }))).toEqual({
      version: 3,
      virtualSize: 512n,
      clusterSize: 65536,
      externalData: false,
      encrypted: false,
    });
  });

  it("tells other files from malformed images", () => {
    for (const other of ["", "QFI", "\x1f\x8b\x08", "<domain/>"]) {
      expect(readQcow2(Buffer.from(other, "latin1"))).toBeUndefined();
    }
  });

  it("sees encryption and data in another file", () => {
    expect(readQcow2(head((bytes) => bytes.writeUInt32BE(2, 32)))?.encrypted).toBe(true);
    expect(readQcow2(head((bytes) => bytes.writeUInt8(4, 79)))?.externalData).toBe(true);
    expect(readQcow2(head((bytes) => bytes.write("DATA", 120, "latin1")))?.externalData).toBe(true);
  });

  it("reads version 2, whose backing format follows 72 bytes of header", () => {
    const bytes = Buffer.alloc(512);
    Buffer.from(
      "514649fb00000002" + "0000000000000058" + "00000002" + "00000009" + "0000000000000200" + "00".repeat(40),
      "hex",
    ).copy(bytes);
    Buffer.from("e2792aca00000003" + "7261770000000000" + "2f61", "hex").copy(bytes, 72);
    expect(readQcow2(bytes)).toEqual({
      version: 2,
      virtualSize: 512n,
      clusterSize: 512,
      backing: { path: "/a", format: "raw" },
      externalData: false,
      encrypted: false,
    });
  });

  it("has no mark where another's extension is no text", () => {
    expect(readQcow2(head((bytes) => bytes.writeUInt8(0xff, 128)))?.mark).toBeUndefined();
  });

  it.each<[string, (bytes: Buffer) => void]>([
    ["version 1", (bytes) => bytes.writeUInt32BE(1, 4)],
    ["version 4", (bytes) => bytes.writeUInt32BE(4, 4)],
    ["clusters of 256 bytes", (bytes) => bytes.writeUInt32BE(8, 20)],
    ["clusters of 4 GiB", (bytes) => bytes.writeUInt32BE(32, 20)],
    ["a size past 2^63", (bytes) => bytes.writeBigUInt64BE(1n << 63n, 24)],
    ["a backing name at 1", (bytes) => bytes.writeBigUInt64BE(1n, 8)],
    ["a backing name beyond the cluster", (bytes) => bytes.writeBigUInt64BE(65536n, 8)],
    ["a backing name far away", (bytes) => bytes.writeBigUInt64BE((1n << 64n) - 1n, 8)],
    ["a backing name without length", (bytes) => bytes.writeUInt32BE(0, 16)],
    ["a backing name of 1,024 bytes", (bytes) => bytes.writeUInt32BE(1024, 16)],
    ["a backing name of 4 GiB", (bytes) => bytes.writeUInt32BE(0xffffffff, 16)],
    ["a backing name with a nought", (bytes) => bytes.writeUInt8(0, Number(bytes.readBigUInt64BE(8)) + 3)],
    ["a backing name that is no UTF-8", (bytes) => bytes.writeUInt8(0xff, Number(bytes.readBigUInt64BE(8)) + 3)],
    ["a short header", (bytes) => bytes.writeUInt32BE(96, 100)],
    ["a header of 4 GiB", (bytes) => bytes.writeUInt32BE(0xfffffff8, 100)],
    ["an extension of 4 GiB", (bytes) => bytes.writeUInt32BE(0xffffffff, 108)],
    ["an extension over the backing name", (bytes) => bytes.writeUInt32BE(64, 108)],
    ["an extension twice", (bytes) => bytes.writeUInt32BE(0xe2792aca, 120)],
    ["a format that is no name", (bytes) => bytes.write("\n", 112)],
  ])("refuses %s", (_, edit) => {
    expect(() => readQcow2(head(edit))).toThrow(MediaError);
  });

  it("never reads past a head cut short, wherever it is cut", () => {
    for (let length = 4; length < Number(image.readBigUInt64BE(8)) + backing.path.length; length += 1) {
      expect(() => readQcow2(image.subarray(0, length))).toThrow(MediaError);
    }
  });
});
