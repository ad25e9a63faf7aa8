import { dial, DialError, type Daemon, type DialOptions, type HostUri } from "../transport";
import type { Connection } from "./connection";
import { ConnectionError, HungUpError } from "./errors";
import { opened } from "./handshake";
import { Lines, Pool } from "./lines";
import { DeniedError } from "./login";
import type { Packet } from "./packet";
import type { ProcedureName } from "./procedures";

const dialMs = 10_000;
const tries = 5;
const firstPauseMs = 100;
const farLines = 4;
const longMaximum = 8;
const transferMaximum = 4;

type EventListener = (event: Packet | "resync") => void;

/** The connections to one daemon, one set for each need: reads never stand behind writes. */
export class Place {
  readonly read: Lines;
  readonly write: Lines;
  readonly long: Pool;
  readonly transfers: Pool;
  /** True once the socket has proved to serve every daemon's calls. */
  shared = false;
  /** Whose sessions are reached there. */
  user = "";
  /** Why the host lets this account look only; nothing where it may do more. */
  denial: string | undefined;
  private reached = false;

  constructor(
    private readonly uri: HostUri,
    private readonly daemon: Daemon,
    private readonly options: Pick<DialOptions, "readOnly" | "access">,
  ) {
    const open = (): Promise<Connection> => this.open();
    const openToRead = (): Promise<Connection> => this.openToRead();
    const lines = uri.transport === "unix" ? 1 : farLines;
    this.read = new Lines(openToRead, uri.text, lines);
    this.write = new Lines(open, uri.text, lines);
    // Some of them only read, as what asks a guest's agent.
    this.long = new Pool(openToRead, longMaximum, uri.text);
    this.transfers = new Pool(open, transferMaximum, uri.text);
  }

  /** Opens a connection; a daemon that was there before is given three seconds to come back. */
  async open(onEvent?: EventListener, readOnly = this.options.readOnly ?? false): Promise<Connection> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.openOnce(onEvent, readOnly);
      } catch (error) {
        if (attempt === tries || !this.mayPass(error)) throw this.named(error);
      }
      const pauseMs = firstPauseMs * 2 ** (attempt - 1);
      // Jitter: many programs may wait for one daemon.
      await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.75 + Math.random() / 2)));
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.write.close(), this.long.close(), this.transfers.close()]);
    await this.read.close(); // last: the test driver forgets everything with its last connection
  }

  /** Whoever may not change a host may often look at it: libvirt has sockets for that. */
  private async openToRead(): Promise<Connection> {
    this.denial = undefined;
    try {
      return await this.open();
    } catch (error) {
      if (!isDenied(error)) throw error;
      const connection = await this.open(undefined, true).catch(() => {
        throw error;
      });
      // That this one is open leaves a single reason.
      const closed = `connect ${this.uri.text}: this account may only look at the host, because libvirt's socket for changes is closed to it`;
      const remedy = "add it to the group libvirt there (`sudo usermod -aG libvirt USER`, then log in anew)";
      this.denial = error instanceof DeniedError ? error.message : `${closed}: ${remedy}`;
      return connection;
    }
  }

  private async openOnce(onEvent: EventListener | undefined, readOnly: boolean): Promise<Connection> {
    const { access = {} } = this.options;
    const { socket, shared, user } = await dial(this.uri, this.daemon, { timeoutMs: dialMs, access, readOnly });
    const connection = await opened(socket, {
      uri: this.uri.text,
      remoteUri: shared || this.daemon === "hypervisor" ? this.uri.remoteUri : `${this.daemon}://${this.uri.path}`,
      readOnly,
      login: { user: access.saslUser ?? this.uri.user, password: access.password },
      ...(onEvent === undefined ? {} : { onEvent }),
    });
    this.shared = shared;
    this.user = user;
    this.reached = true;
    return connection;
  }

  /** Whoever calls needs to know one kind of failure: not connected, nothing sent. */
  private named(error: unknown): unknown {
    const cause = error instanceof ConnectionError ? error.cause : error;
    return cause instanceof DialError ? new ConnectionError(cause.message, this.uri.text, false, { cause }) : error;
  }

  // Closing in the greeting is what a daemon with too many clients does.
  private mayPass(error: unknown): boolean {
    if (error instanceof DialError) return this.reached && error.absent;
    return error instanceof ConnectionError && error.cause instanceof HungUpError;
  }
}

function isDenied(error: unknown): error is ConnectionError {
  if (error instanceof DeniedError) return true;
  return error instanceof ConnectionError && error.cause instanceof DialError && error.cause.denied;
}

/** The daemon that a procedure belongs to where each daemon has its own socket. */
export function daemonOf(name: ProcedureName): Daemon {
  const noun = /^(?:CONNECT_(?:LIST_ALL_|FIND_|GET_)?)?(NETWORK|STORAGE|SECRET|NODE_DEVICE|NWFILTER|INTERFACE)/.exec(
    name,
  )?.[1];
  return noun === undefined ? "hypervisor" : (daemonOfNoun[noun] ?? "hypervisor");
}

const daemonOfNoun: Readonly<Record<string, Daemon>> = {
  NETWORK: "network",
  STORAGE: "storage",
  SECRET: "secret",
  NODE_DEVICE: "nodedev",
  NWFILTER: "nwfilter",
  INTERFACE: "interface",
};
