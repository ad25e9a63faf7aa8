import { setTimeout as sleep } from "node:timers/promises";
import { int, mebibytes, object, unitBytes, type Values, type XmlPair } from "../../../fields";
import { ensurePath, find, findAll, parseXml, readPath, writePath, type XmlElement } from "../../../xml";
import type { Act } from "../live";
import { Impact } from "../flags";

const KIB = 1024;
const MIB = 1024 * KIB;

/** MiB that stand at a path, in whatever unit. */
export function mebibytesAt(root: XmlElement, path: string): number | undefined {
  const raw = readPath(root, path);
  return raw === undefined ? undefined : (Number(raw) * unitBytes(find(root, path)?.attributes.get("unit"))) / MIB;
}

function writeMebibytes(node: XmlElement, mebibytes: number): void {
  if (mebibytesAt(node, ".") === mebibytes) return;
  writePath(node, ".", String(Math.round((mebibytes * MIB) / KIB)));
  node.attributes.set("unit", "KiB");
}

/** What a machine's memory devices add to its `<memory>`, in MiB. */
function devicesIn(root: XmlElement): number {
  return findAll(root, "devices/memory").reduce((sum, node) => sum + (mebibytesAt(node, "target/size") ?? 0), 0);
}

/** The balloon reaches into DIMMs alone. */
function dimmsIn(root: XmlElement): number {
  const dimms = findAll(root, "devices/memory[@model='dimm']");
  return dimms.reduce((sum, node) => sum + (mebibytesAt(node, "target/size") ?? 0), 0);
}

/** What memory devices add to a machine's `<currentMemory>`: virtio-mem counts with what the guest took. */
function givenIn(root: XmlElement): number {
  const virtio = findAll(root, "devices/memory[@model='virtio-mem']");
  return virtio.reduce((sum, node) => sum + (mebibytesAt(node, "target/current") ?? 0), dimmsIn(root));
}

/** libvirt's sum of the machine's memory and of its memory devices, without these. */
export const ownMemory: XmlPair = {
  read: (root) => {
    const total = mebibytesAt(root, "memory");
    return total === undefined ? undefined : total - devicesIn(root);
  },
  write: (root, value) => {
    if (typeof value === "number") writeMebibytes(ensurePath(root, "memory"), value + devicesIn(root));
  },
};

/** The balloon's share, without the memory devices. */
export const ownCurrentMemory: XmlPair = {
  read: (root) => {
    const [given, most] = [mebibytesAt(root, "currentMemory"), ownMemory.read(root)];
    if (given === undefined || typeof most !== "number") return given;
    // libvirt's own attach to a definition counts all of a virtio-mem device as given.
    return Math.min(given - givenIn(root), most);
  },
  write: (root, value) => {
    if (typeof value === "number") writeMebibytes(ensurePath(root, "currentMemory"), value + givenIn(root));
    else writePath(root, "currentMemory", undefined);
  },
};

/** How much memory a machine may have with its memory devices. */
export const maxMemory = object(
  {
    size: mebibytes({
      required: true,
      xml: {
        read: (node) => mebibytesAt(node, "."),
        write: (node, value) => {
          if (typeof value === "number") writeMebibytes(node, value);
        },
      },
      change: "restart",
      doc: "Most memory of the machine in MiB: `memory` and all `memoryDevices`.",
    }),
    slots: int({
      xml: "@slots",
      required: true,
      min: 1,
      max: 256,
      change: "restart",
      doc: "How many `memoryDevices` fit.",
    }),
  },
  {
    xml: "maxMemory",
    change: "restart",
    doc: "Room for `memoryDevices`; absent: none. libvirt asks for a NUMA node with it: a machine that has none gets one, with all of its CPUs and `memory`.",
  },
);

/** Brings what libvirt sums up, and the NUMA node that it asks for, into line with a definition's memory and devices. */
export function fitMemory(root: XmlElement, wanted: Values, managed: Values): void {
  ownMemory.write(root, wanted["memory"]);
  ownCurrentMemory.write(root, wanted["currentMemory"]);
  const cells = findAll(root, "cpu/numa/cell");
  const roomy = find(root, "maxMemory") !== undefined;
  if (cells.length === 0 && roomy) writePath(root, "cpu/numa/cell/@id", "0");
  else if (cells.length === 1 && !roomy && managed["maxMemory"] !== undefined) writePath(root, "cpu/numa", undefined);
  fitCells(root, wanted["memory"]);
}

/** With NUMA nodes libvirt takes the memory from them; the last one has what the others leave. */
function fitCells(root: XmlElement, memory: unknown): void {
  const cells = findAll(root, "cpu/numa/cell");
  const last = cells.at(-1);
  if (!last || typeof memory !== "number") return;
  const others = cells.slice(0, -1).reduce((sum, cell) => sum + (cellMemory(cell) ?? 0), 0);
  if (cellMemory(last) !== memory - others) {
    last.attributes.set("memory", String(Math.round(((memory - others) * MIB) / KIB)));
    last.attributes.set("unit", "KiB");
  }
  const vcpus = Number(readPath(root, "vcpu") ?? 1);
  if (cells.length === 1) last.attributes.set("cpus", vcpus > 1 ? `0-${vcpus - 1}` : "0");
}

function cellMemory(cell: XmlElement): number | undefined {
  const raw = cell.attributes.get("memory");
  return raw === undefined ? undefined : (Number(raw) * unitBytes(cell.attributes.get("unit"))) / MIB;
}

/** How long a guest's balloon may take to begin to move. */
const BALLOON_SECONDS = 3;

/** Sets the balloon, QEMU counts the DIMMs that the guest has by now; a guest that does not hear of it is told to the user. */
export const setBalloon: Act = async ({ request, found }, { after }) => {
  const { host } = request.place;
  const look = async (): Promise<XmlElement> =>
    parseXml((await host.call("DOMAIN_GET_XML_DESC", { dom: found.handle, flags: 0 })).xml);
  const root = await look();
  const [before, dimms] = [mebibytesAt(root, "currentMemory"), dimmsIn(root)];
  const memory = BigInt(Math.round(((Number(after) + dimms) * MIB) / KIB));
  await host.call("DOMAIN_SET_MEMORY_FLAGS", { dom: found.handle, memory, flags: Impact.LIVE });
  // Where a DIMM came or went libvirt's figure stays behind QEMU's; a paused guest moves when it goes on.
  if (dimms > 0 || found.power !== "running") return;
  for (const end = performance.now() + BALLOON_SECONDS * 1000; performance.now() < end;) {
    await sleep(200, undefined, { signal: request.signal });
    if (mebibytesAt(await look(), "currentMemory") !== before) return;
  }
  request.warn(
    `domain "${found.name}": its guest still has ${before ?? "?"} MiB, and not ${String(after)}: it changes when the guest's balloon ` +
      "driver (Linux: virtio_balloon) runs",
  );
};
