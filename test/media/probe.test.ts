import { isoImage, isZero, probeBytes, probeFormat, qcow2Image } from "../../provider/media";

describe("an image's format", () => {
  it.each([
    ["qcow2", "514649fb00000003"],
    ["qcow2", "514649fb00000002"],
    ["qcow", "514649fb00000001"],
    ["qed", "51454400"],
    ["vmdk", "4b444d56"],
    ["vmdk", "434f5744"],
    ["vhdx", "7668647866696c65"],
    ["vhd", "636f6e6563746978"],
    ["vdi", "3c3c3c".padEnd(128, "0") + "7f10dabe"],
    ["luks", "4c554b53babe0001"],
    ["gzip", "1f8b0800"],
    ["xz", "fd377a585a00"],
    ["zstd", "28b52ffd"],
    ["bzip2", "425a6839"],
    ["lz4", "04224d18"],
    ["zip", "504b0304"],
    ["7z", "377abcaf271c"],
    ["tar", "00".repeat(257) + "7573746172"],
    ["raw", ""],
    ["raw", "1f8b"],
    ["raw", "00".repeat(65536)],
  ])("%s", (format, hex) => {
    expect(probeFormat(Buffer.from(hex, "hex"))).toBe(format);
  });

  it("is known of what we make", () => {
    expect(probeFormat(isoImage("X", []).subarray(0, probeBytes))).toBe("iso");
    expect(probeFormat(qcow2Image({ virtualSize: 512n }).subarray(0, probeBytes))).toBe("qcow2");
  });
});

describe("a stretch of noughts", () => {
  it.each([0, 1, 65535, 65536, 65537, 1024 * 1024])("of %d bytes is seen, and one byte in it", (length) => {
    const chunk = Buffer.alloc(length);
    expect(isZero(chunk)).toBe(true);
    for (const at of [0, Math.floor(length / 2), length - 1].filter((index) => index >= 0 && index < length)) {
      chunk[at] = 1;
      expect(isZero(chunk)).toBe(false);
      chunk[at] = 0;
    }
  });
});
