import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describeInLab, Program, until, virsh } from "./engine";

// examples/quickstart as it stands, on the tiny guest that set-up makes.
const source = readFileSync(join(__dirname, "../../examples/quickstart/index.ts"), "utf8");
const kernel = process.env["PULUMI_KVM_GUEST_KERNEL"] ?? "";
const initrd = process.env["PULUMI_KVM_GUEST_INITRD"] ?? "";

async function pageOf(url: string): Promise<string> {
  let text = "";
  const ask = async (): Promise<void> => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    text = answer?.ok ? await answer.text() : "";
  };
  for (let tries = 0; text === "" && tries < 120; tries++) await ask();
  return text;
}

describeInLab("the quickstart", () => {
  let program: Program;
  const onHost = (): string[] => ["list", "net-list", "pool-list"].map((list) => virsh(list, "--all", "--name"));
  let before: string[] = [];
  beforeAll(() => {
    before = onHost();
    program = new Program({ source, language: "typescript", project: "quickstart", config: { kernel, initrd } });
  }, 60_000);
  afterAll(() => {
    program.close();
  }, 120_000);

  it("boots a machine that reads its seed and serves a page", async () => {
    program.upped();
    const { address, url } = program.outputs();
    expect(address).toMatch(/^10\.20\.0\.\d+$/);
    expect(await pageOf(String(url))).toContain("Hello from my seed");
  }, 300_000);

  it("keeps user data out of the plain state", () => {
    expect(program.stateText()).not.toContain("Hello from my seed");
    expect(program.stateText()).not.toContain("#cloud-config");
  }, 60_000);

  it("shows no change afterwards", () => {
    expect(program.preview().steps).toEqual([]);
  }, 60_000);

  it("stays the same through a refresh", () => {
    expect(program.refresh()).toMatchObject({ code: 0 });
    expect(program.preview().steps).toEqual([]);
  }, 120_000);

  it("shows a machine stopped by hand as drift, and starts it again", async () => {
    const name = virsh("list", "--name");
    virsh("destroy", name);
    const drift = [{ op: "update", what: "Domain quickstart", replaceReasons: [] }];
    expect(program.preview().steps).toEqual(drift);
    expect(program.refresh()).toMatchObject({ code: 0 });
    expect(program.preview().steps).toEqual(drift);
    program.upped();
    expect(await until(() => virsh("domstate", name) === "running", 1000)).toBe(true);
    expect(program.preview().steps).toEqual([]);
  }, 300_000);

  it("says that more memory waits for a power cycle, and changes nothing that runs", () => {
    const before = virsh("list", "--name");
    program.write(source.replace("? 256 : 1024", "? 320 : 1024"));
    const shown = program.preview();
    expect(shown.steps).toEqual([{ op: "update", what: "Domain quickstart", replaceReasons: [] }]);
    program.upped();
    expect(virsh("list", "--name")).toBe(before);
    expect(program.state().find(({ type }) => type.endsWith(":Domain"))?.outputs?.["restartPending"]).toEqual([
      "memory",
    ]);
    expect(program.preview().steps).toEqual([]);
  }, 300_000);

  it("refuses `up --replace` of the machine, and loses nothing", () => {
    const uuid = virsh("domuuid", virsh("list", "--name"));
    const urn = program.state().find(({ type }) => type.endsWith(":Domain"))?.urn ?? "";
    expect(program.up("--replace", urn).code).not.toBe(0);
    expect(virsh("domuuid", virsh("list", "--name"))).toBe(uuid);
    program.upped();
    expect(program.preview().steps).toEqual([]);
  }, 300_000);

  it("leaves nothing behind", () => {
    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(onHost()).toEqual(before);
  }, 180_000);
});
