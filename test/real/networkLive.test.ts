import { execFileSync } from "node:child_process";
import { network } from "../../provider/resources/network/lifecycle";
import { parseXml, readPath } from "../../provider/xml";
import { costs, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(60_000);

const place = placeOf();

beforeAll(() => {
  for (const name of ["eth7", "eth8"])
    for (const words of [`link add ${name} type veth peer name peer-${name}`, `link set ${name} up`])
      execFileSync("ip", words.split(" "));
});
afterEach(() => {
  for (const name of virsh("list", "--name").split("\n").filter(Boolean)) virsh("destroy", name);
  for (const name of virsh("net-list", "--name").split("\n").filter(Boolean)) virsh("net-destroy", name);
  for (const name of virsh("net-list", "--all", "--name").split("\n").filter(Boolean)) virsh("net-undefine", name);
});
afterAll(() => place.host.close());

const sidesOf = (name: string) => [virsh("net-dumpxml", name), virsh("net-dumpxml", name, "--inactive")];
const uplinks = (text: string): string[] => [...text.matchAll(/<interface dev='([^']+)'/g)].map(([, dev]) => dev ?? "");

describe("the uplinks of a running network", () => {
  const direct = (forward: object) => ({ name: "direct", forward });

  it.each(["bridge", "private", "vepa", "passthrough"])(
    "of mode %s come, change their order and go while it runs",
    async (mode) => {
      const one = new Driven(network, place, "direct");
      await one.up(direct({ mode, interfaces: ["eth7"] }));
      for (const interfaces of [["eth7", "eth8"], ["eth8", "eth7"], ["eth8"]]) {
        const wish = direct({ mode, interfaces });
        expect(await costs(one, wish)).toEqual(["forward.interfaces live"]);
        await one.up(wish);
        expect(sidesOf("direct").map(uplinks)).toEqual([interfaces, interfaces]);
        expect(await one.preview(wish)).toMatchObject({ differences: [], changes: false });
      }
      const named = direct({ mode, dev: "eth7" });
      await one.up(named);
      expect(sidesOf("direct").map(uplinks)).toEqual([["eth7"], ["eth7"]]);
      expect(await one.preview(named)).toMatchObject({ differences: [], changes: false });
      // The same interface, in the other words for it.
      const listed = direct({ mode, interfaces: ["eth7"] });
      await one.up(listed);
      expect(sidesOf("direct").map(uplinks)).toEqual([["eth7"], ["eth7"]]);
      expect(await one.preview(listed)).toMatchObject({ differences: [], changes: false });
    },
  );

  it("go under a running machine, which keeps its own until its next power cycle", async () => {
    const one = new Driven(network, place, "direct");
    await one.up(direct({ mode: "private", interfaces: ["eth7"] }));
    const xml_desc = `<domain type='qemu'><name>guest</name><memory unit='MiB'>24</memory><os><type arch='x86_64'>hvm</type></os>
      <devices><interface type='network'><mac address='52:54:00:47:00:01'/><source network='direct'/></interface></devices></domain>`;
    await place.host.call("DOMAIN_CREATE_XML", { xml_desc, flags: 0 });
    const wish = direct({ mode: "private", interfaces: ["eth8"] });
    await one.up(wish);
    expect(await one.preview(wish)).toMatchObject({ differences: [], changes: false });
    const source = (name: string): string | undefined =>
      readPath(parseXml(virsh("dumpxml", name)), "devices/interface/source/@dev");
    expect(source("guest")).toBe("eth7");
    virsh("destroy", "guest");
    await place.host.call("DOMAIN_CREATE_XML", { xml_desc, flags: 0 });
    expect(source("guest")).toBe("eth8");
  });

  it("change by a restart where the bridge is libvirt's, whose firewall and routes are made at its start", async () => {
    const one = new Driven(network, place, "routed");
    const wish = (dev: string) => ({
      name: "routed",
      forward: { mode: "nat", dev },
      ips: [{ address: "10.48.0.1/24" }],
    });
    await one.up(wish("eth7"));
    expect(await costs(one, wish("eth8"))).toEqual(["forward.dev restart"]);
    await one.up(wish("eth8"));
    expect(await one.preview(wish("eth8"))).toMatchObject({ differences: [], changes: false });
  });
});

describe("a change that libvirt refuses", () => {
  it("of an entry leaves the running network and its definition as they were, and names the entry", async () => {
    const one = new Driven(network, place, "entries");
    const wish = (hosts: object[]) => ({ name: "entries", ips: [{ address: "10.49.0.1/24", dhcp: { hosts } }] });
    const [a, b] = [
      { mac: "52:54:00:49:00:01", ip: "10.49.0.11" },
      { mac: "52:54:00:49:00:02", ip: "10.49.0.12" },
    ];
    await one.up(wish([a]));
    // Another hand gave the address in the running network only.
    const theirs = "<host mac='52:54:00:49:00:99' ip='10.49.0.12'/>";
    virsh("net-update", "entries", "add", "ip-dhcp-host", theirs, "--live");
    // libvirt adds at the end: what was taken back may stand at another place.
    const sorted = () => sidesOf("entries").map((text) => text.split("\n").sort());
    const before = sorted();
    const next = wish([{ ...a, ip: "10.49.0.21" }, b]);
    await expect(one.up(next)).rejects.toThrow(
      /^add the DHCP host <host mac="52:54:00:49:00:02" ip="10\.49\.0\.12"\/> to network "entries": libvirt refused \(55, operation invalid\): .*; the running network "entries" is as it was before; its definition is as it was before: correct the change and run up again$/,
    );
    expect(sorted()).toEqual(before);
    expect(await costs(one, next)).toEqual(["ips.0.dhcp.hosts.0.ip live", "ips.0.dhcp.hosts.1 live"]);
    virsh("net-update", "entries", "delete", "ip-dhcp-host", theirs, "--live");
    await one.up(next);
    expect(await one.preview(next)).toMatchObject({ differences: [], changes: false });
  });

  it("of the definition names what was being changed, and nothing is touched", async () => {
    const one = new Driven(network, place, "named");
    await one.up({ name: "named" });
    const before = sidesOf("named");
    const refused = { name: "named", forward: { mode: "hostdev", interfaces: ["eth7"] } };
    await expect(one.up(refused)).rejects.toThrow(
      /^define network "named" for forward\.mode set to hostdev, forward\.interfaces added.*: libvirt refused \(67, config unsupported\): .*mode='hostdev'/,
    );
    expect(sidesOf("named")).toEqual(before);
  });
});
