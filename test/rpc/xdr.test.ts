import { EncodingError, ProtocolError } from "../../provider/rpc";
import { characters, domain, typedParams, uuid, type TypedParam } from "../../provider/rpc/objects";
import * as xdr from "../../provider/rpc/xdr";

const hex = (bytes: Buffer): string => bytes.toString("hex");
const from = (digits: string): Buffer => Buffer.from(digits.replaceAll(" ", ""), "hex");

/** Each codec, a value, and its bytes as RFC 4506 draws them. */
const pairs: [string, xdr.Codec<unknown>, unknown, string][] = [
  ["an int", xdr.int, -2, "fffffffe"],
  ["a uint", xdr.uint, 4_294_967_295, "ffffffff"],
  ["a hyper", xdr.hyper, -1n, "ffffffffffffffff"],
  ["a uhyper", xdr.uhyper, 2n ** 63n, "8000000000000000"],
  ["a double", xdr.double, 1.5, "3ff8000000000000"],
  ["a bool", xdr.bool, true, "00000001"],
  ["a string with padding", xdr.string, "häj", "00000004 68c3a46a"],
  ["an empty string", xdr.string, "", "00000000"],
  ["padded text", xdr.string, "abcde", "00000005 6162636465 000000"],
  ["fixed bytes", xdr.opaque(3), Buffer.from("abc"), "61626300"],
  ["counted bytes", xdr.bytes(8), Buffer.from("ab"), "00000002 61620000"],
  ["nothing", xdr.optional(xdr.int), undefined, "00000000"],
  ["something", xdr.optional(xdr.int), 5, "00000001 00000005"],
  ["a list", xdr.array(xdr.int, 3), [1, 2], "00000002 00000001 00000002"],
  ["a struct", xdr.struct({ one: xdr.int, two: xdr.string }), { one: 1, two: "x" }, "00000001 00000001 78000000"],
  ["a UUID", uuid, "0102a3b4-c5d6-4e7f-8091-a2b3c4d5e6f7", "0102a3b4c5d64e7f8091a2b3c4d5e6f7"],
  ["a char array", characters(3), "ab", "00000061 00000062 00000000"],
  [
    "a domain",
    domain,
    { name: "web", uuid: "00000000-0000-4000-8000-0000000000ff", id: -1 },
    "00000003 77656200 00000000000040008000 0000000000ff ffffffff",
  ],
];

const params: TypedParam[] = [
  { field: "i", type: "int", value: -1 },
  { field: "u", type: "uint", value: 1 },
  { field: "l", type: "llong", value: -1n },
  { field: "L", type: "ullong", value: 1n },
  { field: "d", type: "double", value: 1.5 },
  { field: "b", type: "boolean", value: true },
  { field: "s", type: "string", value: "x" },
];
const paramBytes =
  "00000007" +
  "00000001 69000000 00000001 ffffffff" +
  "00000001 75000000 00000002 00000001" +
  "00000001 6c000000 00000003 ffffffffffffffff" +
  "00000001 4c000000 00000004 0000000000000001" +
  "00000001 64000000 00000005 3ff8000000000000" +
  "00000001 62000000 00000006 00000001" +
  "00000001 73000000 00000007 00000001 78000000";

describe("XDR", () => {
  it.each(pairs)("writes and reads %s", (_, codec, value, digits) => {
    expect(hex(xdr.encode(codec, value))).toBe(hex(from(digits)));
    expect(xdr.decode(codec, from(digits))).toEqual(value);
  });

  it("writes and reads typed parameters of all seven types", () => {
    expect(hex(xdr.encode(typedParams(16), params))).toBe(hex(from(paramBytes)));
    expect(xdr.decode(typedParams(16), from(paramBytes))).toEqual(params);
  });

  it("refuses an answer that is cut at any byte or has one too many", () => {
    const whole = from(paramBytes);
    for (let end = 0; end < whole.length; end += 1) {
      expect(() => xdr.decode(typedParams(16), whole.subarray(0, end))).toThrow(ProtocolError);
    }
    expect(() => xdr.decode(typedParams(16), Buffer.concat([whole, Buffer.alloc(1)]))).toThrow("1 bytes too many");
  });

  it.each([
    ["a list of 2^32-1", xdr.array(xdr.int, 16_384), "ffffffff"],
    ["a list that is longer than its answer", xdr.array(domain, 16_384), "00004000 00000000"],
    ["a list of structs over its own limit", xdr.array(xdr.int, 1), "00000002 00000000 00000000"],
    ["a string of 4 GiB", xdr.string, "ffffffff 00000000"],
    ["a string with a NUL", xdr.string, "00000002 61000000"],
    ["a bool of 2", xdr.bool, "00000002"],
    ["an optional's flag of 2", xdr.optional(xdr.int), "00000002 00000000"],
    ["a typed parameter of type 0", typedParams(1), "00000001 00000000 00000000 00000000"],
    ["a typed parameter of type 8", typedParams(1), "00000001 00000000 00000008 00000000"],
  ] as [string, xdr.Codec<unknown>, string][])("refuses to read %s", (_, codec, digits) => {
    expect(() => xdr.decode(codec, from(digits))).toThrow(ProtocolError);
  });

  it.each([
    ["a NUL", xdr.string, "a\0b", "NUL"],
    ["more than 4 MiB", xdr.string, "x".repeat(4_194_305), "4 MiB"],
    ["half a surrogate", xdr.string, "\ud800", "surrogate"],
    ["a fraction", xdr.int, 1.5, "1.5 is not a whole number"],
    ["2^31 as an int", xdr.int, 2 ** 31, "2147483648 is not"],
    ["-1 as a uint", xdr.uint, -1, "-1 is not"],
    ["2^64", xdr.uhyper, 2n ** 64n, "64 bits"],
    ["no UUID", uuid, "web", "no UUID"],
  ] as [string, xdr.Codec<unknown>, unknown, string][])(
    "refuses to write %s and names the field",
    (_, codec, value, reason) => {
      const named = xdr.struct({ field: codec });
      expect(() => xdr.encode(named, { field: value })).toThrow(EncodingError);
      expect(() => xdr.encode(named, { field: value })).toThrow(reason);
      expect(() => xdr.encode(named, { field: value })).toThrow(/^field: /);
    },
  );
});
