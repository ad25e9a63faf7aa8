import { describeInLab, Program } from "./engine";
import { Hosts, type LabHost } from "./hosts";

const COUNT = 20;

interface Wishes {
  readonly door?: "pulumi-kvm" | "pulumi-kvm/plugin";
  readonly title?: string;
  /** Where a provider goes instead. */
  readonly elsewhere?: Readonly<Record<string, string>>;
}

/** On each host objects of the same names: whoever takes one host for another meets them. */
function fleet(
  hosts: readonly LabHost[],
  { door = "pulumi-kvm", title = "first", elsewhere = {} }: Wishes = {},
): string {
  const places = hosts.map(({ name, uri }) => [name, elsewhere[name] ?? uri]);
  return `const door = require("${door}");
for (const [host, uri] of ${JSON.stringify(places)}) {
  const opts = { provider: new door.Provider(host, { uri }) };
  const lan = new door.Network(host + "-lan", { name: "lan", ips: [{ address: "10.20.0.1/24", dhcp: {} }] }, opts);
  const pool = new door.StoragePool(host + "-pool", { name: "images" }, opts);
  const disk = new door.Volume(host + "-disk", { name: "disk", pool: pool.name, capacity: 0.0625 }, opts);
  new door.Domain(host + "-web", {
    name: "web", title: "${title}", type: "qemu", memory: 48,
    disks: [{ volume: disk.id }], interfaces: [{ network: lan.name }], waitFor: {}, shutdown: { timeout: 0 },
  }, opts);
}`;
}

describeInLab("many hosts in one program", () => {
  let hosts: Hosts;
  let program: Program;
  let few: [LabHost, LabHost, LabHost, LabHost];
  let lost: LabHost;
  const titles = (): string[] => few.map((host) => hosts.virsh(host, "desc", "--title", "web"));
  const ids = (): string[] => few.map((host) => hosts.virsh(host, "domuuid", "web"));

  beforeAll(async () => {
    hosts = await Hosts.start(COUNT);
    few = hosts.all.slice(0, 4) as typeof few; // there are twenty
    lost = few[2];
    program = new Program({ source: fleet(hosts.all), plugin: true });
  }, 240_000);
  afterAll(async () => {
    program.close();
    await hosts.close();
  }, 240_000);

  it("are deployed side by side, each with its own objects, and cleared when the program has them no more", () => {
    program.upped();
    expect(program.state()).toHaveLength(4 * COUNT);
    const machines = hosts.all.map((host) => hosts.virsh(host, "list", "--state-running", "--uuid", "--name"));
    expect(machines.filter((line) => line.endsWith(" web"))).toHaveLength(COUNT);
    expect(new Set(machines).size).toBe(COUNT);
    expect(program.preview("--expect-no-changes")).toMatchObject({ code: 0, steps: [] });

    program.write(fleet(few));
    program.upped();
    expect(program.state()).toHaveLength(4 * few.length);
    const left = hosts.all.filter((host) => hosts.virsh(host, "list", "--all", "--name") !== "");
    expect(left).toEqual(few);
  }, 300_000);

  it("go on without one that is down, whose objects are not forgotten", () => {
    hosts.plug(lost, "down");
    program.write(fleet(few, { title: "second" }));
    const { steps, text } = program.preview();
    expect(steps.map(({ op, what }) => `${op} ${what}`).sort()).toEqual(
      few.map(({ name }) => `update Domain ${name}-web`),
    );
    expect(text).toContain("the preview goes by the state alone");
    const ran = program.up("--continue-on-error");
    expect(ran.code).not.toBe(0);
    expect(ran.text).toMatch(/10\.99\.0\.3:22(: the host cannot be reached| did not finish the login)/);
    hosts.plug(lost, "up");
    expect(titles()).toEqual(["second", "second", "first", "second"]);
    expect(program.state()).toHaveLength(4 * few.length);

    program.upped();
    expect(titles()).toEqual(few.map(() => "second"));
    expect(program.preview("--expect-no-changes")).toMatchObject({ code: 0 });
  }, 300_000);

  it("refuse a URI that reaches another host, and touch neither", () => {
    const before = ids();
    program.write(fleet(few, { title: "second", elsewhere: { [few[0].name]: few[1].uri } }));
    expect(program.preview().text).toMatch(/lives on the host .* but .* reaches .* now/);
    const ran = program.up("--continue-on-error");
    expect(ran.code).not.toBe(0);
    expect(ran.text).toContain("point the provider back");
    expect(ids()).toEqual(before);
    program.write(fleet(few, { title: "second" }));
    program.upped();
    expect(program.preview("--expect-no-changes")).toMatchObject({ code: 0 });
    expect(ids()).toEqual(before);
  }, 300_000);

  it("are refreshed, updated and destroyed through the plugin, with one of them down on the way", () => {
    program.write(fleet(few, { door: "pulumi-kvm/plugin", title: "second" }));
    const before = ids();
    program.upped();
    expect(ids()).toEqual(before);
    hosts.virsh(few[0], "desc", "--live", "--config", "web", "--title", "drifted");
    hosts.plug(lost, "down");
    const refreshed = program.refresh();
    expect(refreshed.text).toMatch(/~ +kvm:index:Domain host1-web updated .*title/);
    expect(refreshed.text).toContain("the state stays as it was");
    program.up("--continue-on-error");
    hosts.plug(lost, "up");
    expect(titles()).toEqual(few.map(() => "second"));
    expect(program.destroy()).toMatchObject({ code: 0 });
    for (const host of few) expect(hosts.virsh(host, "list", "--all", "--name")).toBe("");
  }, 300_000);
});
