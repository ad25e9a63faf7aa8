import { homedir } from "node:os";
import { join } from "node:path";
import type { Driver, HostUri } from "./uri";

/** One of libvirt's daemons (https://libvirt.org/daemons.html); a monolithic libvirtd plays them all. */
export type Daemon = "hypervisor" | "network" | "storage" | "secret" | "nodedev" | "nwfilter" | "interface";

/** A socket worth trying; `shared` says that it serves every daemon's calls. */
export interface Candidate {
  path: string;
  shared: boolean;
}

const systemFolders = ["/run/libvirt", "/var/run/libvirt"];

const hypervisorDaemons: Readonly<Record<Driver, string | undefined>> = {
  qemu: "virtqemud",
  lxc: "virtlxcd",
  xen: "virtxend",
  test: undefined, // only libvirtd and virtproxyd have the test driver
};

/** The sockets that may serve the URI, best first; `sessions` is where those of a user stand, on this machine unless told. */
export function candidates(
  uri: HostUri,
  daemon: Daemon,
  readOnly: boolean,
  sessions: readonly string[] = [sessionFolder()],
): Candidate[] {
  const named = uri.parameters.get("socket");
  if (named !== undefined) return [{ path: named, shared: true }];
  const ending = readOnly ? "-sock-ro" : "-sock";
  const folders = uri.path === "/session" ? sessions : systemFolders;
  const modular = modularDaemon(uri, daemon);
  const monolithic = folders.map((folder) => ({ path: join(folder, `libvirt${ending}`), shared: true }));
  const own =
    modular === undefined ? [] : folders.map((folder) => ({ path: join(folder, modular + ending), shared: false }));
  const mode = uri.parameters.get("mode") ?? "auto";
  if (mode === "direct") return own;
  return mode === "legacy" ? monolithic : [...monolithic, ...own];
}

/** The daemon's own program where each has one; nothing for a driver that only the monolithic one has. */
export function modularDaemon(uri: HostUri, daemon: Daemon): string | undefined {
  return daemon === "hypervisor" ? hypervisorDaemons[uri.driver] : `virt${daemon}d`;
}

/** Where a session's daemon puts its sockets: the rule is glib's, which libvirt follows. */
function sessionFolder(): string {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  if (runtime !== undefined && runtime !== "") return join(runtime, "libvirt");
  const cache = process.env["XDG_CACHE_HOME"];
  return join(cache !== undefined && cache !== "" ? cache : join(homedir(), ".cache"), "libvirt");
}
