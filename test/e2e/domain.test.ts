import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeInLab, killGroup, Program, until, virsh } from "./engine";

const uri = { "kvm:uri": "qemu:///system" };
const folder = mkdtempSync(join(tmpdir(), "kvm-e2e-domain-"));

/** A machine without a guest system: it runs its firmware for ever. */
function machine(more = "waitFor: {},"): string {
  return `
    new kvm.Domain("web", {
      name: "e2e-web", type: "qemu", memory: 64, os: { machine: "q35" }, shutdown: { timeout: 0 }, ${more}
    });`;
}

function withSecrets(userData: string, password: string): string {
  const pool = `const pool = new kvm.StoragePool("disks", { name: "e2e-seeds", type: "dir", path: ${JSON.stringify(join(folder, "pool"))} });`;
  const seed = `cloudInit: { pool: pool.name, userData: "#cloud-config\\n# ${userData}\\n" },`;
  return pool + machine(`waitFor: {}, ${seed} graphics: { vnc: { password: "${password}" } },`);
}

/** All that the backend keeps: the state, its backups and its history. */
function backendText(program: Program): string {
  const state = join(program.folder, "state");
  const names = readdirSync(state, { recursive: true, encoding: "utf8" });
  const files = names.map((name) => join(state, name)).filter((file) => statSync(file).isFile());
  return files.map((file) => readFileSync(file, "utf8")).join("\n");
}

const defined = (): boolean => virsh("list", "--all", "--name").split("\n").includes("e2e-web");
const running = (): boolean => virsh("list", "--name").split("\n").includes("e2e-web");
const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

describeInLab("a machine through the engine", () => {
  let program: Program | undefined;
  afterEach(() => {
    program?.close();
    program = undefined;
  }, 120_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ["after its definition", defined, 0, "waitFor: {},"],
    ["during its start", defined, 150, "waitFor: {},"],
    ["when it runs", running, 0, "waitFor: {},"],
    ["during the wait for its guest", running, 1500, "waitFor: { agent: true },"],
  ])(
    "is one after a kill %s",
    async (_, reached, laterMs, wait) => {
      program = new Program({ source: machine(wait), config: uri });
      const child = program.start("up", "--yes", "--skip-preview");
      expect(await until(reached)).toBe(true);
      await pause(laterMs);
      await killGroup(child);
      program.unlock();
      program.write(machine());
      program.recover(machine(), machine("waitFor: {}, adopt: true,"));
      expect(virsh("list", "--all", "--name")).toBe("e2e-web");
      expect(virsh("domstate", "e2e-web")).toBe("running");
      expect(program.state()).toHaveLength(1);
      expect(program.preview().steps).toEqual([]);
      expect(program.destroy()).toMatchObject({ code: 0 });
      expect(virsh("list", "--all", "--name")).toBe("");
    },
    300_000,
  );

  it("shows its secrets nowhere: not in preview, up or state, neither the old nor the new", () => {
    const secrets = ["canary-seed-old", "canary-seed-new", "vnc-0ld", "vnc-n3w"];
    program = new Program({ source: withSecrets("canary-seed-old", "vnc-0ld"), config: uri });
    const texts = [program.run("preview", "--diff").text, program.upped("--diff").text];
    program.write(withSecrets("canary-seed-new", "vnc-n3w"));
    const shown = program.run("preview", "--diff");
    expect(shown.text).toContain("cloudInit");
    expect(shown.text).toContain("graphics");
    texts.push(shown.text, program.run("preview", "--json").text, program.upped("--diff").text);
    expect(virsh("dumpxml", "e2e-web", "--security-info", "--inactive")).toContain("vnc-n3w");
    texts.push(program.refresh("--diff").text, program.stateText(), backendText(program), program.destroy().text);
    for (const secret of secrets) expect(texts.filter((text) => text.includes(secret))).toEqual([]);
  }, 300_000);
});
