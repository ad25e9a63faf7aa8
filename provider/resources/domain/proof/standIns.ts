import {
  childrenOf,
  cloneXml,
  element,
  find,
  findAll,
  readPath,
  removeChildren,
  writePath,
  type XmlElement,
} from "../../../xml";
import { isSeed } from "../parts/disks";

/** Something of a machine that its host may lack, as it stands in a twin. */
export interface Part {
  /** The property: `disks[vdb]`. */
  readonly path: string;
  /** Its value in words: `"/srv/data.qcow2"`. */
  readonly value: string;
  /** What stands for it in the twin. */
  readonly node: XmlElement;
  /** What stands there in a twin that proves other parts; absent: nothing. */
  readonly without?: XmlElement;
}

/** How a twin's disks stand for the machine's. */
export interface StandIns {
  /** Real images, opened read-only. */
  readonly parts: readonly Part[];
  /** Disks whose image the running guest writes to, and those whose image cannot be opened twice. */
  readonly held: readonly XmlElement[];
}

/**
 * Has a twin open each image that the running guest does not write to, read-only: that changes none of its bytes, bothers no other
 * reader, and leaves nothing behind (libvirt gives it QEMU's owner, as a start does). Of an overlay that the guest writes to it
 * opens the image below; QEMU's lock keeps it from the overlay itself.
 */
export function openImages(root: XmlElement, live: XmlElement | undefined): StandIns {
  const written = writtenBy(live);
  const parts: Part[] = [];
  const held: XmlElement[] = [];
  for (const disk of findAll(root, "devices/disk")) {
    for (const name of ["transient", "mirror"]) removeChildren(disk, name);
    if (!find(disk, "source")) continue;
    const image = imageOf(disk);
    const own = image === undefined ? undefined : written.get(image);
    const opens = own ? goBelow(disk, own) : image !== undefined || isRemovable(disk);
    if (opens) {
      readOnly(disk);
      parts.push({ path: propertyOf(disk), value: imageOf(disk) ?? "its image", node: disk });
    } else held.push(disk);
  }
  return { parts, held };
}

/** A drive whose medium comes and goes. */
export function isRemovable(disk: XmlElement): boolean {
  return ["cdrom", "floppy"].includes(deviceOf(disk));
}

/** The property that a disk of a definition is. */
export function propertyOf(disk: XmlElement): string {
  return isSeed(disk) ? "cloudInit" : `disks[${readPath(disk, "target/@dev") ?? ""}]`;
}

/** A file's or block device's path. */
export function imageOf(disk: XmlElement): string | undefined {
  return readPath(disk, "source/@file") ?? readPath(disk, "source/@dev");
}

/** The running guest's disks by the images that it writes to, those of a copy that is under way among them. */
export function writtenBy(live: XmlElement | undefined): ReadonlyMap<string, XmlElement> {
  const disks = live ? findAll(live, "devices/disk").filter((disk) => !find(disk, "readonly")) : [];
  const images = disks.flatMap((disk) =>
    [disk, ...childrenOf(disk, "mirror")].map((one) => [imageOf(one), disk] as const),
  );
  return new Map(images.flatMap(([image, disk]) => (image === undefined ? [] : [[image, disk] as const])));
}

function deviceOf(disk: XmlElement): string {
  return disk.attributes.get("device") ?? "disk";
}

/** Puts the image below in an overlay's place; false where there is none that a host has by a path. */
function goBelow(disk: XmlElement, live: XmlElement): boolean {
  const told = [disk, live].map((one) => find(one, "backingStore")).find((one) => one && find(one, "source"));
  const [image, type] = told ? [imageOf(told), told.attributes.get("type")] : [];
  const format = told && readPath(told, "format/@type");
  if (!told || image === undefined || format === undefined || (type !== "file" && type !== "block")) return false;
  // What the definition says of the chain holds at a start; what the guest says of it is read from the images then.
  const further = childrenOf(disk, "backingStore").includes(told) ? childrenOf(told, "backingStore").map(cloneXml) : [];
  for (const name of ["source", "backingStore"]) removeChildren(disk, name);
  disk.attributes.set("type", type);
  disk.children.push(element("source", { [type === "file" ? "file" : "dev"]: image }), ...further);
  writePath(disk, "driver/@type", format);
  return true;
}

/** A disk that nothing writes to. On IDE and SATA only a CD is one, and of a LUN only its image is opened. */
function readOnly(disk: XmlElement): void {
  const bus = readPath(disk, "target/@bus");
  if (deviceOf(disk) === "lun") {
    disk.attributes.set("device", "disk");
    for (const name of ["rawio", "sgio"]) disk.attributes.delete(name);
    removeChildren(disk, "reservations");
  }
  if (!isRemovable(disk) && (bus === "ide" || bus === "sata")) {
    disk.attributes.set("device", "cdrom");
    writePath(disk, "target/@rotation_rate", undefined);
    removeChildren(disk, "geometry");
  }
  writePath(disk, "driver/@copy_on_read", undefined);
  if (!find(disk, "readonly")) disk.children.push(element("readonly"));
}
