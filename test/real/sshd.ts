// An OpenSSH server of its own for a test: on a port of this machine alone, with keys that are thrown away.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** Whoever runs the tests logs in. */
export const user = userInfo().username;

export interface SshdOptions {
  /** More lines of sshd_config; they win over those written here. */
  readonly lines?: readonly string[];
  readonly hostKeys?: readonly ("ed25519" | "rsa" | "ecdsa")[];
}

export class Sshd {
  readonly folder = mkdtempSync(join(tmpdir(), "sshd-"));
  /** A key that the server lets in. */
  readonly key = join(this.folder, "id");
  readonly knownHosts = join(this.folder, "known_hosts");
  private child: ChildProcess | undefined;
  private readonly hostKeyFiles: readonly string[];

  private constructor(
    readonly port: number,
    private readonly options: SshdOptions,
  ) {
    makeKey(this.key);
    writeFileSync(join(this.folder, "authorized_keys"), readFileSync(`${this.key}.pub`));
    this.hostKeyFiles = (options.hostKeys ?? ["ed25519"]).map((type) => {
      const file = join(this.folder, `host_${type}`);
      makeKey(file, type);
      return file;
    });
    writeFileSync(this.knownHosts, this.knownLines().join(""));
  }

  static async start(port: number, options: SshdOptions = {}): Promise<Sshd> {
    const sshd = new Sshd(port, options);
    await sshd.run();
    return sshd;
  }

  /** The lines by which a known_hosts file knows this server. */
  knownLines(): string[] {
    return this.hostKeyFiles.map((file) => `[127.0.0.1]:${this.port} ${publicKey(file)}\n`);
  }

  hostKey(index = 0): string {
    return publicKey(this.hostKeyFiles[index] ?? "");
  }

  /** Lets another key in. */
  authorize(line: string): void {
    writeFileSync(join(this.folder, "authorized_keys"), `${line}\n`, { flag: "a" });
  }

  uri(parameters: Readonly<Record<string, string>> = {}, path = "/system"): string {
    const all = { keyfile: this.key, known_hosts: this.knownHosts, sshauth: "privkey", ...parameters };
    const query = new URLSearchParams(Object.entries(all).filter(([, value]) => value !== "")).toString();
    return `qemu+ssh://${user}@127.0.0.1:${this.port}${path}?${query.replaceAll("%2F", "/")}`;
  }

  async run(): Promise<void> {
    mkdirSync("/run/sshd", { recursive: true });
    const file = join(this.folder, "sshd_config");
    writeFileSync(file, [...(this.options.lines ?? []), ...this.usual()].join("\n") + "\n");
    this.child = spawn("/usr/sbin/sshd", ["-D", "-f", file, "-E", join(this.folder, "log")], { stdio: "ignore" });
    await this.answers();
  }

  log(): string {
    return readFileSync(join(this.folder, "log"), "utf8");
  }

  /** Stops or freezes the server and what it started for its logins, by their numbers. */
  signal(name: NodeJS.Signals): void {
    for (const pid of this.processes()) send(pid, name);
  }

  /** Ends the server, its logins too. */
  async stop(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    this.signal("SIGCONT");
    this.signal("SIGKILL");
    await ended;
    this.child = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The listener's child processes come last. */
  processes(): number[] {
    const found = this.child?.pid === undefined ? [] : [this.child.pid];
    for (const pid of found) found.push(...childrenOf(pid));
    return found;
  }

  private usual(): string[] {
    return [
      `ListenAddress 127.0.0.1:${this.port}`,
      ...this.hostKeyFiles.map((key) => `HostKey ${key}`),
      `AuthorizedKeysFile ${join(this.folder, "authorized_keys")}`,
      "PidFile none",
      "StrictModes no",
      "UsePAM no",
      "PermitRootLogin yes",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "LogLevel DEBUG1",
      "Subsystem sftp internal-sftp",
    ];
  }

  private async answers(): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if (await listens(this.port)) return;
      await new Promise((wake) => setTimeout(wake, 30));
    }
    throw new Error(`sshd does not listen on ${this.port}:\n${this.log()}`);
  }
}

export function makeKey(file: string, type = "ed25519", passphrase = "", ...more: readonly string[]): void {
  rmSync(file, { force: true });
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", "test", "-f", file, ...more]);
}

/** Type and key, as known_hosts writes them. */
export function publicKey(file: string): string {
  return readFileSync(`${file}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it has ended meanwhile
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return []; // it has ended meanwhile
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
