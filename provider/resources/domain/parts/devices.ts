import type { XmlPair } from "../../../fields";
import { findAll, readPath, type XmlElement } from "../../../xml";
import { alias } from "./interfaces";

/** The name of a memory device: its own, else the one that libvirt gives a DIMM in its slot. */
export const memoryName: XmlPair = {
  read: (device) => {
    const slot = readPath(device, "address/@slot");
    const dimm = device.attributes.get("model") === "dimm" && slot !== undefined;
    return alias.read(device) ?? (dimm ? `dimm${Number(slot)}` : undefined);
  },
  write: alias.write,
};

/** A device's element and what it is known by there, by the name of its list. */
const DEVICES: Readonly<Record<string, readonly [element: string, keyOf: (node: XmlElement) => unknown]>> = {
  disks: ["disk", (node) => readPath(node, "target/@dev")],
  // MACs are written in either case.
  interfaces: ["interface", (node) => readPath(node, "mac/@address")?.toLowerCase()],
  memoryDevices: ["memory", memoryName.read],
};

/** True for the lists whose items are devices. */
export function isDeviceList(list: unknown): list is keyof typeof DEVICES {
  return typeof list === "string" && list in DEVICES;
}

/** The device of a definition that an item of a program's list stands for. */
export function deviceIn(root: XmlElement, list: string, key: string): XmlElement | undefined {
  const [name, keyOf] = DEVICES[list] ?? [];
  if (name === undefined || keyOf === undefined) return undefined;
  const sought = list === "interfaces" ? key.toLowerCase() : key;
  return findAll(root, `devices/${name}`).find((node) => keyOf(node) === sought);
}
