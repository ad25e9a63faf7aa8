import { findAll, readPath, type XmlElement } from "../../xml";

/** A device's element and where its identity stands, by the name of its list. */
const DEVICES: Readonly<Record<string, readonly [element: string, identity: string]>> = {
  disks: ["disk", "target/@dev"],
  interfaces: ["interface", "mac/@address"],
  memoryDevices: ["memory", "alias/@name"],
};

/** True for the lists whose items are devices. */
export function isDeviceList(list: unknown): list is keyof typeof DEVICES {
  return typeof list === "string" && list in DEVICES;
}

/** The device of a definition that an item of a program's list stands for. */
export function deviceIn(root: XmlElement, list: string, key: string): XmlElement | undefined {
  const [element, identity] = DEVICES[list] ?? [];
  if (element === undefined || identity === undefined) return undefined;
  // The alias of a device that the program names begins with `ua-`; MACs are written in either case.
  const isMeant = (node: XmlElement): boolean =>
    readPath(node, identity)?.replace(/^ua-/, "").toLowerCase() === key.toLowerCase();
  return findAll(root, `devices/${element}`).find(isMeant);
}
