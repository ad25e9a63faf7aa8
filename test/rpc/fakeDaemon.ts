import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

// A daemon by its bytes: it shares no code with provider/rpc.

export const REMOTE = 0x20008086;
export const KEEPALIVE = 0x6b656570;

/** 32-bit words, big-endian. */
export const words = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeInt32BE(value | 0, index * 4));
  return bytes;
};

/** A string as XDR has it: length, bytes, zeros up to the next word. */
export const text = (value: string): Buffer => {
  const run = Buffer.from(value);
  return Buffer.concat([words(run.length), run, Buffer.alloc((4 - (run.length % 4)) % 4)]);
};

export const wide = (value: bigint): Buffer =>
  Buffer.from(BigInt.asUintN(64, value).toString(16).padStart(16, "0"), "hex");

export interface Frame {
  program?: number;
  version?: number;
  procedure: number;
  type?: number;
  serial?: number;
  status?: number;
  payload?: Buffer;
}

export const frame = ({
  program = REMOTE,
  version = 1,
  procedure,
  type = 1,
  serial = 0,
  status = 0,
  payload = Buffer.alloc(0),
}: Frame): Buffer =>
  Buffer.concat([words(28 + payload.length, program, version, procedure, type, serial, status), payload]);

/** code, domain, message, level, no domain, three strings, two numbers, no network. */
export const refusal = (code: number, domain: number, message: string): Buffer =>
  Buffer.concat([
    words(code, domain, 1),
    text(message),
    words(2, 0, 1),
    text("%s"),
    words(1),
    text(message),
    words(0, -1, -1, 0),
  ]);

export interface Call {
  procedure: number;
  program: number;
  type: number;
  serial: number;
  status: number;
  payload: Buffer;
  peer: Peer;
}

type Handler = (call: Call) => Buffer | undefined | Promise<Buffer | undefined>;

/** One client of the fake. */
export class Peer {
  inFlight = 0;
  mostInFlight = 0;
  pings = 0;
  pongs = 0;
  private held = Buffer.alloc(0);

  constructor(
    readonly socket: Socket,
    private readonly daemon: FakeDaemon,
  ) {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      this.held = Buffer.concat([this.held, chunk]);
      while (this.held.length >= 4 && this.held.length >= this.held.readUInt32BE(0)) {
        const length = this.held.readUInt32BE(0);
        this.take(this.held.subarray(0, length));
        this.held = this.held.subarray(length);
      }
    });
  }

  send(part: Frame): void {
    this.socket.write(frame(part));
  }

  reply(call: Call, payload: Buffer = Buffer.alloc(0), other: Partial<Frame> = {}): void {
    this.send({ program: call.program, procedure: call.procedure, serial: call.serial, payload, ...other });
  }

  private take(bytes: Buffer): void {
    const [program = 0, , procedure = 0, type = 0, serial = 0, status = 0] = [1, 2, 3, 4, 5, 6].map((index) =>
      bytes.readUInt32BE(index * 4),
    );
    if (program === KEEPALIVE) {
      if (procedure === 2) this.pongs += 1;
      else this.pings += 1;
      if (procedure === 1 && this.daemon.answersPings) this.send({ program: KEEPALIVE, procedure: 2, type: 2 });
      return;
    }
    const call: Call = { program, procedure, type, serial, status, payload: bytes.subarray(28), peer: this };
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    void Promise.resolve(this.daemon.handle(call)).then((payload) => {
      this.inFlight -= 1;
      if (payload !== undefined) this.reply(call, payload);
    });
  }
}

/** Knows AUTH_LIST, CONNECT_OPEN and CONNECT_CLOSE; a procedure without a handler is a fault that `stop` throws. */
export class FakeDaemon {
  readonly peers: Peer[] = [];
  readonly calls: number[] = [];
  answersPings = true;
  private readonly faults: string[] = [];
  private readonly handlers = new Map<number, Handler>([
    [66, () => words(0)],
    [1, () => Buffer.alloc(0)],
    [2, () => Buffer.alloc(0)],
  ]);
  private server: Server | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), "fake-libvirt-"));
  readonly path: string;
  readonly uri: string;

  private constructor(path?: string) {
    this.path = path ?? join(this.folder, "sock");
    this.uri = `qemu+unix:///system?socket=${this.path}`;
  }

  static async start(path?: string): Promise<FakeDaemon> {
    const daemon = new FakeDaemon(path);
    await daemon.listen();
    return daemon;
  }

  async listen(): Promise<void> {
    this.server = createServer((socket) => this.peers.push(new Peer(socket, this)));
    await new Promise<void>((resolve) => this.server?.listen(this.path, resolve));
  }

  on(procedure: number, handler: Handler): this {
    this.handlers.set(procedure, handler);
    return this;
  }

  handle(call: Call): Buffer | undefined | Promise<Buffer | undefined> {
    if (call.type === 0) this.calls.push(call.procedure);
    const handler = this.handlers.get(call.procedure);
    if (handler !== undefined) return handler(call);
    this.faults.push(`procedure ${call.procedure} has no handler`);
    call.peer.socket.destroy();
    return undefined;
  }

  /** Cuts all clients and stops listening, as a daemon that is killed. */
  async die(): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  async stop(): Promise<void> {
    await this.die();
    rmSync(this.folder, { recursive: true });
    if (this.faults.length > 0) throw new Error(this.faults.join("; "));
  }
}
