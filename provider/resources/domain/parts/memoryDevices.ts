import {
  type Failure,
  int,
  itemsOf,
  mebibytes,
  printPath,
  type Situation,
  text,
  type Values,
  type XmlPair,
} from "../../../fields";
import { cloneXml, element, findAll, readPath, writePath, type XmlElement } from "../../../xml";
import { deviceIn, memoryName as name } from "./devices";
import { aliasText } from "./interfaces";
import type { Act } from "../live";
import { attach, detach, update } from "./plug";

/** libvirt asks for a block size; what QEMU itself takes on x86, in KiB. */
const BLOCK_KIB = "2048";

/** A place of one model is none of another. */
const model: XmlPair = {
  read: (device) => device.attributes.get("model"),
  write: (device, value) => {
    device.attributes.set("model", String(value));
    for (const path of ["address", "target/block", "target/requested", "target/current"]) {
      writePath(device, path, undefined);
    }
    if (value !== "virtio-mem") return;
    writePath(device, "target/block", BLOCK_KIB);
    writePath(device, "target/block/@unit", "KiB");
  },
};

/** https://libvirt.org/formatdomain.html#memory-devices */
export const memoryDevice = {
  name: text({ xml: name, required: true, change: "restart", check: aliasText, doc: "Its own name and identity." }),
  model: text({
    xml: model,
    values: ["dimm", "virtio-mem"],
    default: "dimm",
    change: "restart",
    doc: "`dimm` (default): a module that comes and goes as a whole; `virtio-mem`: of which the guest gets as much as is `requested`, with libvirt 7.9 and QEMU 6.0 or newer.",
  }),
  size: mebibytes({
    xml: "target/size",
    required: true,
    change: "restart",
    doc: "Its size in MiB. Linux on x86 takes DIMMs in multiples of 128 alone; of virtio-mem it is the most that can be requested, in multiples of `block`.",
  }),
  node: int({
    xml: "target/node",
    default: 0,
    min: 0,
    max: 1023,
    change: "restart",
    doc: "The guest's NUMA node that it belongs to; default 0.",
  }),
  block: mebibytes({
    xml: "target/block",
    change: "restart",
    doc: "For virtio-mem: the unit in which it comes and goes, in MiB, a power of two; default 2.",
  }),
  requested: mebibytes({
    xml: "target/requested",
    min: 0,
    change: requestedChange,
    doc: "For virtio-mem, and required there: how much of it the guest is to have, in MiB, in multiples of `block`. The guest follows at its own pace, and keeps what it cannot give up; `getDomain` shows what it has.",
  }),
} as const;

/** A memory device as it is now. */
export const memoryShown = {
  name: text({ xml: name, doc: "Its own name; of a DIMM without one that of its slot (`dimm0`)." }),
  model: text({ required: true, xml: "@model", doc: "`dimm`, `virtio-mem`, `nvdimm`, ..." }),
  size: mebibytes({ required: true, xml: "target/size", doc: "Its size in MiB." }),
  requested: mebibytes({ xml: "target/requested", doc: "Of virtio-mem: how much the guest is to have, in MiB." }),
  current: mebibytes({ xml: "target/current", doc: "Of virtio-mem: how much the guest has now, in MiB." }),
};

/** NVDIMMs and the like stay as they are. */
export function isMemoryDevice(node: XmlElement): boolean {
  return ["dimm", "virtio-mem"].includes(node.attributes.get("model") ?? "");
}

/** A memory device is its own name. */
export function memoryDeviceKey(item: Values): string | undefined {
  return typeof item["name"] === "string" ? item["name"] : undefined;
}

/** DIMMs come where the guest was started with room for them, and go; of virtio-mem QEMU takes none out of a guest. */
export function memoryDeviceChange(before: unknown, after: unknown, at: Situation): "live" | "restart" {
  const device = (after ?? before) as Values;
  const virtio = device["model"] === "virtio-mem";
  if (after === undefined) return virtio ? "restart" : "live";
  if (virtio && (at.freePorts ?? 0) === 0) return "restart";
  return fitting(at).has(device["name"]) ? "live" : "restart";
}

/** Only what the guest has as virtio-mem now can be asked for, up to its size, in its blocks. */
function requestedChange(_: unknown, requested: unknown, { item, live }: Situation): "live" | "restart" {
  const own = itemsOf(live?.["memoryDevices"]).find((device) => device["name"] === item?.wanted["name"]);
  if (requested === undefined || (live && own?.["model"] !== "virtio-mem")) return "restart";
  const [size, block] = [Number(own?.["size"]), Number(own?.["block"])];
  return typeof requested === "number" && (requested > size || requested % block > 0) ? "restart" : "live";
}

/** Names of the wanted devices for which a running guest has room. */
function fitting({ live, after }: Situation): ReadonlySet<unknown> {
  const most = live?.["maxMemory"] as { size: number; slots: number } | undefined; // the table's object
  const there = new Set(itemsOf(live?.["memoryDevices"]).map((item) => item["name"]));
  const wanted = itemsOf(after["memoryDevices"]);
  const names = new Set<unknown>();
  let left = (most?.size ?? 0) - Number(live?.["memory"]);
  // What the guest has comes first.
  for (const stays of [true, false]) {
    for (const { name, size } of wanted.filter((item) => there.has(item["name"]) === stays)) {
      // A size that is not known yet is taken to fit.
      const needed = typeof size === "number" ? size : 0;
      if (!most || needed > left || names.size >= most.slots) continue;
      left -= needed;
      names.add(name);
    }
  }
  return names;
}

const select = (root: XmlElement, key: string): XmlElement | undefined => deviceIn(root, "memoryDevices", key);

const REMEDY =
  ". Give its memory free, or have the guest take hotplugged memory as movable (Linux: memhp_default_state=online_movable), and run up " +
  "again; its next power cycle ends without it";

/** Plugs a memory device in, asks the guest for it, or asks for more or less of it. */
export const changeMemory: Act = async (at, { path, kind, key = "" }) => {
  const inGuest = at.found.live && select(at.found.live, key);
  const planned = select(at.definition, key);
  if (path.length > 2) {
    if (!inGuest || !planned) return;
    const changed = cloneXml(inGuest);
    for (const part of ["target/requested", "target/requested/@unit"])
      writePath(changed, part, readPath(planned, part));
    await update(at, changed);
  } else if (kind === "delete") {
    if (inGuest) await detach(at, inGuest, (root) => select(root, key) !== undefined, REMEDY);
  } else if (planned && !inGuest) await attach(at, planned);
};

/** A DIMM that the guest gets now has a slot that is free in both definitions. */
export function slotNew(definition: XmlElement, live: XmlElement): void {
  const slotsOf = (root: XmlElement): (string | undefined)[] =>
    findAll(root, "devices/memory/address[@type='dimm']").map((node) => node.attributes.get("slot"));
  for (const device of findAll(definition, "devices/memory[@model='dimm']")) {
    if (readPath(device, "address/@type") !== undefined) continue;
    const own = select(live, String(name.read(device)));
    const held = own && readPath(own, "address[@type='dimm']/@slot");
    const planned = new Set(slotsOf(definition));
    const used = new Set([...planned, ...slotsOf(live)]);
    let slot = 0;
    while (used.has(String(slot))) slot++;
    const free = held !== undefined && !planned.has(held) ? held : String(slot);
    device.children.push(element("address", { type: "dimm", slot: free }));
  }
}

/** What the table cannot say of memory devices: room for them, and what belongs to which model. */
export function checkMemory(inputs: Values): Failure[] {
  const devices = itemsOf(inputs["memoryDevices"]);
  const most = itemsOf([inputs["maxMemory"]])[0];
  const failures = devices.flatMap((device, index) => checkDevice(device, index));
  if (inputs["maxMemory"] === undefined) {
    return devices.length === 0
      ? []
      : [{ property: "memoryDevices", reason: "needs maxMemory: its size in MiB and its slots" }, ...failures];
  }
  const [size, slots] = [most?.["size"], most?.["slots"]];
  const sum = [inputs["memory"], ...devices.map((device) => device["size"])].reduce<number>(
    (total, one) => total + (typeof one === "number" ? one : 0),
    0,
  );
  if (typeof size === "number" && sum > size) {
    failures.push({ property: "maxMemory.size", reason: `must be ${sum} or more: memory and all memoryDevices` });
  }
  if (typeof slots === "number" && devices.length > slots) {
    failures.push({
      property: "maxMemory.slots",
      reason: `must be ${devices.length} or more: one for each of memoryDevices`,
    });
  }
  return failures;
}

function checkDevice(device: Values, index: number): Failure[] {
  const fail = (part: string, reason: string): Failure[] => [
    { property: printPath(["memoryDevices", index, part]), reason },
  ];
  const { model: kind, size, block = 2, requested } = device;
  if (kind === "dimm") {
    const virtio = ["block", "requested"].filter((part) => device[part] !== undefined);
    return virtio.flatMap((part) => fail(part, 'is for model "virtio-mem"'));
  }
  if (kind !== "virtio-mem") return [];
  if (requested === undefined)
    return fail("requested", 'is required with model "virtio-mem": how much the guest is to have');
  const odd = (value: unknown): boolean =>
    typeof value === "number" && typeof block === "number" && value % block !== 0;
  return [
    ...(odd(size) ? fail("size", `must be a multiple of block (${String(block)} MiB)`) : []),
    ...(odd(requested) ? fail("requested", `must be a multiple of block (${String(block)} MiB)`) : []),
    ...(typeof requested === "number" && typeof size === "number" && requested > size
      ? fail("requested", `must not be above size (${size})`)
      : []),
  ];
}
