import {
  type Args,
  flag,
  grammar,
  int,
  isRecord,
  list,
  type LiveKeys,
  object,
  type Outputs,
  seconds,
  text,
  type Values,
} from "../../fields";
import { canonical, parseAddress, parseSubnet } from "./addresses";
import { addressXml, dnsmasqXml, interfacesXml, uplinkXml } from "./xml";

const address = (value: string): string | undefined =>
  parseAddress(value) ? undefined : "must be an IPv4 or IPv6 address";
const sameAddress = (wanted: string, found: string): boolean => canonical(wanted) === canonical(found);
const subnet = (value: string): string | undefined =>
  parseSubnet(value) ? undefined : 'must be an address with its prefix, such as "10.20.0.1/24" or "fd00:20::1/64"';
const sameText = (wanted: string, found: string): boolean => wanted.toLowerCase() === found.toLowerCase();
/** A name in DNS that may begin with an underscore (`_ldap`, `_acme-challenge.example`). */
const dnsName = (value: string): string | undefined =>
  value.split(".").every((label) => /^_?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
    ? undefined
    : "must be a DNS name: labels of letters, digits, inner '-' and a leading '_', joined by '.'";
/** dnsmasq splits a TXT record at commas, and quotes would end the word in its file. */
const txtValue = (value: string): string | undefined =>
  /^[^",\\]*$/.test(value) ? undefined : "must have no comma, quote or backslash: dnsmasq would split it";

// Options that run programs or touch files of the host, as root: no text of a program may reach them.
const FORBIDDEN_OPTIONS =
  /^(conf-(file|dir|script)|servers-file|resolv-file|addn-hosts|hostsdir|dhcp-(script|scriptuser|luascript|hostsfile|hostsdir|optsfile|optsdir|leasefile)|leasefile-ro|log-facility|pid-file|user|group|dumpfile|tftp-root|enable-tftp|enable-dbus|enable-ubus|connmark-allowlist(-enable)?)(=|$)/;

function dnsmasqOption(value: string): string | undefined {
  if (!/^[a-z0-9][a-z0-9-]*(=\S+)?$/.test(value))
    return 'must be an option of dnsmasq without spaces, such as "no-ping"';
  const forbidden = FORBIDDEN_OPTIONS.exec(value)?.[1];
  return forbidden === undefined
    ? undefined
    : `must not be ${forbidden}: it reaches files or programs of the host as root`;
}

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

const dhcpHost = {
  mac: text({ xml: "@mac", change: "live", check: grammar.macAddress, same: sameText, doc: "The guest's MAC (IPv4)." }),
  id: text({
    xml: "@id",
    change: "live",
    check: (value: string) =>
      /^[0-9a-fA-F:]{1,400}$/.test(value) ? undefined : "must be hexadecimal bytes joined by ':'",
    doc: "The guest's DHCPv6 unique identifier (IPv6).",
  }),
  name: text({
    xml: "@name",
    change: "live",
    check: grammar.hostName,
    doc: "The host name that it is given (RFC 1123).",
  }),
  ip: text({
    required: true,
    xml: "@ip",
    change: "live",
    check: address,
    same: sameAddress,
    doc: "Its address, in the subnet.",
  }),
};

/** The key of a DHCP entry: the MAC, else the DHCPv6 id, else the name. */
export function dhcpHostKey({ mac, id, name }: Values): string | undefined {
  const key = mac ?? id ?? name;
  return typeof key === "string" ? key.toLowerCase() : undefined;
}

const joinedKey =
  (...names: readonly string[]) =>
  (item: Values): string | undefined => {
    const parts = names.map((name) => item[name]);
    const known = parts.every((part) => part === undefined || typeof part === "string" || typeof part === "number");
    return known && parts.some((part) => part !== undefined)
      ? parts.map((part) => canonical(String(part ?? ""))).join(" ")
      : undefined;
  };

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

const ip = {
  address: text({
    required: true,
    xml: addressXml,
    change: "restart",
    check: subnet,
    same: sameAddress,
    doc: 'The host\'s own address with the length of the prefix, such as "10.20.0.1/24" or "fd00:20::1/64".',
  }),
  dhcp: object(dhcp, {
    xml: "dhcp",
    change: "live",
    doc: "Hands out addresses; `{}`: the whole subnet; absent: no DHCP.",
  }),
};

const between = {
  start: text({
    required: true,
    xml: "@start",
    change: "restart",
    check: address,
    same: sameAddress,
    doc: "First address.",
  }),
  end: text({
    required: true,
    xml: "@end",
    change: "restart",
    check: address,
    same: sameAddress,
    doc: "Last address.",
  }),
};
const ports = {
  start: int({ required: true, xml: "@start", change: "restart", min: 1, max: 65535, doc: "First port." }),
  end: int({ required: true, xml: "@end", change: "restart", min: 1, max: 65535, doc: "Last port." }),
};

const forward = {
  mode: text({
    xml: "@mode",
    values: ["nat", "route", "open", "bridge", "private", "vepa", "passthrough", "hostdev"],
    default: "nat",
    change: "restart",
    doc: "How guests reach the world; default `nat`. `open` leaves the firewall alone.",
  }),
  dev: text({
    xml: uplinkXml,
    change: "restart",
    check: grammar.interfaceName,
    doc: "The host's interface that it goes through; default: any.",
  }),
  interfaces: list(
    text({ xml: "@dev", change: "restart", check: grammar.interfaceName, doc: "An interface of the host." }),
    {
      xml: interfacesXml,
      change: "restart",
      doc: "The host's interfaces for `bridge`, `private`, `vepa`, `passthrough` and `hostdev`.",
    },
  ),
  pf: text({
    xml: "pf/@dev",
    change: "restart",
    check: grammar.interfaceName,
    doc: "The physical function whose virtual functions guests get.",
  }),
  managed: flag({
    xml: "@managed",
    change: "restart",
    doc: "libvirt takes host devices from the host's driver and gives them back (`hostdev`).",
  }),
  nat: object(
    {
      ipv6: flag({ xml: "@ipv6", change: "restart", doc: "NAT for IPv6 too; libvirt's default is off." }),
      addresses: object(between, {
        xml: "address",
        change: "restart",
        doc: "The host's addresses to hide guests behind.",
      }),
      ports: object(ports, {
        xml: "port",
        change: "restart",
        doc: "The ports to use; libvirt's default is 1024-65535.",
      }),
    },
    { xml: "nat", change: "restart", doc: "How addresses are translated (`nat` only)." },
  ),
};

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
        ip: text({
          required: true,
          xml: "@ip",
          change: "live",
          check: address,
          same: sameAddress,
          doc: "The address.",
        }),
        hostnames: list(text({ xml: ".", change: "live", check: grammar.hostName, doc: "A name (RFC 1123)." }), {
          required: true,
          xml: "hostname",
          change: "live",
          doc: "Its names.",
        }),
      },
      { doc: "Names of an address." },
    ),
    {
      xml: "host",
      key: joinedKey("ip"),
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
function dnsChange(before: unknown, after: unknown): "live" | "restart" {
  const value = after ?? before;
  const names = isRecord(value) ? Object.keys(value).filter((name) => value[name] !== undefined) : [];
  return names.every((name) => ["hosts", "txts", "srvs"].includes(name)) ? "live" : "restart";
}

/** A virtual network. https://libvirt.org/formatnetwork.html */
export const network = {
  name: text({
    xml: "name",
    change: "replace",
    check: grammar.objectName,
    doc: "The network's name on the host; default `<logical name>-<7 hex>`. A change replaces it.",
  }),
  forward: object(forward, {
    xml: "forward",
    change: "restart",
    doc: "How guests reach the world; absent: isolated, guests reach each other and the host.",
  }),
  ips: list(object(ip, { doc: "A subnet of the network." }), {
    xml: "ip",
    key: joinedKey("address"),
    change: "restart",
    doc: "The host's addresses on the network, several families allowed; absent: none, and no DHCP.",
  }),
  dns: object(dns, {
    xml: "dns",
    change: dnsChange,
    doc: "The DNS that guests are offered; absent: libvirt's, which is on.",
  }),
  domain: object(
    {
      name: text({
        required: true,
        xml: "@name",
        change: "restart",
        check: grammar.hostName,
        doc: "The domain of the guests (RFC 1123).",
      }),
      localOnly: flag({
        xml: "@localOnly",
        change: "restart",
        doc: "Never pass unknown names of the domain on; libvirt's default is off.",
      }),
    },
    { xml: "domain", change: "restart", doc: "The DNS domain of the network." },
  ),
  bridge: object(
    {
      name: text({
        xml: "@name",
        change: "restart",
        check: grammar.interfaceName,
        doc: "The bridge's name, at most 15 characters; absent: libvirt chooses `virbrN` (see `bridgeName`). With `forward.mode: \"bridge\"` the host's own bridge.",
      }),
      stp: flag({
        xml: "@stp",
        form: "on",
        change: "restart",
        doc: "Spanning tree; default off, unlike libvirt's: while it listens, seconds long, a guest's first DHCP request is lost.",
      }),
      delay: seconds({ xml: "@delay", change: "restart", max: 30, doc: "Forward delay in seconds; default 0." }),
    },
    { xml: "bridge", change: "restart", doc: "The bridge of the network on the host." },
  ),
  mtu: int({
    xml: "mtu/@size",
    change: "restart",
    min: 68,
    max: 65535,
    doc: "Largest packet in bytes; default: the kernel's 1500.",
  }),
  vlan: object(
    {
      trunk: flag({ xml: "@trunk", change: "restart", doc: "Carry all of the tags; needed for more than one." }),
      tags: list(
        object(
          {
            id: int({ required: true, xml: "@id", change: "restart", min: 1, max: 4094, doc: "The VLAN's number." }),
            nativeMode: text({
              xml: "@nativeMode",
              values: ["tagged", "untagged"],
              change: "restart",
              doc: "How the native VLAN is sent.",
            }),
          },
          { doc: "A VLAN." },
        ),
        { required: true, xml: "tag", key: joinedKey("id"), change: "restart", doc: "The VLANs." },
      ),
    },
    { xml: "vlan", change: "restart", doc: "VLAN tags of the guests' packets (Open vSwitch bridges and SR-IOV only)." },
  ),
  virtualPort: object(
    {
      type: text({
        required: true,
        xml: "@type",
        values: ["openvswitch", "midonet", "802.1Qbg", "802.1Qbh"],
        change: "restart",
        doc: "The kind of switch.",
      }),
    },
    { xml: "virtualport", change: "restart", doc: "The switch behind the bridge, where it is not the kernel's." },
  ),
  dnsmasqOptions: list(text({ change: "restart", check: dnsmasqOption, doc: "One option." }), {
    xml: dnsmasqXml,
    most: 64,
    change: "restart",
    doc: 'Options of dnsmasq that libvirt does not know, such as "no-ping" (a lease 3 s earlier, without the check that nobody has the address). None that reach the host\'s files or programs.',
  }),
  autostart: flag({ default: true, change: "live", doc: "Start with the host; default true." }),
  disruptive: flag({
    doc: "A change that restarts the network is made though running machines are attached (their cards are plugged in again afterwards); default false: it is refused with the machines named.",
  }),
  adopt: flag({ doc: "Take over a network of this name that exists already; default false: it is refused." }),
  uuid: text({ output: true, doc: "The network's UUID." }),
  bridgeName: text({ output: true, doc: "The bridge on the host; empty where the network has none." }),
  active: flag({ output: true, doc: "Whether it runs; a stopped network is started by the next update." }),
};

export type NetworkArgs = Args<typeof network>;
export type NetworkOutputs = Outputs<typeof network>;

/** What changes while the network runs: each owes an act (live.ts). */
export type LiveField =
  Exclude<LiveKeys<typeof network>, "dns"> | `dhcp.${LiveKeys<typeof dhcp>}` | `dns.${LiveKeys<typeof dns>}`;
