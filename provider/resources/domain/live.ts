import type { Difference, LiveKeys } from "../../fields";
import { Code, isLibvirt } from "../../rpc";
import { cloneXml, find, findAll, parseXml, printXml, type XmlElement } from "../../xml";
import { doing, refused } from "../errors";
import type { Request } from "../port";
import { setOnline } from "./parts/cpus";
import { deviceIn } from "./parts/devices";
import { isSeed } from "./parts/disks";
import { edit, partsOf } from "./edit";
import type { domain } from "./fields";
import { isSchedule, limitMemory, moveMemory, setSchedule, weighBlocks } from "./parts/limiting";
import { setBalloon } from "./parts/memory";
import { changeMemory } from "./parts/memoryDevices";
import { bareMetadata, METADATA_NAMESPACE, METADATA_PREFIX } from "./parts/metadata";
import type { FoundDomain } from "./observe";
import { countEvents } from "./parts/perf";
import { attach, detach, update } from "./parts/plug";
import { setThreads } from "./parts/threads";
import { limitDisk, pin, setLifecycle } from "./parts/tuning";
import { describe } from "./words";
import { DomainXml, Impact, Metadata } from "./flags";

/** What an act on a running guest works with. */
export interface Running {
  readonly request: Request;
  readonly found: FoundDomain;
  /** The definition as libvirt wrote it, with the addresses that it gave to new devices. */
  readonly definition: XmlElement;
  /** All that the guest is told in this run. */
  readonly changes: readonly Difference[];
}

/** One change of a running guest. */
export type Act = (at: Running, difference: Difference) => Promise<void>;

/** Power and autostart are steps of their own: they have no part in the guest's definition. */
const byStep: Act = () => Promise.resolve();

/** How each property that may change live is changed in the running guest; the definition is written before. */
export const acts: Readonly<Record<LiveKeys<typeof domain>, Act>> = {
  title: (at, { after }) => setMetadata(at, Metadata.TITLE, after),
  description: (at, { after }) => setMetadata(at, Metadata.DESCRIPTION, after),
  metadata: keepMetadata,
  currentMemory: setBalloon,
  memoryDevices: changeMemory,
  onlineVcpus: setOnline,
  iothreads: setThreads,
  disks: changeDevice,
  interfaces: changeDevice,
  cputune: tune,
  memtune: limitMemory,
  blkiotune: weighBlocks,
  numatune: moveMemory,
  perf: countEvents,
  onPoweroff: setLifecycle,
  onReboot: setLifecycle,
  onCrash: setLifecycle,
  graphics: setPassword,
  cloudInit: swapSeed,
  powerState: byStep,
  autostart: byStep,
};

/** Properties that the guest itself is told about. */
export const guestFields: ReadonlySet<string> = new Set(
  Object.entries(acts).flatMap(([name, act]) => (act === byStep ? [] : [name])),
);

async function setMetadata({ request, found }: Running, type: number, value: unknown): Promise<void> {
  const metadata = typeof value === "string" ? value : null;
  await request.place.host.call("DOMAIN_SET_METADATA", {
    dom: found.handle,
    type,
    metadata: metadata ?? undefined,
    key: undefined,
    uri: undefined,
    flags: Impact.LIVE,
  });
}

/** All texts in one call: libvirt replaces the element of a namespace, and takes it out where none is given. */
async function keepMetadata({ request, found, definition }: Running): Promise<void> {
  const bare = bareMetadata(definition);
  await request.place.host.call("DOMAIN_SET_METADATA", {
    dom: found.handle,
    type: Metadata.ELEMENT,
    metadata: bare && printXml(bare),
    key: METADATA_PREFIX,
    uri: METADATA_NAMESPACE,
    flags: Impact.LIVE,
  });
}

/** Attaches, detaches or edits a disk or a card. */
async function changeDevice(at: Running, difference: Difference): Promise<void> {
  const { path, kind, key = "" } = difference;
  const select = (root: XmlElement): XmlElement | undefined => deviceIn(root, String(path[0]), key);
  const inGuest = at.found.live && select(at.found.live);
  const planned = select(at.definition);
  if (path[2] === "iotune") await (planned ? limitDisk(at, key, planned) : undefined);
  else if (path.length > 2) await edit(at, inGuest, planned, partsOf(at.changes, difference));
  else if (kind === "delete") {
    if (inGuest) await detach(at, inGuest, (root) => select(root) !== undefined);
  }
  // What another hand took out of the definition alone is in the guest.
  else if (planned && !inGuest) await attach(at, planned);
}

/** Pins and the scheduler's settings stand in one element; a whole one may have both. */
async function tune(at: Running, difference: Difference): Promise<void> {
  const schedules = isSchedule(difference.path);
  if (!schedules) await pin(at, difference);
  if (schedules || difference.path.length === 1) await setSchedule(at, difference);
}

/** The screen as the guest has it, with the password of the definition; of what else is told the guest has all already. */
async function setPassword(running: Running, { path }: Difference): Promise<void> {
  if (path[2] !== "password" && path[2] !== "passwordValidTo") return;
  const { request, found, definition } = running;
  const at = `devices/graphics[@type='${String(path[1])}']`;
  const inGuest = found.live && find(found.live, at);
  const planned = find(definition, at);
  // A screen that was started without one hears nothing of what waits.
  if (inGuest?.attributes.get("passwd") === undefined || !planned) return;
  const changed = cloneXml(inGuest);
  const told = ["passwd", "passwdValidTo"];
  for (const name of told) {
    const value = planned.attributes.get(name);
    if (value === undefined) changed.attributes.delete(name);
    else changed.attributes.set(name, value);
  }
  await update(running, changed);
  const { xml } = await request.place.host.call("DOMAIN_GET_XML_DESC", { dom: found.handle, flags: DomainXml.SECURE });
  const now = find(parseXml(xml), at);
  if (told.every((name) => now?.attributes.get(name) === changed.attributes.get(name))) return;
  throw new Error("libvirt accepted the new password and when it ends, and the screen keeps the old ones");
}

async function swapSeed(at: Running): Promise<void> {
  const inGuest = at.found.live && findAll(at.found.live, "devices/disk").find(isSeed);
  const planned = findAll(at.definition, "devices/disk").find(isSeed);
  if (!inGuest) return;
  // Without a seed in the definition the drive stays until the next power cycle, but empty.
  const emptied = cloneXml(inGuest);
  emptied.children = emptied.children.filter((node) => !("name" in node && node.name === "source"));
  await edit(at, inGuest, planned ?? emptied, new Set(["source"])).catch(trayHeld);
}

/** A guest that mounted the CD keeps the drive's tray shut. */
function trayHeld(error: unknown): never {
  if (!isLibvirt(error, Code.OPERATION_FAILED) || !error.message.includes("tray")) throw error;
  throw new Error(
    `${refused(error)}; the guest holds its CD: unmount it there and run ` +
      "up again, or power the machine off and start it, which brings the new seed",
    { cause: error },
  );
}

/** What became of the changes of a running guest. */
export interface Told {
  readonly done: readonly Difference[];
  /** What was not done, the one that failed first; there is an error then. */
  readonly left: readonly Difference[];
  readonly error?: unknown;
}

/** Runs the acts of a plan until one fails. */
export async function runLive(running: Omit<Running, "changes">, changes: readonly Difference[]): Promise<Told> {
  const at = { ...running, changes };
  const acting = ordered(changes);
  for (const [index, change] of acting.entries()) {
    const key = String(change.path[0]) as LiveKeys<typeof domain>;
    try {
      await doing(`${describe(change)} of running domain "${at.found.name}"`, () => acts[key](at, change));
    } catch (error) {
      const names = new Set(acting.slice(index).map((one) => actOf(one.path, one.key)));
      const isLeft = (one: Difference): boolean => names.has(actOf(one.path, one.key));
      const rest = changes.filter((one) => isLeft(one) && one !== change);
      return { done: changes.filter((one) => !isLeft(one)), left: [change, ...rest], error };
    }
  }
  return { done: changes, left: [] };
}

/** Differences of the same name are one act. */
function actOf(path: Difference["path"], key: string | undefined): string {
  if (path[0] === "metadata" || path[0] === "memtune" || path[0] === "numatune") return path[0];
  if (isSchedule(path)) return "cputune/schedule";
  const part = path[2] === "iotune" ? "/iotune" : "";
  return path.length > 2 && key !== undefined
    ? `${String(path[0])}/${key}${part}`
    : JSON.stringify([...path.slice(0, 2), key, path.length]);
}

/** What is taken away goes first, so that its place is free, devices before what serves them; several edits of one device are one act. */
function ordered(changes: readonly Difference[]): Difference[] {
  const seen = new Set<string>();
  const once = changes.filter(({ path, key }) => {
    const name = actOf(path, key);
    return !seen.has(name) && seen.add(name);
  });
  const rank = ({ kind, key }: Difference): number => (kind !== "delete" ? 2 : key === undefined ? 1 : 0);
  return [...once].sort((a, b) => rank(a) - rank(b));
}
