import { encodeHeader, Splitter } from "../../provider/rpc/packet";

// Two packets: a reply of 4 bytes (serial 7), and an empty one (serial 8).
const two = Buffer.from(
  "00000020" + "20008086" + "00000001" + "0000003b" + "00000001" + "00000007" + "00000000" + "cafebabe" +
    "0000001c" + "6b656570" + "00000001" + "00000001" + "00000002" + "00000008" + "00000000",
  "hex",
); // prettier-ignore

const summary = (packets: readonly { serial: number; payload: Buffer }[]): string[] =>
  packets.map(({ serial, payload }) => `${serial}:${payload.toString("hex")}`);

describe("the splitter", () => {
  it("joins packets cut at any byte", () => {
    for (let cut = 0; cut <= two.length; cut += 1) {
      const splitter = new Splitter();
      const packets = [...splitter.push(two.subarray(0, cut)), ...splitter.push(two.subarray(cut))];
      expect(summary(packets)).toEqual(["7:cafebabe", "8:"]);
    }
  });

  it("joins packets that come byte by byte", () => {
    const splitter = new Splitter();
    expect(summary([...two].flatMap((byte) => splitter.push(Buffer.from([byte]))))).toEqual(["7:cafebabe", "8:"]);
  });

  it("joins three parts of a packet much longer than a chunk", () => {
    const payload = Buffer.alloc(1_000_003, 0xab);
    const packet = Buffer.concat([
      Buffer.from("000f425f" + "20008086" + "00000001" + "000000d1" + "00000003" + "00000001" + "00000002", "hex"),
      payload,
    ]);
    const splitter = new Splitter();
    expect(splitter.push(packet.subarray(0, 65_536))).toEqual([]);
    expect(splitter.push(packet.subarray(65_536, 900_000))).toEqual([]);
    const [whole] = splitter.push(packet.subarray(900_000));
    expect(whole).toMatchObject({ program: 0x20008086, version: 1, procedure: 209, type: 3, serial: 1, status: 2 });
    expect(whole?.payload.equals(payload)).toBe(true);
  });

  it.each([0, 4, 27, 33_554_437, 0xffff_ffff])("refuses the length %d", (length) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    expect(() => new Splitter().push(head)).toThrow(`${length} bytes long`);
    const bytewise = new Splitter();
    expect(() => [...head].map((byte) => bytewise.push(Buffer.from([byte])))).toThrow(`${length} bytes long`);
  });

  it("allocates little for a packet that is only announced", () => {
    const before = process.memoryUsage().arrayBuffers;
    const splitters = Array.from({ length: 1_000 }, () => {
      const splitter = new Splitter();
      splitter.push(Buffer.from("02000004" + "20008086", "hex"));
      return splitter;
    });
    expect(splitters).toHaveLength(1_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
  });
});

it("writes a header as seven words", () => {
  const head = encodeHeader({ program: 0x20008086, procedure: 350, type: 0, serial: 0xffffffff, status: 0 }, 16);
  expect(head.toString("hex")).toBe(
    "0000002c" + "20008086" + "00000001" + "0000015e" + "00000000" + "ffffffff" + "00000000",
  );
});
