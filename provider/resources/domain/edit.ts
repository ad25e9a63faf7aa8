import type { Difference } from "../../fields";
import { childrenOf, cloneXml, element, readPath, removeChildren, type XmlElement } from "../../xml";
import type { Running } from "./live";
import { update } from "./parts/plug";

/** What libvirt changes in a device that a guest has, and where it stands in its XML. */
const PARTS: Readonly<Record<string, string>> = {
  volume: "source",
  file: "source",
  block: "source",
  network: "source",
  bridge: "source",
  direct: "source",
  user: "source",
  vlan: "vlan",
  link: "link",
  bandwidth: "bandwidth",
  filterref: "filterref",
  port: "port",
};

/** A source is one thing: while one property of it waits for a power cycle, the guest is told of none. */
export function waitsInPart({ path, key }: Difference, changes: readonly Difference[]): boolean {
  const part = PARTS[String(path[2])];
  const shares = (one: Difference): boolean =>
    one.path[0] === path[0] && one.key === key && PARTS[String(one.path[2])] === part;
  return part !== undefined && changes.some((one) => one.cost === "restart" && shares(one));
}

/** The parts of one device that a guest is told of: what else its definition has may wait for a power cycle. */
export function partsOf(changes: readonly Difference[], { path: [list], key }: Difference): ReadonlySet<string> {
  const own = changes.filter((one) => one.path[0] === list && one.key === key && one.path.length > 2);
  return new Set(own.flatMap(({ path }) => PARTS[String(path[2])] ?? []));
}

/** Changes parts of a device in the running guest to what the definition has; all else stays as the guest has it. */
export async function edit(
  at: Running,
  inGuest: XmlElement | undefined,
  planned: XmlElement | undefined,
  parts: ReadonlySet<string>,
): Promise<void> {
  if (!inGuest || !planned || parts.size === 0) return;
  await update(at, editedDevice(inGuest, planned, parts));
}

/** The guest's device with some parts of another one; pure. */
export function editedDevice(inGuest: XmlElement, planned: XmlElement, parts: ReadonlySet<string>): XmlElement {
  const changed = asAsked(cloneXml(inGuest));
  for (const part of parts) {
    removeChildren(changed, part);
    changed.children.push(...childrenOf(planned, part).map(cloneXml));
  }
  if (!parts.has("source")) return changed;
  // Another image has another chain.
  removeChildren(changed, "backingStore");
  changed.attributes.set("type", planned.attributes.get("type") ?? "file");
  return changed;
}

/** A guest's card on a network has the type of what the network gave it, and would leave the network by that. */
function asAsked(device: XmlElement): XmlElement {
  const network = readPath(device, "source/@network");
  if (network === undefined) return device;
  const portgroup = readPath(device, "source/@portgroup");
  removeChildren(device, "source");
  device.attributes.set("type", "network");
  device.children.push(element("source", { network, ...(portgroup === undefined ? {} : { portgroup }) }));
  return device;
}
