import type { Duplex } from "node:stream";
import { Connection } from "./connection";
import { ConnectionError } from "./errors";
import type { Packet } from "./packet";

const Auth = { NONE: 0, SASL: 1, POLKIT: 2 } as const;
const handshakeMs = 20_000;
const readOnlyFlag = 1;

export interface OpenOptions {
  /** For messages. */
  uri: string;
  /** What the daemon is told. */
  remoteUri: string;
  readOnly?: boolean;
  onEvent?: (event: Packet | "resync") => void;
  /** How long the whole greeting may take, in milliseconds. */
  deadlineMs?: number;
}

/** The daemon wants a login that we cannot give; another try would end the same. */
export class AuthError extends ConnectionError {
  override readonly name = "AuthError";
}

/** A connection that is authenticated and opened; the socket is closed where that fails. */
export async function opened(socket: Duplex, options: OpenOptions): Promise<Connection> {
  const connection = new Connection(socket, options.uri, options.onEvent);
  const deadline = AbortSignal.timeout(options.deadlineMs ?? handshakeMs);
  try {
    // Also root must ask: libvirtd refuses CONNECT_OPEN before AUTH_LIST.
    const { types } = await connection.call("AUTH_LIST", {}, { signal: deadline });
    await authenticate(connection, types, deadline);
    const flags = options.readOnly === true ? readOnlyFlag : 0;
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

async function authenticate(connection: Connection, types: readonly number[], signal: AbortSignal): Promise<void> {
  const { uri } = connection;
  if (types.length === 0 || types.includes(Auth.NONE)) return;
  if (types.includes(Auth.POLKIT)) {
    const { complete } = await connection.call("AUTH_POLKIT", {}, { signal });
    if (complete === 1) return;
    throw new AuthError(
      `connect ${uri}: polkit did not let this user in; add the user to the group libvirt`,
      uri,
      false,
    );
  }
  const wanted = types.includes(Auth.SASL) ? "SASL" : `a login of kind ${types.join(", ")}`;
  const remedy = "use its unix socket (group libvirt or polkit) or qemu+ssh://";
  throw new AuthError(`connect ${uri}: the daemon wants ${wanted}, which is not supported; ${remedy}`, uri, false);
}
