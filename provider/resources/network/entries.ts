import { flag, grammar, int, isRecord, list, object, text, type Values } from "../../fields";
import { address, dnsName, joinedKey, sameAddress, sameText, txtValue } from "./grammar";

const range = {
  start: text({
    required: true,
    xml: "@start",
    change: "live",
    check: address,
    same: sameAddress,
    doc: "First address.",
  }),
  end: text({ required: true, xml: "@end", change: "live", check: address, same: sameAddress, doc: "Last address." }),
};

/** What is known of a fixed address, in a network's list and as a resource of its own. */
export const dhcpHostFacts = {
  mac: { xml: "@mac", check: grammar.macAddress, same: sameText, doc: "The guest's MAC (IPv4)." },
  id: {
    xml: "@id",
    check: (value: string) =>
      /^[0-9a-fA-F:]{1,400}$/.test(value) ? undefined : "must be hexadecimal bytes joined by ':'",
    doc: "The guest's DHCPv6 unique identifier (IPv6).",
  },
  name: { xml: "@name", check: grammar.hostName, doc: "The host name that it is given (RFC 1123)." },
  ip: { required: true, xml: "@ip", check: address, same: sameAddress, doc: "Its address, in the subnet." },
} as const;

const dhcpHost = {
  mac: text({ ...dhcpHostFacts.mac, change: "live" }),
  id: text({ ...dhcpHostFacts.id, change: "live" }),
  name: text({ ...dhcpHostFacts.name, change: "live" }),
  ip: text({ ...dhcpHostFacts.ip, change: "live" }),
};

/** The key of a DHCP entry: the MAC, else the DHCPv6 id, else the name. */
export function dhcpHostKey({ mac, id, name }: Values): string | undefined {
  const key = mac ?? id ?? name;
  return typeof key === "string" ? key.toLowerCase() : undefined;
}

/** What a subnet hands out. */
export const dhcp = {
  ranges: list(object(range, { doc: "A range of addresses.", change: "live" }), {
    xml: "range",
    key: joinedKey("start", "end"),
    shared: true,
    change: "live",
    doc: "Ranges of addresses; default: the whole subnet (of IPv6 its first 65,535 addresses); `[]`: none, only `hosts`.",
  }),
  hosts: list(object(dhcpHost, { doc: "A fixed address.", change: "live" }), {
    xml: "host",
    key: dhcpHostKey,
    shared: true,
    change: "live",
    doc: "Fixed addresses; entries that others added are left alone.",
  }),
};

/** What is known of the names of an address, in a network's list and as a resource of its own. */
export const dnsHostFacts = {
  ip: { required: true, xml: "@ip", check: address, same: sameAddress, doc: "The address." },
} as const;

/** The key of a DNS entry: its address. */
export const dnsHostKey = joinedKey("ip");

export const hostnames = list(text({ xml: ".", change: "live", check: grammar.hostName, doc: "A name (RFC 1123)." }), {
  required: true,
  xml: "hostname",
  change: "live",
  doc: "Its names.",
});

/** The names that dnsmasq answers for the guests. */
export const dns = {
  enable: flag({ xml: "@enable", change: "restart", doc: "Answer the guests' queries; libvirt's default is on." }),
  forwardPlainNames: flag({
    xml: "@forwardPlainNames",
    change: "restart",
    doc: "Pass names without a dot on; libvirt's default is on.",
  }),
  forwarders: list(
    object(
      {
        address: text({ xml: "@addr", change: "restart", check: address, same: sameAddress, doc: "A server." }),
        domain: text({
          xml: "@domain",
          change: "restart",
          check: grammar.hostName,
          doc: "Only for names in this domain.",
        }),
      },
      { doc: "A server to ask." },
    ),
    {
      xml: "forwarder",
      key: joinedKey("address", "domain"),
      change: "restart",
      doc: "Servers to ask instead of the host's.",
    },
  ),
  hosts: list(
    object(
      {
        ip: text({ ...dnsHostFacts.ip, change: "live" }),
        hostnames,
      },
      { doc: "Names of an address." },
    ),
    {
      xml: "host",
      key: dnsHostKey,
      shared: true,
      change: "live",
      doc: "Names of addresses; entries that others added are left alone.",
    },
  ),
  txts: list(
    object(
      {
        name: text({ required: true, xml: "@name", change: "live", check: dnsName, doc: "The name." }),
        value: text({
          required: true,
          xml: "@value",
          change: "live",
          most: 255,
          check: txtValue,
          doc: "The text; no comma, quote or backslash.",
        }),
      },
      { doc: "A TXT record." },
    ),
    {
      xml: "txt",
      key: joinedKey("name"),
      shared: true,
      change: "live",
      doc: "TXT records; entries that others added are left alone.",
    },
  ),
  srvs: list(
    object(
      {
        service: text({
          required: true,
          xml: "@service",
          change: "live",
          check: dnsName,
          doc: "The service, without its underscore.",
        }),
        protocol: text({
          required: true,
          xml: "@protocol",
          values: ["tcp", "udp"],
          change: "live",
          doc: "`tcp` or `udp`.",
        }),
        domain: text({
          xml: "@domain",
          change: "live",
          check: grammar.hostName,
          doc: "The domain; default: the network's.",
        }),
        target: text({
          xml: "@target",
          change: "live",
          check: grammar.hostName,
          doc: "The host that serves; absent: none does.",
        }),
        port: int({ xml: "@port", change: "live", min: 1, max: 65535, doc: "Its port." }),
        priority: int({ xml: "@priority", change: "live", min: 0, max: 65535, doc: "Lower is asked first." }),
        weight: int({ xml: "@weight", change: "live", min: 0, max: 65535, doc: "Share among equals." }),
      },
      { doc: "An SRV record." },
    ),
    {
      xml: "srv",
      key: joinedKey("service", "protocol", "domain", "target"),
      shared: true,
      change: "live",
      doc: "SRV records; entries that others added are left alone.",
    },
  ),
};

/** Host names and records come and go by NetworkUpdate; the rest of `dns` is dnsmasq's start. */
export function dnsChange(before: unknown, after: unknown): "live" | "restart" {
  const value = after ?? before;
  const names = isRecord(value) ? Object.keys(value).filter((name) => value[name] !== undefined) : [];
  return names.every((name) => ["hosts", "txts", "srvs"].includes(name)) ? "live" : "restart";
}
