import { readTable } from "../../fields";
import { Code, codeName, isLibvirt, LibvirtError, type ResultOf } from "../../rpc";
import { element, find, findAll, printXml, readPath, removeChild, type XmlElement } from "../../xml";
import { explain, isForbidden } from "../errors";
import { messageOf } from "../flow";
import { Refusal, type Request } from "../port";
import { proveLimits } from "./controllers";
import { domain as table } from "./fields";
import { drop, twinOf } from "./twin";

type Volume = ResultOf<"STORAGE_VOL_LOOKUP_BY_PATH">["vol"];

// virDomainCreateFlags, virDomainUndefineFlagsValues
const PAUSED = 1;
const AUTODESTROY = 2;
const WITH_VARIABLES = 4;

/**
 * Starts a new definition paused, as a machine of its own that goes away again: what this host cannot start never stops
 * the guest that runs. Its disks are empty images in the pools of the real ones.
 */
export async function proveStart(request: Request, name: string, uuid: string, definition: XmlElement): Promise<void> {
  const type = definition.attributes.get("type") ?? "";
  // Only QEMU starts a machine that does not run yet.
  if (type !== "kvm" && type !== "qemu") return;
  const { root, unproven } = twinOf(definition, uuid);
  const made: Volume[] = [];
  const missing: string[] = [...unproven];
  request.progress(`proving that this host can start the new definition of domain "${name}"`);
  try {
    for (const disk of findAll(root, "devices/disk")) {
      const target = readPath(disk, "target/@dev") ?? "";
      const blank = await blankFor(request, disk, uuid, target);
      if (blank) made.push(blank);
      else if (find(disk, "source") && !isRemovable(disk)) missing.push(`disk ${target}`);
      refill(root, disk, blank);
    }
    await start(request, name, root);
  } finally {
    for (const vol of made) await dropBlank(request, vol);
    if (readPath(definition, "os/@firmware") === "efi" || find(definition, "os/nvram"))
      await dropVariables(request, root);
  }
  if (missing.length > 0) {
    request.info(`domain "${name}": its new definition starts on this host; ${missing.join(", ")} could not be proven`);
  }
}

async function start(request: Request, name: string, root: XmlElement): Promise<void> {
  const { host } = request.place;
  // What a former proof may have left, and what this one leaves where the line breaks: the daemon ends it with the connection.
  try {
    const { dom } = await host.call("DOMAIN_CREATE_XML", { xml_desc: printXml(root), flags: PAUSED | AUTODESTROY });
    try {
      await proveLimits(request, dom, readTable(table, root));
    } catch (error) {
      throw new Refusal(`domain "${name}" was not stopped and not changed: ${messageOf(error)}`, { cause: error });
    } finally {
      await host.call("DOMAIN_DESTROY_FLAGS", { dom, flags: 0 });
    }
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    if (isForbidden(error)) throw explain(`prove the new definition of domain "${name}"`, error);
    throw new Refusal(
      `domain "${name}" was not stopped and not changed: this host cannot start its new definition ` +
        `(${error.code}, ${codeName(error.code)}): ${error.message}`,
      { cause: error },
    );
  }
}

function isRemovable(disk: XmlElement): boolean {
  return ["cdrom", "floppy"].includes(disk.attributes.get("device") ?? "disk");
}

/** The twin's disk: its own empty image, an empty drive, or none. */
function refill(root: XmlElement, disk: XmlElement, blank: Volume | undefined): void {
  drop(disk, "backingStore");
  drop(disk, "source");
  if (blank) {
    disk.attributes.set("type", "file");
    disk.children.push(element("source", { file: blank.key }));
  } else if (!isRemovable(disk)) {
    const devices = find(root, "devices");
    if (devices) removeChild(devices, disk);
  }
}

/** An empty image beside the real one, of its format; undefined where that is in no pool of files. */
async function blankFor(request: Request, disk: XmlElement, uuid: string, target: string): Promise<Volume | undefined> {
  const path = readPath(disk, "source/@file");
  if (path === undefined || isRemovable(disk) || (disk.attributes.get("device") ?? "disk") !== "disk") return undefined;
  const { host } = request.place;
  try {
    const { vol } = await host.call("STORAGE_VOL_LOOKUP_BY_PATH", { path });
    const { pool } = await host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name: vol.pool });
    const format = readPath(disk, "driver/@type") === "qcow2" ? "qcow2" : "raw";
    const name = blankName(uuid, target);
    const volume = element(
      "volume",
      {},
      element("name", {}, name),
      element("capacity", { unit: "MiB" }, "1"),
      element("allocation", {}, "0"),
      element("target", {}, element("format", { type: format })),
    );
    const make = async (): Promise<Volume> =>
      (await host.call("STORAGE_VOL_CREATE_XML", { pool, xml: printXml(volume), flags: 0 })).vol;
    try {
      return await make();
    } catch (error) {
      if (!isLibvirt(error, Code.STORAGE_VOL_EXIST)) throw error;
      await dropBlank(request, { pool: vol.pool, name, key: name });
      return await make();
    }
  } catch (error) {
    if (error instanceof LibvirtError) return undefined;
    throw error;
  }
}

function blankName(uuid: string, target: string): string {
  return `kvm-proof-${uuid}-${target}`;
}

async function dropBlank(request: Request, vol: Volume): Promise<void> {
  try {
    await request.place.host.call("STORAGE_VOL_DELETE", { vol, flags: 0 });
  } catch (error) {
    if (!isLibvirt(error, Code.NO_STORAGE_VOL, Code.NO_STORAGE_POOL)) {
      request.warn(`the empty image ${vol.pool}/${vol.name} of a proof could not be deleted: ${String(error)}`);
    }
  }
}

/** UEFI variables outlive a machine that was never defined: only undefining it takes them away. */
async function dropVariables(request: Request, root: XmlElement): Promise<void> {
  const { host } = request.place;
  const { dom } = await host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: printXml(root), flags: 0 });
  await host.call("DOMAIN_UNDEFINE_FLAGS", { dom, flags: WITH_VARIABLES });
}

/** What a proof that was cut off may have left beside a machine's disks. */
export async function dropLeftovers(request: Request, uuid: string, definition: XmlElement): Promise<void> {
  const { host } = request.place;
  for (const disk of findAll(definition, "devices/disk")) {
    const path = readPath(disk, "source/@file");
    const target = readPath(disk, "target/@dev");
    if (path === undefined || target === undefined) continue;
    const left = `${path.slice(0, path.lastIndexOf("/"))}/${blankName(uuid, target)}`;
    try {
      await dropBlank(request, (await host.call("STORAGE_VOL_LOOKUP_BY_PATH", { path: left })).vol);
    } catch (error) {
      if (!isLibvirt(error, Code.NO_STORAGE_VOL)) throw error;
    }
  }
}
