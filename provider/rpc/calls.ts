import { CancelledError, ConnectionError, DeadlineError, LibvirtError, ProtocolError } from "./errors";
import { errorFields } from "./objects";
import { Status, Type, type Header, type Packet } from "./packet";
import { decode } from "./xdr";

/** libvirtd stops reading a socket with five calls under way; the fifth place is never used. */
const inFlightMaximum = 4;

export interface CallOptions {
  /** How long the answer may take, in milliseconds, waiting in the queue included. */
  deadlineMs?: number;
  signal?: AbortSignal;
}

/** One call in the queue or under way. */
interface Call {
  name: string;
  header: Header;
  payload: Buffer;
  sent: boolean;
  settled: boolean;
  resolve(payload: Buffer): void;
  reject(error: unknown): void;
  cleanUp(): void;
}

export interface CallPort {
  readonly uri: string;
  send(header: Header, payload: Buffer): void;
  drop(cause: Error): void;
  changed(): void;
}

/** The calls of one connection: a queue, at most four under way, answers found by their serial. */
export class Calls {
  private readonly queue: Call[] = [];
  private readonly underWay = new Map<number, Call>();
  private lastSerial = 0;

  constructor(private readonly port: CallPort) {}

  get count(): number {
    return this.queue.length + this.underWay.size;
  }

  nextSerial(): number {
    this.lastSerial = (this.lastSerial % 0xffff_ffff) + 1;
    return this.lastSerial;
  }

  /** The payload of the answer; `header.serial` is the caller's. */
  run(
    name: string,
    header: Header,
    payload: Buffer,
    options: Required<Pick<CallOptions, "deadlineMs">> & CallOptions,
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      const timer = setTimeout(() => {
        this.expire(call, options.deadlineMs);
      }, options.deadlineMs);
      const abort = (): void => {
        this.cancel(call, signal?.reason);
      };
      const cleanUp = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      const call: Call = { name, header, payload, sent: false, settled: false, resolve, reject, cleanUp };
      if (signal?.aborted === true) {
        this.cancel(call, signal.reason);
        return;
      }
      signal?.addEventListener("abort", abort, { once: true });
      this.queue.push(call);
      this.pump();
    });
  }

  /** True where the packet answered a call; an answer of the wrong kind is a ProtocolError. */
  answer(packet: Packet): boolean {
    const call = this.underWay.get(packet.serial);
    if (call === undefined || packet.type !== Type.REPLY) return false;
    const { header } = call;
    if (packet.program !== header.program || packet.procedure !== header.procedure) {
      throw new ProtocolError(
        `the answer to ${call.name} says that it is procedure ${packet.procedure} of program ${packet.program}`,
      );
    }
    if (packet.status !== Status.OK && packet.status !== Status.ERROR) {
      throw new ProtocolError(`the answer to ${call.name} has status ${packet.status}`);
    }
    // Decoded before the call is forgotten: a broken error must fail this call with the connection.
    const refusal = packet.status === Status.ERROR ? new LibvirtError(decode(errorFields, packet.payload)) : undefined;
    this.underWay.delete(packet.serial);
    this.settle(call, refusal ?? packet.payload);
    this.pump();
    return true;
  }

  /** Fails all calls, those in the queue as not sent. */
  failAll(cause: Error): void {
    const calls = [...this.underWay.values(), ...this.queue];
    this.underWay.clear();
    this.queue.length = 0;
    for (const call of calls) this.settle(call, lostError(this.port.uri, call.name, call.sent, cause));
    this.port.changed();
  }

  private pump(): void {
    while (this.underWay.size < inFlightMaximum) {
      const call = this.queue.shift();
      if (call === undefined) break;
      call.sent = true;
      this.underWay.set(call.header.serial, call);
      this.port.send(call.header, call.payload);
    }
    this.port.changed();
  }

  private settle(call: Call, outcome: Buffer | Error): void {
    call.cleanUp();
    if (call.settled) return;
    call.settled = true;
    if (Buffer.isBuffer(outcome)) call.resolve(outcome);
    else call.reject(outcome);
  }

  private expire(call: Call, deadlineMs: number): void {
    const { uri } = this.port;
    const within = `${call.name} on ${uri}: no answer within ${deadlineMs / 1000} s`;
    if (!call.sent) {
      this.unqueue(call);
      this.settle(call, new DeadlineError(`${within}: the host is busy; it was not sent`, uri, false));
      return;
    }
    const error = new DeadlineError(`${within}; it may still be executed, so look before trying again`, uri, true);
    this.settle(call, error);
    this.port.drop(error); // the answer may still come, and must find nobody
  }

  private cancel(call: Call, reason: unknown): void {
    const { uri } = this.port;
    const ending = call.sent ? "it may still be executed" : "it was not sent";
    const error = new CancelledError(`${call.name} on ${uri}: cancelled; ${ending}`, uri, call.sent, { cause: reason });
    if (!call.sent) {
      this.unqueue(call);
      this.settle(call, error);
      return;
    }
    // It keeps its place and its deadline until its answer comes: the daemon is still at work on it.
    call.settled = true;
    call.reject(error);
  }

  private unqueue(call: Call): void {
    const index = this.queue.indexOf(call);
    if (index >= 0) this.queue.splice(index, 1);
    this.port.changed();
  }
}

export function lostError(uri: string, name: string, sent: boolean, cause: Error): ConnectionError {
  const ending = sent ? "it may have been executed, so look before trying again" : "it was not sent";
  return new ConnectionError(`${name} on ${uri}: the connection was lost (${cause.message}); ${ending}`, uri, sent, {
    cause,
  });
}
