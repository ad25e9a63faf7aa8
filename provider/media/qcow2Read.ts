import { MediaError } from "./error";
import { extensions, externalDataBit, fixedHeaderBytes, headerAt, maxBackingBytes, qcow2Magic } from "./qcow2Layout";

/** What a qcow2 header says; all of it may come from a stranger. */
export interface Qcow2Header {
  version: number;
  virtualSize: bigint;
  clusterSize: number;
  backing?: { path: string; format?: string };
  /** Present where the image was made by us, or claims so. */
  mark?: string;
  /** The data lies in another file, which the header may name at will. */
  externalData: boolean;
  encrypted: boolean;
}

/**
 * Reads the header from the first bytes of an image (64 KiB always suffice for ours, 2 MiB for any); undefined where
 * they are not qcow2's, MediaError where they are malformed or too few.
 */
export function readQcow2(head: Buffer): Qcow2Header | undefined {
  if (head.length < 4 || head.readUInt32BE(headerAt.magic) !== qcow2Magic) return undefined;
  need(head, 8);
  const version = head.readUInt32BE(headerAt.version);
  if (version !== 2 && version !== 3) malformed(`its version is ${version}, not 2 or 3`);
  need(head, fixedHeaderBytes[version]);
  const clusterBits = head.readUInt32BE(headerAt.clusterBits);
  if (clusterBits < 9 || clusterBits > 21) malformed(`its clusters have 2^${clusterBits} bytes, not 2^9 to 2^21`);
  const clusterSize = 2 ** clusterBits;
  const virtualSize = head.readBigUInt64BE(headerAt.virtualSize);
  if (virtualSize >= 1n << 63n) malformed("its virtual size is out of range");
  const path = backingPath(head, clusterSize);
  const found = readExtensions(head, extensionsStart(head, version, clusterSize), path?.at ?? clusterSize);
  const format = found.get(extensions.backingFormat);
  const mark = readMark(found.get(extensions.mark));
  const incompatible = version === 3 ? head.readBigUInt64BE(headerAt.incompatible) : 0n;
  return {
    version,
    virtualSize,
    clusterSize,
    ...(path && { backing: { path: path.text, ...(format && { format: formatName(format) }) } }),
    ...(mark !== undefined && { mark }),
    externalData: (incompatible & externalDataBit) !== 0n || found.has(extensions.externalData),
    encrypted: head.readUInt32BE(headerAt.encryption) !== 0,
  };
}

function backingPath(head: Buffer, clusterSize: number): { at: number; text: string } | undefined {
  const offset = head.readBigUInt64BE(headerAt.backingOffset);
  const bytes = head.readUInt32BE(headerAt.backingBytes);
  if (offset === 0n) return undefined;
  if (bytes === 0 || bytes > maxBackingBytes) malformed(`the name of its backing file has ${bytes} bytes`);
  if (offset < 72n || offset + BigInt(bytes) > BigInt(clusterSize)) {
    malformed("the name of its backing file lies outside its first cluster");
  }
  const at = Number(offset);
  need(head, at + bytes);
  const text = utf8(head.subarray(at, at + bytes));
  if (text === undefined || text.includes("\0")) malformed("the name of its backing file is not text");
  return { at, text };
}

function extensionsStart(head: Buffer, version: 2 | 3, clusterSize: number): number {
  if (version === 2) return fixedHeaderBytes[2];
  const bytes = head.readUInt32BE(headerAt.headerBytes);
  if (bytes < fixedHeaderBytes[3] || bytes > clusterSize || bytes % 8 !== 0) malformed(`its header has ${bytes} bytes`);
  return bytes;
}

/** Each extension's data by its type; they end with type 0, or where the backing file's name or a cluster begins. */
function readExtensions(head: Buffer, start: number, end: number): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = start; at + 8 <= end;) {
    need(head, at + 8);
    const type = head.readUInt32BE(at);
    if (type === extensions.end) return found;
    const bytes = head.readUInt32BE(at + 4);
    if (bytes > end - at - 8) malformed("a header extension reaches past the header");
    need(head, at + 8 + bytes);
    if (found.has(type)) malformed("a header extension is there twice");
    found.set(type, head.subarray(at + 8, at + 8 + bytes));
    at += 8 + Math.ceil(bytes / 8) * 8;
  }
  return found;
}

function formatName(bytes: Buffer): string {
  const text = bytes.toString("latin1");
  if (!/^[A-Za-z0-9_-]{1,31}$/.test(text)) malformed("the format of its backing file is not a name");
  return text;
}

/** What is not text is not ours: no mark. */
function readMark(bytes: Buffer | undefined): string | undefined {
  return bytes && utf8(bytes);
}

function utf8(bytes: Buffer): string | undefined {
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : undefined;
}

function need(head: Buffer, bytes: number): void {
  if (head.length < bytes) malformed(`${bytes} bytes are needed to read its header, ${head.length} are here`);
}

function malformed(what: string): never {
  throw new MediaError(`malformed qcow2 image: ${what}`);
}
