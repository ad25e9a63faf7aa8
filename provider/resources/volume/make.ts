import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ImageSource, isZero } from "../../media";
import { Code, ConnectionError, isLibvirt, type StoragePool, type StorageVol } from "../../rpc";
import { element, printXml, readPath } from "../../xml";
import { explain } from "../errors";
import { Refusal, type Request } from "../port";
import { FILE_POOLS } from "./check";
import {
  bytesAt,
  type Here,
  look,
  onceFree,
  type PoolInfo,
  poolInfo,
  poolType,
  readBytes,
  refreshPool,
  type Sight,
} from "./find";
import type { VolumeFormat } from "./image";
import type { Target } from "./inUse";
import { isUnfinished, MARKER_BYTES, markerBlock, oddBytes, SMALL_BYTES, type Spot } from "./proof";
import { LostBytes, uploadBody, writeBytes } from "./upload";

/** What a new volume is to be. */
export interface Making extends Spot {
  readonly format: VolumeFormat;
  /** Bytes that a guest sees. */
  readonly capacityBytes: bigint;
  /** Its content; absent: a raw volume of zeros. */
  readonly content?: Content;
}

export interface Content {
  readonly image: ImageSource;
  /** What the bytes that are sent must be; absent: bytes that were made in memory. */
  readonly promise?: {
    /** In hex. */
    readonly sha256: string;
    /** True while the file is in a state in which it was read and had that digest; else all is hashed once more. */
    holds(): Promise<boolean>;
  };
  /** The first 512 bytes, where they are not the image's own. */
  readonly head?: Buffer;
}

/**
 * Makes a volume, by one call where it is blank and raw, else by the steps of proof.ts: whatever ends it on the way, the next
 * try of the same owner knows what is left for its own, and nobody else does. Throws Refusal where another one's stands there.
 */
export async function makeVolume(request: Request, making: Making): Promise<Here> {
  const action = `create ${named(making)}`;
  try {
    const info = await poolInfo(request, making.pool);
    if (!info.active) throw new Error(`the pool is not active; start it first`);
    const asFile = FILE_POOLS.has(await poolType(request, making.pool));
    if (!asFile && making.format === "qcow2") throw new Error("a volume in a pool of block devices is raw");
    return await madeAgain(async () => {
      const vol = await claim(request, info.pool, making, asFile);
      const { content } = making;
      if (content) await fillOrRemove(request, info, vol, { ...making, content }, asFile);
      return settled(request, info.pool, making);
    });
  } catch (error) {
    throw explain(action, error);
  }
}

const MAKINGS = 3;

/** The provider of an engine that was killed acts on for a while, and removes what it cannot finish: ours by then. */
async function madeAgain(make: () => Promise<Here>): Promise<Here> {
  for (let making = 1; ; making += 1) {
    try {
      return await make();
    } catch (error) {
      if (making === MAKINGS || !isLibvirt(error, Code.NO_STORAGE_VOL)) throw error;
    }
  }
}

/** `volume "x" in pool "p"`. */
export function named({ pool, name }: Spot): string {
  return `volume "${name}" in pool "${pool}"`;
}

/** The call that makes the volume; libvirt lets one of many win, and says so to the others. */
async function claim(request: Request, pool: StoragePool, making: Making, asFile: boolean): Promise<StorageVol> {
  const first = asFile && making.content ? oddBytes(request.owner, making) : making.capacityBytes;
  const xml = volumeXml(making.name, first, asFile);
  const taken = [Code.STORAGE_VOL_EXIST, Code.OPERATION_INVALID];
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await request.place.host.call("STORAGE_VOL_CREATE_XML", { pool, xml, flags: 0 })).vol;
    } catch (error) {
      if (!isLibvirt(error, ...taken)) throw error;
      // A file that libvirt did not know of may be what an interrupted create of ours left.
      if (attempt === 1 && (await clearOwn(request, pool, making))) continue;
      throw new Refusal(
        `${named(making)} exists on the host already (${error.code}: ${error.message}). It was not touched. ` +
          `To manage it from this program set \`adopt: true\``,
      );
    }
  }
}

async function clearOwn(request: Request, pool: StoragePool, making: Making): Promise<boolean> {
  await refreshPool(request, pool);
  const sight = await look(request, making.pool, making.name);
  if (sight.kind !== "here" || !(await unfinished(request, sight, making.content && making.capacityBytes)))
    return false;
  await deleteVolume(request, sight.vol);
  return true;
}

/** True for what an interrupted create of this request's owner left; `wantedBytes` is the length of what it wants there. */
export async function unfinished(request: Request, here: Here, wantedBytes?: bigint): Promise<boolean> {
  return (await readProof(request, here, wantedBytes)).unfinished;
}

// Header extensions of qcow2, our mark among them, begin in the first 4 KiB.
const PROOF_BYTES = 4096n;

/** Reads a volume's first bytes and says whether an interrupted create of this owner left it. */
export async function readProof(
  request: Request,
  { vol, root }: Here,
  wantedBytes?: bigint,
): Promise<{ unfinished: boolean; head: Buffer }> {
  const fileBytes = bytesAt(root, "physical") ?? bytesAt(root, "capacity") ?? 0n;
  const allocatedBytes = bytesAt(root, "allocation") ?? fileBytes;
  const head = await readBytes(request, vol, 0n, Number(fileBytes < PROOF_BYTES ? fileBytes : PROOF_BYTES));
  return { unfinished: isUnfinished(request.owner, vol, { fileBytes, allocatedBytes, head, wantedBytes }), head };
}

function volumeXml(name: string, capacityBytes: bigint, sparse: boolean): string {
  return printXml(
    element(
      "volume",
      {},
      element("name", {}, name),
      element("capacity", { unit: "bytes" }, String(capacityBytes)),
      ...(sparse ? [element("allocation", { unit: "bytes" }, "0")] : []),
      element(
        "target",
        {},
        element("format", { type: "raw" }),
        // A disk may hold secrets; libvirt itself lends it to QEMU's user while a guest runs.
        element("permissions", {}, element("mode", {}, "0600")),
      ),
    ),
  );
}

type Filling = Making & { readonly content: Content };

async function fillOrRemove(
  request: Request,
  info: PoolInfo,
  vol: StorageVol,
  making: Filling,
  asFile: boolean,
): Promise<void> {
  try {
    await fillVolume(request, info, vol, making, asFile);
  } catch (error) {
    // Who cancels wants an end now, and a lost host takes no orders: the next try knows the volume by its proof.
    if (request.signal.aborted || error instanceof ConnectionError) throw error;
    const told = await withSpace(request, making, error);
    await deleteVolume(request, vol);
    throw told;
  }
}

async function fillVolume(
  request: Request,
  info: PoolInfo,
  vol: StorageVol,
  making: Filling,
  asFile: boolean,
): Promise<void> {
  const { image, head } = making.content;
  if (making.format === "qcow2" || asFile) await refuseFull(request, info, making);
  const fileBytes = making.format === "qcow2" ? BigInt(image.length) : making.capacityBytes;
  const resize = (): Promise<unknown> =>
    onceFree(request, () =>
      request.place.host.call("STORAGE_VOL_RESIZE", { vol, capacity: fileBytes, flags: shrinkFlag }),
    );
  const marker = markerBlock(request.owner, making).subarray(0, Number(fileBytes < 512n ? fileBytes : 512n));
  const small = fileBytes < SMALL_BYTES;
  if (asFile && small) await resize();
  await writeBytes(request, vol, 0n, marker);
  if (asFile && !small) await resize();
  await uploadChecked(request, vol, making.content);
  const first = head ?? (await image.read(0, MARKER_BYTES));
  await writeBytes(request, vol, 0n, first);
  if (!(await readBytes(request, vol, 0n, first.length)).equals(first)) throw new LostBytes("its first sector is lost");
  request.progress("uploaded");
}

/** Sends the content, and proves that it is what was asked for: a source may change at any moment. */
async function uploadChecked(request: Request, vol: StorageVol, { image, promise }: Content): Promise<void> {
  const known = await promise?.holds();
  const hash = promise && known !== true ? createHash("sha256") : undefined;
  await uploadBody(request, vol, image, hash);
  const kept = hash ? hash.digest("hex") === promise?.sha256 : await promise?.holds();
  if (kept === false)
    throw new Error(`the source changed since it was read: it had the SHA-256 ${promise?.sha256 ?? ""}`);
}

/** VIR_STORAGE_VOL_RESIZE_SHRINK */
export const shrinkFlag = 4;

/** libvirt may lose the error of a full disk, so the space is compared before anything is sent. */
async function refuseFull(request: Request, info: PoolInfo, { content }: Filling): Promise<void> {
  const { image } = content;
  if (BigInt(image.length) <= info.available) return;
  await refreshPool(request, info.pool);
  const { available } = await poolInfo(request, info.pool.name);
  if (BigInt(image.length) <= available) return;
  const needed = await dataBytes(request, image);
  if (needed > available) throw new Error(spaceText(info.pool.name, needed, available));
}

function spaceText(pool: string, needed: bigint, available: bigint): string {
  return `pool "${pool}" has ${available} bytes free, and ${needed} are needed`;
}

/** Bytes that a sparse copy of an image takes, in whole chunks. */
async function dataBytes(request: Request, image: ImageSource): Promise<bigint> {
  let bytes = 0n;
  for await (const segment of image.segments(image.length)) {
    for await (const chunk of segment.chunks()) {
      request.signal.throwIfAborted();
      if (!isZero(chunk)) bytes += BigInt(chunk.length);
    }
  }
  return bytes;
}

/** Where a failed upload may have filled the pool, the message says what it holds. */
async function withSpace(request: Request, making: Filling, error: unknown): Promise<unknown> {
  if (!(error instanceof LostBytes) && !isLibvirt(error, Code.SYSTEM_ERROR)) return error;
  const { pool } = await poolInfo(request, making.pool);
  await refreshPool(request, pool);
  const { available } = await poolInfo(request, making.pool);
  const told = explain("upload", error).message;
  const needed = await dataBytes(request, making.content.image);
  return new Error(`${told}; ${spaceText(making.pool, needed, available)}. What was uploaded is removed`, {
    cause: error,
  });
}

/** Deletes a volume; one that is gone already is no error. */
export async function deleteVolume(request: Request, vol: StorageVol): Promise<void> {
  try {
    await onceFree(request, () => request.place.host.call("STORAGE_VOL_DELETE", { vol, flags: 0 }));
  } catch (error) {
    if (!isLibvirt(error, Code.NO_STORAGE_VOL)) throw explain(`delete ${named(vol)}`, error);
  }
}

const SETTLE_TRIES = 20;

/** Waits until libvirt has read the finished volume's header; the refresh after an upload goes on by itself. */
async function settled(request: Request, pool: StoragePool, making: Making): Promise<Here> {
  for (let attempt = 1; ; attempt += 1) {
    const sight = await look(request, making.pool, making.name);
    if (shows(sight, making)) return sight;
    if (attempt === SETTLE_TRIES) {
      throw new Error(
        `libvirt shows it as ${describe(sight)}, not as ${making.format} of ${making.capacityBytes} bytes`,
      );
    }
    if (attempt % 10 === 9) await refreshPool(request, pool);
    await sleep(25, undefined, { signal: request.signal });
  }
}

function shows(sight: Sight, { format, capacityBytes }: Making): sight is Here {
  if (sight.kind !== "here") return false;
  const capacity = bytesAt(sight.root, "capacity") ?? 0n;
  // Only qcow2 has a size other than its file's; block devices are rounded up to their extents.
  if (format === "qcow2") return readPath(sight.root, "target/format/@type") === "qcow2" && capacity === capacityBytes;
  return capacity >= capacityBytes;
}

function describe(sight: Sight): string {
  if (sight.kind !== "here") return sight.kind === "absent" ? "absent" : "in a pool that went away";
  const format = readPath(sight.root, "target/format/@type") ?? "unknown";
  return `${format} of ${bytesAt(sight.root, "capacity") ?? 0n} bytes`;
}

/** Bytes made in memory (a seed) that are to stand in a pool under a name that was made from them. */
export interface ContentVolume extends Spot {
  readonly bytes: Buffer;
  /** For whom it is, in refusals. */
  readonly owner?: string;
}

/** Makes a raw volume of these bytes, or finds it: one of this name with other bytes is refused, and not touched. */
export async function ensureContentVolume(
  request: Request,
  { pool, name, bytes, owner }: ContentVolume,
): Promise<{ path: string; key: string }> {
  const sight = await look(request, pool, name);
  if (sight.kind === "here" && (await unfinished(request, sight, BigInt(bytes.length))))
    await deleteVolume(request, sight.vol);
  else if (sight.kind === "here") {
    if (!(await holds(request, sight, bytes))) {
      const wanted = owner === undefined ? "is wanted" : `${owner} wants`;
      throw new Refusal(`${named({ pool, name })} exists and does not hold what ${wanted}. It was not touched`);
    }
    return placeOf(sight);
  }
  const image = ImageSource.of(bytes);
  const made = { pool, name, format: "raw", capacityBytes: BigInt(bytes.length), content: { image } } as const;
  return placeOf(await makeVolume(request, made));
}

/** Where a volume is on the host. */
export function placeOf({ root, vol }: Pick<Here, "root" | "vol">): { path: string; key: string } {
  return { path: readPath(root, "target/path") ?? vol.key, key: vol.key };
}

/** What of the host it is, for those who may use it. */
export function targetAt({ vol, root }: Pick<Here, "root" | "vol">): Target {
  return { pool: vol.pool, name: vol.name, path: placeOf({ vol, root }).path };
}

async function holds(request: Request, { vol, root }: Here, bytes: Buffer): Promise<boolean> {
  const length = bytesAt(root, "physical") ?? bytesAt(root, "capacity");
  if (length !== BigInt(bytes.length)) return false;
  return (await readBytes(request, vol, 0n, bytes.length)).equals(bytes);
}
