import { BlockList, connect, isIP, type Socket } from "node:net";
import { lookUp, unreachable } from "./network";
import { DialError, type Dialled, type DialOptions } from "./outcome";
import type { HostUri } from "./uri";

const usualPort = 16509;
const listens =
  "libvirt listens for plain TCP once `sudo systemctl enable --now libvirtd-tcp.socket` (or virtproxyd-tcp.socket) was run there";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

function isLoopback(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && loopback.check(address, version === 6 ? "ipv6" : "ipv4");
}

/** Why plain TCP is not used, or nothing: whoever is on the way reads and writes all of it, and libvirt runs as root. */
export function tcpComplaint(uri: HostUri, allowed: boolean): string | undefined {
  const { transport, driver, path, host = "" } = uri;
  if (transport !== "tcp") return undefined;
  const name = host.includes(":") ? `[${host}]` : host;
  if (host.toLowerCase() !== "localhost" && !isLoopback(host)) {
    return `plain TCP to ${name} would let everybody on the way rule that host: use ${driver}+tls://${name}${path} or ${driver}+ssh://${name}${path}`;
  }
  if (allowed) return undefined;
  return `plain TCP lets every user of this machine in: set kvm:allowPlainTcp to true if that is meant, or use ${driver}://${path} (libvirt's socket)`;
}

/** Opens a stream to a daemon on a port of this machine; throws DialError with the reason and the remedy. */
export async function dialTcp(uri: HostUri, options: DialOptions): Promise<Dialled> {
  const complaint = tcpComplaint(uri, options.access?.allowPlainTcp === true);
  const { host = "", port = usualPort } = uri;
  const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const outcome = complaint === undefined ? await reach(host, port, options.timeoutMs) : undefined;
  if (typeof outcome === "object") return { socket: outcome, path: where, shared: true, user: uri.user ?? "" };
  const { message, absent } =
    outcome === undefined ? { message: complaint, absent: false } : unreachable(outcome, where, listens);
  throw new DialError(`connect ${uri.text}: ${message}`, absent);
}

/** The connected socket, or the system's code of the failure. */
function reach(host: string, port: number, timeoutMs: number): Promise<Socket | string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, lookup: lookUp });
    const timer = setTimeout(() => {
      fail("ETIMEDOUT");
    }, timeoutMs);
    const fail = (code: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(code);
    };
    const failed = (error: NodeJS.ErrnoException): void => {
      fail(error.code ?? error.message);
    };
    socket.once("error", failed);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", failed);
      // The name service of a machine may send localhost anywhere.
      if (isLoopback(socket.remoteAddress ?? "")) {
        resolve(socket.setNoDelay(true));
        return;
      }
      socket.destroy();
      reject(new DialError(`${host} is not this machine here: write 127.0.0.1 in the URI`, false));
    });
  });
}
