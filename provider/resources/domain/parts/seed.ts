import { createHash } from "node:crypto";
import { asText, isRecord, type Values } from "../../../fields";
import { element, find, findAll, readPath, removeChild, type XmlElement } from "../../../xml";
import type { Request } from "../../port";
import { isSeed, SEED_ALIAS } from "./disks";

/** The files of a machine's seed, defaults filled in. */
export interface SeedFiles {
  readonly userData?: string;
  readonly metaData: string;
  readonly networkConfig?: string;
}

/** The seed's files. The instance id changes with the data, so that cloud-init acts on new data at its next boot. */
export function seedFiles(uuid: string, inputs: Values): SeedFiles {
  const wish = isRecord(inputs["cloudInit"]) ? inputs["cloudInit"] : {};
  const [userData, networkConfig] = [asText(wish["userData"]), asText(wish["networkConfig"])];
  const name = asText(inputs["name"]) ?? "localhost";
  const instance = `${uuid}-${digest([uuid, userData ?? "", networkConfig ?? ""])}`;
  return {
    metaData: asText(wish["metaData"]) ?? `instance-id: ${instance}\nlocal-hostname: ${name}\n`,
    ...(userData === undefined ? {} : { userData }),
    ...(networkConfig === undefined ? {} : { networkConfig }),
  };
}

/** The seed volume's name: another for other content or another pool, so that a swap never writes under a guest. */
export function seedName(uuid: string, inputs: Values): string {
  const files = seedFiles(uuid, inputs);
  const pool = isRecord(inputs["cloudInit"]) ? asText(inputs["cloudInit"]["pool"]) : undefined;
  const content = [uuid, files.userData ?? "", files.metaData, files.networkConfig ?? "", pool ?? ""];
  return `${asText(inputs["name"]) ?? uuid}-seed-${digest(content)}.iso`;
}

/** True for a seed's path that these inputs would give it. */
export function isNamedBy(path: string, uuid: string, inputs: Values): boolean {
  return path.endsWith(`/${seedName(uuid, inputs)}`);
}

/** A seed on the host that is not the wanted one, in a program's words: any wish differs from it, and as a wish it stays as it is. */
export const SEED_AS_IS: Values = { userData: "", pool: "" };

/** True for a wish that leaves the seed as it is. */
export function isSeedAsIs(wish: unknown): boolean {
  return isRecord(wish) && wish["pool"] === SEED_AS_IS["pool"];
}

interface SeedHolder {
  readonly name: string;
  readonly values: Values;
  readonly seedPath?: string;
}

/** A machine's values without its seed, whose content the host does not tell. */
export function withoutSeed(request: Request, { name, values, seedPath }: SeedHolder): Values {
  if (seedPath === undefined) return values;
  request.warn(
    `domain "${name}" has a cloud-init seed (${seedPath}), whose content the host does not tell: cloudInit is not imported. ` +
      `The seed stays as it is; a program that gives cloudInit replaces it`,
  );
  return Object.fromEntries(Object.entries(values).filter(([property]) => property !== "cloudInit"));
}

function digest(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12);
}

/** Puts the seed's CD into a definition, swaps its medium, or (without a path) takes it out. */
export function writeSeed(root: XmlElement, path: string | undefined): void {
  const devices = find(root, "devices");
  const cd = findAll(root, "devices/disk").find(isSeed);
  if (!devices) return;
  if (path === undefined) {
    if (cd) removeChild(devices, cd);
    return;
  }
  if (!cd) {
    devices.children.push(seedCd(path, scsiController(root, devices)));
    return;
  }
  if (readPath(cd, "source/@file") === path) return;
  const source = find(cd, "source");
  if (source) removeChild(cd, source);
  cd.attributes.set("type", "file");
  cd.children.push(element("source", { file: path }));
}

function seedCd(path: string, controller: string): XmlElement {
  return element(
    "disk",
    { type: "file", device: "cdrom" },
    element("driver", { name: "qemu", type: "raw" }),
    element("source", { file: path }),
    element("target", { dev: SEED_TARGET, bus: "scsi" }),
    element("readonly"),
    element("alias", { name: SEED_ALIAS }),
    // A target of its own: libvirt gives the program's SCSI disks target 0.
    element("address", { type: "drive", controller, bus: "0", target: "1", unit: "0" }),
  );
}

/** The device name that the seed takes; programs cannot use it beside `cloudInit`. */
export const SEED_TARGET = "sdz";

/** The index of a virtio-scsi controller, made where there is none: Debian's cloud kernel knows no other. */
function scsiController(root: XmlElement, devices: XmlElement): string {
  const scsi = findAll(root, "devices/controller").filter((node) => node.attributes.get("type") === "scsi");
  const fit = scsi.find((node) => node.attributes.get("model") === "virtio-scsi");
  if (fit) return fit.attributes.get("index") ?? "0";
  const index = String(scsi.reduce((most, node) => Math.max(most, Number(node.attributes.get("index") ?? 0) + 1), 0));
  devices.children.push(element("controller", { type: "scsi", index, model: "virtio-scsi" }));
  return index;
}
