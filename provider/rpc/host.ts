import { type Access, type Daemon, type HostUri, listens } from "../transport";
import type { CallOptions } from "./calls";
import type { Connection } from "./connection";
import { consoleAnswers } from "./console";
import { ConnectionError } from "./errors";
import type { EventName } from "./eventTable";
import { closedError } from "./lines";
import type { Domain, StorageVol } from "./objects";
import { daemonOf, Place } from "./place";
import { procedureNamed, type ArgumentsOf, type ProcedureName, type ResultOf } from "./procedures";
import type { Hole } from "./streams";
import { Subscriptions, type EventListener } from "./subscriptions";
import { download, upload, type Range, type TransferOptions } from "./transfers";

export interface HostOptions {
  /** Use the read-only socket: every change is refused with code 29. */
  readOnly?: boolean;
  /** Keys, passwords and known hosts, beside what the URI and this machine's files say. */
  access?: Access;
}

/** One place where libvirt runs. Connections are opened at the first need and again after a loss; call `close` at the end. */
export class Host {
  private readonly places = new Map<Daemon, Place>();
  private readonly subscriptions: Subscriptions;
  private closed = false;

  private constructor(
    readonly uri: HostUri,
    private readonly options: HostOptions,
  ) {
    this.subscriptions = new Subscriptions(uri.text, async (daemon, onEvent) =>
      (await this.placeOf(daemon)).open(onEvent),
    );
  }

  /** A host that is not connected yet. */
  static at(uri: HostUri, options: HostOptions = {}): Host {
    return new Host(uri, options);
  }

  /**
   * Calls libvirt. Throws LibvirtError where libvirt refuses, ConnectionError where the answer is missing (its `sent`
   * says whether the call may have been executed), EncodingError for an argument that cannot be sent.
   * A read whose connection breaks is tried once more; nothing else ever is. Deadline: 60 s, long calls 10 min.
   */
  async call<P extends ProcedureName>(name: P, args: ArgumentsOf<P>, options: CallOptions = {}): Promise<ResultOf<P>> {
    const place = await this.placeOf(daemonOf(name));
    const { lane } = procedureNamed(name);
    if (lane === "long") return place.long.use((connection) => connection.call(name, args, options), options.signal);
    const ask = (connection: Connection): Promise<ResultOf<P>> => connection.call(name, args, options);
    if (lane === "write") return place.write.use(ask);
    const { read } = place;
    return read.use(async (connection) => {
      try {
        return await ask(connection);
      } catch (error) {
        if (!wasLost(error) || this.closed) throw error;
        return read.use(ask);
      }
    });
  }

  /**
   * Writes a range of a volume, in streams of at most 32 MiB. The data must fill the range exactly, else EncodingError.
   * Buffers are taken over: do not reuse them. libvirt may lose a full disk's error: read the end back (facts/rpc.md 3).
   */
  async upload(
    vol: StorageVol,
    range: Range,
    data: AsyncIterable<Buffer> | Iterable<Buffer>,
    options: TransferOptions = {},
  ): Promise<void> {
    const place = await this.placeOf("storage");
    await place.transfers.use((connection) => upload(connection, vol, range, data, false, options), options.signal);
  }

  /** As `upload`, with holes. Only for a volume just created: holes leave old bytes, and the last one sets the file's length. */
  async uploadSparse(
    vol: StorageVol,
    range: Range,
    data: AsyncIterable<Buffer | Hole> | Iterable<Buffer | Hole>,
    options: TransferOptions = {},
  ): Promise<void> {
    const place = await this.placeOf("storage");
    await place.transfers.use((connection) => upload(connection, vol, range, data, true, options), options.signal);
  }

  /** Reads a range of a volume; the length 0 means: to its end. */
  async *download(
    vol: StorageVol,
    range: Range,
    options: TransferOptions = {},
  ): AsyncGenerator<Buffer, void, undefined> {
    for await (const item of this.transfer(vol, range, false, options)) {
      if (Buffer.isBuffer(item)) yield item;
    }
  }

  /** Reads a range of a volume; runs of nothing come as holes. */
  downloadSparse(
    vol: StorageVol,
    range: Range,
    options: TransferOptions = {},
  ): AsyncGenerator<Buffer | Hole, void, undefined> {
    return this.transfer(vol, range, true, options);
  }

  /**
   * Tells the listener of each event of this kind until the returned function is called. After a loss of events or of
   * the connection it hears "resync". An idle subscription does not keep the process alive: wait with a timer.
   */
  async subscribe<K extends EventName>(kind: K, listener: EventListener<K>): Promise<() => Promise<void>> {
    if (this.closed) throw closedError(this.uri.text);
    return this.subscriptions.subscribe(kind, listener);
  }

  /** True when a login prompt or a shell answers on the guest's serial console within the time. */
  async consoleAnswers(dom: Domain, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const place = await this.placeOf("hypervisor");
    return place.long.use((connection) => consoleAnswers(connection, dom, timeoutMs), signal);
  }

  /** True when something listens at an address: seen from the host where SSH leads there, else from this machine. */
  listens(address: string, port: number, timeoutMs: number): Promise<boolean> {
    return listens(this.uri, this.options.access ?? {}, { address, port }, timeoutMs);
  }

  /** Whose sessions are reached: the user's number where it is known, else the name. */
  async user(): Promise<string> {
    return (await this.placeOf("hypervisor")).user;
  }

  /** Why this account may only look at the host, with the remedy; nothing where it may do more. */
  async denial(): Promise<string | undefined> {
    return (await this.placeOf("hypervisor")).denial;
  }

  /** Closes every connection; calls under way fail with ConnectionError. */
  async close(): Promise<void> {
    this.closed = true;
    await this.subscriptions.close();
    await Promise.all([...this.places.values()].map((place) => place.close()));
  }

  private async *transfer(
    vol: StorageVol,
    range: Range,
    sparse: boolean,
    options: TransferOptions,
  ): AsyncGenerator<Buffer | Hole, void, undefined> {
    const { transfers } = await this.placeOf("storage");
    const connection: Connection = await transfers.acquire(options.signal);
    try {
      yield* download(connection, vol, range, sparse, options);
    } finally {
      transfers.release(connection);
    }
  }

  /** The daemon's connections. The hypervisor's is reached first: it says whether one socket serves all. */
  private async placeOf(daemon: Daemon): Promise<Place> {
    if (this.closed) throw closedError(this.uri.text);
    const hypervisor = this.placeAt("hypervisor");
    await hypervisor.read.first();
    return hypervisor.shared ? hypervisor : this.placeAt(daemon);
  }

  private placeAt(daemon: Daemon): Place {
    const place = this.places.get(daemon) ?? new Place(this.uri, daemon, this.options);
    this.places.set(daemon, place);
    return place;
  }
}

/** True where the connection broke, not where the caller gave up or a deadline passed. */
function wasLost(error: unknown): boolean {
  return error instanceof ConnectionError && error.name === "ConnectionError";
}
