import { createHash } from "node:crypto";
import { constants, open, type FileHandle } from "node:fs/promises";
import { MediaError } from "./error";

/** A stretch of an image that is sent in one piece. */
export interface ImageSegment {
  /** Bytes from the beginning of the image. */
  offset: number;
  length: number;
  /** Its bytes in order, at most 1 MiB each; a chunk is valid only until the next is asked for. */
  chunks(): AsyncIterable<Buffer>;
}

const chunkBytes = 1024 * 1024;
const maxReadBytes = 16 * 1024 * 1024;

/** Where the bytes come from: a file, or a buffer. */
interface Origin {
  length: number;
  /** Fills `into` with the bytes at `offset`; the caller keeps within the length. */
  read(offset: number, into: Buffer): Promise<void>;
  /** Throws where the bytes are no longer those that were opened. */
  verify(): Promise<void>;
  close(): Promise<void>;
}

/** An image's bytes, streamed: memory stays at two buffers of 1 MiB for each stream under way, whatever the size. */
export class ImageSource {
  readonly length: number;
  readonly #origin: Origin;
  // Buffers of streams that have ended, for those to come.
  readonly #idle: Buffer[] = [];

  private constructor(origin: Origin) {
    this.#origin = origin;
    this.length = origin.length;
  }

  /** Opens a regular file on this machine; MediaError names the path and what is wrong with it. */
  static async open(path: string): Promise<ImageSource> {
    return new ImageSource(await openFile(path));
  }

  /** The image that these bytes are; they must not change while it is used. */
  static of(bytes: Buffer): ImageSource {
    return new ImageSource(memory(bytes));
  }

  /** SHA-256 of the whole, in hex; `progress` hears how many bytes are done, and stops it by throwing. */
  async sha256(progress?: (doneBytes: number) => void): Promise<string> {
    const hash = createHash("sha256");
    let doneBytes = 0;
    for await (const chunk of this.#chunks(0, this.length)) {
      hash.update(chunk);
      doneBytes += chunk.length;
      progress?.(doneBytes);
    }
    return hash.digest("hex");
  }

  /** The image in stretches of `segmentBytes`, the last one shorter; an empty image has none. */
  async *segments(segmentBytes: number): AsyncGenerator<ImageSegment, void, void> {
    if (!Number.isSafeInteger(segmentBytes) || segmentBytes <= 0) {
      throw new MediaError(`segments of ${segmentBytes} bytes: a whole number above 0 is needed`);
    }
    for (let offset = 0; offset < this.length; offset += segmentBytes) {
      const length = Math.min(segmentBytes, this.length - offset);
      yield { offset, length, chunks: () => this.#chunks(offset, length) };
    }
    await this.#origin.verify();
  }

  /** A copy of at most 16 MiB from `offset`, shorter only where the image ends. */
  async read(offset: number, length: number): Promise<Buffer> {
    if (!Number.isSafeInteger(offset) || offset < 0 || !(length >= 0 && length <= maxReadBytes)) {
      throw new MediaError(`cannot read ${length} bytes at ${offset} of an image: at most ${maxReadBytes} at once`);
    }
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, this.length - offset)));
    await this.#origin.read(offset, bytes);
    return bytes;
  }

  /** Closes the file; may be called again. */
  async close(): Promise<void> {
    this.#idle.length = 0;
    await this.#origin.close();
  }

  /** Reads one chunk ahead, so that the disk and the consumer work at the same time. */
  async *#chunks(from: number, length: number): AsyncGenerator<Buffer, void, void> {
    const ring = [this.#buffer(), this.#buffer()] as const;
    const end = from + length;
    const start = (offset: number, buffer: Buffer): Promise<Buffer> => {
      const chunk = buffer.subarray(0, Math.min(chunkBytes, end - offset));
      const reading = this.#origin.read(offset, chunk).then(() => chunk);
      // A read ahead may fail while the consumer is busy; it is heard when its turn comes.
      reading.catch(() => undefined);
      return reading;
    };
    let reading = start(from, ring[0]);
    try {
      for (let offset = from, turn = 1; offset < end; offset += chunkBytes, turn += 1) {
        const chunk = await reading;
        const next = offset + chunkBytes;
        if (next < end) reading = start(next, turn % 2 === 0 ? ring[0] : ring[1]);
        yield chunk;
      }
      await this.#origin.verify();
    } finally {
      // A consumer that stops early must not leave a read that writes into a buffer of another stream.
      await Promise.allSettled([reading]);
      this.#idle.push(...ring);
    }
  }

  #buffer(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(chunkBytes);
  }
}

function memory(bytes: Buffer): Origin {
  return {
    length: bytes.length,
    read(offset, into) {
      bytes.subarray(offset).copy(into);
      return Promise.resolve();
    },
    verify: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

async function openFile(path: string): Promise<Origin> {
  // Without O_NONBLOCK a named pipe would hold the call for ever.
  const cannot =
    (act: string) =>
    (error: unknown): never => {
      throw new MediaError(`cannot ${act} the image ${JSON.stringify(path)}: ${reason(error)}`, { cause: error });
    };
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(cannot("open"));
  const before = await identity(file).catch(async (error: unknown) => {
    await file.close();
    throw error;
  });
  if (before === undefined) {
    await file.close();
    throw new MediaError(`${JSON.stringify(path)} is no regular file`);
  }
  const changed = (): never => {
    throw new MediaError(`the image ${JSON.stringify(path)} changed while it was read; start again`);
  };
  return {
    length: before.size,
    async read(offset, into) {
      for (let done = 0; done < into.length;) {
        const { bytesRead } = await file.read(into, done, into.length - done, offset + done).catch(cannot("read"));
        if (bytesRead === 0) changed();
        done += bytesRead;
      }
    },
    async verify() {
      const now = await identity(file);
      if (now?.size !== before.size || now.modifiedNs !== before.modifiedNs) changed();
    },
    close: () => file.close(),
  };
}

/** Size and time of the last change; undefined for what is no regular file. */
async function identity(file: FileHandle): Promise<{ size: number; modifiedNs: bigint } | undefined> {
  const stat = await file.stat({ bigint: true });
  return stat.isFile() ? { size: Number(stat.size), modifiedNs: stat.mtimeNs } : undefined;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read it",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
  EMFILE: "too many files are open",
  EIO: "its disk or network answers with errors",
  EBADF: "it was closed",
};

function reason(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown";
  return reasons[code] ?? code;
}
