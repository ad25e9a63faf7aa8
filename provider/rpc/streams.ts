import { LibvirtError, ProtocolError } from "./errors";
import { errorFields, holeFields } from "./objects";
import { Status, Type, type Packet } from "./packet";
import { decode, encode } from "./xdr";

/** A run of zeros that is not sent, in bytes. */
export interface Hole {
  hole: bigint;
}

export interface StreamPort {
  readonly name: string;
  readonly procedure: number;
  send(type: number, status: number, payload: readonly Buffer[], flushed?: (error?: Error | null) => void): void;
  pause(paused: boolean): void;
  done(): void;
  drop(cause: Error): void;
}

const pauseAboveBytes = 4_194_304;
const silenceMs = 600_000;
const resumeBelowBytes = 1_048_576;

/** The stream of one upload or download, from the answer to its call until `finish`. */
export class Stream {
  private failure: Error | undefined;
  private finished = false;
  private ended = false;
  private readonly received: (Buffer | Hole)[] = [];
  private receivedBytes = 0;
  private paused = false;
  private wake: (() => void) | undefined;
  private breakOff: (error: Error) => void = () => undefined;
  /** Rejects when the stream fails, for those who wait for something else meanwhile. */
  readonly broken: Promise<never>;

  constructor(private readonly port: StreamPort) {
    this.broken = new Promise((_, reject) => {
      this.breakOff = reject;
    });
    this.broken.catch(() => undefined); // nobody has to watch it
  }

  get name(): string {
    return this.port.name;
  }

  /** Sends one packet of data, kept as parts; resolves when the kernel has taken it. Empty data would mean the end: it is skipped. */
  send(parts: readonly Buffer[]): Promise<void> {
    if (parts.every((part) => part.length === 0)) return Promise.resolve();
    return this.transmit(Type.STREAM, Status.CONTINUE, parts);
  }

  /** Sends a hole; only for a stream opened with the flag of sparse streams. A hole of length 0 breaks libvirt: it is skipped. */
  sendHole(length: bigint): Promise<void> {
    if (length <= 0n) return Promise.resolve();
    return this.transmit(Type.HOLE, Status.CONTINUE, [encode(holeFields, { length, flags: 0 })]);
  }

  /** Ends the stream and waits until the daemon says that it took everything. */
  async finish(): Promise<void> {
    await this.transmit(Type.STREAM, Status.OK, []);
    while (!this.finished) {
      if (this.failure !== undefined) throw this.failure;
      await this.news();
    }
  }

  /** The next data or hole of a download, undefined at its end. */
  async next(): Promise<Buffer | Hole | undefined> {
    for (;;) {
      const item = this.received.shift();
      if (item !== undefined) {
        this.receivedBytes -= Buffer.isBuffer(item) ? item.length : 0;
        this.setPaused(this.paused && this.receivedBytes > resumeBelowBytes);
        return item;
      }
      if (this.failure !== undefined) throw this.failure;
      if (this.ended) return undefined;
      await this.news();
    }
  }

  /** Takes a packet of the daemon; errors come as answers (of holes) and as stream packets (of data). */
  receive(packet: Packet): void {
    if (packet.procedure !== this.port.procedure) {
      throw new ProtocolError(`a packet of the stream of ${this.name} says that it is procedure ${packet.procedure}`);
    }
    if (packet.status === Status.ERROR) {
      this.fail(new LibvirtError(decode(errorFields, packet.payload)));
      this.port.done();
      return;
    }
    if (packet.type === Type.REPLY) throw new ProtocolError(`the stream of ${this.name} got a second answer`);
    if (packet.status === Status.OK) {
      this.finished = true;
      this.ended = true;
      this.port.done();
    } else if (packet.type === Type.HOLE) {
      this.keep({ hole: holeLength(packet.payload) });
    } else if (packet.payload.length === 0) {
      this.ended = true;
    } else {
      this.keep(packet.payload);
    }
    this.wake?.();
  }

  /** Ends the stream with this error. */
  fail(error: Error): void {
    this.failure ??= error;
    this.breakOff(this.failure);
    this.wake?.();
  }

  /** Breaks the stream off by closing its connection, which is safe in each state of it. */
  abandon(cause: Error): void {
    this.port.drop(cause);
  }

  private keep(item: Buffer | Hole): void {
    this.received.push(item);
    this.receivedBytes += Buffer.isBuffer(item) ? item.length : 0;
    this.setPaused(this.paused || this.receivedBytes > pauseAboveBytes || this.received.length > 4096);
  }

  private setPaused(paused: boolean): void {
    if (paused === this.paused) return;
    this.paused = paused;
    this.port.pause(paused);
  }

  private transmit(type: number, status: number, payload: readonly Buffer[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) {
        reject(this.failure);
        return;
      }
      this.port.send(type, status, payload, (error) => {
        const failure = this.failure ?? error;
        if (failure === undefined || failure === null) resolve();
        else reject(failure);
      });
    });
  }

  /** Waits for the next packet; a daemon that lives but says nothing of this stream is given up in the end. */
  private news(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.port.drop(new Error(`nothing of the stream of ${this.name} came for ${silenceMs / 60_000} minutes`));
      }, silenceMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function holeLength(payload: Buffer): bigint {
  const { length } = decode(holeFields, payload);
  if (length <= 0n) throw new ProtocolError(`a hole is ${length.toString()} bytes long`);
  return length;
}
