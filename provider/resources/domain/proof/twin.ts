import { createHash } from "node:crypto";
import { asText, readTable } from "../../../fields";
import {
  childrenOf,
  cloneXml,
  element,
  find,
  findAll,
  readPath,
  removeChild,
  removeChildren,
  type XmlElement,
} from "../../../xml";
import { isMemoryDevice, memoryDevice } from "../parts/memoryDevices";
import { openImages, type Part } from "./standIns";

/** What a twin does without: what another machine may hold, and what would be shared with the old one. */
const LEFT_OUT = ["interface", "hostdev", "redirdev", "lease", "shmem"] as const;
/** Words for what a user would miss in the proof; cards are looked at apart, and leases start where their network does. */
const HELD: Readonly<Record<string, string>> = { hostdev: "host devices", shmem: "shared memory" };
const PORTS = ["port", "tlsPort", "websocket"] as const;

/** A definition's twin. */
export interface Twin {
  readonly root: XmlElement;
  /** What of it the host may lack. */
  readonly parts: readonly Part[];
  /** Its disks that still have the first machine's image, which they must not open. */
  readonly held: readonly XmlElement[];
  /** What of the definition it cannot prove. */
  readonly unproven: readonly string[];
}

/** The machine under another name and UUID that touches nothing of what the running guest has; pure. */
export function twinOf(definition: XmlElement, uuid: string, live: XmlElement | undefined): Twin {
  const root = cloneXml(definition);
  root.attributes.delete("id");
  setText(root, "name", twinName(uuid));
  setText(root, "uuid", twinUuid(uuid));
  for (const name of ["metadata", "title", "description", "resource"]) removeChildren(root, name);
  const unproven = new Set<string>();
  if (find(root, "memoryBacking/hugepages") ?? find(root, "devices/memory/source/pagesize")) unproven.add("huge pages");
  if (find(root, "memoryBacking/locked")) unproven.add("locked memory");
  const backing = find(root, "memoryBacking");
  for (const name of ["hugepages", "locked", "allocation"]) if (backing) removeChildren(backing, name);
  const nvram = find(root, "os/nvram");
  // Without a path libvirt makes one from the name.
  if (nvram) nvram.children = [];
  const { parts, held } = openImages(root, live);
  const devices = find(root, "devices");
  const more = devices ? changeDevices(devices, unproven, portsOf(live)) : [];
  return { root, parts: [...parts, ...more], held, unproven: [...unproven] };
}

/** Names no two machines share. */
export function twinName(uuid: string): string {
  return `kvm-proof-${uuid}`;
}

export function twinUuid(uuid: string): string {
  const hex = createHash("sha256").update(`twin\n${uuid}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}

/** True for a machine whose firmware has variables. */
export function isUefi(definition: XmlElement): boolean {
  return readPath(definition, "os/@firmware") === "efi" || find(definition, "os/nvram") !== undefined;
}

/** A twin with one of its parts, or none. */
export function aloneWith({ root, parts }: Twin, part: Part | undefined): XmlElement {
  const others = new Map(parts.filter((one) => one !== part).map((one) => [one.node, one.without]));
  const children = root.children.map((node) => {
    if (!("name" in node) || node.name !== "devices") return node;
    const kept = node.children.flatMap((device) => {
      if (!("name" in device) || !others.has(device)) return [device];
      return others.get(device) ?? [];
    });
    return { ...node, children: kept };
  });
  return { ...root, children };
}

function changeDevices(devices: XmlElement, unproven: Set<string>, ownPorts: ReadonlySet<string>): Part[] {
  for (const name of LEFT_OUT) {
    if (find(devices, name) && HELD[name] !== undefined) unproven.add(HELD[name]);
    removeChildren(devices, name);
  }
  for (const tpm of childrenOf(devices, "tpm")) {
    if (readPath(tpm, "backend/@type") === "emulator") continue;
    unproven.add("its TPM");
    removeChild(devices, tpm);
  }
  for (const line of ["serial", "console", "parallel", "channel"].flatMap((name) => childrenOf(devices, name))) {
    detachLine(line);
  }
  for (const cid of findAll(devices, "vsock/cid")) {
    cid.attributes.clear();
    cid.attributes.set("auto", "yes");
  }
  const screens = childrenOf(devices, "graphics").flatMap((screen) => placeScreen(screen, ownPorts) ?? []);
  return [...screens, ...plugMemory(devices, unproven)];
}

/** A DIMM takes no memory of the host before its guest writes to it; what has a file or device of the host stays out. */
function plugMemory(devices: XmlElement, unproven: Set<string>): Part[] {
  return childrenOf(devices, "memory").flatMap((node) => {
    if (!isMemoryDevice(node)) {
      unproven.add("memory devices of the host");
      removeChild(devices, node);
      return [];
    }
    const source = find(node, "source");
    if (source) removeChildren(source, "pagesize");
    const { name, size } = readTable(memoryDevice, node);
    return [{ path: `memoryDevices[${asText(name) ?? ""}]`, value: `${String(size)} MiB`, node }];
  });
}

function setText(root: XmlElement, name: string, text: string): void {
  removeChildren(root, name);
  root.children.push(element(name, {}, text));
}

/** The ports that a running guest's screens have. */
function portsOf(live: XmlElement | undefined): ReadonlySet<string> {
  const screens = live ? findAll(live, "devices/graphics") : [];
  return new Set(screens.flatMap((screen) => PORTS.flatMap((name) => screen.attributes.get(name) ?? [])));
}

/** Sockets and ports that the guest has are its own; a port of the program's choice that it has not is a part to prove. */
function placeScreen(screen: XmlElement, own: ReadonlySet<string>): Part | undefined {
  screen.attributes.delete("socket");
  for (const listen of childrenOf(screen, "listen")) listen.attributes.delete("socket");
  const auto = screen.attributes.get("autoport") === "yes";
  const fixed = PORTS.filter((name) => {
    const port = screen.attributes.get(name);
    return Number(port) > 0 && !own.has(port ?? "") && (!auto || name === "websocket");
  });
  const chosen = fixed.map((name) => screen.attributes.get(name) ?? "");
  const without = cloneXml(screen);
  unplace(without);
  for (const name of PORTS) if (!fixed.includes(name)) screen.attributes.delete(name);
  screen.attributes.set("autoport", fixed.some((name) => name !== "websocket") ? "no" : "yes");
  if (fixed.length === 0) return undefined;
  const path = `graphics.${screen.attributes.get("type") ?? ""}.${fixed.join(" and ")}`;
  return { path, value: chosen.join(" and "), node: screen, without };
}

function unplace(screen: XmlElement): void {
  for (const name of PORTS) screen.attributes.delete(name);
  screen.attributes.set("autoport", "yes");
}

function detachLine(line: XmlElement): void {
  const type = line.attributes.get("type");
  if (type === "pty" || type === "spicevmc" || type === "null") removeChildren(line, "source");
  else if (type === "unix" && line.name === "channel") removeChildren(line, "source");
  else {
    line.attributes.set("type", "null");
    for (const name of ["source", "protocol", "log"]) removeChildren(line, name);
  }
}
