// The Pulumi CLI and its Node language host: the one on PATH, a cached one, Pulumi's own release, or a build from Go modules.
import {
  chmodSync,
  copyFileSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { cacheDir } from "../places.mjs";
import { Stop, capture, must, say, which } from "../shell.mjs";
import { compile, goProgram, moduleOptions } from "./golang.mjs";
import { atLeast } from "./version.mjs";

const version = "v3.250.0";
const oldest = "3.180.0";
const cached = join(cacheDir, `pulumi-${version}`);
const programs = ["pulumi", "pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"];

export const engine = {
  missing: () => (engineFolder() === undefined ? [`pulumi ${oldest} or later with its Node language host`] : []),
  does: `getting Pulumi ${version} into ${cached}, because PATH has none of these`,
  async fix() {
    mkdirSync(cacheDir, { recursive: true });
    const work = mkdtempSync(join(cacheDir, ".pulumi-"));
    try {
      const made = (await downloaded(work)) ?? (await built(work));
      rmSync(cached, { recursive: true, force: true });
      renameSync(made, cached);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
};

/** The folder whose programs are used: a suitable one of PATH, or the cached one; undefined when there is neither. */
export function engineFolder() {
  const onPath = which("pulumi");
  if (onPath !== undefined && suits(onPath)) return dirname(onPath);
  return programs.every((name) => existsSync(join(cached, name))) ? cached : undefined;
}

function suits(pulumi) {
  const { code, out } = capture([pulumi, "version"], { env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" } });
  if (code !== 0 || !atLeast(out.trim(), oldest)) return false;
  const path = `${dirname(pulumi)}${delimiter}${process.env.PATH}`;
  return programs.every((name) => which(name, path) !== undefined);
}

/** The environment of a local engine that keeps all it knows under `stateDir` and hears nothing of the user's own Pulumi. */
export function engineEnvironment(stateDir) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("PULUMI_"));
  mkdirSync(join(stateDir, "home"), { recursive: true });
  return {
    ...Object.fromEntries(inherited),
    PATH: [engineFolder(), process.env.PATH].join(delimiter),
    PULUMI_HOME: join(stateDir, "home"),
    PULUMI_BACKEND_URL: `file://${stateDir}`,
    // It guards a state that lies beside it on this machine: a real project takes a passphrase of its own.
    PULUMI_CONFIG_PASSPHRASE: "pulumi-kvm",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
}

async function downloaded(work) {
  const machine = { x64: "x64", arm64: "arm64" }[process.arch];
  const file = join(work, "pulumi.tar.gz");
  const url = `https://get.pulumi.com/releases/sdk/pulumi-${version}-${process.platform}-${machine}.tar.gz`;
  const failure = which("curl") === undefined ? await fetched(url, file) : curled(url, file);
  if (failure !== undefined) {
    say(`  Pulumi's own release could not be had (${failure}).`);
    return undefined;
  }
  must(["tar", "-xzf", file, "-C", work]);
  return join(work, "pulumi");
}

/** curl first: it honours the machine's proxy settings, which Node's fetch does not. */
function curled(url, file) {
  const { code, err } = capture(["curl", "-fsSL", "--connect-timeout", "5", "--retry", "1", "-o", file, url]);
  return code === 0 ? undefined : err.trim();
}

async function fetched(url, file) {
  const abort = new AbortController();
  const connecting = setTimeout(() => abort.abort(), 5_000);
  try {
    const response = await fetch(url, { signal: abort.signal });
    clearTimeout(connecting);
    if (!response.ok) return `the server says ${response.status}`;
    await pipeline(Readable.fromWeb(response.body), createWriteStream(file));
    return undefined;
  } catch (error) {
    // fetch wraps what happened to the network in a TypeError; its cause has the code.
    return error.cause?.code ?? error.name;
  } finally {
    clearTimeout(connecting);
  }
}

const builds = {
  cli: {
    output: "pulumi",
    flags: `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`,
    main: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
  },
  nodejs: {
    output: "pulumi-language-nodejs",
    flags: "-s -w",
    main: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
  },
};

async function built(work) {
  const go = goProgram();
  if (go === undefined) throw new Stop(withoutGo());
  say(`  Building it from its Go modules instead, pinned in scripts/pulumi: 3 to 6 minutes, once.`);
  const made = join(work, "made");
  mkdirSync(made);
  // Side by side: while one fetches its modules or links, the other compiles.
  await Promise.all(Object.entries(builds).map(([folder, build]) => compile(go, folder, build, made)));
  const module = must(
    [go, "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3"],
    moduleOptions("nodejs"),
  ).trim();
  const script = join(made, "pulumi-resource-pulumi-nodejs");
  copyFileSync(join(module, "nodejs/dist/pulumi-resource-pulumi-nodejs"), script);
  chmodSync(script, 0o755);
  return made;
}

function withoutGo() {
  return [
    "There is no Pulumi CLI here, Pulumi's download site does not answer, and there is no Go to build it with. One of these helps:",
    `  - install Pulumi ${oldest} or later so that pulumi is on PATH: https://www.pulumi.com/docs/install/`,
    "  - install Go 1.25 or later so that go is on PATH (https://go.dev/doc/install) and run this again",
  ].join("\n");
}
