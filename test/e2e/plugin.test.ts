import { describeInLab, Program, type ProgramOptions, type Ran, virsh } from "./engine";

const config = { "kvm:uri": "qemu:///system" };

/** A project whose Pulumi.yaml says where the plugin is. */
function programOf(source: string, more: Partial<ProgramOptions> = {}): Program {
  return new Program({ source, config, plugin: true, ...more });
}

const outputs = "uuid: undefined, bridgeName: undefined, active: undefined";

function lan(more = "", options = ""): string {
  return `
    class Network extends pulumi.CustomResource {
      constructor(name, args, options) { super("kvm:index:Network", name, { ${outputs}, ...args }, options); }
    }
    const net = new Network("lan", { name: "e2e-lan", ips: [{ address: "10.78.0.1/24" }], ${more} }, { ${options} });
    exports.bridge = net.bridgeName;
    exports.uuid = net.uuid;`;
}

interface Step {
  readonly op: string;
  readonly urn: string;
  readonly detailedDiff?: unknown;
}

/** What a preview would do, with its detailed diff. */
function previewed(program: Program): { ran: Ran; steps: { op: string; detailedDiff: unknown }[] } {
  const ran = program.run("preview", "--json");
  const { text } = ran;
  const { steps = [] } = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as { steps?: Step[] };
  const ours = steps.filter(({ op, urn }) => op !== "same" && urn.includes("kvm:index:"));
  return { ran, steps: ours.map(({ op, detailedDiff }) => ({ op, detailedDiff: detailedDiff ?? null })) };
}

describeInLab("the plugin through the engine", () => {
  let program: Program | undefined;
  afterEach(() => {
    program?.close();
    program = undefined;
    for (const name of virsh("net-list", "--all", "--name").split("\n").filter(Boolean)) {
      if (virsh("net-list", "--name").split("\n").includes(name)) virsh("net-destroy", name);
      virsh("net-undefine", name);
    }
  });

  it("makes a network, sees it unchanged, shows a change in detail, refreshes and destroys it", () => {
    program = programOf(lan());
    expect(previewed(program).steps).toEqual([{ op: "create", detailedDiff: null }]);
    program.upped();
    expect(program.outputs()).toEqual({
      bridge: expect.stringMatching(/^virbr/) as string,
      uuid: virsh("net-uuid", "e2e-lan"),
    });
    expect(previewed(program).steps).toEqual([]);

    program.write(lan(`domain: { name: "lan.test" }, disruptive: true,`));
    const [step] = previewed(program).steps;
    expect(step).toMatchObject({ op: "update", detailedDiff: { domain: { kind: "add", inputDiff: true } } });
    program.upped();
    expect(previewed(program).steps).toEqual([]);
    expect(program.refresh("--expect-no-changes").code).toBe(0);
    expect(program.destroy().code).toBe(0);
    expect(virsh("net-list", "--all", "--name")).toBe("");
  }, 240_000);

  it("shows drift in a plain preview, respects ignoreChanges, and mends it", () => {
    program = programOf(lan());
    program.upped();
    virsh("net-autostart", "e2e-lan", "--disable");
    expect(previewed(program).steps).toMatchObject([
      { op: "update", detailedDiff: { autostart: { kind: "update", inputDiff: false } } },
    ]);
    expect(program.refresh().code).toBe(0);
    expect(previewed(program).steps).toMatchObject([{ op: "update", detailedDiff: { autostart: { kind: "update" } } }]);
    program.write(lan("", `ignoreChanges: ["autostart"]`));
    expect(previewed(program).steps).toEqual([]);
    program.write(lan());
    program.upped();
    expect(previewed(program).steps).toEqual([]);
  }, 240_000);

  it("imports by name, with all that a program needs", () => {
    program = programOf(lan());
    program.upped();
    const uuid = virsh("net-uuid", "e2e-lan");
    const other = programOf(lan("autostart: true,", `import: "e2e-lan"`), { project: "other" });
    const ran = other.up();
    expect(ran.text).not.toContain("error");
    expect(ran.code).toBe(0);
    expect(other.outputs()["uuid"]).toBe(uuid);
    other.write(lan("autostart: true,"));
    expect(previewed(other).steps).toEqual([]);
    expect(other.run("stack", "rm", "--force", "--yes").code).toBe(0);
    other.close();
  }, 240_000);

  it("takes over a stack of the dynamic door in place, and destroys it", () => {
    const args = `name: "e2e-lan", ips: [{ address: "10.78.0.1/24" }]`;
    program = programOf(`new kvm.Network("lan", { ${args} });`);
    program.upped();
    const uuid = virsh("net-uuid", "e2e-lan");
    program.write(lan("", `aliases: [{ type: "pulumi-nodejs:dynamic/kvm:Network" }]`));
    expect(previewed(program).steps).toEqual([]);
    program.upped();
    expect(virsh("net-uuid", "e2e-lan")).toBe(uuid);
    program.write(lan("mtu: 1400, disruptive: true,"));
    program.upped();
    expect(virsh("net-uuid", "e2e-lan")).toBe(uuid);
    expect(program.destroy().code).toBe(0);
    expect(virsh("net-list", "--all", "--name")).toBe("");
  }, 240_000);

  it("keeps the state of what it cannot read, and refreshes the rest", () => {
    program = programOf(lan());
    program.upped();
    program.configure("kvm:uri", "qemu+unix:///system?socket=/nowhere");
    const ran = program.run("refresh", "--yes", "--skip-preview", "--run-program");
    expect(ran.text).toContain("unhealthy");
    expect(ran.code).toBe(0);
    program.configure("kvm:uri", "qemu:///system");
    program.upped();
    expect(previewed(program).steps).toEqual([]);
  }, 240_000);

  it("names the wrong setting", () => {
    program = programOf(lan(), { config: { "kvm:uri": "qemu+ext://joe:hunter22@host/system" } });
    const ran = program.up();
    expect(ran.code).not.toBe(0);
    expect(ran.text).toMatch(/uri: a password in a URI/);
    expect(ran.text).not.toContain("hunter22");
  }, 240_000);
});
