import { connect, type Socket } from "node:net";
import { DialError, type Dialled, type DialOptions } from "./outcome";
import { candidates, type Candidate, type Daemon } from "./sockets";
import { dialSsh } from "./ssh";
import type { HostUri } from "./uri";

/** Opens a stream to one of the host's daemons; throws DialError with the paths tried and the remedy. */
export async function dial(uri: HostUri, daemon: Daemon, options: DialOptions): Promise<Dialled> {
  if (uri.transport === "ssh") return dialSsh(uri, daemon, options);
  if (uri.transport !== "unix") {
    throw new DialError(
      `connect ${uri.text}: remote hosts (${uri.transport}) come in a later release; run the program on the host with ${uri.driver}://${uri.path}`,
      false,
    );
  }
  const tried: { candidate: Candidate; code: string }[] = [];
  for (const candidate of candidates(uri, daemon, options.readOnly ?? false)) {
    const outcome = await reach(candidate.path, options.timeoutMs);
    if (typeof outcome !== "string") {
      const { path, shared } = candidate;
      return { socket: outcome, path, shared, user: String(process.getuid?.() ?? "") };
    }
    tried.push({ candidate, code: outcome });
  }
  throw refusal(uri, tried);
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

function refusal(uri: HostUri, tried: readonly { candidate: Candidate; code: string }[]): DialError {
  const paths = tried.map(({ candidate, code }) => `${candidate.path} (${code})`).join(", ");
  const codes = new Set(tried.map(({ code }) => code));
  const remedy =
    codes.has("EACCES") || codes.has("EPERM")
      ? "this user may not use the socket: add it to the group libvirt (`sudo usermod -aG libvirt $USER`, then log in anew)"
      : uri.path === "/session"
        ? "is a session daemon running? `virsh -c qemu:///session version` starts one"
        : "is libvirtd running? `sudo systemctl start libvirtd` (or virtqemud.socket) starts it";
  const absent = [...codes].every((code) => absences.has(code));
  return new DialError(
    `connect ${uri.text}: no socket of libvirt answers: tried ${paths || "none"}; ${remedy}`,
    absent,
  );
}
