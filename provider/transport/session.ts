// The one program that transport starts: a session's daemon, where none runs, as libvirt's own client does it.
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Daemon, modularDaemon } from "./sockets";
import type { HostUri } from "./uri";

/** Seconds that a daemon stays without clients and guests: libvirt's own figure. */
const LINGER_S = 120;
const PAUSE_MS = 20;
// Their packages put them there, and a user's PATH often lacks these.
const folders = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

const starting = new Map<string, Promise<string | undefined>>();

/**
 * Starts the daemon that a session's URI needs, and waits until `answers` is true. Resolves to why not, or nothing; several
 * who come at once share one start. `LIBVIRT_AUTOSTART=0` forbids it, as it forbids libvirt's client.
 */
export async function startSession(
  uri: HostUri,
  daemon: Daemon,
  answers: () => Promise<boolean>,
  timeoutMs: number,
): Promise<string | undefined> {
  if (process.env["LIBVIRT_AUTOSTART"] === "0") return "LIBVIRT_AUTOSTART=0 forbids to start one";
  const modular = uri.parameters.get("mode") === "legacy" ? undefined : modularDaemon(uri, daemon);
  const names = [modular, "libvirtd"].filter((name) => name !== undefined);
  const program = names.map(found).find((file) => file !== undefined);
  if (program === undefined) return `none of ${names.join(", ")} is installed here to be started`;
  const running = starting.get(program) ?? started(program, answers, timeoutMs);
  starting.set(program, running);
  try {
    return await running;
  } finally {
    starting.delete(program);
  }
}

async function started(
  program: string,
  answers: () => Promise<boolean>,
  timeoutMs: number,
): Promise<string | undefined> {
  const child = spawn(program, [`--timeout=${LINGER_S}`], { cwd: "/", detached: true, stdio: "ignore" });
  const end = ended(child);
  child.unref();
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (await answers()) return undefined;
    // One that finds another of its kind ends at once, and the other one answers soon.
    if (end.reason !== undefined && Date.now() > deadline - timeoutMs / 2) return `${program} ${end.reason}`;
    if (Date.now() > deadline) return `${program} was started and does not answer`;
    await sleep(PAUSE_MS);
  }
}

function ended(child: ChildProcess): { reason?: string } {
  const end: { reason?: string } = {};
  child.once("error", (error) => (end.reason = `could not be started (${error.message})`));
  child.once("exit", (code, signal) => (end.reason = `ended with ${String(code ?? signal)}`));
  return end;
}

function found(name: string): string | undefined {
  const paths = [...(process.env["PATH"] ?? "").split(delimiter), ...folders].filter((folder) => folder !== "");
  return paths.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
