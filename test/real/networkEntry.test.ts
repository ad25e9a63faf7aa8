import { readFileSync } from "node:fs";
import { dhcpHost } from "../../provider/resources/dhcpHost/lifecycle";
import { dnsHost } from "../../provider/resources/dnsHost/lifecycle";
import { network } from "../../provider/resources/network/lifecycle";
import { parseXml, printXml, readPath } from "../../provider/xml";
import { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(60_000);

const place = placeOf();
const { host } = place;

afterAll(() => host.close());

const [LIVE, CONFIG] = [1, 2];
const [MODIFY, DELETE, ADD] = [1, 2, 3];
const [DHCP, DNS] = [4, 10];

const handle = async (name: string) => (await host.call("NETWORK_LOOKUP_BY_NAME", { name })).net;
const textOf = async (name: string, flags = 0) =>
  printXml(parseXml((await host.call("NETWORK_GET_XML_DESC", { net: await handle(name), flags })).xml));
/** The running network and its definition. */
const sidesOf = async (name: string) => [await textOf(name), await textOf(name, 1)];
const paths = (diff: { differences: readonly { path: readonly (string | number)[] }[] }) =>
  diff.differences.map(({ path }) => path.join("."));

async function byHand(name: string, command: number, section: number, xml: string, flags = LIVE | CONFIG) {
  await host.call("NETWORK_UPDATE", {
    net: await handle(name),
    command,
    section,
    parentIndex: section === DHCP ? 0 : -1,
    xml,
    flags,
  });
}

const a = { network: "plat", ip: "10.61.0.10", mac: "52:54:00:61:00:01", name: "a" };
const names = { network: "plat", ip: "10.61.0.2", hostnames: ["db", "db.lab"] };
const subnets = [
  { address: "10.61.0.1/24", dhcp: { ranges: [{ start: "10.61.0.100", end: "10.61.0.150" }] } },
  { address: "fd00:61::1/64", dhcp: { ranges: [{ start: "fd00:61::100", end: "fd00:61::200" }] } },
];
const theirs = {
  name: "plat",
  bridge: { name: "br-plat" },
  ips: [
    {
      ...subnets[0],
      dhcp: { ...subnets[0]?.dhcp, hosts: [{ mac: "52:54:00:61:00:99", name: "z", ip: "10.61.0.99" }] },
    },
    subnets[1],
  ],
  dns: { hosts: [{ ip: "10.61.0.99", hostnames: ["z"] }] },
};

describe("an entry in a platform's network", () => {
  let platform: Driven;
  beforeEach(async () => {
    platform = new Driven(network, place, "plat", "platform");
    await platform.up(theirs);
  });
  afterEach(async () => {
    await platform.destroy();
  });
  const dhcp = (name = "a", stack = "app") => new Driven(dhcpHost, place, name, stack);
  const dns = (name = "db", stack = "app") => new Driven(dnsHost, place, name, stack);

  it("is made, changed and removed on both sides of the running network, with its dnsmasq going on", async () => {
    const [one, other] = [dhcp(), dns()];
    const pid = readFileSync("/run/libvirt/network/plat.pid", "utf8");
    await Promise.all([one.up(a), other.up(names)]);
    expect(one.id).toBe(`${String(platform.id)}/52:54:00:61:00:01`);
    expect(other.id).toBe(`${String(platform.id)}/10.61.0.2`);
    for (const text of await sidesOf("plat")) {
      expect(text).toContain('<host mac="52:54:00:61:00:01" name="a" ip="10.61.0.10"/>');
      expect(text).toMatch(/<host ip="10\.61\.0\.2">\s*<hostname>db<\/hostname>\s*<hostname>db\.lab<\/hostname>/);
    }
    expect(await one.preview(a)).toMatchObject({ differences: [], changes: false });
    expect(await other.preview(names)).toMatchObject({ differences: [], changes: false });
    expect(await one.refresh()).toBe(true);
    expect(one.inputs).toMatchObject(a);
    expect(await one.preview(a)).toMatchObject({ differences: [], changes: false });

    const moved = { network: "plat", mac: "52:54:00:61:00:01", ip: "10.61.0.11" };
    expect((await one.up(moved))?.differences).toMatchObject([
      { path: ["name"], kind: "delete", cost: "live" },
      { path: ["ip"], cost: "live" },
    ]);
    const renamed = { ...names, hostnames: ["db", "sql"] };
    expect((await other.up(renamed))?.differences).toMatchObject([{ path: ["hostnames"], cost: "live" }]);
    for (const text of await sidesOf("plat")) {
      expect(text).toContain('<host mac="52:54:00:61:00:01" ip="10.61.0.11"/>');
      expect(text).toContain("<hostname>sql</hostname>");
      expect(text).not.toContain("db.lab");
    }
    expect(await one.preview(moved)).toMatchObject({ differences: [], changes: false });
    expect(await other.preview(renamed)).toMatchObject({ differences: [], changes: false });

    await Promise.all([one.destroy(), other.destroy()]);
    await Promise.all([one.destroy(), other.destroy()]);
    for (const text of await sidesOf("plat")) {
      expect(text).not.toContain("52:54:00:61:00:01");
      expect(text).not.toContain("10.61.0.2");
      expect(text).toContain("52:54:00:61:00:99");
      expect(text).toContain("<hostname>z</hostname>");
    }
    expect(readFileSync("/run/libvirt/network/plat.pid", "utf8")).toBe(pid);
  });

  it("goes to the subnet of its address, IPv6 by the DHCPv6 identifier", async () => {
    const one = dhcp("six");
    const wish = { network: "plat", ip: "FD00:61::9", duid: "0:1:AB", name: "six" };
    await one.up(wish);
    expect(one.id).toBe(`${String(platform.id)}/0:1:ab`);
    for (const text of await sidesOf("plat")) {
      expect(readPath(parseXml(text), "ip[@family='ipv6']/dhcp/host/@id")).toBe("0:1:AB");
    }
    expect(await one.preview(wish)).toMatchObject({ differences: [], changes: false });
    const moved = { ...wish, ip: "fd00:61::a", name: "seven" };
    await one.up(moved);
    expect(await one.preview(moved)).toMatchObject({ differences: [], changes: false });
    expect(await textOf("plat")).toContain('name="seven" ip="fd00:61::a"');
    await one.destroy();
    expect(await textOf("plat", 1)).not.toContain("seven");
  });

  it("is not seen by the resource of its network, and survives its updates and its restart", async () => {
    const [one, other] = [dhcp(), dns()];
    await one.up(a);
    await other.up(names);
    expect(await platform.preview(theirs)).toMatchObject({ differences: [], changes: false });
    expect(await platform.refresh()).toBe(true);
    expect(JSON.stringify(platform.inputs)).not.toContain("52:54:00:61:00:01");
    expect(await platform.preview(theirs)).toMatchObject({ differences: [], changes: false });

    const [, six] = subnets;
    const less = { ...theirs, ips: [subnets[0], six], dns: undefined };
    const live = await platform.up(less);
    expect(live?.differences.map(({ cost }) => cost)).not.toContain("restart");
    for (const text of await sidesOf("plat")) expect(text).not.toContain("52:54:00:61:00:99");
    expect(await one.preview(a)).toMatchObject({ differences: [], changes: false });
    expect(await other.preview(names)).toMatchObject({ differences: [], changes: false });

    const restart = await platform.up({ ...less, mtu: 1400, disruptive: true });
    expect(restart?.differences.map(({ cost }) => cost)).toContain("restart");
    expect(await one.preview(a)).toMatchObject({ differences: [], changes: false });
    expect(await other.preview(names)).toMatchObject({ differences: [], changes: false });
    await one.destroy();
    await other.destroy();
    expect(await platform.preview({ ...less, mtu: 1400, disruptive: true })).toMatchObject({ changes: false });
  });

  it("is made again where it was removed by hand, on one side too, and mended where it was changed", async () => {
    const [one, other] = [dhcp(), dns()];
    await one.up(a);
    await other.up(names);
    const node = '<host mac="52:54:00:61:00:01" name="a" ip="10.61.0.10"/>';
    await byHand("plat", DELETE, DHCP, node);
    expect(await one.preview(a)).toMatchObject({ differences: [], replaces: [], changes: true });
    expect(one.said.join()).toContain('DHCP host "52:54:00:61:00:01" is gone from the host; it will be made again');
    await one.up(a);
    for (const side of [LIVE, CONFIG]) {
      await byHand("plat", DELETE, DHCP, node, side);
      expect(paths(await one.preview(a)).sort()).toEqual(["ip", "name"]);
      expect((await one.up(a))?.replaces).toEqual([]);
      expect(await one.preview(a)).toMatchObject({ differences: [], changes: false });
    }
    await byHand("plat", MODIFY, DHCP, '<host mac="52:54:00:61:00:01" name="b" ip="10.61.0.12"/>');
    await byHand("plat", DELETE, DNS, '<host ip="10.61.0.2"/>');
    await byHand("plat", ADD, DNS, '<host ip="10.61.0.2"><hostname>other</hostname></host>');
    expect(await one.refresh()).toBe(true);
    expect(one.inputs).toMatchObject({ ip: "10.61.0.12", name: "b" });
    expect(paths(await one.preview(a)).sort()).toEqual(["ip", "name"]);
    expect(paths(await other.preview(names))).toEqual(["hostnames"]);
    await one.up(a);
    await other.up(names);
    for (const text of await sidesOf("plat")) {
      expect(text).toContain(node);
      expect(text).not.toContain("other");
    }
    await one.destroy();
    await other.destroy();
  });

  it("is made in the definition of a stopped network, and found in it when it runs", async () => {
    const net = await handle("plat");
    await host.call("NETWORK_DESTROY", { net });
    const one = dhcp();
    await one.up(a);
    expect(await one.preview(a)).toMatchObject({ differences: [], changes: false });
    await host.call("NETWORK_CREATE", { net });
    expect(await textOf("plat")).toContain("52:54:00:61:00:01");
    expect(await one.preview(a)).toMatchObject({ differences: [], changes: false });
    await one.destroy();
  });

  it("is replaced, the old one first, by another MAC or address of a name, with the same address", async () => {
    const [one, other] = [dhcp(), dns()];
    await one.up(a);
    await other.up(names);
    const card = { ...a, mac: "52:54:00:61:00:02" };
    expect(await one.up(card)).toMatchObject({ replaces: ["mac"], deleteBeforeReplace: true });
    expect(one.id).toBe(`${String(platform.id)}/52:54:00:61:00:02`);
    const place = { ...names, ip: "10.61.0.3" };
    expect(await other.up(place)).toMatchObject({ replaces: ["ip"], deleteBeforeReplace: true });
    for (const text of await sidesOf("plat")) {
      expect(text).not.toContain("52:54:00:61:00:01");
      expect(text).not.toContain('"10.61.0.2"');
    }
    await one.destroy();
    await other.destroy();
  });

  it("that stands there is refused and taken over when told to; the very same one is an interrupted create's", async () => {
    await byHand("plat", ADD, DHCP, '<host mac="52:54:00:61:00:01" name="a" ip="10.61.0.77"/>');
    const before = await sidesOf("plat");
    const one = dhcp();
    await expect(one.up(a)).rejects.toThrow(
      /DHCP host "52:54:00:61:00:01" .* exists on the host already; it carries no owner.*adopt: true/,
    );
    expect(one.id).toBeUndefined();
    expect(await sidesOf("plat")).toEqual(before);
    await one.up({ ...a, adopt: true });
    expect(await textOf("plat")).toContain('ip="10.61.0.10"');
    expect(await one.preview({ ...a, adopt: true })).toMatchObject({ differences: [] });

    // The same program in another process, whose state was never written.
    const fresh = placeOf();
    const again = new Driven(dhcpHost, fresh, "a", "app");
    await again.up(a);
    expect(again.id).toBe(one.id);
    await again.destroy();
    expect(await textOf("plat")).not.toContain("52:54:00:61:00:01");
    await fresh.host.close();
  });

  it("has one resource: a second one is refused, whether it says the same or not", async () => {
    const one = dhcp();
    await one.up(a);
    await expect(dhcp("b").up({ ...a, ip: "10.61.0.20" })).rejects.toThrow(/exists on the host already/);
    await expect(dhcp("b").up(a)).rejects.toThrow(/belongs to .*::a already: two resources cannot have one entry/);
    const [first, second] = [dns("first"), dns("second")];
    const both = await Promise.allSettled([first.up(names), second.up({ ...names, hostnames: ["other"] })]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await textOf("plat")).toContain('<host ip="10.61.0.2">');
    await (first.id ? first : second).destroy();
    await one.destroy();
  });

  it("survives a forced replacement, whose create comes first", async () => {
    const one = dhcp();
    await one.up(a);
    const former = { id: String(one.id), outputs: one.outputs };
    one.id = undefined;
    await one.up(a);
    await dhcpHost.delete(one.request(), former.id, former.outputs);
    expect(await textOf("plat")).toContain("52:54:00:61:00:01");
    await one.destroy();
    expect(await textOf("plat")).not.toContain("52:54:00:61:00:01");
  });

  it("is refused with its property where the network has no place for it, and nothing is touched", async () => {
    const before = await sidesOf("plat");
    const wrong = (more: object) => expect(dhcp().up({ ...a, ...more })).rejects;
    await wrong({ ip: "10.62.0.9" }).toThrow(
      'ip: 10.62.0.9 is in no subnet of network "plat": it has 10.61.0.1/24, fd00:61::1/64. Nothing was changed',
    );
    await wrong({ ip: "10.61.0.1" }).toThrow(
      /ip: 10\.61\.0\.1 in 10\.61\.0\.1\/24 of network "plat" is the host's own/,
    );
    await wrong({ ip: "10.61.0.255" }).toThrow(/ip: .* is not an address for guests in the subnet/);
    await wrong({ ip: "10.61.0.99" }).toThrow(
      /ip: 10\.61\.0\.99 is given to 52:54:00:61:00:99 in network "plat" already/,
    );
    await wrong({ name: "Z" }).toThrow(/name: Z is given to 52:54:00:61:00:99/);
    await wrong({ network: "nowhere" }).toThrow(/no network named "nowhere" \(libvirt: 43, no network\)/);
    await wrong({ ip: "fd00:61::9" }).toThrow(/"mac".*cannot be set in an IPv6 subnet: use \\"duid\\"/);
    await expect(dhcp().up({ network: "plat", ip: "10.61.0.9" })).rejects.toThrow(/needs \\"mac\\" or \\"name\\"/);
    await expect(dns().up({ ...names, hostnames: ["x", "Z"] })).rejects.toThrow(
      /hostnames\[1\]: Z is a name of 10\.61\.0\.99 in network "plat" already/,
    );
    await expect(dns().up({ ...names, hostnames: [] })).rejects.toThrow(/needs at least one name/);
    await expect(dns().up({ ...names, hostnames: ["x", "X"] })).rejects.toThrow(/is the same as hostnames\[0\]/);
    expect(await sidesOf("plat")).toEqual(before);
  });

  it("keeps the old names where libvirt refuses the new ones after they went", async () => {
    const one = dns();
    await one.up(names);
    const before = await sidesOf("plat");
    const call = host.call.bind(host);
    const spy = jest.spyOn(host, "call").mockImplementation((name, args, options) => {
      const entry = JSON.stringify(args, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
      if (name === "NETWORK_UPDATE" && entry.includes("refused")) return Promise.reject(new Error("no room"));
      return call(name, args, options) as never;
    });
    const changed = { ...names, hostnames: ["refused"] };
    await expect(one.up(changed)).rejects.toThrow(
      /add the DNS host .*refused.*: no room; the entry is as it was before/,
    );
    spy.mockRestore();
    expect(await sidesOf("plat")).toEqual(before);
    await one.up(changed);
    expect(await one.preview(changed)).toMatchObject({ differences: [], changes: false });
    await one.destroy();
  });

  it("warns in the preview of what the network has no place for: the same up may give it one", async () => {
    const one = dhcp();
    await one.up(a);
    const moved = { ...a, ip: "10.99.0.9" };
    expect(paths(await one.preview(moved))).toEqual(["ip"]);
    expect(one.said.join()).toMatch(
      /ip: 10\.99\.0\.9 is in no subnet.*an update refuses that, unless the network changes/,
    );
    await expect(one.up(moved)).rejects.toThrow(/ip: 10\.99\.0\.9 is in no subnet.*Nothing was changed/);
    await one.preview(a);
    expect(one.said).toEqual([]);
    await one.destroy();
  });

  it("is imported by the network's name or UUID", async () => {
    await byHand("plat", ADD, DHCP, '<host mac="52:54:00:61:00:01" name="a" ip="10.61.0.10"/>');
    for (const id of ["plat/52:54:00:61:00:01", `${String(platform.id)}/52:54:00:61:00:01`]) {
      const read = await dhcpHost.read(dhcp().request(), id, {});
      expect(read).toMatchObject({ id: `${String(platform.id)}/52:54:00:61:00:01`, inputs: a });
    }
    await expect(dhcpHost.read(dhcp().request(), "52:54:00:61:00:01", {})).rejects.toThrow(/give NETWORK\/KEY/);
    expect(await dhcpHost.read(dhcp().request(), "plat/52:54:00:61:00:0f", {})).toBeUndefined();
    expect(await dhcpHost.read(dhcp().request(), "nowhere/52:54:00:61:00:01", {})).toBeUndefined();
    const [one, id] = [dhcp(), `${String(platform.id)}/52:54:00:61:00:01`];
    one.id = id;
    expect(await one.refresh()).toBe(true);
    expect(await one.preview(a)).toMatchObject({ differences: [], changes: false });
    await one.destroy();
    expect(await textOf("plat")).not.toContain("52:54:00:61:00:01");
  });

  it("is gone with its network, made again with it, and moved where another network took its name", async () => {
    const one = dhcp();
    await one.up(a);
    await platform.destroy();
    expect(await one.preview(a)).toMatchObject({ replaces: [], changes: true });
    await expect(one.up(a)).rejects.toThrow(/network "plat" is gone from the host: make it again first/);
    await platform.up(theirs);
    await one.up(a);
    expect(await textOf("plat")).toContain("52:54:00:61:00:01");

    await platform.destroy();
    const successor = new Driven(network, place, "successor", "platform");
    await successor.up(theirs);
    expect(await one.preview(a)).toMatchObject({ replaces: ["network"], changes: true });
    await one.up(a);
    expect(one.id).toBe(`${String(successor.id)}/52:54:00:61:00:01`);
    expect(await one.preview(a)).toMatchObject({ differences: [], changes: false });
    await successor.destroy();
    expect(await one.refresh()).toBe(false);
    await one.destroy();
    platform = new Driven(network, place, "plat", "platform");
    await platform.up(theirs);
  });

  it("stands beside a dozen others made at once", async () => {
    const many = Array.from({ length: 12 }, (_, index) => dhcp(`many${index}`));
    const wish = (index: number) => ({
      network: "plat",
      ip: `10.61.0.${10 + index}`,
      mac: `52:54:00:61:01:${String(index).padStart(2, "0")}`,
    });
    await Promise.all(many.map((one, index) => one.up(wish(index))));
    for (const text of await sidesOf("plat")) expect(text.match(/52:54:00:61:01:/g)).toHaveLength(12);
    await Promise.all(many.map((one) => one.destroy()));
    for (const text of await sidesOf("plat")) expect(text).not.toContain("52:54:00:61:01:");
  });
});
