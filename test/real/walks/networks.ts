// The samples of networks: the conformance rows, and lists whose items come and go.
import { networks as conformance } from "../../e2e/conformance/networks";
import { sample, samplesOf } from "./sample";

const net = "10.90.NN";
const ips = [{ address: `${net}.1/24` }];
const range = { start: `${net}.9`, end: `${net}.20` };
const fixed = { mac: "52:54:00:00:00:01", name: "one", ip: `${net}.30` };
const dhcp = (more: object) => [{ ...ips[0], dhcp: { ranges: [range], ...more } }];
const record = { service: "ldap", protocol: "tcp", domain: "lab", target: "a.lab", port: 389, priority: 1, weight: 2 };
const openvswitch = { forward: { mode: "bridge" }, bridge: { name: "ovs0" }, virtualPort: { type: "openvswitch" } };
const tags = { vlan: { trunk: true, tags: [{ id: 42 }] } };

export const networks = samplesOf(conformance, {
  base: {},
  rows: [
    sample("ips", ips, [...ips, { address: "fd00:90:NN::1/64" }]),
    sample("ips[].dhcp.ranges", undefined, [range], { with: { ips: dhcp({ ranges: [], hosts: [fixed] }) } }),
    sample("ips[].dhcp.hosts", undefined, [fixed], { with: { ips: dhcp({}) } }),
    sample("dns.hosts", undefined, [{ ip: `${net}.9`, hostnames: ["a"] }], { with: { ips, dns: { enable: true } } }),
    sample("dns.txts", undefined, [{ name: "a", value: "b" }], { with: { ips, dns: { enable: true } } }),
    sample("dns.srvs", undefined, [record], { with: { ips, dns: { enable: true } } }),
    sample("dns.forwarders", undefined, [{ address: "192.0.2.53" }], { with: { ips, dns: { enable: true } } }),
    sample("vlan.trunk", true, false, { with: { ...openvswitch, ...tags } }),
    sample("vlan.tags", [{ id: 42 }], [{ id: 42 }, { id: 43 }], { with: { ...openvswitch, ...tags } }),
  ],
  reasons: {},
});
