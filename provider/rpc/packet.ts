import { ProtocolError } from "./errors";

// A packet is 4 bytes of length (themselves included), six words of header, and the payload.

export const Program = { REMOTE: 0x2000_8086, QEMU: 0x2000_8087, LXC: 0x2000_8088, KEEPALIVE: 0x6b65_6570 } as const;
export const Type = { CALL: 0, REPLY: 1, MESSAGE: 2, STREAM: 3, CALL_WITH_FDS: 4, REPLY_WITH_FDS: 5, HOLE: 6 } as const;
export const Status = { OK: 0, ERROR: 1, CONTINUE: 2 } as const;

export const headerLength = 28;
/** The longest packet of libvirt: 32 MiB of payload and its length word. */
export const packetMaximum = 33_554_436;
const protocolVersion = 1;
/** A packet of a download comes in chunks of 64 KiB: the first one makes room for all of it. */
const growth = 8;

export interface Header {
  program: number;
  procedure: number;
  type: number;
  serial: number;
  status: number;
}

export interface Packet extends Header {
  version: number;
  payload: Buffer;
}

/** The length word and header of a packet with so many bytes of payload. */
export function encodeHeader(header: Header, payloadLength: number): Buffer {
  const head = Buffer.allocUnsafe(headerLength);
  const words = [
    headerLength + payloadLength,
    header.program,
    protocolVersion,
    header.procedure,
    header.type,
    header.serial,
    header.status,
  ];
  words.forEach((word, index) => head.writeUInt32BE(word, index * 4));
  return head;
}

function decodePacket(frame: Buffer): Packet {
  const word = (index: number): number => frame.readUInt32BE(index * 4);
  return {
    program: word(1),
    version: word(2),
    procedure: word(3),
    type: word(4),
    serial: word(5),
    status: word(6),
    payload: frame.subarray(headerLength),
  };
}

/** Joins packets that arrive cut anywhere; throws ProtocolError on an impossible length, before anything is allocated for it. */
export class Splitter {
  private held = Buffer.alloc(0);
  private filled = 0;

  /** The packets that this chunk completes. */
  push(chunk: Buffer): Packet[] {
    const packets: Packet[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      const frame = this.filled === 0 ? wholeFrame(rest) : undefined;
      if (frame !== undefined) {
        packets.push(decodePacket(frame));
        rest = rest.subarray(frame.length);
        continue;
      }
      rest = this.hold(rest);
      const joined = this.takeHeld();
      if (joined !== undefined) packets.push(decodePacket(joined));
    }
    return packets;
  }

  /** Keeps what belongs to the packet under way and returns what follows it. */
  private hold(chunk: Buffer): Buffer {
    const start = this.filled;
    const wanted = start < 4 ? 4 : frameLength(this.held);
    const share = Math.min(wanted - start, chunk.length);
    this.grow(start + share, wanted);
    chunk.copy(this.held, start, 0, share);
    this.filled += share;
    return chunk.subarray(share);
  }

  // By what has come, not by the length that was declared: a peer that only announces much must cost little.
  private grow(needed: number, wanted: number): void {
    if (needed <= this.held.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(4, Math.min(needed * growth, wanted)));
    this.held.copy(grown, 0, 0, this.filled);
    this.held = grown;
  }

  private takeHeld(): Buffer | undefined {
    if (this.filled < 4 || this.filled < frameLength(this.held)) return undefined;
    const frame = this.held.subarray(0, this.filled);
    this.held = Buffer.alloc(0);
    this.filled = 0;
    return frame;
  }
}

function frameLength(head: Buffer): number {
  const length = head.readUInt32BE(0);
  if (length < headerLength || length > packetMaximum) {
    throw new ProtocolError(
      `a packet says that it is ${length} bytes long; ${headerLength} to ${packetMaximum} are possible`,
    );
  }
  return length;
}

function wholeFrame(chunk: Buffer): Buffer | undefined {
  if (chunk.length < 4) return undefined;
  const length = frameLength(chunk);
  return chunk.length >= length ? chunk.subarray(0, length) : undefined;
}
