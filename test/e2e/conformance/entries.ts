// The rows of a network's entries. The networks `entries` and `entries-2`, defined and stopped, stand on the host.
import { dhcpHost } from "../../../provider/resources/dhcpHost/fields";
import { dnsHost } from "../../../provider/resources/dnsHost/fields";
import { type Conformance, row } from "./table";

const card = { with: { mac: "52:54:00:92:00:0NN" } };

export const dhcpHosts: Conformance = {
  token: "DhcpHost",
  table: dhcpHost,
  base: { network: "entries", ip: "10.92.0.1NN" },
  rows: [
    row("network", "entries", "entries-2", card),
    row("ip", "10.92.0.1NN", "10.92.0.2NN", card),
    row("mac", "52:54:00:92:00:0NN", "52:54:00:92:01:0NN"),
    row("duid", "0:NN", "0:1:NN", { with: { ip: "fd00:92::1NN" } }),
    row("name", "one-NN", "two-NN", { ...card, becomes: "update" }),
    row("adopt", undefined, true, card),
  ],
  reasons: {},
};

export const dnsHosts: Conformance = {
  token: "DnsHost",
  table: dnsHost,
  base: { network: "entries", ip: "10.92.0.3NN", hostnames: ["a-NN"] },
  rows: [
    row("network", "entries", "entries-2"),
    row("ip", "10.92.0.3NN", "10.92.0.4NN"),
    row("hostnames", ["a-NN"], ["a-NN", "b-NN"]),
    row("adopt", undefined, true),
  ],
  reasons: {},
};
