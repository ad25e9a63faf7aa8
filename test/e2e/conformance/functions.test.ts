import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describeInLab, virsh } from "../engine";
import { DoorProgram, doors } from "./doors";

const network = `
  const net = new kvm.Network("lab", { name: "fn-lab", ips: [{ address: "10.94.0.1/24" }] });`;

/** Each question's answer as an output; `first` is asked before anything is made. */
const program = (more = ""): string => `${network}
  module.exports = async () => {
    const first = await kvm.getHost();
    const later = kvm.getNetworkOutput({ name: net.name });
    const after = kvm.getHostOutput({}, { dependsOn: net });
    ${more}
    return { driver: first.driver, firstNetworks: first.networks, bridge: later.bridgeName, networks: after.networks };
  };`;

const typed = (from: string): string => `
  import * as pulumi from "@pulumi/pulumi";
  import * as kvm from "${from}";
  export async function look(): Promise<unknown[]> {
    const host: kvm.GetHostResult = await kvm.getHost();
    const args: kvm.GetDomainArgs = { name: "database" };
    const { addresses, title } = await kvm.getDomain(args);
    const texts: readonly (string | undefined)[] = [...addresses, title, host.lacks[0]?.remedy, host.guests.firmwares[0]];
    const base: kvm.GetVolumeResult = await kvm.getVolume({ id: "images/debian-12" });
    const root = new kvm.Volume("root", { pool: base.pool, backing: base.id, capacity: 20 });
    const provider = new kvm.Provider("there", { uri: "qemu:///session" });
    const later: kvm.GetNetworkOutputArgs = { name: new kvm.Network("lan", {}).name };
    const bridge: pulumi.Output<string> = kvm.getNetworkOutput(later, { provider, dependsOn: [root] }).bridgeName;
    const { devices } = await kvm.getNodeDevices({ capability: "pci" }, { provider });
    const numbers: readonly (number | undefined)[] = [host.freeMemory, devices[0]?.iommuGroup, host.cpu.cores];
    const { available }: kvm.GetPoolResult = await kvm.getPool({ uuid: "u" });
    const states = (await kvm.getDomains()).domains.map(({ state }: { state: string }) => state);
    return [texts, numbers, bridge, available, states, kvm.Domain.get("web", "u", { provider })];
  }`;

describeInLab.each(doors)("functions through the %s door", (door) => {
  let project: DoorProgram;
  beforeEach(() => {
    project = new DoorProgram(door, program());
  });
  afterEach(() => {
    project.close();
  });

  it("are asked at once, or when what they name exists", () => {
    const plan = project.plan();
    expect(plan.planned).toEqual({ lab: { op: "create", paths: [] } });
    project.upped();
    expect(project.outputs()).toEqual({
      driver: "qemu",
      firstNetworks: [],
      bridge: expect.stringMatching(/^virbr/) as string,
      networks: ["fn-lab"],
    });
    expect(project.plan().planned).toEqual({});
    project.upped();
    expect(project.outputs()["firstNetworks"]).toEqual(["fn-lab"]);
  }, 240_000);

  it("ask the host of the provider that they are given, of a parent's too", () => {
    project.write(`
      const mock = new kvm.Provider("mock", { uri: "test:///default" });
      const parent = new pulumi.ComponentResource("my:app:App", "app", {}, { providers: [mock] });
      exports.named = kvm.getHostOutput({}, { provider: mock }).driver;
      exports.parent = kvm.getHost({}, { parent }).then(({ driver }) => driver);
      exports.none = kvm.getHost().then(({ driver }) => driver);`);
    project.upped();
    expect(project.outputs()).toEqual({ named: "test", parent: "test", none: "qemu" });
  }, 240_000);

  it("say what is wrong with an argument, what is not there, and that a host is away", () => {
    const said = (source: string): string => {
      project.write(source);
      const ran = project.run("preview");
      expect(ran.code).not.toBe(0);
      return ran.text;
    };
    expect(said(`kvm.getDomain({ name: ["web"] });`)).toContain("must be text, not a list");
    expect(said(`kvm.getDomain({});`)).toMatch(/give "name", or "uuid"/);
    expect(said(`kvm.getDomainOutput({ name: "nobody" });`)).toContain(
      'qemu:///system has no domain named "nobody" (libvirt: 42, no domain)',
    );
    project.configure("kvm:uri", "qemu+unix:///system?socket=/nowhere");
    expect(said(`kvm.getHost();`)).toMatch(/getHost: .*nowhere/);
  }, 240_000);

  it("have the same types", () => {
    const file = join(project.folder, "typed.ts");
    writeFileSync(file, typed(door === "dynamic" ? "pulumi-kvm" : "pulumi-kvm/plugin"));
    const compiler = resolve(__dirname, "../../../node_modules/typescript/bin/tsc");
    const words =
      "--noEmit --strict --skipLibCheck --target es2022 --module node16 --moduleResolution node16 --types node";
    const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, ...words.split(" "), file], {
      cwd: project.folder,
      encoding: "utf8",
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  }, 240_000);

  it("read a resource that exists, without managing it", () => {
    project.upped();
    const uuid = virsh("net-uuid", "fn-lab");
    const other = new DoorProgram(door, `exports.bridge = kvm.Network.get("lab", "${uuid}").bridgeName;`, {
      project: "other",
    });
    other.upped();
    expect(other.plan().planned).toEqual({});
    expect(other.outputs()["bridge"]).toBe(project.outputs()["bridge"]);
    expect(other.destroy().code).toBe(0);
    expect(virsh("net-uuid", "fn-lab")).toBe(uuid);
    other.close();
  }, 240_000);
});

const yaml = `resources:
  net:
    type: kvm:Network
    properties: { name: fn-lab, ips: [{ address: 10.94.0.1/24 }] }
variables:
  host:
    fn::invoke: { function: kvm:getHost }
  found:
    fn::invoke: { function: kvm:getNetwork, arguments: { uuid: "\${net.id}" } }
outputs:
  driver: \${host.driver}
  bridge: \${found.bridgeName}
`;

describeInLab("functions in YAML", () => {
  it("are asked by fn::invoke", () => {
    const project = new DoorProgram("plugin", "");
    const file = join(project.folder, "Pulumi.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^main:.*\nruntime:\n.*\n.*\n/m, "runtime: yaml\n"));
    writeFileSync(join(project.folder, "Main.yaml"), yaml);
    expect(project.plan().planned).toEqual({ net: { op: "create", paths: [] } });
    project.upped();
    const bridge = virsh("net-info", "fn-lab").match(/Bridge: +(\S+)/)?.[1];
    expect(project.outputs()).toEqual({ driver: "qemu", bridge });
    project.close();
  }, 240_000);
});
