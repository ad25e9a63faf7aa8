import type { Duplex } from "node:stream";
import { DialError, quoted } from "../outcome";
import type { HostUri } from "../uri";
import { type Account, accountOf, type Sight, sightOf } from "./files";
import { gathering } from "./gather";
import { HelperStream } from "./program";
import type { Client, ClientChannel, SFTPWrapper } from "./library";
import type { Hop } from "./route";

const beatMs = 10_000;
const beatsMissed = 3;
const sftpMs = 5_000;
/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254). */
const FORBIDDEN = 1;

type ForwardError = Error & { readonly reason?: unknown };

/** What can hold the process while work is under way. */
interface Holding {
  ref(): unknown;
  unref(): unknown;
}

type Settle<T> = (resolve: (value: T | undefined) => void, reject: (error: unknown) => void) => void;
type Answer<T> = (error: Error | undefined, answer: T) => void;

/** One SSH connection, over which all of a host's streams go. */
export class Tunnel {
  /** True once the connection is gone. */
  closed = false;
  private readonly streams = new Set<Duplex>();
  private readonly holding = new Set<object>();
  private readonly closeListeners: (() => void)[] = [];
  private readonly idleListeners: (() => void)[] = [];
  private failure: Error | undefined;
  private missed = 0;
  private sealed = false;
  private account: Promise<Account | undefined> | undefined;

  /** The client is the host's; the others are on the way to it, and `outer` is this machine's socket. */
  constructor(
    readonly hop: Hop,
    private readonly client: Client,
    private readonly others: readonly Client[],
    private readonly outer: Holding,
  ) {
    for (const one of [client, ...others]) {
      one.on("error", (error) => {
        this.failure ??= error;
      });
      one.on("close", () => {
        this.end();
      });
    }
    const timer = setInterval(() => {
      this.beat();
    }, beatMs).unref();
    this.closeListeners.push(() => {
      clearInterval(timer);
    });
    this.outer.unref();
  }

  /** True while nothing goes over it. */
  get idle(): boolean {
    return this.streams.size + this.holding.size === 0;
  }

  onClose(listener: () => void): void {
    this.closeListeners.push(listener);
  }

  onIdle(listener: () => void): void {
    this.idleListeners.push(listener);
  }

  /** Something arrived from the host: it lives. */
  heard(): void {
    this.missed = 0;
  }

  /** A stream to a socket of the host; nothing where the host opens none, for it does not say why. */
  async toSocket(path: string, timeoutMs: number): Promise<Duplex | undefined> {
    const channel = await this.asked<ClientChannel>(timeoutMs, (done) => {
      this.client.openssh_forwardOutStreamLocal(path, done);
    });
    if (channel === undefined) return undefined;
    gathering(channel);
    return this.kept(channel, channel);
  }

  /** A stream to libvirt's own helper on the host, the only program that is ever started there. */
  async toHelper(uri: HostUri, timeoutMs: number): Promise<Duplex> {
    const command = `virt-ssh-helper '${uri.remoteUri}'`;
    const channel = await this.asked<ClientChannel>(timeoutMs, (done) => {
      this.client.exec(command, { allowHalfOpen: true }, done);
    });
    const { host, user } = this.hop;
    if (channel !== undefined) {
      return this.kept(new HelperStream(channel, `connect ${uri.text}: virt-ssh-helper on ${host}`), channel);
    }
    const remedy = "leave out proxy=, or allow it there (ForceCommand, MaxSessions)";
    throw new DialError(`${host} starts no program for ${user}: ${remedy}`, false);
  }

  /** True when something listens at an address that the host reaches; what says nothing is given up, the connection is not. */
  async listens(address: string, port: number, timeoutMs: number): Promise<boolean> {
    if (this.closed) throw this.lost();
    const token = {};
    this.hold(token);
    try {
      return await new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          resolve(false);
        }, timeoutMs);
        this.client.forwardOut("127.0.0.1", 0, address, port, (error: ForwardError | undefined, channel) => {
          clearTimeout(timer);
          if (error === undefined) channel.destroy();
          if (error?.reason === FORBIDDEN) {
            const remedy = "allow it there (AllowTcpForwarding, PermitOpen), or choose another gate";
            reject(new DialError(`${this.hop.host} forwards no TCP to ${address}:${port}: ${remedy}`, false));
          } else resolve(error === undefined);
        });
      });
    } finally {
      this.release(token);
    }
  }

  /** No program can be started over this connection any more. */
  seal(): void {
    if (this.sealed || this.closed) return;
    this.sealed = true;
    this.client.openssh_noMoreSessions(() => undefined); // a server that does not know it says no
  }

  /** Whose login it is; nothing where the host has no SFTP. */
  whose(): Promise<Account | undefined> {
    this.account ??= this.viaSftp(accountOf);
    return this.account;
  }

  /** What stands at paths, as far as it can be seen. */
  async look(paths: readonly string[]): Promise<{ path: string; sight: Sight }[]> {
    const looks = (sftp: SFTPWrapper): Promise<Sight[]> => Promise.all(paths.map((path) => sightOf(sftp, path)));
    const sights = await this.viaSftp(looks);
    return paths.map((path, index) => ({ path, sight: sights?.[index] ?? "unknown" }));
  }

  /** Ends the connection; streams that are still open fail. */
  end(): void {
    if (this.closed) return;
    this.closed = true;
    for (const client of [this.client, ...this.others]) client.end();
    const cause = this.lost();
    // ssh2 says nothing to a stream that is paused.
    for (const stream of this.streams) stream.emit("error", cause);
    this.streams.clear();
    this.holding.clear();
    this.outer.unref();
    for (const listener of this.closeListeners) listener();
  }

  // ssh2's own keepalive would hold the process for ever. Any request that the host must answer does the same.
  private beat(): void {
    this.missed += 1;
    if (this.missed <= beatsMissed) {
      this.client.unforwardIn("127.0.0.1", 0, () => undefined);
      return;
    }
    this.failure ??= new Error(`nothing was heard for ${(beatMs * beatsMissed) / 1000} s`);
    this.end();
  }

  /** The answer to a request, or nothing where the host says no. */
  private async asked<T>(timeoutMs: number, ask: (done: Answer<T>) => void): Promise<T | undefined> {
    if (this.closed) throw this.lost();
    const token = {};
    this.hold(token);
    try {
      return await this.within<T>(timeoutMs, (resolve, reject) => {
        ask((error, given) => {
          if (this.closed) reject(this.lost());
          else resolve(error instanceof Error ? undefined : given);
        });
      });
    } finally {
      this.release(token);
    }
  }

  private async viaSftp<T>(look: (sftp: SFTPWrapper) => Promise<T>): Promise<T | undefined> {
    if (this.sealed || this.closed) return undefined;
    let sftp: SFTPWrapper | undefined;
    const token = {};
    this.hold(token);
    try {
      sftp = await this.asked<SFTPWrapper>(sftpMs, (done) => {
        this.client.sftp(done);
      });
      if (sftp === undefined) return undefined;
      const looking = look(sftp);
      return await this.within<T>(sftpMs, (resolve, reject) => void looking.then(resolve, reject));
    } catch {
      return undefined; // a look is a help for messages and paths: whatever it fails of, the rest goes on
    } finally {
      sftp?.end();
      this.release(token);
    }
  }

  /** Watches a stream until its channel is closed; it holds the process while its user says so. */
  private kept(stream: Duplex, channel: ClientChannel): Duplex {
    this.streams.add(stream);
    stream.on("error", () => undefined); // until its user listens
    channel.on("close", () => {
      this.streams.delete(stream);
      this.release(stream);
    });
    const holding: Holding = {
      ref: () => {
        if (this.streams.has(stream)) this.hold(stream);
      },
      unref: () => {
        this.release(stream);
      },
    };
    Object.assign(stream, holding);
    return stream;
  }

  private hold(what: object): void {
    this.holding.add(what);
    this.outer.ref();
  }

  private release(what: object): void {
    this.holding.delete(what);
    if (this.holding.size === 0) this.outer.unref();
    if (this.idle) for (const listener of this.idleListeners) listener();
  }

  /** As a socket says it that is cut: another try may reach the host again. */
  private lost(): Error {
    const why = this.failure === undefined ? "" : `: ${quoted(this.failure.message)}`;
    return Object.assign(new DialError(`the SSH connection to ${this.hop.host} ended${why}`, true), {
      code: "ECONNRESET",
    });
  }

  /** Ends the connection where the host says nothing: whoever comes next makes a new one. */
  private within<T>(ms: number, settle: Settle<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const reason = `${this.hop.host} gave no answer over SSH within ${ms / 1000} s: it is frozen or overloaded`;
        this.failure ??= new Error(reason);
        reject(new DialError(reason, false));
        this.end();
      }, ms);
      const stop = (): void => {
        clearTimeout(timer);
      };
      settle(
        (value) => {
          stop();
          resolve(value);
        },
        (error) => {
          stop();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }
}
