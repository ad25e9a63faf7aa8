import type { Hash } from "node:crypto";
import { type ImageSegment, type ImageSource, isZero } from "../../media";
import type { StorageVol } from "../../rpc";
import type { Request } from "../port";
import { onceFree, readBytes } from "./find";
import { MARKER_BYTES } from "./proof";

// libvirtd keeps a whole stream in memory and stands still while it ends: small ones, one after the other.
const SEGMENT_BYTES = 16 * 1024 * 1024;
const PROBE_BYTES = 64 * 1024;

/** A run of bytes without a long stretch of zeros. */
interface Run {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** libvirt answered "done", but what the volume holds is not what was sent: a full disk looks like that. */
export class LostBytes extends Error {
  override readonly name = "LostBytes";
}

/**
 * Sends an image into a volume that is new and therefore reads as zeros: all but the first 512 bytes and whole chunks of
 * zeros. Two buffers of 16 MiB at most, one filled while the other is sent. All that is read goes into the hash, if there is one.
 */
export async function uploadBody(
  request: Request,
  vol: StorageVol,
  image: ImageSource,
  hash: Hash | undefined,
): Promise<void> {
  const slabs: Buffer[] = [];
  let sending: Promise<void> = Promise.resolve();
  let turn = 0;
  for await (const segment of image.segments(SEGMENT_BYTES)) {
    const slab = (slabs[turn] ??= slabFor(image));
    const runs = await load(request, segment, slab, hash);
    await sending;
    request.progress(`uploading ${Math.floor((segment.offset / image.length) * 100)} %`);
    sending = send(request, vol, runs);
    sending.catch(() => undefined); // heard at the await above or below
    turn = 1 - turn;
  }
  await sending;
  // After a failure the slabs may still be on their way to the socket: they are left to the collector.
  for (const slab of slabs) if (slab.length === SEGMENT_BYTES && idle.length < MOST_IDLE) idle.push(slab);
}

// Large buffers are collected late: the next upload takes those of the last.
const idle: Buffer[] = [];
const MOST_IDLE = 2;

function slabFor(image: ImageSource): Buffer {
  if (image.length < SEGMENT_BYTES) return Buffer.allocUnsafeSlow(image.length);
  return idle.pop() ?? Buffer.allocUnsafeSlow(SEGMENT_BYTES);
}

/** Reads a segment into the slab and finds what of it must be sent. */
async function load(request: Request, segment: ImageSegment, slab: Buffer, hash: Hash | undefined): Promise<Run[]> {
  const ranges: { from: number; to: number }[] = [];
  let at = 0;
  for await (const chunk of segment.chunks()) {
    request.signal.throwIfAborted();
    hash?.update(chunk);
    chunk.copy(slab, at);
    const from = at;
    at += chunk.length;
    if (isZero(chunk)) continue;
    const last = ranges.at(-1);
    if (last?.to === from) last.to = at;
    else ranges.push({ from, to: at });
  }
  return ranges.flatMap(({ from, to }) => runOf(segment.offset, slab, from, to));
}

/** The first sector stays the marker's until the end. */
function runOf(segmentOffset: number, slab: Buffer, from: number, to: number): Run[] {
  const start = Math.max(from, MARKER_BYTES - segmentOffset);
  return start < to ? [{ offset: segmentOffset + start, bytes: slab.subarray(start, to) }] : [];
}

async function send(request: Request, vol: StorageVol, runs: readonly Run[]): Promise<void> {
  for (const { offset, bytes } of runs) await writeBytes(request, vol, BigInt(offset), bytes);
  const last = runs.at(-1);
  if (last) await readBack(request, vol, last);
}

/** Writes bytes into a volume with one call. */
export async function writeBytes(request: Request, vol: StorageVol, offset: bigint, bytes: Buffer): Promise<void> {
  const range = { offset, length: BigInt(bytes.length) };
  await onceFree(request, () => request.place.host.upload(vol, range, [bytes], { signal: request.signal }));
}

/** After a failed write libvirt writes nothing later, and may still answer "done": the end tells. */
async function readBack(request: Request, vol: StorageVol, run: Run): Promise<void> {
  const wanted = run.bytes.subarray(Math.max(0, run.bytes.length - PROBE_BYTES));
  const offset = BigInt(run.offset + run.bytes.length - wanted.length);
  const found = await readBytes(request, vol, offset, wanted.length);
  if (found.equals(wanted)) return;
  throw new LostBytes(`${wanted.length} bytes at ${offset} do not read back as they were sent`);
}
