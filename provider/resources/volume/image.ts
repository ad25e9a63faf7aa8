import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { isRecord, type Values } from "../../fields";
import { ImageSource, MediaError, probeBytes, probeFormat, readQcow2 } from "../../media";

export type VolumeFormat = "raw" | "qcow2" | "iso";

/** What a source is, once it was read. */
export interface ImageFacts {
  readonly format: VolumeFormat;
  /** Bytes that a guest sees of it. */
  readonly virtualBytes: bigint;
  /** SHA-256 of the file's bytes, in hex. */
  readonly sha256: string;
}

const MAX_CONTENT_BYTES = 16 * 1024 * 1024;
// A qcow2 header ends within its first cluster, which has at most 2 MiB.
const HEADER_BYTES = 2 * 1024 * 1024;

/** Where the property `source` points to; relative paths begin in the program's folder. */
export function sourcePath(source: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) {
    throw new MediaError(`${source.split(":", 1)[0] ?? ""} addresses are not supported yet: give the path of a file`);
  }
  return resolve(process.cwd(), source);
}

/** Opens what inputs ask for; undefined for a blank volume. MediaError says what is wrong with it. */
export async function openImage(inputs: Values): Promise<ImageSource | undefined> {
  if (typeof inputs["source"] === "string") return ImageSource.open(sourcePath(inputs["source"]));
  if (inputs["content"] !== undefined) return ImageSource.of(await assetBytes(inputs["content"]));
  return undefined;
}

/** The bytes of a Pulumi asset: `text` or `path`, plain or as a promise. */
async function assetBytes(asset: unknown): Promise<Buffer> {
  if (!isRecord(asset)) throw new MediaError("must be a Pulumi asset (StringAsset or FileAsset)");
  const [text, path] = [await asset["text"], await asset["path"]];
  if (typeof text === "string") return bounded(Buffer.from(text, "utf8"));
  if (typeof path !== "string")
    throw new MediaError("must be a StringAsset or FileAsset; others are not supported yet");
  const image = await ImageSource.open(sourcePath(path));
  await image.close();
  if (image.length > MAX_CONTENT_BYTES) tooLong(image.length);
  return bounded(await readFile(sourcePath(path)));
}

function bounded(bytes: Buffer): Buffer {
  return bytes.length > MAX_CONTENT_BYTES ? tooLong(bytes.length) : bytes;
}

function tooLong(bytes: number): never {
  throw new MediaError(`has ${bytes} bytes; at most ${MAX_CONTENT_BYTES} are allowed, use \`source\` for more`);
}

/** Reads an image through; `asBytes` takes compressed and foreign images as the bytes that they are. */
export async function inspect(
  image: ImageSource,
  asBytes: boolean,
  digest: () => Promise<string>,
): Promise<ImageFacts> {
  if (image.length === 0) throw new MediaError("is empty");
  const probed = probeFormat(await image.read(0, probeBytes));
  if (probed === "qcow2") return { ...(await inspectQcow2(image)), sha256: await digest() };
  const virtualBytes = BigInt(image.length);
  if (probed === "raw" || probed === "iso")
    return { format: asBytes ? "raw" : probed, virtualBytes, sha256: await digest() };
  if (asBytes) return { format: "raw", virtualBytes, sha256: await digest() };
  throw new MediaError(
    `is ${probed}: only raw, ISO and qcow2 images can be used yet. Convert it (qemu-img, gunzip, ...), ` +
      'or set `format: "raw"` to store its bytes as they are',
  );
}

async function inspectQcow2(image: ImageSource): Promise<{ format: "qcow2"; virtualBytes: bigint }> {
  const header = readQcow2(await image.read(0, HEADER_BYTES));
  if (!header) throw new MediaError("is no qcow2 image");
  // A header can name any file of the host, which the guest would then read.
  if (header.backing) {
    throw new MediaError(`names a backing file (${header.backing.path}): flatten it with \`qemu-img convert\` first`);
  }
  if (header.externalData) throw new MediaError("keeps its data in another file: `qemu-img convert` it first");
  if (header.encrypted) throw new MediaError("is encrypted, which is not supported");
  return { format: "qcow2", virtualBytes: header.virtualSize };
}

const HEAD_BYTES = 512;
const at = { clusterBits: 20, virtualSize: 24, l1Entries: 36, l1Offset: 40, snapshots: 60, incompatible: 72 } as const;
const EXTENDED_L2 = 0x10n;

/**
 * The first sector of a qcow2 image that is to show more bytes than it was made for: its size and the length of its first
 * table, whose cluster mostly has room. MediaError where it has not, or where the image holds snapshots.
 */
export async function grownHead(image: ImageSource, virtualBytes: bigint): Promise<Buffer> {
  const head = await image.read(0, HEAD_BYTES);
  const clusterBytes = 2 ** head.readUInt32BE(at.clusterBits);
  const extended = head.readUInt32BE(4) >= 3 && (head.readBigUInt64BE(at.incompatible) & EXTENDED_L2) !== 0n;
  const bytesOfEntry = (BigInt(clusterBytes) * BigInt(clusterBytes)) / (extended ? 16n : 8n);
  const before = head.readUInt32BE(at.l1Entries);
  const needed = Number((virtualBytes + bytesOfEntry - 1n) / bytesOfEntry);
  const room = (Math.ceil((before * 8) / clusterBytes) * clusterBytes) / 8;
  const refuse = (why: string): never => {
    throw new MediaError(`cannot be grown while it is uploaded (${why}): use \`qemu-img resize\` first`);
  };
  if (head.readUInt32BE(at.snapshots) > 0) refuse("it holds snapshots");
  if (needed > room) refuse("its first table is full");
  if (needed > before) {
    const start = Number(head.readBigUInt64BE(at.l1Offset)) + before * 8;
    const rest = await image.read(start, (needed - before) * 8);
    if (rest.some((byte) => byte !== 0)) refuse("its first table has no free entries");
    head.writeUInt32BE(needed, at.l1Entries);
  }
  head.writeBigUInt64BE(virtualBytes, at.virtualSize);
  return head;
}

const digests = new Map<string, string>();
const MOST_DIGESTS = 1000;
// A change within the file system's clock tick would leave no trace.
const SETTLED_MS = 2000;

/** One state of a file: whoever writes to it makes another one, whose time of change nobody can choose. */
async function stateOf(path: string): Promise<{ key: string; settled: boolean }> {
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = await stat(path, { bigint: true });
  return {
    key: [path, dev, ino, size, mtimeNs, ctimeNs].join("\n"),
    settled: Date.now() - Number(ctimeMs) > SETTLED_MS,
  };
}

/** SHA-256 of an image; a file's is remembered for the state that the file is in. */
export async function digestOf(image: ImageSource, inputs: Values): Promise<string> {
  if (typeof inputs["source"] !== "string") return image.sha256();
  const path = sourcePath(inputs["source"]);
  const { key, settled } = await stateOf(path);
  const known = digests.get(key);
  if (known !== undefined) return known;
  const made = await image.sha256();
  if (!settled || (await stateOf(path)).key !== key) return made;
  if (digests.size >= MOST_DIGESTS) digests.clear();
  digests.set(key, made);
  return made;
}

/** True where this process has read the file in its present state through, and found that digest. */
export async function isKnown(inputs: Values, sha256: string): Promise<boolean> {
  if (typeof inputs["source"] !== "string") return false;
  const { key } = await stateOf(sourcePath(inputs["source"]));
  return digests.get(key) === sha256;
}
