// The samples of a network's entries: the conformance rows, on networks that run.
import { dhcpHosts as dhcpRows, dnsHosts as dnsRows } from "../../e2e/conformance/entries";
import { sample, samplesOf } from "./sample";

const card = { mac: "52:54:00:92:02:0NN" };

export const dhcpHosts = samplesOf(dhcpRows, {
  base: dhcpRows.base,
  // The other network has another subnet.
  rows: [sample("network", "entries", "entries-2", { with: card, then: { ip: "10.92.1.1NN" } })],
  reasons: {},
});

export const dnsHosts = samplesOf(dnsRows, { base: dnsRows.base, rows: [], reasons: {} });
