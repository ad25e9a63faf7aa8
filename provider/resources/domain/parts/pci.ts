import type { Difference } from "../../../fields";
import { cloneXml, element, equalXml, find, findAll, readPath, type XmlElement } from "../../../xml";
import { deviceIn } from "./devices";

/** A place for one device, also while the guest runs. */
export interface PciPlace {
  readonly bus: number;
  readonly slot: number;
}

/** Places that are free in the running guest and in the definition alike: the same address is right in both. */
export function freePorts(live: XmlElement, inactive: XmlElement): PciPlace[] {
  const used = new Set([live, inactive].flatMap(placesUsed).map(named));
  const both = new Set(placesOf(inactive).map(named));
  return placesOf(live)
    .filter((place) => both.has(named(place)) && !used.has(named(place)))
    .sort((a, b) => a.bus - b.bus || a.slot - b.slot);
}

const named = ({ bus, slot }: PciPlace): string => `${bus}:${slot}`;

/** PCI places that some device of a definition stands on. */
function placesUsed(root: XmlElement): PciPlace[] {
  const devices = find(root, "devices")?.children ?? [];
  return devices.flatMap((device) => {
    if (!("name" in device) || readPath(device, "address/@type") !== "pci") return [];
    const number = (name: string): number => Number(readPath(device, `address/@${name}`) ?? 0);
    return [{ bus: number("bus"), slot: number("slot") }];
  });
}

/** The places of a definition where a guest takes a device. */
function placesOf(root: XmlElement): PciPlace[] {
  const controllers = findAll(root, "devices/controller").filter((node) => readPath(node, "target/@hotplug") !== "off");
  return controllers.flatMap((node) => {
    const [model, bus] = [node.attributes.get("model") ?? "", Number(node.attributes.get("index"))];
    if (model === "pci-root" && takesOnRoot(root)) return ROOT_SLOTS.map((slot) => ({ bus, slot }));
    return /^pcie-(root|switch-downstream)-port$/.test(model) ? [{ bus, slot: 0 }] : [];
  });
}

/** libvirt keeps the first three for the host bridge, the ISA bridge and a video card. */
const ROOT_SLOTS = Array.from({ length: 29 }, (_, index) => index + 3);

/** A guest of an i440fx machine hears of a new device by ACPI. */
function takesOnRoot(root: XmlElement): boolean {
  const machine = readPath(root, "os/type/@machine") ?? "";
  return /^(pc$|pc-0\.|pc-1\.|pc-i440fx-|rhel)/.test(machine) && find(root, "features/acpi") !== undefined;
}

/** Gives a device a place, unless it has an address of its own. */
export function placeOn(device: XmlElement, { bus, slot }: PciPlace): void {
  if (readPath(device, "address/@type") !== undefined) return;
  const hex = (value: number): string => `0x${value.toString(16).padStart(2, "0")}`;
  const place = { domain: "0x0000", bus: hex(bus), slot: hex(slot), function: "0x0" };
  device.children.push(element("address", { type: "pci", ...place }));
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
    const place = onPci(device) && readPath(device, "address/@type") === undefined ? ports.shift() : undefined;
    if (place !== undefined) placeOn(device, place);
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
