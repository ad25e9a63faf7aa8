import { type Failure, UNKNOWN, type Values } from "../../fields";
import { childrenOf, find, readPath, textOf, type XmlElement } from "../../xml";
import { canonical } from "../network/addresses";
import { dnsHostKey } from "../network/entries";
import { Section } from "../network/live";
import type { Entry, Kind } from "../networkEntry/kind";
import { dnsHost as table } from "./fields";

function entries(root: XmlElement): Entry[] {
  const dns = find(root, "dns");
  return dns ? childrenOf(dns, "host").map((node) => ({ node, parentIndex: -1 })) : [];
}

function complaints({ hostnames }: Values): Failure[] {
  if (!Array.isArray(hostnames)) return [];
  if (hostnames.length === 0) return [{ property: "hostnames", reason: "needs at least one name" }];
  const names = hostnames.map((name) => String(name).toLowerCase());
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    return first === index || hostnames[index] === UNKNOWN
      ? []
      : [{ property: `hostnames[${index}]`, reason: `is the same as hostnames[${first}]` }];
  });
}

/** libvirt refuses a name that another address has. */
function misfits(root: XmlElement, network: string, { hostnames }: Values, own: string): Failure[] {
  const wanted = Array.isArray(hostnames) ? hostnames.map(String) : [];
  return entries(root).flatMap(({ node }) => {
    const ip = canonical(readPath(node, "@ip") ?? "");
    if (ip === own) return [];
    const theirs = childrenOf(node, "hostname").map((one) => textOf(one).trim().toLowerCase());
    return wanted.flatMap((name, index) => {
      if (!theirs.includes(name.toLowerCase())) return [];
      return [
        { property: `hostnames[${index}]`, reason: `${name} is a name of ${ip} in network "${network}" already` },
      ];
    });
  });
}

/** What is particular to the names of an address among the entries of a network. */
export const kind: Kind = {
  token: "DnsHost",
  noun: "DNS host",
  table,
  section: Section.DNS_HOST,
  key: dnsHostKey,
  keyIn: canonical,
  complaints,
  misfits,
  entries,
  parentIndex: () => -1,
  modifies: () => false,
};
