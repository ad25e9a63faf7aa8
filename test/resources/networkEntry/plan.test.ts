import type { Values } from "../../../provider/fields";
import { kind as dhcpHost } from "../../../provider/resources/dhcpHost/kind";
import { kind as dnsHost } from "../../../provider/resources/dnsHost/kind";
import type { Kind, Standing } from "../../../provider/resources/networkEntry/kind";
import { plan, removal } from "../../../provider/resources/networkEntry/plan";
import { inverse } from "../../../provider/resources/network/updates";
import { parseXml } from "../../../provider/xml";

const [LIVE, CONFIG] = [1, 2];
const KEY = "52:54:00:00:00:01";

/** A network of two subnets, the second of IPv6, with these entries. */
const networkWith = (hosts = "", hosts6 = "", dns = ""): string =>
  `<network><dns>${dns}</dns><ip address="10.0.0.1" prefix="24"><dhcp>${hosts}</dhcp></ip>` +
  `<ip family="ipv6" address="fd00::1" prefix="64"><dhcp>${hosts6}</dhcp></ip></network>`;

const side = (kind: Kind, flag: number, text: string, index = 0): Standing => {
  const root = parseXml(text);
  return { flag, root, entry: kind.entries(root)[index] };
};
const both = (kind: Kind, text: string): Standing[] => [side(kind, CONFIG, text), side(kind, LIVE, text)];
const wish = (more: Values = {}): Values => ({ network: "lab", ip: "10.0.0.9", mac: KEY, name: "web", ...more });

const host = (ip: string, name = "web"): string => `<host mac="${KEY}" name="${name}" ip="${ip}"/>`;

describe("the plan for a DHCP host", () => {
  it("puts it into the subnet of its address, on both sides in one call", () => {
    expect(plan(dhcpHost, both(dhcpHost, networkWith()), wish(), undefined)).toEqual([
      { act: "add", flags: 3, parentIndex: 0, xml: '<host mac="52:54:00:00:00:01" name="web" ip="10.0.0.9"/>' },
    ]);
    const six = { network: "lab", ip: "fd00::9", duid: "0:1" };
    expect(plan(dhcpHost, both(dhcpHost, networkWith()), six, undefined)).toEqual([
      { act: "add", flags: 3, parentIndex: 1, xml: '<host id="0:1" ip="fd00::9"/>' },
    ]);
  });

  it("is empty where both sides have it, however its MAC and address are written", () => {
    const text = networkWith(host("10.0.0.9"));
    expect(plan(dhcpHost, both(dhcpHost, text), wish(), wish())).toEqual([]);
    const upper = networkWith('<host mac="52:54:00:AB:00:01" ip="10.0.0.9"/>');
    const lower = { network: "lab", ip: "10.0.0.9", mac: "52:54:00:ab:00:01" };
    expect(plan(dhcpHost, both(dhcpHost, upper), lower, lower)).toEqual([]);
  });

  it("puts it in on the one side that lacks it", () => {
    const sides = [side(dhcpHost, CONFIG, networkWith(host("10.0.0.9"))), side(dhcpHost, LIVE, networkWith(), 9)];
    expect(plan(dhcpHost, sides, wish(), wish())).toEqual([
      { act: "add", flags: LIVE, parentIndex: 0, xml: host("10.0.0.9") },
    ]);
  });

  it("modifies it, keeps what the table does not know, and takes off what the program gave and gives no more", () => {
    const leased = `<host mac="${KEY}" name="web" ip="10.0.0.8"><lease expiry="5"/></host>`;
    const unnamed = { ...wish(), name: undefined };
    const [step] = plan(dhcpHost, both(dhcpHost, networkWith(leased)), unnamed, wish({ ip: "10.0.0.8" }));
    expect(step).toMatchObject({ act: "modify", flags: 3, parentIndex: 0 });
    expect(step?.xml).toMatch(/^<host mac="52:54:00:00:00:01" ip="10\.0\.0\.9">\s*<lease expiry="5"\/>\s*<\/host>$/);
  });

  it("takes it out before it puts it in where it goes to another subnet or has no MAC", () => {
    const text = networkWith("", '<host id="0:1" ip="fd00::8"/>');
    const six = { network: "lab", ip: "fd00::9", duid: "0:1" };
    expect(plan(dhcpHost, both(dhcpHost, text), six, six)).toEqual([
      { act: "delete", flags: 3, parentIndex: 1, xml: '<host id="0:1" ip="fd00::8"/>' },
      { act: "add", flags: 3, parentIndex: 1, xml: '<host id="0:1" ip="fd00::9"/>' },
    ]);
  });

  it("has a step back for each step", () => {
    const steps = plan(dhcpHost, both(dhcpHost, networkWith(host("10.0.0.8"))), wish(), wish());
    expect(steps).toEqual([
      { act: "modify", flags: 3, parentIndex: 0, xml: host("10.0.0.9"), before: host("10.0.0.8") },
    ]);
    expect(steps.map(inverse)).toEqual([
      { act: "modify", flags: 3, parentIndex: 0, xml: host("10.0.0.8"), before: host("10.0.0.9") },
    ]);
    const [out] = removal(both(dhcpHost, networkWith(host("10.0.0.8"))));
    expect(out).toEqual({ act: "delete", flags: 3, parentIndex: 0, xml: host("10.0.0.8") });
    expect(out && inverse(out)).toEqual({ act: "add", flags: 3, parentIndex: 0, xml: host("10.0.0.8") });
  });
});

describe("the plan for a DNS host", () => {
  it("takes the old names out before it puts the new ones in", () => {
    const text = networkWith("", "", '<host ip="10.0.0.2"><hostname>a</hostname></host>');
    const steps = plan(dnsHost, both(dnsHost, text), { network: "lab", ip: "10.0.0.2", hostnames: ["b"] }, undefined);
    expect(steps.map(({ act, flags, parentIndex }) => ({ act, flags, parentIndex }))).toEqual([
      { act: "delete", flags: 3, parentIndex: -1 },
      { act: "add", flags: 3, parentIndex: -1 },
    ]);
    expect(steps[0]?.xml).toContain("<hostname>a</hostname>");
    expect(steps[1]?.xml).toContain("<hostname>b</hostname>");
  });
});

describe("what a network has against an entry", () => {
  const against = (text: string, more: Values = {}): string[] =>
    dhcpHost.misfits(parseXml(text), "lab", wish(more), KEY).map(({ property, reason }) => `${property}: ${reason}`);

  it("is told with the property", () => {
    expect(against(networkWith())).toEqual([]);
    expect(against(networkWith(), { ip: "10.1.0.9" })).toEqual([
      'ip: 10.1.0.9 is in no subnet of network "lab": it has 10.0.0.1/24, fd00::1/64',
    ]);
    expect(against("<network/>")).toEqual(['ip: 10.0.0.9 is in no subnet of network "lab": it has none']);
    expect(against(networkWith('<host mac="52:54:00:00:00:02" name="WEB" ip="10.0.0.9"/>'))).toEqual([
      'ip: 10.0.0.9 is given to 52:54:00:00:00:02 in network "lab" already',
      'name: web is given to 52:54:00:00:00:02 in network "lab" already',
    ]);
  });

  it("is that it serves another subnet of the family", () => {
    const text =
      '<network><ip address="10.0.0.1" prefix="24"/><ip address="10.2.0.1" prefix="24"><dhcp>' +
      '<range start="10.2.0.9" end="10.2.0.10"/></dhcp></ip></network>';
    expect(against(text)).toEqual([
      'ip: network "lab" hands out addresses of 10.2.0.1/24, not of 10.0.0.1/24; libvirt serves one subnet of each family',
    ]);
  });
});
