import { EncodingError, ProtocolError } from "./errors";

// XDR is RFC 4506: everything is big-endian and padded to 4 bytes.

/** Reads and writes one XDR type; `minimum` is the fewest bytes a value takes, so that counts are checked before allocating. */
export interface Codec<T> {
  readonly minimum: number;
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
}

export type ValueOf<C> = C extends Codec<infer T> ? T : never;

/** Bytes in, checked at each step; throws ProtocolError past the end. */
export class Reader {
  private offset = 0;
  constructor(private readonly bytes: Buffer) {}

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  take(count: number): Buffer {
    if (count > this.remaining) {
      throw new ProtocolError(`a reply ends ${count - this.remaining} bytes too early, at byte ${this.bytes.length}`);
    }
    this.offset += count;
    return this.bytes.subarray(this.offset - count, this.offset);
  }

  /** A counted run of bytes with its padding. */
  counted(count: number): Buffer {
    const run = this.take(count);
    this.take(padding(count));
    return run;
  }
}

/** Bytes out; grows as needed. */
export class Writer {
  private bytes = Buffer.allocUnsafe(256);
  private length = 0;
  /** The field being written, for the messages of errors. */
  field = "value";

  reserve(count: number): Buffer {
    if (this.length + count > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + count));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    this.length += count;
    return this.bytes.subarray(this.length - count, this.length);
  }

  counted(run: Uint8Array): void {
    this.reserve(run.length).set(run);
    this.reserve(padding(run.length)).fill(0);
  }

  refuse(why: string): never {
    throw new EncodingError(`${this.field}: ${why}`);
  }

  result(): Buffer {
    return this.bytes.subarray(0, this.length);
  }
}

const padding = (count: number): number => (4 - (count % 4)) % 4;

export const stringMaximum = 4_194_304;

function whole(lowest: number, highest: number, read: (four: Buffer) => number): Codec<number> {
  return {
    minimum: 4,
    read: (reader) => read(reader.take(4)),
    write(writer, value) {
      if (!Number.isInteger(value) || value < lowest || value > highest) {
        writer.refuse(`${value} is not a whole number from ${lowest} to ${highest}`);
      }
      writer.reserve(4).writeUInt32BE(value >>> 0);
    },
  };
}

function wide(lowest: bigint, highest: bigint, read: (eight: Buffer) => bigint): Codec<bigint> {
  return {
    minimum: 8,
    read: (reader) => read(reader.take(8)),
    write(writer, value) {
      if (value < lowest || value > highest) writer.refuse(`${value.toString()} does not fit into 64 bits`);
      writer.reserve(8).writeBigUInt64BE(BigInt.asUintN(64, value));
    },
  };
}

export const int = whole(-0x8000_0000, 0x7fff_ffff, (four) => four.readInt32BE());
export const uint = whole(0, 0xffff_ffff, (four) => four.readUInt32BE());
export const hyper = wide(-(2n ** 63n), 2n ** 63n - 1n, (eight) => eight.readBigInt64BE());
export const uhyper = wide(0n, 2n ** 64n - 1n, (eight) => eight.readBigUInt64BE());

export const double: Codec<number> = {
  minimum: 8,
  read: (reader) => reader.take(8).readDoubleBE(),
  write(writer, value) {
    writer.reserve(8).writeDoubleBE(value);
  },
};

/** XDR's bool: 0 or 1, anything else is a ProtocolError. */
export const bool: Codec<boolean> = {
  minimum: 4,
  read(reader) {
    const value = uint.read(reader);
    if (value > 1) throw new ProtocolError(`a bool is ${value}, not 0 or 1`);
    return value === 1;
  },
  write(writer, value) {
    uint.write(writer, value ? 1 : 0);
  },
};

/** A string of at most 4 MiB of UTF-8; a NUL is refused, because the C side would cut there in silence. */
export const string: Codec<string> = {
  minimum: 4,
  read(reader) {
    const run = countedRun(reader, stringMaximum);
    if (run.includes(0)) throw new ProtocolError("a string holds a NUL");
    return run.toString("utf8");
  },
  write(writer, value) {
    const run = Buffer.from(value, "utf8");
    if (run.length > stringMaximum) writer.refuse(`${run.length} bytes are more than the 4 MiB that libvirt takes`);
    if (run.includes(0)) writer.refuse("a NUL character cannot be sent");
    if (/\p{Surrogate}/u.test(value)) writer.refuse("half a surrogate pair is no text");
    uint.write(writer, run.length);
    writer.counted(run);
  },
};

function countedRun(reader: Reader, maximum: number): Buffer {
  const count = uint.read(reader);
  if (count > maximum) throw new ProtocolError(`a length of ${count} is over the limit of ${maximum}`);
  return reader.counted(count);
}

/** Exactly `size` bytes, without a length word. */
export function opaque(size: number): Codec<Buffer> {
  return {
    minimum: size + padding(size),
    read: (reader) => reader.counted(size),
    write(writer, value) {
      if (value.length !== size) writer.refuse(`${value.length} bytes where ${size} are needed`);
      writer.counted(value);
    },
  };
}

/** Up to `maximum` bytes with a length word. */
export function bytes(maximum: number): Codec<Buffer> {
  return {
    minimum: 4,
    read: (reader) => countedRun(reader, maximum),
    write(writer, value) {
      if (value.length > maximum) writer.refuse(`${value.length} bytes are more than ${maximum}`);
      uint.write(writer, value.length);
      writer.counted(value);
    },
  };
}

/** A value that may be absent: `undefined` here, a NULL pointer in libvirt. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    minimum: 4,
    read: (reader) => (bool.read(reader) ? codec.read(reader) : undefined),
    write(writer, value) {
      bool.write(writer, value !== undefined);
      if (value !== undefined) codec.write(writer, value);
    },
  };
}

export function array<T>(codec: Codec<T>, maximum: number): Codec<T[]> {
  return {
    minimum: 4,
    read(reader) {
      const count = uint.read(reader);
      if (count > maximum) throw new ProtocolError(`a list of ${count} is over the limit of ${maximum}`);
      if (count * codec.minimum > reader.remaining)
        throw new ProtocolError(`a list of ${count} does not fit into its reply`);
      return Array.from({ length: count }, () => codec.read(reader));
    },
    write(writer, values) {
      if (values.length > maximum) writer.refuse(`a list of ${values.length} is over the limit of ${maximum}`);
      uint.write(writer, values.length);
      for (const value of values) codec.write(writer, value);
    },
  };
}

export type Fields = Readonly<Record<string, Codec<unknown>>>;
type Plain<T> = { [K in keyof T]: T[K] };

/** The object that a table of fields stands for; what may be NULL may be left out. */
export type StructOf<F> = Plain<
  { [K in keyof F as undefined extends ValueOf<F[K]> ? never : K]: ValueOf<F[K]> } & {
    [K in keyof F as undefined extends ValueOf<F[K]> ? K : never]?: ValueOf<F[K]>;
  }
>;

/** Fields in the order of the table. */
export function struct<F extends Fields>(fields: F): Codec<StructOf<F>> {
  // Made at the first use: most of the table's structs are never needed in one run.
  let made: [string, Codec<unknown>][] | undefined;
  const entries = (): [string, Codec<unknown>][] => (made ??= Object.entries(fields));
  return {
    get minimum() {
      return entries().reduce((sum, [, codec]) => sum + codec.minimum, 0);
    },
    read(reader) {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of entries()) value[name] = codec.read(reader);
      return value as StructOf<F>; // the only cast of this room: the loop has just filled every field of the table
    },
    write(writer, value) {
      const values: Readonly<Record<string, unknown>> = value;
      for (const [name, codec] of entries()) {
        writer.field = name;
        codec.write(writer, values[name]);
      }
    },
  };
}

/** A codec seen through a pair of functions. */
export function mapped<Inner, Outer>(
  codec: Codec<Inner>,
  read: (inner: Inner) => Outer,
  write: (outer: Outer, writer: Writer) => Inner,
): Codec<Outer> {
  return {
    minimum: codec.minimum,
    read: (reader) => read(codec.read(reader)),
    write(writer, value) {
      codec.write(writer, write(value, writer));
    },
  };
}

export function encode<T>(codec: Codec<T>, value: T): Buffer {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.result();
}

/** The value of all the bytes; bytes left over are a ProtocolError. */
export function decode<T>(codec: Codec<T>, payload: Buffer): T {
  const reader = new Reader(payload);
  const value = codec.read(reader);
  if (reader.remaining !== 0) throw new ProtocolError(`a reply has ${reader.remaining} bytes too many`);
  return value;
}
