import type { Connection } from "./connection";
import { ConnectionError } from "./errors";

type Opener = () => Promise<Connection>;

/** One connection that many calls share, opened at the first need and again after a loss. */
export class Line {
  private current: Promise<Connection> | undefined;
  private closed = false;

  constructor(
    private readonly open: Opener,
    private readonly uri: string,
  ) {}

  get(): Promise<Connection> {
    if (this.closed) return Promise.reject(closedError(this.uri));
    this.current ??= this.begin();
    return this.current;
  }

  /** Closes for good. */
  async close(): Promise<void> {
    this.closed = true;
    await this.rest();
  }

  /** Closes until the next need. */
  async rest(): Promise<void> {
    const leaving = this.current;
    this.current = undefined; // whoever comes now must not get the one that is closing
    const connection = await leaving?.catch(() => undefined);
    await connection?.close();
  }

  private begin(): Promise<Connection> {
    const opening = this.open();
    const forget = (): void => {
      if (this.current === opening) this.current = undefined;
    };
    opening.then((connection) => {
      connection.onClose(forget);
      if (connection.closed) forget();
    }, forget);
    return opening;
  }
}

/** What a daemon works on at once for one connection; more only wait in its socket (`max_client_requests` is 5). */
const CALLS_AT_ONCE = 4;

/** As many lines as their users keep busy, up to a number: over a long link it is the answers on their way that fill one. */
export class Lines {
  private readonly all: readonly { readonly line: Line; users: number }[];

  constructor(open: Opener, uri: string, most: number) {
    this.all = Array.from({ length: most }, () => ({ line: new Line(open, uri), users: 0 }));
  }

  /** The connection that is there before all others. */
  async first(): Promise<void> {
    await this.all[0]?.line.get();
  }

  async use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const one = this.freest();
    one.users += 1;
    try {
      return await work(await one.line.get());
    } finally {
      one.users -= 1;
    }
  }

  /** Closes for good, the first one last. */
  async close(): Promise<void> {
    const [first, ...others] = this.all;
    await Promise.all(others.map(({ line }) => line.close()));
    await first?.line.close();
  }

  private freest(): { readonly line: Line; users: number } {
    const free = this.all.find(({ users }) => users < CALLS_AT_ONCE);
    return free ?? this.all.reduce((least, one) => (one.users < least.users ? one : least));
  }
}

const idleMs = 5_000;

/** Connections that serve one user at a time, kept for a moment between users. */
export class Pool {
  private readonly idle: { connection: Connection; timer: NodeJS.Timeout }[] = [];
  private readonly all = new Set<Connection>();
  private readonly waiting: (() => void)[] = [];
  private taken = 0;
  private closed = false;

  constructor(
    private readonly open: Opener,
    private readonly maximum: number,
    private readonly uri: string,
  ) {}

  /** Runs the work with a connection of its own; waits while all are taken. */
  async use<T>(work: (connection: Connection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const connection = await this.acquire(signal);
    try {
      return await work(connection);
    } finally {
      this.release(connection);
    }
  }

  async acquire(signal?: AbortSignal): Promise<Connection> {
    if (this.closed) throw closedError(this.uri);
    if (this.taken < this.maximum) this.taken += 1;
    else await this.turn(signal); // the one who leaves hands over the place
    try {
      return this.takeIdle() ?? (await this.fresh());
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  release(connection: Connection): void {
    if (connection.busy) connection.drop(new Error("its user left in the middle of a call"));
    if (!connection.closed && !this.closed) {
      const entry = { connection, timer: setTimeout(() => void this.retire(entry), idleMs).unref() };
      this.idle.push(entry);
    }
    this.leave();
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const { timer } of this.idle) clearTimeout(timer);
    for (const next of this.waiting.splice(0)) next();
    await Promise.all([...this.all].map((connection) => connection.close()));
  }

  private async turn(signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const proceed = (): void => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const abort = (): void => {
        const index = this.waiting.indexOf(proceed);
        if (index >= 0) this.waiting.splice(index, 1);
        reject(
          new ConnectionError(
            `${this.uri}: cancelled while waiting for a free connection; nothing was sent`,
            this.uri,
            false,
          ),
        );
      };
      if (signal?.aborted === true) {
        abort();
        return;
      }
      signal?.addEventListener("abort", abort, { once: true });
      this.waiting.push(proceed);
    });
    if (this.closed) throw closedError(this.uri);
  }

  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.taken -= 1;
    else next();
  }

  private takeIdle(): Connection | undefined {
    for (let entry = this.idle.pop(); entry !== undefined; entry = this.idle.pop()) {
      clearTimeout(entry.timer);
      if (!entry.connection.closed) return entry.connection;
    }
    return undefined;
  }

  private async fresh(): Promise<Connection> {
    const connection = await this.open();
    if (this.closed) {
      await connection.close();
      throw closedError(this.uri);
    }
    this.all.add(connection);
    connection.onClose(() => this.all.delete(connection));
    return connection;
  }

  private async retire(entry: { connection: Connection; timer: NodeJS.Timeout }): Promise<void> {
    const index = this.idle.indexOf(entry);
    if (index < 0) return;
    this.idle.splice(index, 1);
    await entry.connection.close();
  }
}

export function closedError(uri: string): ConnectionError {
  return new ConnectionError(`${uri}: this host was closed here; nothing was sent`, uri, false);
}
