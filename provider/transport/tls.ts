import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { isOfNetwork, lookUp, unreachable } from "./network";
import { DialError, type Dialled, type DialOptions } from "./outcome";
import { credentialsOf, type Credentials } from "./tls/credentials";
import { refusedByHost, refusedByUs } from "./tls/refusals";
import type { HostUri } from "./uri";

const usualPort = 16514;
const accepted = 1;
const keepAliveMs = 30_000;
const listens =
  "libvirt listens for TLS once `sudo systemctl enable --now libvirtd-tls.socket` (or virtproxyd-tls.socket) was run there";

/** Opens a stream to a daemon of a host over TLS; throws DialError with the reason and the remedy. */
export async function dialTls(uri: HostUri, options: DialOptions): Promise<Dialled> {
  try {
    const credentials = credentialsOf(options.access ?? {}, uri.parameters.get("pkipath"));
    const socket = await reach(uri, credentials, options.timeoutMs);
    // A modular daemon that is reached from afar asks the others by itself.
    return { socket, path: whereOf(uri), shared: true, user: uri.user ?? "" };
  } catch (error) {
    if (error instanceof DialError) throw new DialError(`connect ${uri.text}: ${error.message}`, error.absent);
    throw error;
  }
}

function whereOf({ host = "", port = usualPort }: HostUri): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The socket once the host has accepted our certificate, which is later than the end of TLS's own greeting. */
function reach(uri: HostUri, credentials: Credentials, timeoutMs: number): Promise<TLSSocket> {
  const { host = "", port = usualPort } = uri;
  return new Promise((resolve, reject) => {
    const socket = connect({
      lookup: lookUp,
      host,
      port,
      servername: isIP(host) === 0 ? host : "",
      secureContext: credentials.context,
      rejectUnauthorized: true,
    });
    let greeted = false;
    let timer: NodeJS.Timeout | undefined = undefined;
    const fail = (error: DialError): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const refused = (): DialError => (greeted ? refusedByHost(host, credentials) : hungUp(whereOf(uri)));
    const ended = (): void => {
      fail(refused());
    };
    const failed = (error: NodeJS.ErrnoException): void => {
      const code = error.code ?? "";
      if (isOfNetwork(code)) fail(unreachable(code, whereOf(uri), listens));
      else if (greeted || code === "ECONNRESET" || code === "EPIPE") ended();
      else fail(refusedByUs(error, host, credentials));
    };
    const answered = (): void => {
      const answer = socket.read(1) as Buffer | null; // no encoding is set, so that it is a Buffer
      if (answer === null) return;
      if (answer[0] !== accepted) {
        ended();
        return;
      }
      clearTimeout(timer);
      socket.off("error", failed).off("end", ended).off("close", ended).off("readable", answered);
      socket.setNoDelay(true).setKeepAlive(true, keepAliveMs);
      resolve(socket);
    };
    timer = setTimeout(() => {
      fail(unreachable("ETIMEDOUT", whereOf(uri), listens));
    }, timeoutMs);
    socket.once("secureConnect", () => {
      greeted = true;
    });
    socket.on("error", failed).on("end", ended).on("close", ended).on("readable", answered);
  });
}

function hungUp(where: string): DialError {
  return new DialError(
    `${where} hung up before TLS began: is that libvirt's port for TLS, and has its daemon too many clients?`,
    true,
  );
}
