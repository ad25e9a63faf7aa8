// Runs programs through the real Pulumi engine: its CLI, its Node language host, a local file backend.
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const checkout = resolve(__dirname, "../..");
const stateMender = pathToFileURL(join(checkout, "scripts/quickstart/checkpoint.mjs")).href;
const passphrase = "test";

/** The folder of the CLI: on PATH, else where set-up keeps it. */
function engineFolder(): string {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pulumi-kvm/pulumi-v3.250.0");
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), cache];
  const found = folders.find((folder) => folder !== "" && existsSync(join(folder, "pulumi")));
  if (found === undefined)
    throw new Error("no pulumi on PATH nor in the cache: run `npm run quickstart` or `npm test` once");
  return found;
}

export interface Step {
  /** `create`, `update`, `replace`, `delete`, `same`, ... */
  readonly op: string;
  /** The resource's type without the door (`Domain`) and its logical name: `Domain web`. */
  readonly what: string;
  readonly replaceReasons: readonly string[];
}

export interface Ran {
  readonly code: number;
  /** All that the CLI printed. */
  readonly text: string;
}

export interface Previewed extends Ran {
  /** What would happen to our resources; the unchanged ones are left out. */
  readonly steps: readonly Step[];
}

interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

export interface ProgramOptions {
  /** The program's text; `kvm` and `pulumi` are required already where it is plain JavaScript. */
  readonly source: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly language?: "javascript" | "typescript";
  /** The project's name: another one is another owner. */
  readonly project?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The project says where the built plugin is. */
  readonly plugin?: boolean;
}

/** The lines of Pulumi.yaml that name the folder of the plugin. */
export function pluginLines(folder = join(checkout, "dist/plugin")): string {
  return `plugins:\n  providers:\n    - { name: kvm, path: ${folder} }\n`;
}

/** One Pulumi project with one stack, in a folder of its own. */
export class Program {
  readonly folder = mkdtempSync(join(tmpdir(), "kvm-e2e-"));
  private readonly file: string;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly started: ChildProcess[] = [];

  constructor(private readonly options: ProgramOptions) {
    this.file = options.language === "typescript" ? "index.ts" : "index.js";
    this.environment = environmentIn(this.folder, options.environment);
    this.layOut();
    this.write(options.source);
    this.must("stack", "init", "dev");
    for (const [key, value] of Object.entries(options.config ?? {})) this.must("config", "set", key, value);
  }

  /** Changes the program's text. */
  write(source: string): void {
    const head = `const pulumi = require("@pulumi/pulumi"); const kvm = require("pulumi-kvm");\n`;
    writeFileSync(join(this.folder, this.file), this.file.endsWith(".js") ? head + source : source);
  }

  configure(key: string, value: string): void {
    this.must("config", "set", key, value);
  }

  /** A secret of the stack's configuration, which may begin with dashes as a key does. */
  secret(key: string, value: string): void {
    const { folder: cwd, environment: env } = this;
    execFileSync("pulumi", ["config", "set", "--secret", key, "--non-interactive"], { cwd, env, input: value });
  }

  up(...more: readonly string[]): Ran {
    return this.run("up", "--yes", "--skip-preview", ...more);
  }

  /** An up that has to succeed. */
  upped(...more: readonly string[]): Ran {
    return this.must("up", "--yes", "--skip-preview", ...more);
  }

  preview(...more: readonly string[]): Previewed {
    const ran = this.run("preview", "--json", ...more);
    return { ...ran, steps: stepsOf(ran.text) };
  }

  refresh(...more: readonly string[]): Ran {
    return this.run("refresh", "--yes", "--skip-preview", ...more);
  }

  destroy(...more: readonly string[]): Ran {
    return this.run("destroy", "--yes", "--skip-preview", ...more);
  }

  /** The stack's resources of ours, as they stand in the state; secrets stay encrypted. */
  state(): readonly StateResource[] {
    const exported = this.must("stack", "export").text;
    const { deployment } = JSON.parse(exported) as { deployment: { resources?: StateResource[] } };
    return (deployment.resources ?? []).filter(({ type }) => type.startsWith("pulumi-nodejs:dynamic/kvm:"));
  }

  /** The whole state as text, as it lies in the backend. */
  stateText(): string {
    return this.must("stack", "export").text;
  }

  outputs(): Readonly<Record<string, unknown>> {
    const { text } = this.must("stack", "output", "--json", "--show-secrets");
    return JSON.parse(text) as Record<string, unknown>;
  }

  /** Starts the CLI in a process group of its own, to be killed in the middle. */
  start(...words: readonly string[]): ChildProcess {
    const child = spawn("pulumi", [...words, "--non-interactive", "--color", "never"], {
      cwd: this.folder,
      env: this.environment,
      detached: true,
      stdio: "ignore",
    });
    this.started.push(child);
    return child;
  }

  /** Leaves a file of the state (`dev.json`, `dev.json.attrs`) as a kill or a power cut in the middle of its writing does. */
  tear(name: string): void {
    writeFileSync(join(this.folder, "state/.pulumi/stacks", this.options.project ?? "e2e", name), "");
  }

  /** Takes away what a killed CLI left: a half-written state, and its lock. */
  unlock(): void {
    // The scripts are ES modules, which jest does not load.
    const mend = `import { mendState } from ${JSON.stringify(stateMender)}; mendState(process.argv[1]);`;
    execFileSync(process.execPath, ["--input-type=module", "-e", mend, join(this.folder, "state")]);
    this.must("cancel", "--yes");
  }

  /**
   * An up after a kill. Killed between an object's last call and the state's write, the object is finished and the state
   * does not know it: then, and only then, the refusal names `adopt`, and the program that adopts goes through.
   */
  recover(plain: string, adopting: string): void {
    const ran = this.up();
    if (ran.code === 0) return;
    if (!ran.text.includes("adopt: true")) throw new Error(`pulumi up after a kill:\n${ran.text}`);
    this.write(adopting);
    this.upped();
    this.write(plain);
    this.upped();
  }

  /** Runs the CLI to its end. */
  run(...words: readonly string[]): Ran {
    const done = spawnSync("pulumi", [...words, "--non-interactive", "--color", "never"], {
      cwd: this.folder,
      env: this.environment,
      encoding: "utf8",
      timeout: 240_000,
      maxBuffer: 64 * 1024 * 1024,
    });
    return { code: done.status ?? -1, text: done.stdout + done.stderr };
  }

  /** Ends what a failed test left running, destroys what is left and removes the folder. */
  close(): void {
    for (const { pid, exitCode, signalCode } of this.started) {
      if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGKILL");
    }
    this.run("destroy", "--yes", "--skip-preview");
    rmSync(this.folder, { recursive: true, force: true });
  }

  private must(...words: readonly string[]): Ran {
    const ran = this.run(...words);
    if (ran.code !== 0) throw new Error(`pulumi ${words.join(" ")} ended with ${ran.code}:\n${ran.text}`);
    return ran;
  }

  private layOut(): void {
    const main = this.file;
    const options = this.file.endsWith(".ts") ? "" : "  options: { typescript: false }\n";
    const project = this.options.project ?? "e2e";
    const plugin = this.options.plugin === true ? pluginLines() : "";
    const runtime = `name: ${project}\nmain: ${main}\nruntime:\n  name: nodejs\n${options}${plugin}`;
    writeFileSync(join(this.folder, "Pulumi.yaml"), runtime);
    writeFileSync(join(this.folder, "package.json"), JSON.stringify({ name: project, private: true, main }));
    mkdirSync(join(this.folder, "node_modules"));
    symlinkSync(checkout, join(this.folder, "node_modules/pulumi-kvm"));
    for (const name of ["@pulumi", "@types", "typescript"]) {
      symlinkSync(join(checkout, "node_modules", name), join(this.folder, "node_modules", name));
    }
  }
}

/** The environment of an engine that keeps its state, and all that it knows, in a project's folder. */
export function environmentIn(folder: string, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PULUMI_|KVM_|LIBVIRT_|NODE_OPTIONS)/.test(name));
  mkdirSync(join(folder, "state"));
  return {
    ...Object.fromEntries(inherited),
    PATH: [engineFolder(), process.env["PATH"]].join(delimiter),
    PULUMI_HOME: join(folder, "home"),
    PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: passphrase,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    ...more,
  };
}

function stepsOf(text: string): Step[] {
  const start = text.indexOf("{");
  const { steps = [] } = JSON.parse(text.slice(start, text.lastIndexOf("}") + 1)) as {
    steps?: { op: string; urn: string; replaceReasons?: string[] }[];
  };
  return steps
    .filter(({ op, urn }) => op !== "same" && urn.includes("dynamic/kvm:"))
    .map(({ op, urn, replaceReasons }) => ({ op, what: nameIn(urn), replaceReasons: replaceReasons ?? [] }));
}

function nameIn(urn: string): string {
  const parts = urn.split("::");
  const type = /kvm:([A-Za-z]+)$/.exec(parts[2] ?? "")?.[1] ?? "?";
  return `${type} ${parts.slice(3).join("::")}`;
}

/** Ends a process group at once, as a power cut would end the client. */
export async function killGroup(child: ChildProcess): Promise<void> {
  const ended = new Promise<void>((done) => {
    child.once("exit", () => {
      done();
    });
  });
  if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  await ended;
}

/** Waits until something is true, looking every 20 ms; false when it never was within the time. */
export async function until(is: () => boolean, withinMs = 120_000): Promise<boolean> {
  const end = Date.now() + withinMs;
  while (!is()) {
    if (Date.now() > end) return false;
    await new Promise((wake) => setTimeout(wake, 20));
  }
  return true;
}

/** libvirt's own client, to look at the host with other eyes than ours. */
export function virsh(...words: readonly string[]): string {
  const done = spawnSync("virsh", ["-q", "-c", "qemu:///system", ...words], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`virsh ${words.join(" ")}: ${done.stderr}`);
  return done.stdout.trim();
}

/** Several of its commands in one process, with the answer of each. */
export function virshAll(...commands: readonly (readonly string[])[]): readonly string[] {
  const next = "== next ==";
  const lines = commands.map((words) => words.map((word) => `'${word}'`).join(" "));
  const answers = virsh(lines.join(`; echo '${next}'; `)).split(next);
  return answers.map((answer) => answer.trim());
}

/** These tests make and destroy on a real daemon: only beside a private one. */
export const describeInLab = process.env["PULUMI_KVM_LAB"] === "1" ? describe : describe.skip;
