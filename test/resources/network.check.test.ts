import { checkValues, UNKNOWN, type Values } from "../../provider/fields";
import {
  canonical,
  parseAddress,
  parseSubnet,
  printAddress,
  wholeSubnet,
} from "../../provider/resources/network/addresses";
import { complaints, complete } from "../../provider/resources/network/check";
import { network } from "../../provider/resources/network/fields";

const wrong = (values: Values): string[] => [
  ...checkValues(network, values).map(({ property }) => property),
  ...(checkValues(network, values).length === 0 ? complaints(values).map(({ property }) => property) : []),
];
const ip = (dhcp: object, address = "10.20.0.1/24"): Values => ({ ips: [{ address, dhcp }] });
const host = (values: object): Values => ip({ hosts: [values] });

describe("addresses", () => {
  it("are written as libvirt writes them", () => {
    expect(canonical("FD00:0:0:0:1:0:0:1/64")).toBe("fd00::1:0:0:1/64");
    expect(canonical("::")).toBe("::");
    expect(canonical("1::")).toBe("1::");
    expect(canonical("fe80:0:0:1::")).toBe("fe80:0:0:1::");
    expect(canonical("1:0:2:3:4:5:6:7")).toBe("1:0:2:3:4:5:6:7");
    expect(canonical("::ffff:10.0.0.1")).toBe("::ffff:a00:1");
    expect(canonical("10.0.0.1")).toBe("10.0.0.1");
    expect(printAddress({ family: 4, value: 0x0a140001n })).toBe("10.20.0.1");
  });

  it("are refused where they are none", () => {
    for (const text of ["", "10.0.0", "10.0.0.256", "fe80::1%eth0", "10.0.0.1\n", "::1::"]) {
      expect(parseAddress(text)).toBeUndefined();
    }
    for (const text of ["10.0.0.1", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/24/8", "fd00::1/129", "10.0.0.1/-1"]) {
      expect(parseSubnet(text)).toBeUndefined();
    }
  });

  it("of a whole subnet leave out its number, its broadcast and the host's own", () => {
    const whole = (text: string) => wholeSubnet(parseSubnet(text)!);
    expect(whole("10.20.0.1/24")).toEqual([{ start: "10.20.0.2", end: "10.20.0.254" }]);
    expect(whole("10.20.0.254/24")).toEqual([{ start: "10.20.0.1", end: "10.20.0.253" }]);
    expect(whole("10.20.0.100/24")).toEqual([
      { start: "10.20.0.1", end: "10.20.0.99" },
      { start: "10.20.0.101", end: "10.20.0.254" },
    ]);
    expect(whole("192.168.0.1/30")).toEqual([{ start: "192.168.0.2", end: "192.168.0.2" }]);
    expect(whole("fd00::1/64")).toEqual([{ start: "fd00::2", end: "fd00::ffff" }]);
    expect(whole("fd00::1:0:1/64")).toEqual([{ start: "fd00::1", end: "fd00::ffff" }]);
  });
});

describe("a network's check", () => {
  it("lets pass what libvirt's manual shows", () => {
    expect(
      wrong({ name: "lab", forward: {}, ...ip({}), dns: { hosts: [{ ip: "10.20.0.2", hostnames: ["a.lab"] }] } }),
    ).toEqual([]);
    expect(wrong({ forward: { mode: "bridge" }, bridge: { name: "br0" } })).toEqual([]);
    expect(wrong({ forward: { mode: "passthrough", interfaces: ["eth1", "eth2"] } })).toEqual([]);
    expect(
      wrong({
        forward: { mode: "bridge" },
        bridge: { name: "ovs0" },
        virtualPort: { type: "openvswitch" },
        vlan: { tags: [{ id: 7 }] },
      }),
    ).toEqual([]);
    expect(
      wrong({ forward: { nat: { ports: { start: UNKNOWN, end: 3000 }, addresses: UNKNOWN } }, ips: UNKNOWN }),
    ).toEqual([]);
    expect(
      wrong({ name: UNKNOWN, ips: [{ address: UNKNOWN, dhcp: { hosts: [{ mac: UNKNOWN, ip: UNKNOWN }] } }] }),
    ).toEqual([]);
  });

  it.each([
    ["a newline in the domain", { domain: { name: "lab\nlog-facility=/etc/x" } }, "domain.name"],
    ["a space in a host name", host({ name: "a b", ip: "10.20.0.9" }), "ips[0].dhcp.hosts[0].name"],
    [
      "a comment in a DNS name",
      { dns: { hosts: [{ ip: "10.20.0.9", hostnames: ["a#b"] }] } },
      "dns.hosts[0].hostnames[0]",
    ],
    ["a newline in a TXT value", { dns: { txts: [{ name: "t", value: "a\nb" }] } }, "dns.txts[0].value"],
    ["a comma in a TXT value", { dns: { txts: [{ name: "t", value: "a,b" }] } }, "dns.txts[0].value"],
    [
      "a newline in an SRV target",
      { dns: { srvs: [{ service: "x", protocol: "tcp", target: "a\nb" }] } },
      "dns.srvs[0].target",
    ],
    ["a script in dnsmasq's options", { dnsmasqOptions: ["no-ping", "dhcp-script=/tmp/x"] }, "dnsmasqOptions[1]"],
    ["a newline in dnsmasq's options", { dnsmasqOptions: ["no-ping\nconf-file=/x"] }, "dnsmasqOptions[0]"],
    ["a long bridge name", { bridge: { name: "a-bridge-with-16c" } }, "bridge.name"],
    ["a name with a line end", { name: "lab\n" }, "name"],
    ["no prefix", { ips: [{ address: "10.20.0.1" }] }, "ips[0].address"],
    ["the subnet's number", { ips: [{ address: "10.20.0.0/24" }] }, "ips[0].address"],
    ["overlapping subnets", { ips: [{ address: "10.20.0.1/16" }, { address: "10.20.3.1/24" }] }, "ips[1].address"],
    ["the same subnet twice", { ips: [{ address: "fd00::1/64" }, { address: "FD00:0::1/64" }] }, "ips[1]"],
    ["a range outside", ip({ ranges: [{ start: "10.20.0.2", end: "10.20.1.9" }] }), "ips[0].dhcp.ranges[0].end"],
    ["a range backwards", ip({ ranges: [{ start: "10.20.0.9", end: "10.20.0.2" }] }), "ips[0].dhcp.ranges[0]"],
    [
      "a range of another family",
      ip({ ranges: [{ start: "fd00::2", end: "10.20.0.9" }] }),
      "ips[0].dhcp.ranges[0].start",
    ],
    ["a huge range", ip({ ranges: [{ start: "fd00::2", end: "fd00::2:2" }] }, "fd00::1/64"), "ips[0].dhcp.ranges[0]"],
    ["a host outside", host({ mac: "52:54:00:00:00:01", ip: "10.21.0.9" }), "ips[0].dhcp.hosts[0].ip"],
    ["the host's own address", host({ mac: "52:54:00:00:00:01", ip: "10.20.0.1" }), "ips[0].dhcp.hosts[0].ip"],
    ["a multicast MAC", host({ mac: "53:54:00:00:00:01", ip: "10.20.0.9" }), "ips[0].dhcp.hosts[0].mac"],
    ["a host without a key", host({ ip: "10.20.0.9" }), "ips[0].dhcp.hosts[0]"],
    [
      "a MAC in an IPv6 subnet",
      ip({ hosts: [{ mac: "52:54:00:00:00:01", ip: "fd00::9" }] }, "fd00::1/64"),
      "ips[0].dhcp.hosts[0].mac",
    ],
    [
      "two DHCP subnets",
      {
        ips: [
          { address: "10.1.0.1/24", dhcp: {} },
          { address: "10.2.0.1/24", dhcp: {} },
        ],
      },
      "ips[1].dhcp",
    ],
    ["addresses on a foreign bridge", { forward: { mode: "bridge" }, bridge: { name: "br0" }, ips: [] }, "ips"],
    ["timing on a foreign bridge", { forward: { mode: "bridge" }, bridge: { name: "br0", stp: true } }, "bridge.stp"],
    ["NAT settings of a routed network", { forward: { mode: "route", nat: {} } }, "forward.nat"],
    ["no interface to bridge", { forward: { mode: "private" } }, "forward"],
    ["ports backwards", { forward: { mode: "nat", nat: { ports: { start: 9, end: 2 } } } }, "forward.nat.ports"],
    ["an unknown mode", { forward: { mode: "magic" } }, "forward.mode"],
    [
      "the port of a service without a target",
      { dns: { srvs: [{ service: "ldap", protocol: "tcp", port: 389 }] } },
      "dns.srvs[0].port",
    ],
    ["several tags without a trunk", { vlan: { tags: [{ id: 1 }, { id: 2 }] } }, "vlan.trunk"],
    ["an output", { bridgeName: "virbr0" }, "bridgeName"],
    ["a slip", { ip: [] }, "ip"],
  ])("refuses %s, and says where", (_, values: Values, property) => {
    expect(wrong(values)).toEqual([property]);
  });

  it("refuses the same MAC, address or name twice", () => {
    const hosts = (one: object, other: object): Values => ip({ hosts: [one, other] });
    const a = { mac: "52:54:00:00:00:01", name: "a", ip: "10.20.0.9" };
    expect(wrong(hosts(a, { ...a, mac: "52:54:00:00:00:01", name: "b", ip: "10.20.0.8" }))).toEqual([
      "ips[0].dhcp.hosts[1]",
    ]);
    expect(wrong(hosts(a, { ...a, mac: "52:54:00:00:00:02", name: "b" }))).toEqual(["ips[0].dhcp.hosts[1].ip"]);
    expect(wrong(hosts(a, { ...a, mac: "52:54:00:00:00:02", ip: "10.20.0.8" }))).toEqual(["ips[0].dhcp.hosts[1].name"]);
  });
});

describe("what check fills in", () => {
  it("is the bridge's timing and the ranges of the whole subnet", () => {
    expect(complete({ name: "lab", ...ip({}) }, undefined)).toEqual({
      name: "lab",
      bridge: { stp: false, delay: 0 },
      ips: [{ address: "10.20.0.1/24", dhcp: { ranges: [{ start: "10.20.0.2", end: "10.20.0.254" }] } }],
      __defaults: ["ips[10.20.0.1/24].dhcp.ranges", "bridge.stp", "bridge.delay"],
    });
  });

  it("stays what it was once, and follows the address", () => {
    const olds = {
      ips: [{ address: "10.20.0.1/24", dhcp: { ranges: [{ start: "10.20.0.5", end: "10.20.0.6" }] } }],
      bridge: { stp: true, delay: 2 },
      __defaults: ["ips[10.20.0.1/24].dhcp.ranges", "bridge.stp", "bridge.delay"],
    };
    expect(complete(ip({}), olds)).toMatchObject({ ips: olds.ips, bridge: olds.bridge });
    expect(complete(ip({}, "10.21.0.1/24"), olds)).toMatchObject({
      ips: [{ dhcp: { ranges: [{ start: "10.21.0.2", end: "10.21.0.254" }] } }],
    });
  });

  it("leaves alone what is given, and leaves out what says nothing", () => {
    const hosts = [{ mac: "52:54:00:00:00:01", ip: "10.20.0.9" }];
    expect(complete({ ...ip({ ranges: [], hosts }), bridge: { stp: true, delay: 1 }, dns: {} }, undefined)).toEqual({
      ...ip({ ranges: [], hosts }),
      bridge: { stp: true, delay: 1 },
    });
    expect(complete({ forward: { mode: "bridge" }, bridge: { name: "br0" } }, undefined)).toEqual({
      forward: { mode: "bridge" },
      bridge: { name: "br0" },
    });
    expect(complete({ ips: UNKNOWN, bridge: UNKNOWN, forward: UNKNOWN }, undefined)).toEqual({
      ips: UNKNOWN,
      bridge: UNKNOWN,
      forward: UNKNOWN,
    });
  });
});
