import { MediaError } from "./error";
import { extensions, fixedHeaderBytes, headerAt, maxBackingBytes, qcow2Magic } from "./qcow2Layout";

/** What an empty image is to be. */
export interface Qcow2Options {
  /** Bytes that the guest sees; a multiple of 512. */
  virtualSize: bigint;
  /** The image whose content shows through; its absolute path on the host. */
  backing?: { path: string; format: "raw" | "qcow2" };
  /** At most 4,096 bytes of UTF-8 that stay in the header through whatever QEMU does to it. */
  mark?: string;
}

const clusterBits = 16;
const clusterBytes = 1 << clusterBits;
// An L2 table is one cluster of 8-byte entries, each for one cluster of data: 512 MiB.
const bytesOfOneL2 = BigInt(clusterBytes / 8) * BigInt(clusterBytes);
const maxVirtualSize = 1n << 50n;
const maxMarkBytes = 4096;
// Counts of 16 bits: one block of them covers 32,768 clusters, many times what an empty image of 1 PiB has.
const refcountOrder = 4;
// The first three clusters; the L1 table follows.
const cluster = { header: 0, refcountTable: 1, refcountBlock: 2, l1: 3 } as const;

/**
 * The bytes of an empty qcow2 image, version 3, clusters of 64 KiB, 256 KiB in all up to 4 TiB: libvirt makes one only
 * with `qemu-img` on the host, which a host may lack. The virtual size is a multiple of 512 up to 1 PiB.
 */
export function qcow2Image(options: Qcow2Options): Buffer {
  const { virtualSize } = options;
  if (virtualSize <= 0n || virtualSize > maxVirtualSize || virtualSize % 512n !== 0n) {
    throw new MediaError(`a qcow2 image of ${virtualSize.toString()} bytes: the size is a multiple of 512 up to 1 PiB`);
  }
  const l1Entries = Number((virtualSize + bytesOfOneL2 - 1n) / bytesOfOneL2);
  const clusters = cluster.l1 + Math.ceil((l1Entries * 8) / clusterBytes);
  const image = Buffer.alloc(clusters * clusterBytes);
  writeHeader(image, virtualSize, l1Entries);
  writeTail(image, options);
  image.writeBigUInt64BE(BigInt(cluster.refcountBlock * clusterBytes), cluster.refcountTable * clusterBytes);
  for (let index = 0; index < clusters; index += 1) {
    image.writeUInt16BE(1, cluster.refcountBlock * clusterBytes + 2 * index);
  }
  return image;
}

function writeHeader(image: Buffer, virtualSize: bigint, l1Entries: number): void {
  image.writeUInt32BE(qcow2Magic, headerAt.magic);
  image.writeUInt32BE(3, headerAt.version);
  image.writeUInt32BE(clusterBits, headerAt.clusterBits);
  image.writeBigUInt64BE(virtualSize, headerAt.virtualSize);
  image.writeUInt32BE(l1Entries, headerAt.l1Entries);
  image.writeBigUInt64BE(BigInt(cluster.l1 * clusterBytes), headerAt.l1Offset);
  image.writeBigUInt64BE(BigInt(cluster.refcountTable * clusterBytes), headerAt.refcountTableOffset);
  image.writeUInt32BE(1, headerAt.refcountTableClusters);
  image.writeUInt32BE(refcountOrder, headerAt.refcountOrder);
  image.writeUInt32BE(fixedHeaderBytes[3], headerAt.headerBytes);
}

/** Extensions, then the backing file's name: together far below the 32 KiB that libvirt reads of a header. */
function writeTail(image: Buffer, { backing, mark }: Qcow2Options): void {
  const parts: Buffer[] = [];
  if (backing !== undefined) parts.push(extension(extensions.backingFormat, Buffer.from(backing.format)));
  if (mark !== undefined) parts.push(extension(extensions.mark, markBytes(mark)));
  parts.push(extension(extensions.end, Buffer.alloc(0)));
  const tail = Buffer.concat(parts);
  tail.copy(image, fixedHeaderBytes[3]);
  if (backing === undefined) return;
  const path = backingBytes(backing.path);
  const at = fixedHeaderBytes[3] + tail.length;
  path.copy(image, at);
  image.writeBigUInt64BE(BigInt(at), headerAt.backingOffset);
  image.writeUInt32BE(path.length, headerAt.backingBytes);
}

function extension(type: number, data: Buffer): Buffer {
  const bytes = Buffer.alloc(8 + Math.ceil(data.length / 8) * 8);
  bytes.writeUInt32BE(type, 0);
  bytes.writeUInt32BE(data.length, 4);
  data.copy(bytes, 8);
  return bytes;
}

function markBytes(mark: string): Buffer {
  const bytes = Buffer.from(mark, "utf8");
  if (bytes.length > maxMarkBytes) throw new MediaError(`a mark of ${bytes.length} bytes: at most ${maxMarkBytes}`);
  return bytes;
}

/** Absolute only: QEMU takes `json:...` and `nbd://...` in this place for instructions. */
function backingBytes(path: string): Buffer {
  const bytes = Buffer.from(path, "utf8");
  if (!path.startsWith("/") || path.includes("\0") || bytes.length > maxBackingBytes) {
    throw new MediaError(
      `the backing file ${JSON.stringify(path)} is not an absolute path of at most ${maxBackingBytes} bytes`,
    );
  }
  return bytes;
}
