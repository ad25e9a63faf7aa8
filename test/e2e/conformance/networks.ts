// The rows of networks. One without a subnet starts no dnsmasq, so that a hundred of them are cheap.
import { network } from "../../../provider/resources/network/fields";
import { type Conformance, row, type Row } from "./table";

const ips = [{ address: "10.90.NN.1/24" }];
const nat = { with: { ips, forward: { mode: "nat" } } };
const dhcp = {
  with: { ips: [{ address: "10.90.NN.1/24", dhcp: { ranges: [{ start: "10.90.NN.9", end: "10.90.NN.20" }] } }] },
};
const dhcp6 = { ips: [{ address: "fd00:90:NN::1/64", dhcp: { hosts: [{ id: "0:1", ip: "fd00:90:NN::9" }] } }] };
const fixed = { mac: "52:54:00:00:00:01", name: "one", ip: "10.90.NN.9" };
const withHost = { with: { ips: [{ address: "10.90.NN.1/24", dhcp: { hosts: [fixed] } }] } };
// An item whose identity changes goes, and another comes in its place.
const item = (path: string): Pick<Row, "shows"> => ({ shows: [path] });

const addresses = { start: "10.90.NN.200", end: "10.90.NN.210" };
const natAddresses = { with: { ips, forward: { mode: "nat", nat: { addresses } } } };
const natPorts = { with: { ips, forward: { mode: "nat", nat: { ports: { start: 2000, end: 3000 } } } } };
const openvswitch = { forward: { mode: "bridge" }, bridge: { name: "ovs0" }, virtualPort: { type: "openvswitch" } };
const vlan = { with: { ...openvswitch, vlan: { trunk: true, tags: [{ id: 42, nativeMode: "tagged" }] } } };
const forwarder = { with: { dns: { forwarders: [{ address: "192.0.2.53", domain: "a.example" }] } } };
const dnsHost = { with: { dns: { hosts: [{ ip: "10.90.0.9", hostnames: ["a"] }] } } };
const txt = { with: { dns: { txts: [{ name: "a", value: "b" }] } } };
const record = { service: "ldap", protocol: "tcp", domain: "lab", target: "a.lab", port: 389, priority: 1, weight: 2 };
const srv = { with: { dns: { srvs: [record] } } };

export const networks: Conformance = {
  token: "Network",
  table: network,
  base: {},
  rows: [
    row("name", "table-network", "table-network-2"),
    row("forward.mode", "nat", "route", nat),
    row("forward.dev", "eth7", "eth8", { ...nat, becomes: "update" }),
    row("forward.interfaces", ["eth7"], ["eth8"], { with: { forward: { mode: "private" } }, becomes: "update" }),
    row("forward.nat.ipv6", false, true, nat),
    row("forward.nat.addresses.start", "10.90.NN.200", "10.90.NN.201", natAddresses),
    row("forward.nat.addresses.end", "10.90.NN.210", "10.90.NN.211", natAddresses),
    row("forward.nat.ports.start", 2000, 2001, natPorts),
    row("forward.nat.ports.end", 3000, 3001, natPorts),
    row("ips[].address", "10.90.NN.1/24", "10.90.NN.2/24", item("ips[0]")),
    row("ips[].dhcp.ranges[].start", "10.90.NN.9", "10.90.NN.10", { ...dhcp, ...item("ips[0].dhcp.ranges[0]") }),
    row("ips[].dhcp.ranges[].end", "10.90.NN.20", "10.90.NN.21", { ...dhcp, ...item("ips[0].dhcp.ranges[0]") }),
    row("ips[].dhcp.hosts[].mac", "52:54:00:00:00:01", "52:54:00:00:00:02", {
      ...withHost,
      ...item("ips[0].dhcp.hosts[0]"),
    }),
    row("ips[].dhcp.hosts[].id", "0:1", "0:2", { with: dhcp6, ...item("ips[0].dhcp.hosts[0]") }),
    row("ips[].dhcp.hosts[].name", "one", "two", withHost),
    row("ips[].dhcp.hosts[].ip", "10.90.NN.9", "10.90.NN.10", withHost),
    row("dns.enable", true, false),
    row("dns.forwardPlainNames", true, false),
    row("dns.forwarders[].address", "192.0.2.53", "192.0.2.54", { ...forwarder, ...item("dns.forwarders[0]") }),
    row("dns.forwarders[].domain", "a.example", "b.example", { ...forwarder, ...item("dns.forwarders[0]") }),
    row("dns.hosts[].ip", "10.90.0.9", "10.90.0.10", { ...dnsHost, ...item("dns.hosts[0]") }),
    row("dns.hosts[].hostnames", ["a"], ["a", "b"], dnsHost),
    row("dns.txts[].name", "a", "c", { ...txt, ...item("dns.txts[0]") }),
    row("dns.txts[].value", "b", "c", txt),
    row("dns.srvs[].service", "ldap", "ssh", { ...srv, ...item("dns.srvs[0]") }),
    row("dns.srvs[].protocol", "tcp", "udp", { ...srv, ...item("dns.srvs[0]") }),
    row("dns.srvs[].domain", "lab", "lan", { ...srv, ...item("dns.srvs[0]") }),
    row("dns.srvs[].target", "a.lab", "b.lab", { ...srv, ...item("dns.srvs[0]") }),
    row("dns.srvs[].port", 389, 390, srv),
    row("dns.srvs[].priority", 1, 2, srv),
    row("dns.srvs[].weight", 2, 3, srv),
    row("domain.name", "a.example", "b.example"),
    row("domain.localOnly", false, true, { with: { domain: { name: "a.example" } } }),
    row("bridge.name", "table-a", "table-b"),
    row("bridge.stp", false, true),
    row("bridge.delay", 0, 2),
    row("mtu", 1400, 1300),
    row("vlan.trunk", true, false, vlan),
    row("vlan.tags[].id", 42, 43, { ...vlan, ...item("vlan.tags[0]") }),
    row("vlan.tags[].nativeMode", "tagged", "untagged", vlan),
    row("virtualPort.type", "openvswitch", "midonet", { with: openvswitch }),
    row("dnsmasqOptions", ["no-ping"], ["no-ping", "log-queries"]),
    row("autostart", true, false),
    row("disruptive", undefined, true),
    row("adopt", undefined, true),
  ],
  reasons: {
    "forward.pf": "needs a card with virtual functions: libvirt looks at it when the network starts",
    "forward.managed": "only with mode `hostdev`, which needs such a card",
  },
};
