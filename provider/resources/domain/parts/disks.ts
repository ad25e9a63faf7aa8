import { flag, grammar, int, object, type Situation, text, type Values, type XmlPair } from "../../../fields";
import { find, findAll, readPath, removeChildren, writePath, type XmlElement } from "../../../xml";
import { volumeId } from "../../volume/fields";

/** The alias of the CD that carries the machine's own seed: not one of the program's disks. */
export const SEED_ALIAS = "ua-kvm-seed";

/** What a disk may be made of, in the program's words. */
export const diskSources = ["volume", "file", "block"] as const;

/** True for the seed's CD. */
export function isSeed(element: XmlElement): boolean {
  return readPath(element, "alias/@name") === SEED_ALIAS;
}

/** A source of one kind: `<disk type='file'><source file='...'/>`. */
function source(type: "file" | "block"): XmlPair {
  const attribute = type === "file" ? "file" : "dev";
  return {
    read: (disk) => (disk.attributes.get("type") === type ? readPath(disk, `source/@${attribute}`) : undefined),
    write: (disk, value) => {
      const same = disk.attributes.get("type") === type;
      if (value === undefined && !same) return;
      // Another image has another chain, and a source of another kind has other attributes.
      removeChildren(disk, "backingStore");
      if (value === undefined || !same) removeChildren(disk, "source");
      disk.attributes.set("type", type);
      if (value !== undefined) writePath(disk, `source/@${attribute}`, value as string);
    },
  };
}

/** A place on one bus is none on another. */
const bus: XmlPair = {
  read: (disk) => readPath(disk, "target/@bus"),
  write: (disk, value) => {
    if (readPath(disk, "target/@bus") !== value) removeChildren(disk, "address");
    writePath(disk, "target/@bus", value as string | undefined);
  },
};

/** libvirt makes each CD read-only by itself; as a disk it would stay so. */
const device: XmlPair = {
  read: (disk) => readPath(disk, "@device"),
  write: (disk, value) => {
    if (readPath(disk, "@device") === "cdrom" && value !== "cdrom") removeChildren(disk, "readonly");
    writePath(disk, "@device", value as string | undefined);
  },
};

/** A removable drive takes another medium while the guest runs; the source of a disk does not change under a guest. */
function mediaChange(_before: unknown, _after: unknown, at: Situation): "live" | "restart" {
  const { found, wanted } = at.item ?? {};
  const guests = Array.isArray(at.live?.["disks"]) ? (at.live["disks"] as Values[]) : []; // the table's list
  const inGuest = guests.find(({ target }) => target === found?.["target"]) ?? found;
  // To QEMU a CD on USB is a disk that cannot be taken out of its drive.
  return [found, wanted, inGuest].every(isDrive) && inGuest?.["bus"] !== "usb" ? "live" : "restart";
}

const isDrive = (disk: Values | undefined): boolean => disk?.["device"] === "cdrom" || disk?.["device"] === "floppy";

const limit = (name: string, what: string) =>
  int({ xml: name, min: 0, change: "live", doc: `Most ${what} a second; absent or 0: no limit.` });

/** I/O limits, as libvirt's block tuning has them; each total excludes its reads and writes. */
const iotune = object(
  {
    totalBytesSec: limit("total_bytes_sec", "bytes read and written"),
    readBytesSec: limit("read_bytes_sec", "bytes read"),
    writeBytesSec: limit("write_bytes_sec", "bytes written"),
    totalIopsSec: limit("total_iops_sec", "reads and writes"),
    readIopsSec: limit("read_iops_sec", "reads"),
    writeIopsSec: limit("write_iops_sec", "writes"),
  },
  { xml: "iotune", change: "live", doc: "I/O limits of the disk; a total excludes its read and write limits." },
);

/** A disk or drive of a machine. https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms */
export const disk = {
  volume: text({ change: mediaChange, check: volumeId, doc: "The id of a volume (`pool/name`, a Volume's `id`)." }),
  file: text({
    xml: source("file"),
    change: mediaChange,
    check: grammar.absolutePath,
    doc: "An image on the host, outside of what this program manages; absolute path.",
  }),
  block: text({
    xml: source("block"),
    change: mediaChange,
    check: grammar.absolutePath,
    doc: "A block device of the host; absolute path.",
  }),
  target: text({
    xml: "target/@dev",
    change: "restart",
    check: (value: string) =>
      /^(vd|sd|hd|fd|xvd)[a-z]{1,3}$/.test(value) ? undefined : 'must be a device name such as "vda" or "sda"',
    doc: "The disk's name and identity (`vda`, `sdb`); required with more than one disk; default the first of its bus.",
  }),
  bus: text({
    xml: bus,
    values: ["virtio", "scsi", "sata", "ide", "usb", "fdc", "xen"],
    change: "restart",
    doc: "How the guest sees it; default as its `target` is named (`vda` and none: `virtio`, `sda`: `scsi`), for a `cdrom` `sata`.",
  }),
  device: text({
    xml: device,
    values: ["disk", "cdrom", "floppy", "lun"],
    default: "disk",
    change: "restart",
    doc: "What it is to the guest; default `disk`. A `cdrom` without a source is an empty drive.",
  }),
  format: text({
    xml: "driver/@type",
    values: ["raw", "qcow2"],
    change: "restart",
    doc: "The image's format; default the volume's own, `raw` for `file` and `block`. Never probed.",
  }),
  bootOrder: int({
    xml: "boot/@order",
    min: 1,
    max: 99,
    change: "restart",
    doc: "Place in the boot order, 1 first; absent everywhere: the first disk by target is booted.",
  }),
  readOnly: flag({
    xml: "readonly",
    form: "present",
    change: "restart",
    doc: "The guest may not write to it; a `cdrom` is always so.",
  }),
  shareable: flag({
    xml: "shareable",
    form: "present",
    change: "restart",
    doc: "Several machines may use it at once; their file system must know about it.",
  }),
  cache: text({
    xml: "driver/@cache",
    values: ["default", "none", "writethrough", "writeback", "directsync", "unsafe"],
    change: "restart",
    doc: "The host's cache mode; default the hypervisor's.",
  }),
  io: text({
    xml: "driver/@io",
    values: ["threads", "native", "io_uring"],
    change: "restart",
    doc: "The host's I/O mode; default the hypervisor's.",
  }),
  iothread: int({
    xml: "driver/@iothread",
    min: 1,
    max: 1024,
    change: "restart",
    doc: "Number of the I/O thread that serves it, of the machine's `iothreads`; for `virtio` disks. Absent: the emulator itself.",
  }),
  discard: text({
    xml: "driver/@discard",
    values: ["unmap", "ignore"],
    change: "restart",
    doc: "Whether the guest's TRIM reaches the image; written as `unmap` for a new disk unless told.",
  }),
  iotune,
  serial: text({
    xml: "serial",
    most: 36,
    change: "restart",
    doc: "The serial number that the guest sees (`/dev/disk/by-id`); written for a new disk from its target unless told.",
  }),
} as const;

/** Disks and drives that come to a running guest, and go, by what the controllers of their buses can. */
export function diskChange(before: unknown, after: unknown, at: Situation): "live" | "restart" {
  const item = (after ?? before) as Values; // a disk: one of the two is there
  const comes = after !== undefined;
  // libvirt plugs in no floppy drive, and no CD drive that it could use: it takes none without a medium, and of one on a SCSI bus it
  // opens no tray until the guest's next start.
  if (item["device"] === "floppy") return "restart";
  if (item["device"] === "cdrom" && comes && (item["bus"] === "scsi" || isEmpty(item))) return "restart";
  if (item["bus"] === "usb") return "live";
  if (item["bus"] === "virtio") return !comes || (at.freePorts ?? 0) > 0 ? "live" : "restart";
  if (item["bus"] === "scsi") return !comes || controllerOf(item) < (at.scsiControllers ?? 0) ? "live" : "restart";
  return "restart";
}

function isEmpty(drive: Values): boolean {
  return diskSources.every((name) => drive[name] === undefined);
}

/** libvirt gives each SCSI controller seven names (`sda` to `sdg`), and makes those that are missing as it likes. */
const DISKS_EACH = 7;

function controllerOf({ target }: Values): number {
  if (typeof target !== "string") return 0;
  const letters = target.replace(/^(sd|vd|hd|fd|xvd)/, "");
  const index = Array.from(letters).reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 96, 0) - 1;
  return Math.floor(index / DISKS_EACH);
}

/** How many SCSI controllers a definition has, from the first on without a gap. */
export function scsiControllers(root: XmlElement): number {
  const own = findAll(root, "devices/controller").filter((node) => node.attributes.get("type") === "scsi");
  const indexes = new Set(own.map((node) => Number(node.attributes.get("index"))));
  let count = 0;
  while (indexes.has(count)) count += 1;
  return count;
}

/** A disk is its target. */
export function diskKey(item: Values): string | undefined {
  return typeof item["target"] === "string" ? item["target"] : undefined;
}

/** The images that a disk rests on, by target, the active one first: after a snapshot the wish is met by the chain. */
export function diskChains(root: XmlElement): ReadonlyMap<string, readonly string[]> {
  const devices = find(root, "devices");
  const chains = new Map<string, readonly string[]>();
  for (const node of devices?.children ?? []) {
    if (!("name" in node) || node.name !== "disk") continue;
    const target = readPath(node, "target/@dev");
    if (target !== undefined) chains.set(target, chainOf(node));
  }
  return chains;
}

/** The chains of a definition: the running guest knows them whole, the definition only what was written into it. */
export function knownChains(
  inactive: XmlElement,
  live: XmlElement | undefined,
): ReadonlyMap<string, readonly string[]> {
  const chains = new Map(diskChains(inactive));
  for (const [target, chain] of live ? diskChains(live) : []) {
    const own = chains.get(target);
    if (own && own[0] === chain[0] && chain.length > own.length) chains.set(target, chain);
  }
  return chains;
}

function chainOf(node: XmlElement): string[] {
  const own = readPath(node, "source/@file") ?? readPath(node, "source/@dev");
  const below = find(node, "backingStore");
  return [...(own === undefined ? [] : [own]), ...(below ? chainOf(below) : [])];
}
