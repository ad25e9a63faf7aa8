// Whether the engine will find the plugin: it says itself only that there is none. Asked by plugin/index.js, in the program's
// process, so nothing heavy is loaded.
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";

/** Where a program runs. */
export interface Surroundings {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** Warns a program that runs below an engine when the plugin of this version is nowhere: it may still be downloaded. */
export function warnWhenMissing(version: string): void {
  // A unit test with mocks needs no plugin, nor does a program that is only type-checked or documented.
  if (pulumi.runtime.getEngine() === undefined) return;
  const here = { folder: process.cwd(), environment: process.env };
  // Not pulumi.log: it is on its way still when the engine fails at the first resource, and is lost.
  if (!isFound(here, version)) process.stderr.write(`${missing(version)}\n`);
}

/** The places where the engine looks, in its order, without the download. */
export function isFound({ folder, environment }: Surroundings, version: string): boolean {
  return (
    isAttached(environment["PULUMI_DEBUG_PROVIDERS"]) ||
    isNamedByProject(folder) ||
    (!isOn(environment["PULUMI_IGNORE_AMBIENT_PLUGINS"]) && isOnPath(environment["PATH"])) ||
    isInstalled(environment["PULUMI_HOME"], version)
  );
}

/** What a user is to read. */
export function missing(version: string): string {
  return [
    `warning: pulumi-kvm/plugin needs the plugin pulumi-resource-kvm v${version}, and it is neither named in Pulumi.yaml, nor on PATH, nor installed.`,
    "It is part of the npm package; add this to Pulumi.yaml:",
    "",
    "plugins:",
    "  providers:",
    "    - { name: kvm, path: node_modules/pulumi-kvm/dist/plugin }",
    "",
    "Or import from pulumi-kvm alone, which needs no plugin.",
  ].join("\n");
}

/** `kvm:PORT,other:PORT`: providers that run already. */
function isAttached(providers = ""): boolean {
  return providers.split(",").some((one) => one.trim().startsWith("kvm:"));
}

/** The engine's own reading of a boolean variable. */
function isOn(value = ""): boolean {
  return ["1", "true"].includes(value.toLowerCase());
}

function isNamedByProject(folder: string): boolean {
  const project = projectIn(folder);
  if (project === undefined) return false;
  // In JSON the word in quotes is a name, or near enough: no warning is better than a wrong one.
  return project.endsWith(".json") ? /"kvm"/.test(read(project)) : namesPlugin(read(project));
}

/** The project file of a folder or of the nearest one above. */
function projectIn(folder: string): string | undefined {
  const here = ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"].map((name) => join(folder, name)).find(existsSync);
  if (here !== undefined || dirname(folder) === folder) return here;
  return projectIn(dirname(folder));
}

// A whole YAML parser would be slower than all the rest: the blocks of two keys, and in them the name as a key or a value.
const blocks = /^(?:plugins|packages):.*(?:\n(?:[ \t-].*)?)*/gm;
const name = /(?:^[ \t]*|\bname["']?[ \t]*:[ \t]*|[{,][ \t]*)(?:"kvm"|'kvm'|kvm)[ \t]*(?=[:,}]|$)/m;

/** True for a Pulumi.yaml that says where the plugin is. */
export function namesPlugin(yaml: string): boolean {
  const uncommented = yaml.replace(/\r\n/g, "\n").replace(/(^|\s)#.*$/gm, "$1");
  return (uncommented.match(blocks) ?? []).some((block) => name.test(block));
}

function isOnPath(path = ""): boolean {
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  const endings = process.platform === "win32" ? [".exe", ".cmd"] : [""];
  return folders.some((folder) => endings.some((ending) => isExecutable(join(folder, `pulumi-resource-kvm${ending}`))));
}

/** Of installed plugins, the engine takes the version that the SDK asks for and no other. */
function isInstalled(home = join(homedir(), ".pulumi"), version: string): boolean {
  const place = join(home, "plugins", `resource-kvm-v${version}`);
  // The engine's own mark of an installation that was never finished.
  return existsSync(place) && !existsSync(`${place}.partial`);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    // Whatever the reason, the engine could not start it either.
    return false;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // A program must not fail for a warning: the engine has read the file, and says what is wrong with it.
    return "";
  }
}
