import { posix } from "node:path";
import { Code, isLibvirt, LibvirtError, type ResultOf } from "../../../rpc";
import { element, find, findAll, printXml, readPath, removeChild, removeChildren, type XmlElement } from "../../../xml";
import { isAway } from "../../place";
import { type Looking, Refusal, type Request } from "../../port";
import { handleOf } from "../observe";
import { imageOf, isRemovable, propertyOf, writtenBy } from "./standIns";
import { isUefi, twinName, twinOf, twinUuid } from "./twin";
import { saidBy } from "../../errors";

export type Volume = ResultOf<"STORAGE_VOL_LOOKUP_BY_PATH">["vol"];

// virDomainUndefineFlagsValues
const WITH_VARIABLES = 4;

/** A deleted image is there for the guest that has it open, and for no other: where a pool can tell, it must have it still. */
export async function proveHeld(
  from: Looking,
  name: string,
  definition: XmlElement,
  live: XmlElement | undefined,
): Promise<void> {
  const { host } = from.place;
  const written = writtenBy(live);
  for (const disk of findAll(definition, "devices/disk")) {
    const path = imageOf(disk);
    if (path === undefined || !written.has(path)) continue;
    const vol = await volumeAt(from, path);
    if (!vol) continue;
    try {
      await host.call("STORAGE_VOL_GET_XML_DESC", { vol, flags: 0 });
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      // Whatever else keeps a pool from telling, the guest has its image.
      if (!isLibvirt(error, Code.NO_STORAGE_VOL, Code.SYSTEM_ERROR)) continue;
      throw new Refusal(
        `domain "${name}" was not stopped and not changed: the image of ${propertyOf(disk)}, "${path}", which its guest still has ` +
          `open, is not there for another start${saidBy(error)}`,
        { cause: error },
      );
    }
  }
}

/** The volume that a path is; undefined where no pool knows it. */
async function volumeAt({ place: { host } }: Looking, path: string): Promise<Volume | undefined> {
  try {
    return (await host.call("STORAGE_VOL_LOOKUP_BY_PATH", { path })).vol;
  } catch (error) {
    if (error instanceof LibvirtError || isAway(error)) return undefined;
    throw error;
  }
}

/** An empty image beside the real one, of its format; undefined where that is in no pool of files. */
export async function blankFor(request: Request, disk: XmlElement, uuid: string): Promise<Volume | undefined> {
  const path = readPath(disk, "source/@file");
  if (path === undefined || isRemovable(disk)) return undefined;
  const { host } = request.place;
  const vol = await volumeAt(request, path);
  if (!vol) return undefined;
  try {
    const { pool } = await host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name: vol.pool });
    const format = readPath(disk, "driver/@type") === "qcow2" ? "qcow2" : "raw";
    const volume = element(
      "volume",
      {},
      element("name", {}, `${twinName(uuid)}-${readPath(disk, "target/@dev") ?? ""}`),
      element("capacity", { unit: "MiB" }, "1"),
      element("allocation", {}, "0"),
      element("target", {}, element("format", { type: format })),
    );
    return (await host.call("STORAGE_VOL_CREATE_XML", { pool, xml: printXml(volume), flags: 0 })).vol;
  } catch (error) {
    if (error instanceof LibvirtError) return undefined;
    throw error;
  }
}

/** The twin's disk: its own empty image, an empty drive, or none. */
export function refill(root: XmlElement, disk: XmlElement, blank: Volume | undefined): void {
  removeChildren(disk, "backingStore");
  removeChildren(disk, "source");
  if (blank) {
    disk.attributes.set("type", "file");
    disk.children.push(element("source", { file: blank.key }));
  } else if (!isRemovable(disk)) {
    const devices = find(root, "devices");
    if (devices) removeChild(devices, disk);
  }
}

export async function dropBlank(request: Request, vol: Volume): Promise<void> {
  try {
    await request.place.host.call("STORAGE_VOL_DELETE", { vol, flags: 0 });
  } catch (error) {
    if (!isLibvirt(error, Code.NO_STORAGE_VOL, Code.NO_STORAGE_POOL)) {
      request.warn(`the empty image ${vol.pool}/${vol.name} of a proof could not be deleted: ${String(error)}`);
    }
  }
}

/**
 * Takes away all that a proof may have left that was cut off: its machine, images beside the machine's disks, and its UEFI
 * variables, for which it has to be defined once more.
 */
export async function dropLeftovers(
  request: Request,
  uuid: string,
  definition: XmlElement,
  variables = true,
): Promise<void> {
  const { host } = request.place;
  try {
    await host.call("DOMAIN_DESTROY_FLAGS", { dom: handleOf(twinUuid(uuid)), flags: 0 });
  } catch (error) {
    if (!isLibvirt(error, Code.NO_DOMAIN, Code.OPERATION_INVALID)) throw error;
  }
  const images = findAll(definition, "devices/disk").flatMap((disk) => imageOf(disk) ?? []);
  for (const path of new Set(images.map((image) => posix.dirname(image)))) {
    for (const vol of await volumesIn(request, path)) {
      if (vol.name.startsWith(`${twinName(uuid)}-`)) await dropBlank(request, vol);
    }
  }
  if (variables && isUefi(definition)) await dropVariables(request, twinOf(definition, uuid, undefined).root);
}

async function volumesIn({ place: { host } }: Request, path: string): Promise<readonly Volume[]> {
  try {
    const { pool } = await host.call("STORAGE_POOL_LOOKUP_BY_TARGET_PATH", { path });
    return (await host.call("STORAGE_POOL_LIST_ALL_VOLUMES", { pool, need_results: 1, flags: 0 })).vols;
  } catch (error) {
    // No pool is there, it was stopped just now, or there is no storage driver.
    if (isLibvirt(error, Code.NO_STORAGE_POOL, Code.OPERATION_INVALID, Code.NO_SUPPORT) || isAway(error)) return [];
    throw error;
  }
}

/** UEFI variables outlive a machine that was never defined: only undefining it takes them away. */
export async function dropVariables(request: Request, root: XmlElement): Promise<void> {
  const { host } = request.place;
  // Devices that the host lacks are no matter here.
  const children = root.children.filter((node) => !("name" in node) || node.name !== "devices");
  const { dom } = await host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: printXml({ ...root, children }), flags: 0 });
  await host.call("DOMAIN_UNDEFINE_FLAGS", { dom, flags: WITH_VARIABLES });
}
