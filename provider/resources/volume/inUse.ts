import { Code, type Domain, isLibvirt, type StoragePool } from "../../rpc";
import { elementsOf, find, findAll, parseXml, readPath, textOf, type XmlElement } from "../../xml";
import type { Request } from "../port";
import { refreshPool } from "./find";
import { spotIn } from "./fields";

/** Everything on a host that can refer to a volume, as of one moment. */
export interface Users {
  readonly machines: readonly Machine[];
  readonly overlays: readonly Overlay[];
}

export interface Machine {
  readonly domain: Domain;
  readonly running: boolean;
  /** The live definition of a running machine and the one for its next start. */
  readonly definitions: readonly XmlElement[];
}

interface Overlay {
  readonly id: string;
  readonly path: string;
  readonly backingPath: string;
}

// A destroy deletes several volumes at once, and each scan reads every volume of the host.
const GATHER_MS = 20;

/** All machines and overlays of the host; a scan is shared by all who ask for one meanwhile. */
export function usersOf(request: Request): Promise<Users> {
  return request.place.together("users of volumes", () => scanHost(request), GATHER_MS);
}

async function scanHost(request: Request): Promise<Users> {
  const [machines, overlays] = await Promise.all([allMachines(request), allOverlays(request)]);
  return { machines, overlays };
}

const INACTIVE_XML = 2;
const EVERY = { need_results: 1, flags: 0 } as const;
const RUNNING = { need_results: 1, flags: 1 } as const;

async function allMachines(request: Request): Promise<Machine[]> {
  const { domains } = await request.place.host.call("CONNECT_LIST_ALL_DOMAINS", EVERY);
  return machinesOf(request, domains, ({ id }) => (id >= 0 ? [0, INACTIVE_XML] : [INACTIVE_XML]));
}

/** The machines that run now, each with its live definition alone. */
export function runningMachines(request: Request): Promise<Machine[]> {
  return request.place.together("running machines", async () => {
    const { domains } = await request.place.host.call("CONNECT_LIST_ALL_DOMAINS", RUNNING);
    return machinesOf(request, domains, () => [0]);
  });
}

async function machinesOf(
  { place: { host } }: Request,
  domains: readonly Domain[],
  flagsOf: (domain: Domain) => number[],
): Promise<Machine[]> {
  const found = await Promise.all(
    domains.map((domain) =>
      unlessGone(async () => {
        const texts = await Promise.all(
          flagsOf(domain).map((flags) => host.call("DOMAIN_GET_XML_DESC", { dom: domain, flags })),
        );
        return { domain, running: domain.id >= 0, definitions: texts.map(({ xml }) => parseXml(xml)) };
      }),
    ),
  );
  return found.filter((machine) => machine !== undefined);
}

async function allOverlays(request: Request): Promise<Overlay[]> {
  const { host } = request.place;
  const { pools } = await host.call("CONNECT_LIST_ALL_STORAGE_POOLS", EVERY);
  const found = await Promise.all(pools.map((pool) => unlessGone(() => overlaysOf(request, pool))));
  return found.flatMap((overlays) => overlays ?? []);
}

async function overlaysOf(request: Request, pool: StoragePool): Promise<Overlay[]> {
  const { host } = request.place;
  const { vols } = await host.call("STORAGE_POOL_LIST_ALL_VOLUMES", { pool, ...EVERY });
  const found = await Promise.all(
    vols.map((vol) =>
      unlessGone(async () => {
        const { xml } = await host.call("STORAGE_VOL_GET_XML_DESC", { vol, flags: 0 });
        // Most volumes have none, and a pool may hold thousands: only those that name one are read.
        if (!xml.includes("<backingStore")) return undefined;
        const root = parseXml(xml);
        const [path = vol.key, backingPath] = [readPath(root, "target/path"), readPath(root, "backingStore/path")];
        return backingPath === undefined ? undefined : { id: `${vol.pool}/${vol.name}`, path, backingPath };
      }),
    ),
  );
  return found.filter((overlay) => overlay !== undefined);
}

/** What vanished since it was listed refers to nothing; a pool that is not active (55) cannot be asked. */
async function unlessGone<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    const gone = [Code.NO_DOMAIN, Code.NO_STORAGE_POOL, Code.NO_STORAGE_VOL, Code.OPERATION_INVALID];
    if (isLibvirt(error, ...gone)) return undefined;
    throw error;
  }
}

/** What of a host a volume is: its path, and how a machine may refer to it by pool and name. */
export interface Target {
  readonly pool: string;
  readonly name: string;
  readonly path: string;
}

/** Who refers to a volume, in words: as a disk, in a backing chain, as a kernel, ...; empty where nobody does. */
export function usersOfVolume(users: Users, target: Target): string[] {
  const machines = users.machines
    .filter(({ definitions }) => definitions.some((root) => mentions(root, target)))
    .map(({ domain, running: runs }) => `the ${runs ? "running " : ""}machine "${domain.name}"`);
  const overlays = users.overlays
    .filter(({ backingPath }) => backingPath === target.path)
    .map(({ id }) => `the volume "${id}"`);
  return [...machines, ...overlays];
}

/** True where only guests that run still have the volume: the definitions for their next starts name it no more. */
export function onlyHeld({ machines, overlays }: Users, target: Target): boolean {
  const next = machines.map((machine) => ({ ...machine, definitions: machine.definitions.slice(-1) }));
  return usersOfVolume({ machines: next, overlays }, target).length === 0;
}

/**
 * Who refers to a volume, with what libvirt has not listed yet: an overlay that another program made, also a snapshot of a
 * machine that is off. Of those that come to light only now, the ones that no machine needs are left out.
 */
export async function usersLookedFor(request: Request, pool: StoragePool, target: Target): Promise<string[]> {
  const listed = usersOfVolume(await usersOf(request), target);
  if (listed.length > 0) return listed;
  await request.place.together(`files of pool ${pool.name}`, () => refreshPool(request, pool), GATHER_MS);
  return usersOfVolume(neededUsers(await usersOf(request)), target);
}

/** The users without the overlays that no machine names, in its definition or through another overlay. */
export function neededUsers({ machines, overlays }: Users): Users {
  const named = (overlay: Overlay): boolean =>
    machines.some(({ definitions }) => definitions.some((root) => mentions(root, targetOf(overlay))));
  const needed = new Set(overlays.filter(named));
  // A set grows while it is walked: what is below one that is needed is needed as well.
  for (const { backingPath } of needed) {
    for (const below of overlays) if (below.path === backingPath) needed.add(below);
  }
  return { machines, overlays: [...needed] };
}

function targetOf({ id, path }: Overlay): Target {
  return { ...spotIn(id), path };
}

/** True where a definition has the volume's path anywhere: disk, backing chain, kernel, initrd, NVRAM. */
export function mentions(root: XmlElement, target: Target): boolean {
  if (textOf(root).trim() === target.path || [...root.attributes.values()].includes(target.path)) return true;
  const byName = root.attributes.get("pool") === target.pool && root.attributes.get("volume") === target.name;
  return byName || elementsOf(root).some((inner) => mentions(inner, target));
}

/** The storage of a pool: what stands in its folder, with a part of its path where others' stands there too. */
export interface Storage {
  readonly name: string;
  readonly folder: string;
  readonly part: string;
}

/** The names of running machines that have something of a pool. */
export function holdersIn(machines: readonly Machine[], { name, folder, part }: Storage): string[] {
  const isIn = (text: string): boolean => text.startsWith(`${folder}/`) && text.includes(part);
  const holds = (root: XmlElement): boolean =>
    isIn(textOf(root).trim()) ||
    [...root.attributes].some(([key, value]) => isIn(value) || (key === "pool" && value === name)) ||
    elementsOf(root).some(holds);
  return machines
    .filter(({ running: runs, definitions: [live] }) => runs && live && holds(live))
    .map(({ domain }) => domain.name);
}

/** The name of a running machine that holds the volume, and cannot write it; undefined where none does. */
export function readerOf(machines: readonly Machine[], target: Target): string | undefined {
  if (writerOf(machines, target)) return undefined;
  const holds = ({ running: runs, definitions: [live] }: Machine): boolean =>
    runs && live !== undefined && findAll(live, "devices/disk").some((disk) => mentions(disk, target));
  return machines.find(holds)?.domain.name;
}

/** The name of a running machine that has the volume as a disk or below one; undefined where none does. */
export function holderOf(machines: readonly Machine[], target: Target): string | undefined {
  return writerOf(machines, target)?.domain.name ?? readerOf(machines, target);
}

/** A running machine that may write a volume, with the disk's target. */
export interface Writer {
  readonly domain: Domain;
  readonly disk: string;
}

/** The first of the running machines that may write the volume now; undefined where none does. */
export function writerOf(machines: readonly Machine[], target: Target): Writer | undefined {
  return writersOf(machines, target)[0];
}

/** All of them: machines can share a disk. */
export function writersOf(machines: readonly Machine[], target: Target): Writer[] {
  return machines.flatMap(({ domain, running: runs, definitions: [live] }) => {
    const disks = runs && live ? findAll(live, "devices/disk") : [];
    const own = disks.filter((disk) => {
      const source = find(disk, "source");
      return source && mentions(source, target) && findAll(disk, "readonly").length === 0;
    });
    return own.map((disk) => ({ domain, disk: readPath(disk, "target/@dev") ?? target.path }));
  });
}

/** A running machine that writes into an overlay, with the overlay's path. */
export interface Overlying extends Writer {
  readonly path: string;
}

/** The running machine that has the volume below the image that it writes; undefined where none does. */
export function overlayOn(machines: readonly Machine[], target: Target): Overlying | undefined {
  for (const { domain, running: runs, definitions } of machines) {
    const live = runs ? definitions[0] : undefined;
    for (const disk of live ? findAll(live, "devices/disk") : []) {
      const path = findAll(disk, "readonly").length === 0 ? imageOver(disk, target) : undefined;
      if (path !== undefined) return { domain, disk: readPath(disk, "target/@dev") ?? path, path };
    }
  }
  return undefined;
}

/** The image of a chain that lies on the volume itself. */
function imageOver(image: XmlElement, target: Target): string | undefined {
  const below = find(image, "backingStore");
  const source = below && find(below, "source");
  if (!source) return undefined;
  if (!mentions(source, target)) return imageOver(below, target);
  return readPath(image, "source/@file") ?? readPath(image, "source/@dev");
}
