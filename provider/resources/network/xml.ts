import type { XmlPair } from "../../fields";
import {
  child,
  childrenOf,
  element,
  readPath,
  removeChild,
  removeChildren,
  writePath,
  type XmlElement,
} from "../../xml";
import { parseAddress } from "./addresses";

const DNSMASQ = "http://libvirt.org/schemas/network/dnsmasq/1.0";

/** `address`, `prefix` or `netmask`, and `family` of an <ip>, as one text: "10.20.0.1/24". */
export const addressXml: XmlPair = {
  read(ip) {
    const address = ip.attributes.get("address");
    return address === undefined ? undefined : `${address}/${prefixOf(ip, address)}`;
  },
  write(ip, value) {
    for (const name of ["address", "netmask", "prefix", "family"]) ip.attributes.delete(name);
    if (typeof value !== "string") return;
    const [address = "", prefix = ""] = value.split("/");
    if (parseAddress(address)?.family === 6) ip.attributes.set("family", "ipv6");
    ip.attributes.set("address", address);
    ip.attributes.set("prefix", prefix);
  },
};

function prefixOf(ip: XmlElement, address: string): number {
  const [prefix, netmask] = [ip.attributes.get("prefix"), ip.attributes.get("netmask")];
  if (prefix !== undefined) return Number(prefix);
  const mask = netmask === undefined ? undefined : parseAddress(netmask);
  if (mask) return mask.value.toString(2).replaceAll("0", "").length;
  // What libvirt takes where neither stands: the class of the address, 64 for IPv6.
  if (parseAddress(address)?.family === 6) return 64;
  const first = Number(address.split(".")[0]);
  if (first < 128) return 8;
  return first < 192 ? 16 : 24;
}

/** libvirt writes the uplink twice, as `dev` and as the first <interface>, and refuses two that differ. */
export const uplinkXml: XmlPair = {
  read: (forward) => forward.attributes.get("dev"),
  write(forward, value) {
    dropInterfaces(forward);
    if (typeof value === "string") forward.attributes.set("dev", value);
  },
};

/** The interfaces of the host that a network goes through, in libvirt's order. */
export function uplinksOf(root: XmlElement): readonly string[] {
  const forward = child(root, "forward");
  if (!forward) return [];
  const names = childrenOf(forward, "interface").flatMap((node) => node.attributes.get("dev") ?? []);
  const first = forward.attributes.get("dev");
  return names.length > 0 || first === undefined ? names : [first];
}

/** The same pair of places from the other side. */
export const interfacesXml: XmlPair = {
  read(forward) {
    const names = childrenOf(forward, "interface").flatMap((node) => node.attributes.get("dev") ?? []);
    return names.length > 0 ? names : undefined;
  },
  write(forward, value) {
    dropInterfaces(forward);
    if (!Array.isArray(value)) return;
    for (const name of value) forward.children.push(element("interface", { dev: String(name) }));
  },
};

function dropInterfaces(forward: XmlElement): void {
  forward.attributes.delete("dev");
  removeChildren(forward, "interface");
}

/** dnsmasq's options stand in a namespace of their own, declared on the root. */
export const dnsmasqXml: XmlPair = {
  read(root) {
    const name = optionsName(root);
    const options = name === undefined ? undefined : child(root, `${name}:options`);
    if (!options) return undefined;
    return childrenOf(options, `${name}:option`).flatMap((node) => node.attributes.get("value") ?? []);
  },
  write(root, value) {
    const name = optionsName(root) ?? "dnsmasq";
    const before = child(root, `${name}:options`);
    if (before) removeChild(root, before);
    if (!Array.isArray(value)) return;
    root.attributes.set(`xmlns:${name}`, DNSMASQ);
    const options = value.map((option) => element(`${name}:option`, { value: String(option) }));
    root.children.push(element(`${name}:options`, {}, ...options));
  },
};

/** The prefix that the root gives to dnsmasq's namespace. */
function optionsName(root: XmlElement): string | undefined {
  const declared = [...root.attributes].find(([name, uri]) => name.startsWith("xmlns:") && uri === DNSMASQ);
  return declared?.[0].slice("xmlns:".length);
}

/** libvirt says a trunk's "no" by absence. */
export const trunkXml: XmlPair = {
  read: (vlan) => readPath(vlan, "@trunk") === "yes",
  write: (vlan, value) => {
    writePath(vlan, "@trunk", value === true ? "yes" : undefined);
  },
};
