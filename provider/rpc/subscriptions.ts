import type { Connection } from "./connection";
import { ProtocolError } from "./errors";
import { eventKinds, type EventClass, type EventKind, type EventName, type EventOf } from "./eventTable";
import { Line } from "./lines";
import type { Packet } from "./packet";
import type { Daemon } from "../transport";
import { decode } from "./xdr";

/** What a listener gets: an event, or "resync" where events were lost: look again at what you watch. */
export type EventListener<K extends EventName> = (event: EventOf<K> | "resync") => void;

const daemonOfClass: Readonly<Record<EventClass, Daemon>> = {
  domain: "hypervisor",
  network: "network",
  pool: "storage",
  nodeDevice: "nodedev",
};

interface Subscription {
  kind: EventKind<unknown>;
  listener: (event: unknown) => void;
}

type OpenFor = (daemon: Daemon, onEvent: (event: Packet | "resync") => void) => Promise<Connection>;

/** All subscriptions of a host; each daemon has one connection for its events, opened at the first subscription. */
export class Subscriptions {
  private readonly channels = new Map<Daemon, Channel>();
  constructor(
    private readonly uri: string,
    private readonly openFor: OpenFor,
  ) {}

  async subscribe<K extends EventName>(name: K, listener: EventListener<K>): Promise<() => Promise<void>> {
    const kind: EventKind<unknown> = eventKinds[name];
    const daemon = daemonOfClass[kind.class];
    const channel = this.channels.get(daemon) ?? new Channel(this.uri, (onEvent) => this.openFor(daemon, onEvent));
    this.channels.set(daemon, channel);
    // The cast is safe: what is delivered was decoded by this very kind's codec.
    const subscription: Subscription = { kind, listener: listener as (event: unknown) => void };
    await channel.add(subscription);
    return () => channel.remove(subscription);
  }

  async close(): Promise<void> {
    await Promise.all([...this.channels.values()].map((channel) => channel.close()));
  }
}

const retryMs = [0, 250, 500, 1000, 2000, 5000];

/** The events of one daemon. */
class Channel {
  private readonly subscriptions = new Set<Subscription>();
  private readonly registered = new Map<EventKind<unknown>, Promise<unknown>>();
  private readonly line: Line;
  private closed = false;

  constructor(uri: string, open: (onEvent: (event: Packet | "resync") => void) => Promise<Connection>) {
    this.line = new Line(async () => {
      this.registered.clear();
      const connection = await open((event) => {
        this.deliver(event);
      });
      connection.onClose(() => {
        this.reopen(0);
      });
      return connection;
    }, uri);
  }

  async add(subscription: Subscription): Promise<void> {
    this.subscriptions.add(subscription);
    try {
      await this.register(await this.line.get());
    } catch (error) {
      this.subscriptions.delete(subscription);
      throw error;
    }
  }

  async remove(subscription: Subscription): Promise<void> {
    if (!this.subscriptions.delete(subscription)) return;
    // The daemon's registrations end with the connection: nothing has to be undone one by one.
    if (this.subscriptions.size === 0) await this.line.rest();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.subscriptions.clear();
    await this.line.close();
  }

  /** Registers each wanted kind once; who comes second waits for the first one's registration. */
  private async register(connection: Connection): Promise<void> {
    const wanted = new Set([...this.subscriptions].map(({ kind }) => kind));
    await Promise.all([...wanted].map((kind) => this.registered.get(kind) ?? this.registerOne(connection, kind)));
  }

  private registerOne(connection: Connection, kind: EventKind<unknown>): Promise<unknown> {
    const registering = registerCall(connection, kind);
    this.registered.set(kind, registering);
    registering.catch(() => {
      if (this.registered.get(kind) === registering) this.registered.delete(kind);
    });
    return registering;
  }

  private reopen(attempt: number): void {
    if (this.closed || this.subscriptions.size === 0) return;
    const retry = async (): Promise<void> => {
      if (this.subscriptions.size === 0) return;
      await this.register(await this.line.get());
      this.deliver("resync");
    };
    const pauseMs = retryMs[Math.min(attempt, retryMs.length - 1)];
    setTimeout(() => {
      // Whatever the reason, the listeners still wait: try again later, they have deadlines of their own.
      retry().catch(() => {
        this.reopen(attempt + 1);
      });
    }, pauseMs).unref();
  }

  private deliver(event: Packet | "resync"): void {
    const matching = [...this.subscriptions].filter(
      ({ kind }) => event === "resync" || kind.message === event.procedure,
    );
    const [first] = matching;
    if (first === undefined) return;
    const value = event === "resync" ? event : decodeOrResync(first.kind, event);
    for (const { listener } of matching) listener(value);
  }
}

/** An event that cannot be read still says that something happened. */
function decodeOrResync(kind: EventKind<unknown>, event: Packet): unknown {
  try {
    return decode(kind.payload, event.payload);
  } catch (error) {
    if (error instanceof ProtocolError) return "resync";
    throw error;
  }
}

async function registerCall(
  connection: Connection,
  { class: eventClass, eventID }: EventKind<unknown>,
): Promise<{ callbackID: number }> {
  switch (eventClass) {
    case "domain":
      return connection.call("CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY", { eventID });
    case "network":
      return connection.call("CONNECT_NETWORK_EVENT_REGISTER_ANY", { eventID });
    case "pool":
      return connection.call("CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY", { eventID });
    case "nodeDevice":
      return connection.call("CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY", { eventID });
  }
}
