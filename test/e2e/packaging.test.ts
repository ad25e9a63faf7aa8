import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describeInLab, pluginLines, Program, type ProgramOptions, virsh } from "./engine";

const root = resolve(__dirname, "../..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const folder = mkdtempSync(join(tmpdir(), "kvm-packages-"));
const config = { "kvm:uri": "qemu:///system" };
// Other tests forbid the engine to download plugins; where it may, an attempt shows.
const mayDownload = { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "false" };

function must(...[program = "", ...words]: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${words.join(" ")} ended with ${String(status)}:\n${stdout}${stderr}`);
  return stdout;
}

/** The one file of the release whose name fits. */
function made(name: RegExp): string {
  const [file, ...others] = readdirSync(folder).filter((one) => name.test(one));
  expect(others).toEqual([]);
  return join(folder, file ?? "nothing was made");
}

const npmPackage = (): string => made(/^pulumi-kvm-.*\.tgz$/);
const pluginArchive = (): string => made(/^pulumi-resource-kvm-.*\.tar\.gz$/);

/** A project that has the packed package, not the checkout. */
function programOf(source: string, more: Partial<ProgramOptions> = {}): Program {
  const program = new Program({ source, config, ...more });
  const modules = join(program.folder, "node_modules");
  rmSync(join(modules, "pulumi-kvm"));
  mkdirSync(join(modules, "pulumi-kvm"));
  must("tar", "-xzf", npmPackage(), "--strip-components=1", "-C", join(modules, "pulumi-kvm"));
  // npm would fetch it; its own dependencies lie beside the one of the checkout.
  symlinkSync(join(root, "node_modules/fast-xml-parser"), join(modules, "fast-xml-parser"));
  return program;
}

const network = `new kvm.Network("lan", { name: "e2e-lan", ips: [{ address: "10.78.0.1/24" }] });`;
const throughPlugin = `{ const kvm = require("pulumi-kvm/plugin"); ${network} }`;
const lines = pluginLines("node_modules/pulumi-kvm/dist/plugin");

/** Whether a text has these lines, however far each block is indented. */
function hasLines(text: string): boolean {
  const flat = (one: string): string => one.replace(/^ +/gm, "");
  return flat(text).includes(flat(lines));
}

describeInLab("the packages of a release", () => {
  let program: Program | undefined;
  beforeAll(() => {
    must(process.execPath, "scripts/package.mjs", "--built", folder);
  }, 240_000);
  afterEach(() => {
    program?.close();
    program = undefined;
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("have the names that npm and Pulumi look for, and their checksums", () => {
    const machine = process.arch === "x64" ? "amd64" : process.arch;
    expect(readdirSync(folder).sort()).toEqual([
      `pulumi-kvm-${version}.tgz`,
      `pulumi-kvm_${version}_checksums.txt`,
      `pulumi-resource-kvm-v${version}-linux-${machine}.tar.gz`,
    ]);
    const said = must("bash", "-c", `cd ${folder} && sha256sum --check --strict *_checksums.txt`);
    expect(said.match(/: OK$/gm)).toHaveLength(2);
  });

  it("hold a plugin that runs where no Node does", () => {
    const place = join(folder, ".unpacked");
    mkdirSync(place);
    must("tar", "-xzf", pluginArchive(), "-C", place);
    expect(readdirSync(place).sort()).toEqual(["LICENSE", "THIRD_PARTY_LICENSES", "pulumi-resource-kvm"]);
    const licences = readFileSync(join(place, "THIRD_PARTY_LICENSES"), "utf8");
    for (const name of ["@grpc/grpc-js 1", "google-protobuf 3", "fast-xml-parser 5", "Node.js v"])
      expect(licences).toContain(`\n${name}`);
    const withoutNode = `mount --bind /dev/null "$0" && ! "$0" --version 2>/dev/null && exec env -i "$1" --version`;
    const plugin = join(place, "pulumi-resource-kvm");
    expect(must("unshare", "--mount", "bash", "-c", withoutNode, process.execPath, plugin)).toBe(`${version}\n`);
  });

  it("tell a program without the plugin what to write where, and run it once the archive is installed", () => {
    program = programOf(throughPlugin);
    const failed = program.run("preview");
    expect(failed.code).not.toBe(0);
    expect(hasLines(failed.text)).toBe(true);
    // The engine's own words stay.
    expect(failed.text).toContain(
      `no resource plugin 'pulumi-resource-kvm' found in the workspace at version v${version}`,
    );

    const installing = program.run("plugin", "install", "resource", "kvm", `v${version}`, "--file", pluginArchive());
    expect(installing.text).not.toContain("error");
    const ran = program.upped();
    expect(ran.text).not.toContain("warning");
    expect(virsh("net-list", "--name")).toBe("e2e-lan");

    // Neither the program nor its packages are needed any more.
    rmSync(join(program.folder, "node_modules"), { recursive: true });
    program.write(`throw new Error("the program ran");`);
    expect(program.refresh("--expect-no-changes").code).toBe(0);
    expect(program.destroy().code).toBe(0);
    expect(virsh("net-list", "--all", "--name")).toBe("");
  }, 240_000);

  it("hold the command `pulumi-kvm`", () => {
    program = programOf(network);
    const place = join(program.folder, "node_modules/pulumi-kvm");
    const { bin } = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as { bin: Record<string, string> };
    const command = [process.execPath, join(place, bin["pulumi-kvm"] ?? "no such command")];
    expect(must(...command, "--version")).toBe(`${version}\n`);
    const told = JSON.parse(must(...command, "doctor", "--json")) as object;
    expect(told).toMatchObject({ version, uri: "qemu:///system", canRunMachines: true });
  });

  it("tell lines that mend it", () => {
    program = programOf(throughPlugin);
    appendFileSync(join(program.folder, "Pulumi.yaml"), lines);
    const ran = program.run("preview");
    expect(ran.text).not.toContain("warning");
    expect(ran.code).toBe(0);
  }, 240_000);

  it("never look for a plugin in a program of the dynamic door", () => {
    program = programOf(network, { environment: mayDownload });
    // The language host reads each package.json below node_modules, at any depth; old ones do not find the folder.
    const place = join(program.folder, "node_modules/pulumi-kvm");
    const named = readdirSync(place, { recursive: true, encoding: "utf8" }).filter((one) => /package\.json$/.test(one));
    expect(named).toContain("package.json");
    const fields = named.flatMap((one) => Object.keys(JSON.parse(readFileSync(join(place, one), "utf8")) as object));
    expect(fields).not.toContain("pulumi");

    const installing = program.run("install", "--no-dependencies");
    expect(installing.text).not.toMatch(/kvm|download|error/i);
    expect(installing.code).toBe(0);
    const ran = program.run("preview");
    expect(ran.text).not.toMatch(/download|warning|error/i);
    expect(ran.code).toBe(0);
  }, 240_000);

  it("change doors by the import line, to and fro, and no object is touched", () => {
    program = programOf(network);
    program.upped();
    const uuid = virsh("net-uuid", "e2e-lan");
    appendFileSync(join(program.folder, "Pulumi.yaml"), lines);
    for (const source of [throughPlugin, network, throughPlugin]) {
      program.write(source);
      const ran = program.upped();
      expect(ran.text).not.toMatch(/replace|create|delete/);
      expect(virsh("net-uuid", "e2e-lan")).toBe(uuid);
    }
    expect(program.run("preview", "--expect-no-changes").code).toBe(0);
    expect(program.destroy().code).toBe(0);
    expect(virsh("net-list", "--all", "--name")).toBe("");
  }, 240_000);
});
