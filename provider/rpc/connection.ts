import type { Duplex } from "node:stream";
import { Calls, lostError, type CallOptions } from "./calls";
import { ConnectionError, EncodingError, HungUpError, ProtocolError } from "./errors";
import { EventQueue } from "./eventQueue";
import { Keepalive } from "./keepalive";
import { encodeHeader, Program, Splitter, Status, Type, type Header, type Packet } from "./packet";
import { procedureNamed, type ArgumentsOf, type ProcedureName, type ResultOf } from "./procedures";
import { Stream, type StreamPort } from "./streams";
import { decode, encode } from "./xdr";

export const defaultDeadlineMs = { read: 60_000, write: 60_000, long: 600_000 } as const;

/** Strays are counted, not obeyed; a peer that sends this many is broken. */
const strayMaximum = 1000;

/** One connection to a daemon, before CONNECT_OPEN or after; `opened` in handshake.ts makes it ready. */
/** The procedures whose answer is a stream. */
export type StreamName = "STORAGE_VOL_UPLOAD" | "STORAGE_VOL_DOWNLOAD" | "DOMAIN_OPEN_CONSOLE";

export class Connection {
  private readonly splitter = new Splitter();
  private readonly streams = new Map<number, Stream>();
  private readonly calls: Calls;
  private readonly keepalive: Keepalive;
  private readonly eventQueue: EventQueue;
  private readonly closeListeners: ((cause: Error) => void)[] = [];
  private strays = 0;
  private gathering = false;
  private failure: Error | undefined;

  /** `uri` is for messages. Events and their loss go to `onEvent`. */
  constructor(
    private readonly socket: Duplex,
    readonly uri: string,
    onEvent: (event: Packet | "resync") => void = () => undefined,
  ) {
    this.calls = new Calls({
      uri,
      send: (header, payload) => {
        this.write(header, [payload]);
      },
      drop: (cause) => {
        this.drop(cause);
      },
      changed: () => {
        this.watch();
      },
    });
    this.keepalive = new Keepalive({
      send: (procedure) => {
        const header = { program: Program.KEEPALIVE, procedure, type: Type.MESSAGE, serial: 0, status: Status.OK };
        if (this.failure === undefined) this.write(header, []);
      },
      lost: (reason) => {
        this.drop(new Error(reason));
      },
    });
    this.eventQueue = new EventQueue(onEvent);
    this.listen();
    this.watch();
  }

  get closed(): boolean {
    return this.failure !== undefined;
  }

  /** True while a call or a stream is under way. */
  get busy(): boolean {
    return this.calls.count + this.streams.size > 0;
  }

  onClose(listener: (cause: Error) => void): void {
    this.closeListeners.push(listener);
  }

  /** Calls libvirt; throws LibvirtError, ConnectionError and its kin, or EncodingError. */
  async call<P extends ProcedureName>(name: P, args: ArgumentsOf<P>, options: CallOptions = {}): Promise<ResultOf<P>> {
    return this.send(name, this.calls.nextSerial(), args, options);
  }

  /** Calls libvirt and keeps the call's serial open for a stream. */
  async openStream<P extends StreamName>(name: P, args: ArgumentsOf<P>, options: CallOptions = {}): Promise<Stream> {
    const serial = this.calls.nextSerial();
    const stream = new Stream(this.streamPort(name, serial));
    this.streams.set(serial, stream);
    try {
      await this.send(name, serial, args, options);
      return stream;
    } catch (error) {
      this.streams.delete(serial);
      this.watch();
      throw error;
    }
  }

  /** Says goodbye and closes; pending calls fail. */
  async close(): Promise<void> {
    if (this.closed) return;
    // A polite end keeps "End of file while reading data" out of the daemon's log.
    if (!this.busy) await this.call("CONNECT_CLOSE", {}, { deadlineMs: 500 }).catch(ignoreConnectionErrors);
    this.drop(new Error("the connection was closed here"));
  }

  /** Ends the connection at once, for this reason. */
  drop(cause: Error): void {
    if (this.failure !== undefined) return;
    this.failure = cause;
    this.socket.destroy();
    this.calls.failAll(cause);
    for (const stream of this.streams.values()) stream.fail(lostError(this.uri, stream.name, true, cause));
    this.streams.clear();
    this.eventQueue.clear();
    this.watch();
    for (const listener of this.closeListeners) listener(cause);
  }

  private async send<P extends ProcedureName>(
    name: P,
    serial: number,
    args: ArgumentsOf<P>,
    options: CallOptions,
  ): Promise<ResultOf<P>> {
    const { program, number, lane, args: argsCodec, result } = procedureNamed(name);
    const payload = encodeFor(name, () => encode(argsCodec, args));
    if (this.failure !== undefined) throw lostError(this.uri, name, false, this.failure);
    const header = { program, procedure: number, type: Type.CALL, serial, status: Status.OK };
    const answer = await this.calls.run(name, header, payload, { deadlineMs: defaultDeadlineMs[lane], ...options });
    try {
      return decode(result, answer);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.drop(error);
      throw lostError(this.uri, name, true, error);
    }
  }

  private listen(): void {
    const { socket } = this;
    socket.on("data", (chunk: Buffer) => {
      this.receive(chunk);
    });
    // A half-closed peer answers nothing any more.
    for (const ending of ["end", "close"] as const) {
      socket.on(ending, () => {
        this.drop(new HungUpError("the daemon closed the connection"));
      });
    }
    socket.on("error", (error: NodeJS.ErrnoException) => {
      // A unix socket that is closed with our bytes unread tells so by these codes instead of its end.
      const hungUp = error.code === "ECONNRESET" || error.code === "EPIPE";
      this.drop(hungUp ? new HungUpError(error.message, { cause: error }) : error);
    });
  }

  private receive(chunk: Buffer): void {
    this.keepalive.heard();
    try {
      for (const packet of this.splitter.push(chunk)) {
        if (this.failure !== undefined) return;
        this.dispatch(packet);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.drop(error);
    }
  }

  private dispatch(packet: Packet): void {
    if (packet.version !== 1) throw new ProtocolError(`a packet has version ${packet.version} of the protocol`);
    if (packet.program === Program.KEEPALIVE) this.keepalive.receive(packet);
    else if (packet.type === Type.MESSAGE) this.eventQueue.push(packet);
    else this.dispatchAnswer(packet);
  }

  private dispatchAnswer(packet: Packet): void {
    if (packet.type !== Type.REPLY && packet.type !== Type.STREAM && packet.type !== Type.HOLE) {
      throw new ProtocolError(`a packet has type ${packet.type}, which no daemon sends to us`);
    }
    if (this.calls.answer(packet)) return;
    const stream = this.streams.get(packet.serial);
    if (stream !== undefined) {
      stream.receive(packet);
      return;
    }
    this.strays += 1;
    if (this.strays > strayMaximum) throw new ProtocolError(`${this.strays} packets belong to no call of ours`);
  }

  private write(header: Header, payload: readonly Buffer[], flushed?: (error?: Error | null) => void): void {
    const length = payload.reduce((sum, part) => sum + part.length, 0);
    this.gather();
    const parts = [encodeHeader(header, length), ...payload.filter((part) => part.length > 0)];
    parts.forEach((part, index) => this.socket.write(part, index === parts.length - 1 ? flushed : undefined));
  }

  /** All packets of one turn leave in one system call, which costs more than all our work on a packet. */
  private gather(): void {
    if (this.gathering) return;
    this.gathering = true;
    this.socket.cork();
    process.nextTick(() => {
      this.gathering = false;
      this.socket.uncork();
    });
  }

  private streamPort(name: StreamName, serial: number): StreamPort {
    const { program, number } = procedureNamed(name);
    return {
      name,
      procedure: number,
      send: (type, status, payload, flushed) => {
        this.write({ program, procedure: number, type, serial, status }, payload, flushed);
      },
      pause: (paused) => {
        if (paused) this.socket.pause();
        else this.socket.resume();
        this.keepalive.watch(!paused && this.busy);
      },
      done: () => {
        this.streams.delete(serial);
        this.watch();
      },
      drop: (cause) => {
        this.drop(cause);
      },
    };
  }

  /** An idle connection must not keep the process alive, one with calls must. */
  private watch(): void {
    const waiting = this.busy && this.failure === undefined;
    this.keepalive.watch(waiting);
    if (canHold(this.socket)) {
      if (waiting) this.socket.ref();
      else this.socket.unref();
    }
  }
}

/** Sockets can let the process end; other streams, as those of ssh, need not. */
function canHold(socket: Duplex): socket is Duplex & { ref(): unknown; unref(): unknown } {
  return "ref" in socket && "unref" in socket;
}

function encodeFor(name: string, build: () => Buffer): Buffer {
  try {
    return build();
  } catch (error) {
    if (error instanceof EncodingError) throw new EncodingError(`${name}: ${error.message}`);
    throw error;
  }
}

function ignoreConnectionErrors(error: unknown): void {
  if (!(error instanceof ConnectionError)) throw error;
}
