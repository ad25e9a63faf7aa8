import { type Failure, type Values } from "../../fields";
import { childrenOf, findAll, readPath, type XmlElement } from "../../xml";
import { canonical, parseAddress, parseSubnet, type Subnet } from "../network/addresses";
import { addressComplaint, hostShape } from "../network/check";
import { dhcpHostKey } from "../network/entries";
import { Section } from "../network/live";
import { addressXml } from "../network/xml";
import type { Entry, Kind } from "../networkEntry/kind";
import { dhcpHost as table } from "./fields";

interface Served {
  readonly subnet: Subnet;
  readonly text: string;
  readonly parentIndex: number;
  readonly hasDhcp: boolean;
}

/** The subnets of a network, in libvirt's order. */
function subnetsOf(root: XmlElement): Served[] {
  return childrenOf(root, "ip").flatMap((ip, parentIndex) => {
    const text = String(addressXml.read(ip));
    const subnet = parseSubnet(text);
    const hasDhcp = findAll(ip, "dhcp/range").length + findAll(ip, "dhcp/host").length > 0;
    return subnet ? [{ subnet, text, parentIndex, hasDhcp }] : [];
  });
}

/** The subnet in which an address lies. */
function subnetFor(root: XmlElement, ip: unknown): Served | undefined {
  const address = parseAddress(String(ip));
  if (!address) return undefined;
  const { family, value } = address;
  return subnetsOf(root).find(
    ({ subnet: { own, first, last } }) => own.family === family && first <= value && value <= last,
  );
}

function entries(root: XmlElement): Entry[] {
  return childrenOf(root, "ip").flatMap((ip, parentIndex) =>
    findAll(ip, "dhcp/host").map((node) => ({ node, parentIndex })),
  );
}

function key({ mac, duid, name }: Values): string | undefined {
  return dhcpHostKey({ mac, id: duid, name });
}

function complaints(inputs: Values): Failure[] {
  const { ip, mac, duid, name } = inputs;
  const address = typeof ip === "string" ? parseAddress(ip) : undefined;
  return address ? hostShape({ mac, duid, name }, address.family, [], "duid") : [];
}

function misfits(root: XmlElement, network: string, inputs: Values, own: string): Failure[] {
  const ip = String(inputs["ip"]);
  const served = subnetFor(root, ip);
  const address = parseAddress(ip);
  if (!served || !address) {
    const all = subnetsOf(root).map(({ text }) => text);
    const have = all.length > 0 ? `it has ${all.join(", ")}` : "it has none";
    return [{ property: "ip", reason: `${ip} is in no subnet of network "${network}": ${have}` }];
  }
  const unfit = addressComplaint(served.subnet, address);
  return [
    ...(unfit === undefined
      ? []
      : [{ property: "ip", reason: `${ip} in ${served.text} of network "${network}" ${unfit}` }]),
    ...otherServed(root, network, served),
    ...taken(root, network, inputs, own),
  ];
}

function otherServed(root: XmlElement, network: string, { subnet, text, hasDhcp }: Served): Failure[] {
  const other = subnetsOf(root).find((one) => one.hasDhcp && one.subnet.own.family === subnet.own.family);
  if (hasDhcp || !other) return [];
  const reason = `network "${network}" hands out addresses of ${other.text}, not of ${text}; libvirt serves one subnet of each family`;
  return [{ property: "ip", reason }];
}

/** libvirt knows entries by each of MAC, name and address: one that another entry has would hit that one. */
function taken(root: XmlElement, network: string, inputs: Values, own: string): Failure[] {
  return entries(root).flatMap(({ node }) => {
    const [mac, duid, name, ip] = ["mac", "id", "name", "ip"].map((attribute) => readPath(node, `@${attribute}`));
    const whose = key({ mac, duid, name });
    if (whose === own) return [];
    const same = (property: string, found: string | undefined, fold: (text: string) => string): Failure[] => {
      const wanted = inputs[property];
      if (typeof wanted !== "string" || found === undefined || fold(wanted) !== fold(found)) return [];
      return [{ property, reason: `${wanted} is given to ${String(whose)} in network "${network}" already` }];
    };
    return [...same("ip", ip, canonical), ...same("name", name, (text) => text.toLowerCase())];
  });
}

/** libvirt finds what it modifies by the MAC, and within one subnet. */
function modifies(before: Entry, after: Entry): boolean {
  const macs = [before, after].map(({ node }) => readPath(node, "@mac")?.toLowerCase());
  return macs[0] !== undefined && macs[0] === macs[1] && before.parentIndex === after.parentIndex;
}

/** What is particular to a fixed address among the entries of a network. */
export const kind: Kind = {
  token: "DhcpHost",
  noun: "DHCP host",
  table,
  section: Section.DHCP_HOST,
  key,
  keyIn: (text) => text.toLowerCase(),
  complaints,
  misfits,
  entries,
  parentIndex: (root, inputs) => subnetFor(root, inputs["ip"])?.parentIndex ?? -1,
  modifies,
};
