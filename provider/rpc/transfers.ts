import type { Connection } from "./connection";
import { EncodingError, ProtocolError } from "./errors";
import type { StorageVol } from "./objects";
import type { Hole, Stream } from "./streams";

/** A part of a volume, in bytes. */
export interface Range {
  offset: bigint;
  length: bigint;
}

export interface TransferOptions {
  signal?: AbortSignal;
  /** How much goes into one stream, in bytes; libvirtd buffers a whole stream in memory. */
  segmentBytes?: number;
}

type Source<T> = AsyncIterable<T> | Iterable<T>;

// Of larger ones the daemon's malloc gives the memory back after each, and a daemon that is fresh takes twice as long.
const packetBytes = 262_144;
/** Enough to keep the socket full while the next packet is read, little enough to hold in memory. */
const packetsOnTheWay = 2;
const segmentBytesDefault = 33_554_432;
const sparseFlag = 1;

/** Writes the data into the range, in segments; throws EncodingError where there is less or more data than the range. */
export async function upload(
  connection: Connection,
  vol: StorageVol,
  range: Range,
  data: Source<Buffer | Hole>,
  sparse: boolean,
  options: TransferOptions = {},
): Promise<void> {
  const segmentBytes = BigInt(options.segmentBytes ?? segmentBytesDefault);
  const pieces = new Pieces(data);
  try {
    for (let done = 0n; done < range.length;) {
      const length = least(segmentBytes, range.length - done);
      await uploadSegment(connection, vol, { offset: range.offset + done, length }, pieces, sparse, options.signal);
      done += length;
    }
    if ((await pieces.take(1n)) !== undefined)
      throw new EncodingError(`upload to ${vol.name}: there is more data than ${range.length} bytes`);
    await pieces.close();
  } catch (error) {
    // A half-sent stream cannot be taken up again.
    connection.drop(error instanceof Error ? error : new Error(String(error)));
    pieces.close().catch(() => undefined); // not waited for: a source that stalls would stall this too
    throw error;
  }
}

async function uploadSegment(
  connection: Connection,
  vol: StorageVol,
  range: Range,
  pieces: Pieces,
  sparse: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const flags = sparse ? sparseFlag : 0;
  const stream = await connection.openStream(
    "STORAGE_VOL_UPLOAD",
    { vol, ...range, flags },
    signal === undefined ? {} : { signal },
  );
  await watched(stream, signal, async () => {
    const onTheWay: Promise<void>[] = [];
    for (let left = range.length; left > 0n;) {
      // A source that stalls must not hide that the stream is gone.
      const packet = await Promise.race([nextPacket(pieces, left), stream.broken]);
      if (packet === undefined)
        throw new EncodingError(`upload to ${vol.name}: the data ends ${left} bytes before the end of the range`);
      const flushed = "hole" in packet ? stream.sendHole(packet.hole) : stream.send(packet.parts);
      flushed.catch(() => undefined); // seen at the await below
      onTheWay.push(flushed);
      if (onTheWay.length > packetsOnTheWay) await onTheWay.shift();
      left -= "hole" in packet ? packet.hole : BigInt(packet.bytes);
    }
    await Promise.all(onTheWay);
    await stream.finish();
  });
}

/** Small buffers are sent together: a packet costs the daemon about as much as 100 KiB. */
async function nextPacket(
  pieces: Pieces,
  left: bigint,
): Promise<{ parts: Buffer[]; bytes: number } | Hole | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  const limit = least(left, BigInt(packetBytes));
  while (BigInt(bytes) < limit) {
    const piece = await pieces.take(parts.length === 0 ? left : limit - BigInt(bytes), limit, parts.length > 0);
    if (piece === undefined) break;
    if (!Buffer.isBuffer(piece)) return piece;
    parts.push(piece);
    bytes += piece.length;
  }
  return parts.length === 0 ? undefined : { parts, bytes };
}

/** Reads a range of a volume; the length 0 means: to the end. Leaving the loop early closes the connection. */
export async function* download(
  connection: Connection,
  vol: StorageVol,
  range: Range,
  sparse: boolean,
  options: TransferOptions = {},
): AsyncGenerator<Buffer | Hole, void, undefined> {
  const { signal } = options;
  const flags = sparse ? sparseFlag : 0;
  const stream = await connection.openStream(
    "STORAGE_VOL_DOWNLOAD",
    { vol, ...range, flags },
    signal === undefined ? {} : { signal },
  );
  let complete = false;
  const abort = (): void => {
    stream.abandon(new Error("the download was cancelled"));
  };
  signal?.addEventListener("abort", abort, { once: true });
  try {
    let received = 0n;
    for (let item = await stream.next(); item !== undefined; item = await stream.next()) {
      received += Buffer.isBuffer(item) ? BigInt(item.length) : item.hole;
      if (range.length > 0n && received > range.length)
        throw new ProtocolError(`download of ${vol.name}: more came than ${range.length} bytes`);
      yield item;
    }
    await stream.finish();
    complete = true;
  } finally {
    signal?.removeEventListener("abort", abort);
    if (!complete) stream.abandon(new Error("the download was broken off"));
  }
}

async function watched(stream: Stream, signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
  const abort = (): void => {
    stream.abandon(new Error("the upload was cancelled"));
  };
  if (signal?.aborted === true) abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await work();
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

const least = (left: bigint, right: bigint): bigint => (left < right ? left : right);

/** Cuts a run of buffers and holes at any length. */
class Pieces {
  private readonly iterator: AsyncIterator<Buffer | Hole, unknown> | Iterator<Buffer | Hole, unknown>;
  private rest: Buffer | Hole | undefined;

  constructor(source: Source<Buffer | Hole>) {
    this.iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /**
   * The next piece: a hole of at most `holeLimit` bytes or data of at most `dataLimit`; undefined at the end,
   * and, where only data is wanted, before a hole.
   */
  async take(holeLimit: bigint, dataLimit = holeLimit, dataOnly = false): Promise<Buffer | Hole | undefined> {
    while (this.rest === undefined || sizeOf(this.rest) === 0n) {
      const step = await this.iterator.next();
      if (step.done === true) return undefined;
      this.rest = step.value;
    }
    const { rest } = this;
    if (!Buffer.isBuffer(rest)) {
      if (dataOnly) return undefined;
      const hole = least(rest.hole, holeLimit);
      this.rest = { hole: rest.hole - hole };
      return { hole };
    }
    const size = Number(least(least(BigInt(rest.length), holeLimit), dataLimit));
    this.rest = rest.subarray(size);
    return rest.subarray(0, size);
  }

  async close(): Promise<void> {
    await this.iterator.return?.();
  }
}

function sizeOf(piece: Buffer | Hole): bigint {
  if (Buffer.isBuffer(piece)) return BigInt(piece.length);
  if (piece.hole < 0n) throw new EncodingError(`a hole of ${piece.hole} bytes cannot be sent`);
  return piece.hole;
}
