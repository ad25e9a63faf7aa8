import { flag, grammar, int, list, type LiveKeys, object, seconds, text } from "../../fields";
import { dhcp, dns, dnsChange } from "./entries";
import { address, dnsmasqOption, joinedKey, sameAddress, subnet } from "./grammar";
import { uplinkChange } from "./uplinks";
import { addressXml, dnsmasqXml, interfacesXml, trunkXml, uplinkXml } from "./xml";

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
    change: uplinkChange,
    check: grammar.interfaceName,
    doc: "The host's interface that it goes through; default: any.",
  }),
  interfaces: list(
    text({ xml: "@dev", change: "restart", check: grammar.interfaceName, doc: "An interface of the host." }),
    {
      xml: interfacesXml,
      change: uplinkChange,
      doc: "The host's interfaces for `bridge`, `private`, `vepa`, `passthrough` and `hostdev`; a running machine keeps the one that it has until its next power cycle.",
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

/** A virtual network. https://libvirt.org/formatnetwork.html */
export const network = {
  name: text({
    filled: true,
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
      trunk: flag({ xml: trunkXml, change: "restart", doc: "Carry all of the tags; needed for more than one." }),
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
    doc: "A change that restarts the network is made though running machines are attached (their cards are plugged in again afterwards); default false: the preview fails and names the machines.",
  }),
  adopt: flag({ doc: "Take over a network of this name that exists already; default false: it is refused." }),
  uuid: text({ output: true, doc: "The network's UUID." }),
  bridgeName: text({ output: true, doc: "The bridge on the host; empty where the network has none." }),
  active: flag({ output: true, doc: "Whether it runs; a stopped network is started by the next update." }),
};

/** What changes while the network runs: each owes an act (live.ts). */
export type LiveField =
  | Exclude<LiveKeys<typeof network>, "dns" | "forward">
  | `forward.${LiveKeys<typeof forward>}`
  | `dhcp.${LiveKeys<typeof dhcp>}`
  | `dns.${LiveKeys<typeof dns>}`;
