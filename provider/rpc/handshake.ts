import type { Duplex } from "node:stream";
import { Connection } from "./connection";
import { ConnectionError } from "./errors";
import { logIn, type Login } from "./login";
import type { Packet } from "./packet";

const handshakeMs = 20_000;
const readOnlyFlag = 1;

export interface OpenOptions {
  /** For messages. */
  uri: string;
  /** What the daemon is told. */
  remoteUri: string;
  readOnly?: boolean;
  /** For daemons that ask for a name and a password. */
  login?: Login;
  onEvent?: (event: Packet | "resync") => void;
  /** How long the whole greeting may take, in milliseconds. */
  deadlineMs?: number;
}

/** A connection that is authenticated and opened; the socket is closed where that fails. */
export async function opened(socket: Duplex, options: OpenOptions): Promise<Connection> {
  const connection = new Connection(socket, options.uri, options.onEvent);
  const deadline = AbortSignal.timeout(options.deadlineMs ?? handshakeMs);
  try {
    // Also root must ask: libvirtd refuses CONNECT_OPEN before AUTH_LIST.
    const { types } = await connection.call("AUTH_LIST", {}, { signal: deadline });
    const { login = {}, readOnly = false } = options;
    await logIn(connection, types, { login, readOnly, signal: deadline });
    const flags = readOnly ? readOnlyFlag : 0;
    await connection.call("CONNECT_OPEN", { name: options.remoteUri, flags }, { signal: deadline });
    return connection;
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    connection.drop(cause);
    if (deadline.aborted) {
      throw new ConnectionError(
        `connect ${options.uri}: the daemon did not finish the greeting in time`,
        options.uri,
        false,
        { cause },
      );
    }
    throw error;
  }
}
