import { connect, type Socket } from "node:net";
import { DialError, type Dialled, type DialOptions } from "./outcome";
import { candidates, type Candidate, type Daemon, modularDaemon } from "./sockets";
import { startSession } from "./session";
import { dialSsh } from "./ssh";
import { dialTcp } from "./tcp";
import { dialTls } from "./tls";
import type { HostUri } from "./uri";

/** Opens a stream to one of the host's daemons; throws DialError with the paths tried and the remedy. */
export async function dial(uri: HostUri, daemon: Daemon, options: DialOptions): Promise<Dialled> {
  if (uri.transport === "ssh") return dialSsh(uri, daemon, options);
  if (uri.transport === "tls") return dialTls(uri, options);
  if (uri.transport === "tcp") return dialTcp(uri, options);
  const found = await tryAll(uri, daemon, options);
  if (!Array.isArray(found)) return found;
  if (!startsItself(uri) || !found.every(({ code }) => absences.has(code))) throw refusal(uri, daemon, found);
  const answers = async (): Promise<boolean> => {
    const again = await tryAll(uri, daemon, options);
    if (Array.isArray(again)) return false;
    again.socket.destroy();
    return true;
  };
  const trouble = await startSession(uri, daemon, answers, options.timeoutMs);
  const reached = await tryAll(uri, daemon, options);
  if (Array.isArray(reached)) throw refusal(uri, daemon, reached, trouble);
  return reached;
}

/** libvirt's own client starts the daemon of a session, unless the URI names a socket. */
function startsItself(uri: HostUri): boolean {
  return uri.path === "/session" && !uri.parameters.has("socket");
}

interface Tried {
  readonly candidate: Candidate;
  readonly code: string;
}

/** The first socket that answers, or why none did. */
async function tryAll(uri: HostUri, daemon: Daemon, options: DialOptions): Promise<Dialled | Tried[]> {
  const tried: Tried[] = [];
  for (const candidate of candidates(uri, daemon, options.readOnly ?? false)) {
    const outcome = await reach(candidate.path, options.timeoutMs);
    if (typeof outcome !== "string") {
      const { path, shared } = candidate;
      return { socket: outcome, path, shared, user: String(process.getuid?.() ?? "") };
    }
    tried.push({ candidate, code: outcome });
  }
  return tried;
}

/** The connected socket, or the system's code of the failure. */
function reach(path: string, timeoutMs: number): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connect({ path });
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
      resolve(socket);
    });
  });
}

const absences = new Set(["ENOENT", "ECONNREFUSED", "EAGAIN", "ETIMEDOUT"]);

function refusal(uri: HostUri, daemon: Daemon, tried: readonly Tried[], trouble?: string): DialError {
  const paths = tried.map(({ candidate, code }) => `${candidate.path} (${code})`).join(", ");
  const codes = new Set(tried.map(({ code }) => code));
  const denied = codes.has("EACCES") || codes.has("EPERM");
  const remedy = denied
    ? "this user may not use the socket: add it to the group libvirt (`sudo usermod -aG libvirt $USER`, then log in anew)"
    : uri.path === "/session"
      ? `the session's daemon does not run${trouble === undefined ? "" : `, and ${trouble}`}: install libvirt's daemon here, or start it by hand`
      : `is libvirtd running? \`sudo systemctl start libvirtd\` (or ${modularDaemon(uri, daemon) ?? "virtproxyd"}.socket) starts it`;
  const absent = [...codes].every((code) => absences.has(code));
  return new DialError(
    `connect ${uri.text}: no socket of libvirt answers: tried ${paths || "none"}; ${remedy}`,
    absent,
    denied,
  );
}
