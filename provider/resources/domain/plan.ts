import { type Difference, isRecord, readTable, type Values, writeTable } from "../../fields";
import {
  childrenOf,
  cloneXml,
  element,
  equalXml,
  find,
  findAll,
  readPath,
  removeChildren,
  type XmlElement,
} from "../../xml";
import { type Mark, writeMark } from "../mark";
import type { HostFacts } from "../place";
import { changesOf } from "./changes";
import { diskChains } from "./parts/disks";
import { waitsInPart } from "./edit";
import { domain as table } from "./fields";
import { LOOPBACK, places } from "./parts/graphics";
import type { FoundDomain, Power } from "./observe";
import { deferredOf, label } from "./pending";
import { guestFields } from "./live";
import { fitMemory } from "./parts/memory";
import { slotNew } from "./parts/memoryDevices";
import { placeNew } from "./parts/pci";
import type { PowerStep } from "./power/power";
import { cutOff, goesOnAs, restarts, restartSteps } from "./power/restart";
import { writeSeed } from "./parts/seed";
import { startedAs, waitingSince } from "./started";
import { initialValues, scsiController, tablet, template, videoCard } from "./parts/template";
import { complete, completeDevices } from "./wanted";
import { lower, lowerManaged, type Resolved } from "./sources";
import type { Goal } from "../definition";
import { wishesOf } from "./wishes";

/** The way from what is found to what is wanted, as a value: print it, test it, then run it. */
export interface Plan {
  /** The new name; one that runs is stopped before. */
  readonly rename?: string;
  /** The definition to write; absent: it says so already. */
  readonly definition?: XmlElement;
  /** All that differs, for words about it. */
  readonly changes: readonly Difference[];
  /** Changes for the running guest, in order. */
  readonly live: readonly Difference[];
  /** Property paths that wait for a power cycle, as the mark carries them. */
  readonly deferred: readonly string[];
  readonly autostart?: boolean;
  readonly power: readonly PowerStep[];
  /** The guest is stopped and started for what it cannot take while it runs. */
  readonly restarts: boolean;
}

/** All that a plan depends on. */
export interface Circumstances {
  readonly facts: HostFacts;
  readonly volumes: ReadonlyMap<string, Resolved>;
  /** Where the seed's volume is, for a machine that has one. */
  readonly seedPath?: string;
  /** The time now (ISO 8601, UTC), for what begins to wait. */
  readonly now: string;
}

/** Plans; pure. */
export function plan(found: FoundDomain | undefined, goal: Goal, at: Circumstances): Plan {
  const managed = goal.managed;
  const wanted = complete(goal.inputs, goal.id, managed, at.facts);
  const changes = found ? changesOf(found, wanted, managed) : [];
  const deferred = found ? deferredOf(found, changes) : [];
  const cycle = found !== undefined && restarts(found, changes, wanted);
  const live = found?.live ? liveOf(changes, cycle) : [];
  const power = cycle
    ? restartSteps(found.power, wanted["powerState"])
    : powerSteps(found?.power ?? "stopped", (found && cutOff(found, wanted)) ?? wanted["powerState"]);
  const restarting = cycle ? goesOnAs(power) : found?.mark?.restarting;
  const marked = {
    ...goal.mark,
    deferred,
    ...(live.length > 0 ? { applying: live.map(label) } : {}),
    ...(restarting === undefined ? {} : { restarting }),
  };
  const definition = define(found, { ...goal, mark: marked }, wanted, at);
  if (found?.live) {
    placeNew(definition, found.live, found.inactive, live);
    slotNew(definition, found.live);
  }
  const same = found?.persistent === true && equalXml(definition, found.inactive);
  return {
    ...(found && found.name !== goal.name ? { rename: goal.name } : {}),
    ...(same ? {} : { definition }),
    changes,
    live,
    deferred,
    ...autostartStep(found, wanted),
    power,
    restarts: cycle,
  };
}

/** What the running guest is told; one that is power-cycled has all from its start. */
function liveOf(changes: readonly Difference[], cycle: boolean): Difference[] {
  if (cycle) return [];
  const own = changes.filter(({ cost, path }) => cost === "live" && guestFields.has(String(path[0])));
  return own.filter((one) => !waitsInPart(one, changes));
}

function autostartStep(found: FoundDomain | undefined, wanted: Values): { autostart?: boolean } {
  const before = found?.values["autostart"] ?? false;
  const after = wanted["autostart"];
  return typeof after === "boolean" && after !== before ? { autostart: after } : {};
}

function define(found: FoundDomain | undefined, goal: Goal, wanted: Values, at: Circumstances): XmlElement {
  const root = found ? cloneXml(found.inactive) : template(goal.id, wanted, at.facts);
  const chains = found?.chains ?? diskChains(root);
  const before = found ? readTable(table, root) : {};
  const start = found ? wanted : { ...wanted, ...initialOf(wanted, at.facts) };
  const lowered = lower(start, at.volumes, chains);
  // The name changes by a step of its own, the type only where the program asks for another.
  const type = goal.inputs["type"] === "auto" ? { type: root.attributes.get("type") } : {};
  const former = goal.managed && { ...goal.managed, ...completeDevices(goal.managed, goal.id) };
  const managed = former ? lowerManaged(former, wanted, before) : {};
  // libvirt leaves it out where all CPUs are online.
  const all = wanted["onlineVcpus"] === wanted["vcpus"];
  const online = { onlineVcpus: all ? undefined : wanted["onlineVcpus"] };
  const name = readPath(root, "name");
  writeTable(table, root, { ...lowered, ...type, ...online, name }, { ...managed, onlineVcpus: wanted["vcpus"] });
  fitMemory(root, wanted, managed);
  furnish(root, wanted, found && openScreens(found.inactive));
  bootByDevice(root);
  writeSeed(root, at.seedPath);
  const held = formerSeed(found, at.seedPath);
  const mark = held === undefined ? goal.mark : { ...goal.mark, formerSeed: held };
  writeMark(root, { ...wishesOf(goal.inputs), ...markOf(mark, found, wanted, at.now) });
  return root;
}

/** What a new machine gets where the program says nothing, property by property. */
function initialOf(wanted: Values, facts: HostFacts): Values {
  const merged = Object.entries(initialValues(wanted, facts)).map(([name, value]) => {
    const given = wanted[name];
    return [name, isRecord(given) && isRecord(value) ? { ...value, ...given } : (given ?? value)];
  });
  return Object.fromEntries(merged) as Values;
}

/** Devices that a wish brings along. */
function furnish(root: XmlElement, wanted: Values, open: ReadonlySet<unknown> = new Set()): void {
  const devices = find(root, "devices");
  if (devices) controlScsi(devices);
  if (!devices || !isRecord(wanted["graphics"])) return;
  if (findAll(root, "devices/video").length === 0) {
    devices.children.push(videoCard());
  }
  if (!findAll(root, "devices/input").some((node) => node.attributes.get("type") === "tablet")) {
    devices.children.push(tablet());
  }
  for (const screen of findAll(root, "devices/graphics")) {
    if (!find(screen, "listen")) screen.children.push(element("listen", { type: "address", address: LOOPBACK }));
    const listen = openListen(screen);
    if (listen && !open.has(screen.attributes.get("type"))) listen.attributes.set("address", LOOPBACK);
    forgetPlace(screen);
    choosePorts(screen, wanted["graphics"]);
  }
}

/** The kinds of screens that another hand left to the host's choice of an address, which stays. */
function openScreens(root: XmlElement): ReadonlySet<unknown> {
  const screens = findAll(root, "devices/graphics").filter((screen) => openListen(screen) !== undefined);
  return new Set(screens.map((screen) => screen.attributes.get("type")));
}

function openListen(screen: XmlElement): XmlElement | undefined {
  const listen = find(screen, "listen[@type='address']");
  return listen?.attributes.has("address") === false ? listen : undefined;
}

/** With autoport libvirt drops the ports that the program gave, and takes it for given from one run to the next; a socket has none. */
function choosePorts(screen: XmlElement, graphics: Values): void {
  const wish = graphics[screen.attributes.get("type") ?? ""];
  const given = ["port", "tlsPort"].filter((name) => (screen.attributes.get(name) ?? "-1") !== "-1");
  const chosen = isRecord(wish) ? wish["autoport"] : undefined;
  if (chosen !== undefined || readPath(screen, "listen/@type") === "socket") return;
  if (given.length === 0) screen.attributes.set("autoport", "yes");
  else if (screen.attributes.get("autoport") === "yes") screen.attributes.delete("autoport");
}

/** libvirt's own choice of a controller finds no slot on q35, and no driver in most guests. */
function controlScsi(devices: XmlElement): void {
  const disks = childrenOf(devices, "disk").some((disk) => readPath(disk, "target/@bus") === "scsi");
  if (disks && !childrenOf(devices, "controller").some((node) => node.attributes.get("type") === "scsi"))
    devices.children.push(scsiController());
}

/** A place of another kind is no place of this one. libvirt repeats the first <listen> in attributes, and refuses what they say apart. */
function forgetPlace(screen: XmlElement): void {
  for (const listen of childrenOf(screen, "listen"))
    for (const kind of places.filter((one) => one !== listen.attributes.get("type"))) listen.attributes.delete(kind);
  for (const [attribute, said] of [["listen", "address"] as const, ["socket", "socket"] as const]) {
    const repeated = screen.attributes.get(attribute);
    if (repeated !== readPath(screen, `listen/@${said}`)) screen.attributes.delete(attribute);
  }
}

/** Devices with an order of their own exclude the order by kind, which libvirt writes where no device has one. */
function bootByDevice(root: XmlElement): void {
  const devices = find(root, "devices")?.children ?? [];
  if (!devices.some((node) => "name" in node && find(node, "boot"))) return;
  const os = find(root, "os");
  if (os) removeChildren(os, "boot");
}

/** The seed that the guest holds until its drive has the new one, or that its saved image would bring back. */
function formerSeed(found: FoundDomain | undefined, seedPath: string | undefined): string | undefined {
  if (found?.liveSeedPath !== undefined && found.liveSeedPath !== seedPath) return found.liveSeedPath;
  if (!found?.saved) return undefined;
  return found.mark?.formerSeed ?? (found.seedPath === seedPath ? undefined : found.seedPath);
}

/** A machine that needs no further step is ready when it is defined: one write instead of two. */
function markOf(mark: Mark, found: FoundDomain | undefined, wanted: Values, now: string): Mark {
  const complete = found === undefined && wanted["powerState"] === "stopped" && wanted["autostart"] !== true;
  const phase = complete ? "ready" : mark.phase;
  if (!found || mark.deferred.length === 0) return { ...mark, phase };
  return { ...mark, phase, since: waitingSince(found) ?? now, ...startedAs(found, mark.deferred) };
}

/** The steps from one power state to another. */
export function powerSteps(found: Power, wanted: unknown): readonly PowerStep[] {
  const steps: Record<string, Record<Power, readonly PowerStep[]>> = {
    running: { running: [], paused: ["resume"], suspended: ["resume"], stopped: ["start"], crashed: ["stop", "start"] },
    paused: {
      running: ["pause"],
      paused: [],
      suspended: [],
      stopped: ["start paused"],
      crashed: ["stop", "start paused"],
    },
    // Only what runs can be asked to stop.
    stopped: {
      running: ["stop"],
      paused: ["resume", "stop"],
      suspended: ["resume", "stop"],
      stopped: [],
      crashed: ["stop"],
    },
  };
  return steps[String(wanted)]?.[found] ?? [];
}
