import { createHmac, timingSafeEqual } from "node:crypto";
import { fitsList } from "./pattern";

/** A line of a known_hosts file that can count (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownLine {
  /** For messages: the file's path, or the setting. */
  readonly source: string;
  /** From 1. */
  readonly line: number;
  readonly marker: "key" | "revoked" | "authority";
  readonly hosts: string;
  readonly type: string;
  readonly key: Buffer;
}

/** What the lines say of a key that a host shows. */
export type Verdict =
  | { readonly kind: "known" }
  | { readonly kind: "revoked"; readonly lines: readonly KnownLine[] }
  | { readonly kind: "changed"; readonly lines: readonly KnownLine[] }
  | { readonly kind: "unknown"; readonly others: readonly KnownLine[]; readonly authorities: readonly KnownLine[] };

/** A host as known_hosts files name it. */
export interface HostName {
  readonly host: string;
  readonly port: number;
  /** HostKeyAlias of the SSH configuration: stands for host and port. */
  readonly alias?: string | undefined;
}

const markers: Readonly<Record<string, KnownLine["marker"]>> = {
  "@revoked": "revoked",
  "@cert-authority": "authority",
};

/** Reads the lines of a file; comments and lines that ssh would not understand are left out. */
export function parseKnownHosts(text: string, source: string): KnownLine[] {
  return text.split("\n").flatMap((raw, index) => {
    const words = raw.trim().split(/[ \t]+/);
    if (words[0] === "" || words[0]?.startsWith("#")) return [];
    const marked = words[0]?.startsWith("@") ?? false;
    const marker = marked ? markers[words[0] ?? ""] : "key";
    const [hosts, type, base64] = marked ? words.slice(1) : words;
    if (marker === undefined || hosts === undefined || type === undefined || base64 === undefined) return [];
    const key = keyBlob(type, base64);
    return key === undefined ? [] : [{ source, line: index + 1, marker, hosts, type, key }];
  });
}

/** The bytes of a public key, which must be of the type that stands before it. */
export function keyBlob(type: string, base64: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined;
  const key = Buffer.from(base64, "base64");
  return keyType(key) === type ? key : undefined;
}

const ed25519Bytes = 32;

/** The type that a public key names itself, or nothing where it is none: a key is length-prefixed parts, without a rest. */
export function keyType(key: Buffer): string | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < key.length; at += 4 + (parts.at(-1)?.length ?? 0)) {
    const length = key.length < at + 4 ? Infinity : key.readUInt32BE(at);
    if (length > key.length - at - 4) return undefined;
    parts.push(key.subarray(at + 4, at + 4 + length));
  }
  const [type, first] = parts;
  if (type === undefined || first === undefined || type.length > 64) return undefined;
  const name = type.toString("latin1");
  return name === "ssh-ed25519" && first.length !== ed25519Bytes ? undefined : name;
}

/** How a host stands in a line: with its port where that is not 22. */
export function nameInLine({ host, port, alias }: HostName): string {
  if (alias !== undefined) return alias.toLowerCase();
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/** The lines that speak of a name. */
export function linesFor(lines: readonly KnownLine[], name: string): KnownLine[] {
  return lines.filter(({ hosts }) =>
    hosts.startsWith("|") ? isHashOf(hosts, name) : fitsList(name, hosts.split(",")),
  );
}

function isHashOf(hashed: string, name: string): boolean {
  const [, form, salt, hash] = hashed.split("|");
  if (form !== "1" || salt === undefined || hash === undefined) return false;
  const [expected, key] = [Buffer.from(hash, "base64"), Buffer.from(salt, "base64")];
  const found = createHmac("sha1", key).update(name).digest();
  // As in ssh, a salt is as long as the hash.
  return key.length === found.length && expected.length === found.length && timingSafeEqual(expected, found);
}

/** The lines that a key of the host may stand in: those of the name with the port, else, as ssh does, those without. */
function linesOf(lines: readonly KnownLine[], name: HostName): { own: KnownLine[]; portless: KnownLine[] } {
  const own = linesFor(lines, nameInLine(name));
  const bare = name.alias === undefined && name.port !== 22;
  return { own, portless: bare ? linesFor(lines, name.host.toLowerCase()) : [] };
}

/** The types of the keys by which a host is known, in the order of the lines. */
export function knownTypes(lines: readonly KnownLine[], name: HostName): string[] {
  const { own, portless } = linesOf(lines, name);
  const types = [...own, ...portless].filter(({ marker }) => marker === "key").map(({ type }) => type);
  return [...new Set(types)];
}

/** Whether a host may show this key. Nothing but "known" is a yes. */
export function verdictOf(lines: readonly KnownLine[], name: HostName, key: Buffer): Verdict {
  const { own, portless } = linesOf(lines, name);
  const revoked = [...own, ...portless].filter((line) => line.marker === "revoked" && line.key.equals(key));
  if (revoked.length > 0) return { kind: "revoked", lines: revoked };
  const keys = own.filter(({ marker }) => marker === "key");
  if (keys.some((line) => line.key.equals(key))) return { kind: "known" };
  const sameType = keys.filter(({ type }) => type === keyType(key));
  if (sameType.length > 0) return { kind: "changed", lines: sameType };
  if (portless.some((line) => line.marker === "key" && line.key.equals(key))) return { kind: "known" };
  return { kind: "unknown", others: keys, authorities: own.filter(({ marker }) => marker === "authority") };
}
