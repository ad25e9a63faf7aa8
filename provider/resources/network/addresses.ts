import { isIP } from "node:net";

/** An address as a number of its family's width. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A subnet with the host's own address in it, as "10.20.0.1/24" says. */
export interface Subnet {
  readonly own: Address;
  readonly prefix: number;
  readonly first: bigint;
  readonly last: bigint;
}

/** Reads an IPv4 or IPv6 address without zone; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const family = isIP(text);
  if (family === 4) return { family, value: joined(text.split(".").map(Number), 8n) };
  if (family === 6 && !text.includes("%")) return { family, value: joined(wordsOf(text), 16n) };
  return undefined;
}

/** Reads "10.20.0.1/24"; undefined where it is not an address with the length of its network's prefix. */
export function parseSubnet(text: string): Subnet | undefined {
  const [head = "", tail = "", ...rest] = text.split("/");
  const own = parseAddress(head);
  const prefix = Number(tail);
  if (!own || rest.length > 0 || !/^\d{1,3}$/.test(tail) || prefix > widthOf(own)) return undefined;
  const size = 1n << BigInt(widthOf(own) - prefix);
  const first = (own.value / size) * size;
  return { own, prefix, first, last: first + size - 1n };
}

/** The address in libvirt's own words: dotted, or RFC 5952. */
export function printAddress({ family, value }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join(".");
  const words = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  return shortened(words);
}

/** The same text for the same address, however it was written; what is no address stays. */
export function canonical(text: string): string {
  const [head = "", ...rest] = text.split("/");
  const address = parseAddress(head);
  return address ? [printAddress(address), ...rest].join("/") : text;
}

/** True for an address that stands in the subnet and that a guest may have. */
export function isGuestAddress(subnet: Subnet, address: Address): boolean {
  const { family, value } = address;
  if (family !== subnet.own.family || value < subnet.first || value > subnet.last) return false;
  return family === 6 || (value !== subnet.first && value !== subnet.last);
}

/**
 * The ranges that hand out the whole subnet, less the network's own address, its number and its broadcast. Of an IPv6
 * subnet the first 65,535 addresses: libvirt refuses longer ranges.
 */
export function wholeSubnet(subnet: Subnet): { start: string; end: string }[] {
  const { own, first, last } = subnet;
  const most = own.family === 4 ? last - 1n : [first + 0xffffn, last].reduce((a, b) => (a < b ? a : b));
  const halves: [bigint, bigint][] = [
    [first + 1n, own.value - 1n < most ? own.value - 1n : most],
    [own.value + 1n > first + 1n ? own.value + 1n : first + 1n, most],
  ];
  const filled = halves.filter(([start, end]) => start <= end);
  const parts = own.value > most || own.value <= first ? ([[first + 1n, most]] as const) : filled;
  const print = (value: bigint): string => printAddress({ family: own.family, value });
  return parts.map(([start, end]) => ({ start: print(start), end: print(end) }));
}

function widthOf({ family }: Address): number {
  return family === 4 ? 32 : 128;
}

function joined(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((sum, part) => (sum << bits) | BigInt(part), 0n);
}

function wordsOf(text: string): number[] {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted?.[2]?.split(".").map(Number) ?? [];
  const [a = 0, b = 0, c = 0, d = 0] = tail;
  const plain = dotted ? `${dotted[1] ?? ""}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}` : text;
  const [head = "", rest] = plain.split("::", 2);
  const before = head === "" ? [] : head.split(":");
  const after = rest === undefined || rest === "" ? [] : rest.split(":");
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].map((word) => parseInt(word, 16));
}

/** Writes the longest run of two or more zero words as "::", the first of equal ones. */
function shortened(words: readonly string[]): string {
  let [from, length] = [-1, 1];
  words.forEach((_, start) => {
    const end = words.findIndex((word, index) => index >= start && word !== "0");
    const run = (end < 0 ? words.length : end) - start;
    if (run > length) [from, length] = [start, run];
  });
  if (from < 0) return words.join(":");
  return `${words.slice(0, from).join(":")}::${words.slice(from + length).join(":")}`;
}
