import type { Difference } from "../../fields";
import { cloneXml, element, equalXml, find, findAll, readPath, type XmlElement } from "../../xml";
import { deviceIn } from "./devices";

const ADDRESSED = [
  "disk",
  "interface",
  "controller",
  "hostdev",
  "memballoon",
  "rng",
  "video",
  "sound",
  "input",
  "watchdog",
  "memory",
];

/** PCI buses that some device of a definition stands on. */
function busesUsed(root: XmlElement): ReadonlySet<number> {
  const used = new Set<number>();
  for (const kind of [...ADDRESSED, "filesystem", "vsock", "tpm", "shmem", "channel", "serial", "redirdev"]) {
    for (const address of findAll(root, `devices/${kind}/address`)) {
      if (address.attributes.get("type") !== "pci") continue;
      used.add(Number(address.attributes.get("bus")));
    }
  }
  return used;
}

/** The root ports of a definition: each is a bus that takes one device, also while the guest runs. */
function rootPorts(root: XmlElement): number[] {
  return findAll(root, "devices/controller")
    .filter((node) => /^pcie-root-port$|^pcie-switch-downstream-port$/.test(node.attributes.get("model") ?? ""))
    .map((node) => Number(node.attributes.get("index")));
}

/** Ports that are free in the running guest and in the definition alike: the same address is right in both. */
export function freePorts(live: XmlElement, inactive: XmlElement): number[] {
  const [used, planned] = [busesUsed(live), busesUsed(inactive)];
  const both = new Set(rootPorts(inactive));
  return rootPorts(live)
    .filter((bus) => both.has(bus) && !used.has(bus) && !planned.has(bus))
    .sort((a, b) => a - b);
}

/** Gives a device a port, unless it has an address of its own. */
export function placeOn(device: XmlElement, bus: number): void {
  if (readPath(device, "address/@type") !== undefined) return;
  const hex = `0x${bus.toString(16).padStart(2, "0")}`;
  device.children.push(element("address", { type: "pci", domain: "0x0000", bus: hex, slot: "0x00", function: "0x0" }));
}

/** A device that the guest gets now (`coming`) has the same address in both definitions; ports go in the order of the changes. */
export function placeNew(
  definition: XmlElement,
  live: XmlElement,
  inactive: XmlElement,
  coming: readonly Difference[],
): void {
  const devices = Object.keys(IDENTITIES).flatMap((kind) => findAll(definition, `devices/${kind}`));
  for (const device of devices) {
    const held = addressOf(device, live);
    if (held && !isTaken(held, definition)) device.children.push(cloneXml(held));
  }
  const ports = freePorts(live, inactive);
  for (const { path, kind, key = "" } of coming) {
    const device = kind === "add" && path.length === 2 ? deviceIn(definition, String(path[0]), key) : undefined;
    if (!device) continue;
    const bus = onPci(device) && readPath(device, "address/@type") === undefined ? ports.shift() : undefined;
    if (bus !== undefined) placeOn(device, bus);
  }
}

function onPci(device: XmlElement): boolean {
  if (device.name === "disk") return readPath(device, "target/@bus") === "virtio";
  return device.name !== "memory" || readPath(device, "@model") === "virtio-mem";
}

/** What a device is known by; a place on one bus is none on another, and a DIMM's slot none of virtio-mem. */
const IDENTITIES: Readonly<Record<string, readonly string[]>> = {
  disk: ["target/@dev", "target/@bus"],
  interface: ["mac/@address"],
  memory: ["alias/@name", "@model"],
};

/** Where the guest has a device that the definition has without a place. */
function addressOf(device: XmlElement, live: XmlElement): XmlElement | undefined {
  const identity = IDENTITIES[device.name];
  if (!identity || find(device, "address")) return undefined;
  const isSame = (other: XmlElement): boolean =>
    identity.every((path) => readPath(other, path)?.toLowerCase() === readPath(device, path)?.toLowerCase());
  const same = findAll(live, `devices/${device.name}`).find(isSame);
  return same && find(same, "address");
}

function isTaken(address: XmlElement, definition: XmlElement): boolean {
  const devices = find(definition, "devices")?.children ?? [];
  return devices.some((node) => "name" in node && findAll(node, "address").some((other) => equalXml(other, address)));
}
