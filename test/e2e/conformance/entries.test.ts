// The entries of an application's stack in a platform's network, through both doors.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeInLab, virsh } from "../engine";
import { type Door, DoorProgram, doors, type Planned } from "./doors";

const other: Readonly<Record<Door, Door>> = { dynamic: "plugin", plugin: "dynamic" };

const network = (more = ""): string => `
  const net = new kvm.Network("net", {
    name: "platform", bridge: { name: "br-platform" }, ${more}
    ips: [{ address: "10.93.0.1/24", dhcp: { hosts: [{ mac: "52:54:00:93:00:99", ip: "10.93.0.99" }] } }],
    dns: { hosts: [{ ip: "10.93.0.99", hostnames: ["theirs"] }] },
  });`;

interface Entries {
  readonly ip?: string;
  readonly hostnames?: readonly string[];
  readonly mac?: string;
}

const entries = ({ ip = "10.93.0.10", hostnames = ["web"], mac = "52:54:00:93:00:01" }: Entries = {}): string => `
  const fixed = new kvm.DhcpHost("fixed", { network: "platform", ip: "${ip}", mac: "${mac}", name: "web" });
  const names = new kvm.DnsHost("names", { network: "platform", ip: fixed.ip, hostnames: ${JSON.stringify(hostnames)} });
  exports.ids = pulumi.all([fixed.id, names.id]);`;

const byHand = (...words: readonly string[]): string => virsh("net-update", "platform", ...words, "--live", "--config");
const sides = (): string[] => [virsh("net-dumpxml", "platform"), virsh("net-dumpxml", "platform", "--inactive")];
const update = (...paths: string[]): Planned => ({ op: "update", paths });

describeInLab.each(doors)("entries of a network through the %s door", (door) => {
  const shown = (...paths: string[]): Planned => update(...(door === "plugin" ? paths : []));
  let platform: DoorProgram;
  let app: DoorProgram;
  beforeAll(() => {
    platform = new DoorProgram(door, network(), { project: "platform" });
    platform.upped();
    app = new DoorProgram(door, entries(), { project: "app" });
    app.upped();
  }, 240_000);
  afterAll(() => {
    app.close();
    platform.close();
  }, 120_000);
  afterEach(() => {
    app.write(entries());
  });

  it("are made on both sides, and seen by neither program as a change", () => {
    const uuid = virsh("net-uuid", "platform");
    expect(app.outputs()["ids"]).toEqual([`${uuid}/52:54:00:93:00:01`, `${uuid}/10.93.0.10`]);
    for (const text of sides()) {
      expect(text).toContain("<host mac='52:54:00:93:00:01' name='web' ip='10.93.0.10'/>");
      expect(text).toContain("<hostname>web</hostname>");
    }
    for (const one of [app, platform]) {
      expect(one.plan().planned).toEqual({});
      expect(one.refresh("--expect-no-changes")).toMatchObject({ code: 0 });
    }
  }, 240_000);

  it("survive what the platform does to its network", () => {
    platform.write(network("mtu: 1400,"));
    platform.upped();
    expect(app.plan().planned).toEqual({});
    platform.write(network());
    platform.upped();
    expect(app.plan().planned).toEqual({});
    for (const text of sides()) expect(text).toContain("52:54:00:93:00:01");
  }, 240_000);

  it("are mended after other hands, and made again where they are gone", () => {
    byHand("modify", "ip-dhcp-host", "<host mac='52:54:00:93:00:01' name='web' ip='10.93.0.77'/>");
    byHand("delete", "dns-host", "<host ip='10.93.0.10'/>");
    expect(app.plan().planned).toEqual({ fixed: shown("ip"), names: update() });
    app.upped();
    expect(app.plan().planned).toEqual({});
    for (const text of sides()) expect(text).toMatch(/<hostname>web<\/hostname>[^]*ip='10\.93\.0\.10'\/>/);
  }, 240_000);

  it("change live, and are replaced, the old one first, by another key", () => {
    app.write(entries({ ip: "10.93.0.11", hostnames: ["web", "www"] }));
    expect(app.plan().planned).toMatchObject({ fixed: shown("ip"), names: { op: "replace" } });
    app.upped();
    expect(app.plan().planned).toEqual({});
    app.write(entries({ mac: "52:54:00:93:00:02" }));
    expect(app.plan().planned).toMatchObject({ fixed: { op: "replace" } });
    app.upped();
    for (const text of sides()) {
      expect(text).not.toContain("52:54:00:93:00:01");
      expect(text).not.toContain("www");
    }
    app.write(entries());
    app.upped();
    expect(app.plan().planned).toEqual({});
  }, 240_000);

  it("are not lost by a forced replacement", () => {
    for (const name of ["fixed", "names"]) app.up("--replace", app.urnOf(name));
    for (const text of sides()) {
      expect(text).toContain("52:54:00:93:00:01");
      expect(text).toContain("<hostname>web</hostname>");
    }
    app.upped();
    expect(app.plan().planned).toEqual({});
  }, 240_000);

  it("go to the other door by the import line alone, and back", () => {
    const ids = app.outputs()["ids"];
    app.enter(other[door], entries());
    app.upped();
    expect(app.plan().planned).toEqual({});
    app.enter(door, entries());
    app.upped();
    expect(app.plan().planned).toEqual({});
    expect(app.outputs()["ids"]).toEqual(ids);
  }, 240_000);

  it("of another program are refused, and taken over with `adopt: true`", () => {
    const text = (more: string): string => `
      new kvm.DhcpHost("mine", { network: "platform", ip: "10.93.0.99", mac: "52:54:00:93:00:99", name: "n"${more} });`;
    const rival = new DoorProgram(door, text(""), { project: "rival" });
    const refused = rival.up();
    expect(refused.code).not.toBe(0);
    expect(refused.text).toContain("exists on the host already");
    expect(refused.text).toContain("adopt: true");
    rival.write(text(", adopt: true"));
    rival.upped();
    expect(sides()[0]).toContain("<host mac='52:54:00:93:00:99' name='n' ip='10.93.0.99'/>");
    expect(rival.destroy()).toMatchObject({ code: 0 });
    rival.close();
    expect(platform.plan().planned).toMatchObject({ net: { op: "update" } });
    platform.upped();
    expect(sides()[0]).toContain("52:54:00:93:00:99");
  }, 240_000);

  it("are imported by the network's name through the plugin", () => {
    if (door === "dynamic") return;
    const importer = new DoorProgram(door, entries(), { project: "importer" });
    const file = join(importer.folder, "import.json");
    const resources = [
      { type: "kvm:index:DhcpHost", name: "fixed", id: "platform/52:54:00:93:00:01" },
      { type: "kvm:index:DnsHost", name: "names", id: "platform/10.93.0.10" },
    ];
    writeFileSync(file, JSON.stringify({ resources }));
    const words = ["--yes", "--skip-preview", "--generate-code=false", "--protect=false"];
    expect(importer.run("import", "-f", file, ...words)).toMatchObject({ code: 0 });
    expect(importer.plan().planned).toEqual({});
    importer.run("stack", "rm", "--force", "--yes");
    importer.close();
  }, 240_000);

  it("end alone, also where the network is gone before them", () => {
    expect(app.destroy()).toMatchObject({ code: 0 });
    for (const text of sides()) {
      expect(text).not.toContain("52:54:00:93:00:01");
      expect(text).toContain("52:54:00:93:00:99");
      expect(text).toContain("<hostname>theirs</hostname>");
    }
    app.upped();
    expect(platform.destroy()).toMatchObject({ code: 0 });
    expect(app.destroy()).toMatchObject({ code: 0 });
    expect(virsh("net-list", "--all", "--name")).toBe("");
  }, 240_000);
});
