import { createHash } from "node:crypto";
import { childrenOf, cloneXml, element, find, findAll, readPath, removeChild, type XmlElement } from "../../xml";

/** What a twin does without: what another machine may hold, and what would be shared with the old one. */
const LEFT_OUT = ["interface", "hostdev", "redirdev", "lease", "shmem", "memory"] as const;
/** Words for what a user would miss in the proof; cards and leases always start where their network does. */
const HELD: Readonly<Record<string, string>> = { hostdev: "host devices", shmem: "shared memory", memory: "DIMMs" };

/** A definition's twin, and what of the definition it cannot prove. Its disks are still the first machine's. */
export interface Twin {
  readonly root: XmlElement;
  readonly unproven: readonly string[];
}

/** The machine under another name and UUID that touches nothing of the first one's; pure. */
export function twinOf(definition: XmlElement, uuid: string): Twin {
  const root = cloneXml(definition);
  root.attributes.delete("id");
  setText(root, "name", twinName(uuid));
  setText(root, "uuid", twinUuid(uuid));
  for (const name of ["metadata", "title", "description", "resource"]) drop(root, name);
  const unproven = new Set<string>();
  if (find(root, "memoryBacking/hugepages")) unproven.add("huge pages");
  if (find(root, "memoryBacking/locked")) unproven.add("locked memory");
  const backing = find(root, "memoryBacking");
  for (const name of ["hugepages", "locked", "allocation"]) if (backing) drop(backing, name);
  const nvram = find(root, "os/nvram");
  // Without a path libvirt makes one from the name.
  if (nvram) nvram.children = [];
  const devices = find(root, "devices");
  if (devices) {
    for (const name of LEFT_OUT) {
      if (find(devices, name) && HELD[name] !== undefined) unproven.add(HELD[name]);
      drop(devices, name);
    }
    for (const tpm of childrenOf(devices, "tpm")) {
      if (readPath(tpm, "backend/@type") === "emulator") continue;
      unproven.add("its TPM");
      removeChild(devices, tpm);
    }
    for (const screen of childrenOf(devices, "graphics")) unplace(screen);
    for (const line of ["serial", "console", "parallel", "channel"].flatMap((name) => childrenOf(devices, name))) {
      detachLine(line);
    }
    for (const cid of findAll(root, "devices/vsock/cid")) {
      cid.attributes.clear();
      cid.attributes.set("auto", "yes");
    }
  }
  return { root, unproven: [...unproven] };
}

/** Names no two machines share. */
function twinName(uuid: string): string {
  return `kvm-proof-${uuid}`;
}

function twinUuid(uuid: string): string {
  const hex = createHash("sha256").update(`twin\n${uuid}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}

function setText(root: XmlElement, name: string, text: string): void {
  drop(root, name);
  root.children.push(element(name, {}, text));
}

/** Takes all children of a name out. */
export function drop(parent: XmlElement, name: string): void {
  for (const node of childrenOf(parent, name)) removeChild(parent, node);
}

/** Ports and sockets are the first machine's. */
function unplace(screen: XmlElement): void {
  for (const name of ["port", "tlsPort", "websocket", "socket"]) screen.attributes.delete(name);
  screen.attributes.set("autoport", "yes");
  for (const listen of childrenOf(screen, "listen")) listen.attributes.delete("socket");
}

function detachLine(line: XmlElement): void {
  const type = line.attributes.get("type");
  if (type === "pty" || type === "spicevmc" || type === "null") drop(line, "source");
  else if (type === "unix" && line.name === "channel") drop(line, "source");
  else {
    line.attributes.set("type", "null");
    for (const name of ["source", "protocol", "log"]) drop(line, name);
  }
}
