import type { Duplex } from "node:stream";
import { DialError, type Dialled, type DialOptions } from "./outcome";
import { candidates, type Daemon, modularDaemon } from "./sockets";
import type { Sight } from "./ssh/files";
import type { Tunnel } from "./ssh/tunnel";
import { tunnelTo, wantsHelper } from "./ssh/tunnels";
import type { HostUri } from "./uri";

/** Opens a stream to a daemon of a host over SSH; throws DialError with the reason and the remedy. */
export async function dialSsh(uri: HostUri, daemon: Daemon, options: DialOptions): Promise<Dialled> {
  try {
    return await reach(uri, daemon, options);
  } catch (error) {
    if (error instanceof DialError)
      throw new DialError(`connect ${uri.text}: ${error.message}`, error.absent, error.denied);
    throw error;
  }
}

async function reach(uri: HostUri, daemon: Daemon, options: DialOptions): Promise<Dialled> {
  const tunnel = await tunnelTo(uri, options.access ?? {});
  const session = uri.path === "/session";
  const account = session ? await tunnel.whose() : undefined;
  const user = account === undefined ? tunnel.hop.user : String(account.uid);
  if (wantsHelper(uri)) {
    const socket = await tunnel.toHelper(uri, options.timeoutMs);
    // A modular daemon that is reached from afar asks the others by itself.
    return { socket, path: "virt-ssh-helper", shared: true, user };
  }
  const folders = account && [`/run/user/${account.uid}/libvirt`, `${account.home}/.cache/libvirt`];
  if (session && folders === undefined && !uri.parameters.has("socket")) throw withoutFolder(tunnel);
  const tried: string[] = [];
  for (const { path, shared } of candidates(uri, daemon, options.readOnly ?? false, folders)) {
    const socket: Duplex | undefined = await tunnel.toSocket(path, options.timeoutMs);
    if (socket !== undefined) {
      tunnel.seal();
      return { socket, path, shared, user };
    }
    tried.push(path);
  }
  throw await refusal(uri, daemon, tunnel, tried);
}

function withoutFolder(tunnel: Tunnel): DialError {
  const reason = `where the sessions of ${tunnel.hop.user} have their sockets is not known, because the host has no SFTP`;
  const remedy = "name the socket with ?socket=/run/user/NUMBER/libvirt/libvirt-sock, or add proxy=helper";
  return new DialError(`${reason}: ${remedy}`, false);
}

/** SSH says of no socket why it cannot be opened: a look at the path tells the causes apart. */
async function refusal(uri: HostUri, daemon: Daemon, tunnel: Tunnel, paths: readonly string[]): Promise<DialError> {
  const { host, user } = tunnel.hop;
  const sights = await tunnel.look(paths);
  const present = sights.filter(({ sight }) => sight !== "absent");
  const tried = paths.join(", ") || "none";
  const start =
    uri.path === "/session"
      ? `no session daemon of ${user} runs there: proxy=helper in the URI starts one, as does \`virsh -c qemu:///session version\` on the host`
      : `libvirtd does not run there: \`sudo systemctl start libvirtd\` (or ${modularDaemon(uri, daemon) ?? "virtproxyd"}.socket) starts it`;
  const causes = present.length === 0 ? [start] : causesOf(present, user, host, start);
  const reasons =
    causes.length === 1
      ? (causes[0] ?? "")
      : `one of these: ${causes.map((one, index) => `(${index + 1}) ${one}`).join("; ")}`;
  return new DialError(`${host} opens no socket of libvirt: tried ${tried}: ${reasons}`, true, present.length > 0);
}

function causesOf(
  present: readonly { path: string; sight: Sight }[],
  user: string,
  host: string,
  start: string,
): string[] {
  const closed = `its sshd forwards no sockets: set \`AllowStreamLocalForwarding yes\` and \`AllowTcpForwarding yes\` in /etc/ssh/sshd_config there (OpenSSH needs both, \`local\` is enough), or add proxy=helper to the URI, which runs virt-ssh-helper on ${host}`;
  const [known] = present.flatMap(({ path, sight }) => (typeof sight === "object" ? [{ path, ...sight }] : []));
  const barred = `${user} may not use the socket: \`sudo usermod -aG libvirt ${user}\` there, then connect anew`;
  // Whoever may write to a socket may use it, if somebody listens.
  const open = user === "root" || (known !== undefined && (known.mode & 0o002) !== 0);
  if (known === undefined) return [closed, ...(open ? [] : [barred]), start];
  return [closed, ...(open ? [] : [barred]), `nobody listens at ${known.path}: ${start}`];
}
