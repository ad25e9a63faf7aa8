/** Bytes as SSH writes them: behind their length. */
export function sshString(part: Buffer | string): Buffer {
  const bytes = Buffer.from(part);
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(bytes.length);
  return Buffer.concat([prefix, bytes]);
}

/** The bytes end before what they promise. */
export class CutOff extends Error {}

/** Reads what SSH wrote, part by part; throws CutOff. */
export class SshReader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  get rest(): number {
    return this.bytes.length - this.at;
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  uint64(): bigint {
    return this.take(8).readBigUInt64BE();
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  private take(length: number): Buffer {
    if (length > this.rest) throw new CutOff("the bytes end too early");
    return this.bytes.subarray(this.at, (this.at += length));
  }
}
