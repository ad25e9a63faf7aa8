import {
  type AnyField,
  type Difference,
  differences,
  isRecord,
  itemsOf,
  keyOf,
  pick,
  type Situation,
  type Values,
} from "../../fields";
import type { XmlElement } from "../../xml";
import { domain as table } from "./fields";
import { type FoundDomain, seedInForce } from "./observe";
import { bootOrders, bootsByKind } from "./parts/plug";
import { label, lacksSeed, pendingOf, touches } from "./pending";
import { isNamedBy, isSeedAsIs } from "./parts/seed";
import { asStarted, writtenScreens } from "./started";
import { completeDevices, initialDisk } from "./wanted";
import { lowerManaged } from "./sources";

/** What differs in the definition, and what of the live-class properties differs in the running guest alone. */
export function changesOf(found: FoundDomain, wanted: Values, managed: Values | undefined): Difference[] {
  const renamed = tellsFormerName(found, wanted, managed);
  const values = { ...found.values, ...knownSeed(found, wanted, managed, renamed) };
  const situation: Situation = { before: values, after: wanted, ...found.situation };
  const former = managed && lowerManaged({ ...managed, ...completeDevices(managed, found.id) }, wanted, values);
  const told = differences(table, values, wanted, { managed: former, situation }).filter(leads(wanted));
  const planned = renamed ? [...told, hostName(managed, wanted)] : told;
  const fitting = withinPorts(otherInGuest(found, wanted, heldByGuest(found, wanted, planned)), found);
  const all = ofDevicesInGuest(found, [...fitting, ...liveOnly(found, wanted, situation, fitting)]);
  const awake = wanted["powerState"] === "running" ? all : heldByPause(found, all);
  const { live } = found;
  return live
    ? awake.flatMap((one) => (fitsOrder(live, one) || isInGuest(found, one) ? [one] : withoutOrder(one)))
    : awake;
}

/** A seed tells nothing but its name: where that is the former inputs' own, those say what is in it. */
function knownSeed(found: FoundDomain, wanted: Values, managed: Values | undefined, renamed: boolean): Values {
  if (isSeedAsIs(wanted["cloudInit"])) return { cloudInit: wanted["cloudInit"] };
  const [shown, former] = [seedInForce(found), managed?.["cloudInit"]];
  if (shown === undefined || !isRecord(former)) return {};
  const known = renamed || isNamedBy(shown, found.id, { ...managed, name: wanted["name"] });
  return known ? { cloudInit: former } : {};
}

/** True where the machine gets another name, and its seed differs in the host name that it has from it alone. */
function tellsFormerName(found: FoundDomain, wanted: Values, managed: Values = {}): boolean {
  if (typeof wanted["name"] !== "string" || managed["name"] === wanted["name"]) return false;
  if (isSeedAsIs(wanted["cloudInit"])) return false;
  const seeds = [managed["cloudInit"], wanted["cloudInit"]];
  const isPlain = seeds.every((seed) => isRecord(seed) && seed["metaData"] === undefined);
  const shown = seedInForce(found);
  return isPlain && shown !== undefined && isNamedBy(shown, found.id, managed);
}

/** The host name in a seed whose machine is renamed. */
function hostName(managed: Values | undefined, wanted: Values): Difference {
  const [before, after] = [managed, wanted].map((values) => `local-hostname: ${String(values?.["name"])}`);
  return { path: ["cloudInit", "metaData"], kind: "update", cost: "live", before, after };
}

/** A guest that stays paused lets go of no device that it has to hand over itself. */
function heldByPause({ power }: FoundDomain, changes: Difference[]): Difference[] {
  if (power !== "paused" && power !== "suspended") return changes;
  const isHeld = ({ path, kind, cost, before }: Difference): boolean =>
    cost === "live" && kind === "delete" && path.length === 2 && asksGuest(String(path[0]), before);
  return changes.map((one) => (isHeld(one) ? { ...one, cost: "restart" } : one));
}

function asksGuest(list: string, device: unknown): boolean {
  if (list === "disks") return isRecord(device) && device["bus"] === "virtio";
  return list === "interfaces" || list === "memoryDevices";
}

/** A device that the guest has not (yet, or by another hand), and that waits to come, is changed in the definition alone. */
function ofDevicesInGuest(found: FoundDomain, changes: Difference[]): Difference[] {
  const live = found.situation?.live;
  if (!live) return changes;
  const added = changes.filter(({ kind, cost, path }) => kind === "add" && cost === "live" && path.length === 2);
  const there = new Set([...keysIn(live, "disks"), ...keysIn(live, "interfaces"), ...added.map(({ key }) => key)]);
  const seedWaits = lacksSeed(found);
  const isAway = ({ path, key, cost, kind }: Difference): boolean => {
    if (cost !== "live") return false;
    if (path[0] === "cloudInit") return seedWaits && !(kind === "delete" && path.length === 1);
    return path.length > 2 && (path[0] === "disks" || path[0] === "interfaces") && !there.has(key);
  };
  // A device that the guest gets now comes as the program wants it.
  const comes = ({ path, key }: Difference): boolean =>
    path.length > 2 && path[2] !== "bootOrder" && added.some((one) => one.path[0] === path[0] && one.key === key);
  return changes.filter((one) => !comes(one)).map((one) => (isAway(one) ? { ...one, cost: "restart" } : one));
}

function keysIn(values: Values, name: "disks" | "interfaces"): (string | undefined)[] {
  const field: AnyField = table[name];
  return field.kind === "list" ? itemsOf(values[name]).map((item) => keyOf(field, item)) : [];
}

/** A definition that goes back to what the guest runs with waits for nothing. */
function heldByGuest(found: FoundDomain, wanted: Values, changes: readonly Difference[]): readonly Difference[] {
  const live = asStarted(found);
  if (!live || !changes.some(({ cost }) => cost === "restart")) return changes;
  const graphics = writtenScreens(found, wanted["graphics"], changes);
  const wish = { ...wanted, disks: written(wanted["disks"], live), graphics };
  const lacking = differences(table, live, wish, { managed: live, situation: { before: live, after: wish } }).map(
    label,
  );
  const isLacking = (one: Difference): boolean => lacking.some((name) => touches(name, label(one)));
  return changes.map((one) => (one.cost === "restart" && !isLacking(one) ? { ...one, cost: "live" } : one));
}

/** Disks as they are written into a definition; what a guest has of them by itself is taken from it. */
function written(disks: unknown, live: Values): unknown {
  if (!Array.isArray(disks)) return disks;
  return itemsOf(disks).map((disk) => {
    const there = itemsOf(live["disks"]).find(({ target }) => target === disk["target"]) ?? {};
    return { ...pick(there, ["format"]), ...initialDisk(disk), ...disk };
  });
}

/** A device that another hand took out of the definition alone is in the guest, where it may lack what waits for a power cycle. */
function otherInGuest(found: FoundDomain, wanted: Values, changes: readonly Difference[]): readonly Difference[] {
  const live = found.situation?.live;
  const added = (one: Difference): boolean => one.kind === "add" && one.cost === "live" && one.path.length === 2;
  if (!live || !changes.some(added)) return changes;
  const lacking = differences(table, live, wanted, { situation: { ...found.situation, before: live, after: wanted } })
    .filter(({ cost, path }) => cost === "restart" && path.length > 2)
    .map(label);
  const lacks = (one: Difference): boolean => added(one) && lacking.some((name) => touches(name, label(one)));
  return changes.map((one) => (lacks(one) ? { ...one, cost: "restart" } : one));
}

/** Each new device takes a port of its own: those for which none is left wait for a power cycle. */
function withinPorts(changes: readonly Difference[], { situation }: FoundDomain): readonly Difference[] {
  let left = situation?.freePorts ?? 0;
  const { disks, interfaces, memoryDevices } = situation?.live ?? {};
  const there = [...itemsOf(disks), ...itemsOf(interfaces), ...itemsOf(memoryDevices)];
  const plugged = new Set(there.map(({ target, mac, name }) => target ?? mac ?? name));
  return changes.map((one) => {
    if (one.cost !== "live" || one.kind !== "add" || one.path.length !== 2 || !isRecord(one.after)) return one;
    const [list] = one.path;
    if (plugged.has(one.key)) return one;
    const virtio = one.after["bus"] === "virtio" || one.after["model"] === "virtio-mem";
    if (list !== "interfaces" && !virtio) return one;
    left -= 1;
    return left >= 0 ? one : { ...one, cost: "restart" };
  });
}

/** True where a guest takes a device with the place in the boot order that it has. */
function fitsOrder(live: XmlElement, { after }: Difference): boolean {
  const order = isRecord(after) ? after["bootOrder"] : undefined;
  return typeof order !== "number" || (!bootsByKind(live) && !bootOrders(live).includes(String(order)));
}

/** True where the guest has the device, with its own place: another hand took it out of the definition alone. */
function isInGuest({ situation }: FoundDomain, { path: [list], key }: Difference): boolean {
  return (list === "disks" || list === "interfaces") && keysIn(situation?.live ?? {}, list).includes(key);
}

/** A device with a place in the boot order comes live to a guest that cannot take it, and has its place with the next power cycle. */
function withoutOrder(one: Difference): Difference[] {
  if (one.cost !== "live" || one.kind !== "add" || one.path.length !== 2 || !isRecord(one.after)) return [one];
  const { bootOrder, ...rest } = one.after;
  if (bootOrder === undefined) return [one];
  const order: Difference = { ...one, path: [...one.path, "bootOrder"], after: bootOrder, cost: "restart" };
  return [{ ...one, after: rest }, order];
}

/** A follower (`currentMemory` of `memory`) is no change of its own while its leader changes. */
function leads(wanted: Values): (difference: Difference, index: number, all: Difference[]) => boolean {
  const leaders: Record<string, string> = { currentMemory: "memory", onlineVcpus: "vcpus" };
  return ({ path, cost }, _, all) => {
    const leader = leaders[String(path[0])];
    if (leader === undefined || wanted[String(path[0])] !== wanted[leader] || cost === "live") return true;
    return !all.some((other) => other.path[0] === leader);
  };
}

/**
 * Live and definition can differ, by another hand or by an update that did not get to its end: what the guest lacks is mended
 * too, unless it waits for a power cycle.
 */
function liveOnly(
  found: FoundDomain,
  wanted: Values,
  situation: Situation,
  planned: readonly Difference[],
): Difference[] {
  const live = found.situation?.live;
  if (!live) return [];
  const known = new Set(planned.map(label));
  const waiting = pendingOf(found);
  const at = { ...situation, before: live };
  const asTold = differences(table, toldOf(live), toldOf(wanted), { situation: at });
  const left = differences(table, live, found.values, {
    managed: live,
    situation: { ...at, after: found.values },
  }).filter((one) => found.mark?.applying?.some((name) => isOpen(name, one)) === true && one.path[0] !== "cloudInit");
  const names = new Set(asTold.map(label));
  return [...asTold, ...left.filter((one) => !names.has(label(one)))].filter(
    (one) =>
      one.cost === "live" &&
      !isFreed(one) &&
      !known.has(label(one)) &&
      !waiting.some((name) => touches(name, label(one))),
  );
}

/** What was taken back of it stays in the guest: a pin on all CPUs, a share or a quota as it is without one. */
function isFreed({ path, kind }: Difference): boolean {
  return path[0] === "cputune" && kind === "delete";
}

/** True for what is left of an update's change; one that plugged a device in says nothing of what the device has by other hands. */
function isOpen(name: string, one: Difference): boolean {
  return name.endsWith("]") ? name === label(one) : touches(name, label(one));
}

/** What a guest has as it was told. */
function toldOf(values: Values): Values {
  const { graphics } = values;
  const passwords = isRecord(graphics)
    ? Object.entries(graphics).map(([kind, one]) => [
        kind,
        isRecord(one) ? pick(one, ["password", "passwordValidTo"]) : one,
      ])
    : [];
  return { ...pick(values, IN_GUEST), graphics: Object.fromEntries(passwords) };
}

/** What stays in a guest as it was told; its balloon moves by itself. */
const IN_GUEST = [
  "title",
  "description",
  "metadata",
  "onlineVcpus",
  "iothreads",
  "perf",
  "cputune",
  "memtune",
  "blkiotune",
  "numatune",
  "onPoweroff",
  "onReboot",
  "onCrash",
  "disks",
  "interfaces",
  "memoryDevices",
];
