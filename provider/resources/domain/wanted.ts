import { isRecord, UNKNOWN, type Values } from "../../fields";
import type { HostFacts } from "../place";
import { ownedMac } from "../owner";
import { withPlaces } from "./graphics";
import { FATE, initialValues } from "./template";

/** Where a volume's bytes are on the host. */
export interface Resolved {
  readonly type: "file" | "block";
  readonly path: string;
  readonly format: string;
}

/** The inputs with all that follows from them: identities of devices, followers of other fields, defaults taken back. */
export function complete(inputs: Values, uuid: string, managed: Values | undefined, facts: HostFacts): Values {
  const power = inputs["powerState"];
  const given = withCpuMode(inputs);
  return {
    ...given,
    ...restored(given, managed && withCpuMode(managed), facts),
    currentMemory: inputs["currentMemory"] ?? inputs["memory"],
    onlineVcpus: inputs["onlineVcpus"] ?? inputs["vcpus"],
    ...(inputs["graphics"] === undefined ? {} : { graphics: withPlaces(inputs["graphics"], managed?.["graphics"]) }),
    ...(power === "unmanaged"
      ? {}
      : { autostart: inputs["autostart"] ?? (power === UNKNOWN ? power : power === "running") }),
    ...completeDevices(inputs, uuid),
    disks: restoredDisks(completeDisks(inputs["disks"]), completeDisks(managed?.["disks"])),
  };
}

/** A model without a mode is one of mode `custom`, as for libvirt. */
function withCpuMode(inputs: Values): Values {
  const { cpu } = inputs;
  const open = isRecord(cpu) && cpu["model"] !== undefined && cpu["mode"] === undefined;
  return open ? { ...inputs, cpu: { ...cpu, mode: "custom" } } : inputs;
}

/** Devices with the identities that they have on the host. */
export function completeDevices(inputs: Values, uuid: string): Values {
  return {
    disks: completeDisks(inputs["disks"]),
    interfaces: completeCards(inputs["interfaces"], uuid),
    memoryDevices: inputs["memoryDevices"] ?? [],
  };
}

/** Values that a program gave and gives no more go back to what a new machine gets. */
function restored(inputs: Values, managed: Values | undefined, facts: HostFacts): Values {
  const initial = initialValues(inputs, facts);
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(initial)) {
    const [given, former] = [inputs[name], managed?.[name]];
    if (!isRecord(former) || !isRecord(value) || given === UNKNOWN) continue;
    const missing = Object.entries(value).filter(
      ([key]) => former[key] !== undefined && !(isRecord(given) && given[key] !== undefined),
    );
    result[name] = { ...Object.fromEntries(missing), ...(isRecord(given) ? given : {}) };
  }
  const fates = Object.entries(FATE).filter(([name]) => inputs[name] === undefined && managed?.[name] !== undefined);
  return { ...result, ...Object.fromEntries(fates) };
}

/** The same for disks. */
function restoredDisks(disks: unknown, managed: unknown): unknown {
  if (!Array.isArray(disks)) return disks;
  return disks.map((disk: unknown) => {
    if (!isRecord(disk)) return disk;
    const former = itemsOf(managed).find(({ target }) => target === disk["target"]) ?? {};
    const taken = ([name]: [string, unknown]): boolean => disk[name] === undefined && former[name] !== undefined;
    return { ...disk, ...Object.fromEntries(Object.entries(initialDisk(disk)).filter(taken)) };
  });
}

/** What a new disk gets where the program says nothing; libvirt makes each CD read-only by itself. */
export function initialDisk({ device, target }: Values): Values {
  if (device === "cdrom") return { readOnly: true };
  return device === "disk" ? { discard: "unmap", serial: target } : {};
}

/** Disks with their target and bus; every device that a machine is created with has both. */
export function completeDisks(disks: unknown): unknown {
  if (!Array.isArray(disks)) return disks === undefined ? [] : disks;
  return disks.map((disk: unknown) => {
    if (!isRecord(disk)) return disk;
    const bus = busOf(disk);
    const prefix = bus === "virtio" ? "vd" : bus === "ide" ? "hd" : bus === "fdc" ? "fd" : bus === "xen" ? "xvd" : "sd";
    return { ...disk, bus, target: disk["target"] ?? (bus === UNKNOWN ? UNKNOWN : `${prefix}a`) };
  });
}

/** The bus of a disk; where the program gives none its name tells, as to libvirt. */
export function busOf({ bus, device, target }: Values): unknown {
  if (bus !== undefined) return bus;
  if (device === "cdrom") return "sata";
  if (device === "floppy") return "fdc";
  if (device === UNKNOWN || target === UNKNOWN) return UNKNOWN;
  const [, prefix = "vd"] = /^(sd|hd|fd|xvd)/.exec(typeof target === "string" ? target : "") ?? [];
  return BUSES[prefix];
}

const BUSES: Readonly<Record<string, string>> = { vd: "virtio", sd: "scsi", hd: "ide", fd: "fdc", xvd: "xen" };

function completeCards(cards: unknown, uuid: string): unknown {
  if (!Array.isArray(cards)) return cards === undefined ? [] : cards;
  return cards.map((card: unknown) => {
    if (!isRecord(card) || card["mac"] !== undefined) return card;
    if (card["name"] === UNKNOWN) return { ...card, mac: UNKNOWN };
    return { ...card, mac: ownedMac(uuid, typeof card["name"] === "string" ? card["name"] : "") };
  });
}

/** The list's items that are objects. */
export function itemsOf(list: unknown): readonly Values[] {
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

/** The volumes that a program's disks name, where they are known. */
export function volumesOf(inputs: Values): readonly string[] {
  return itemsOf(inputs["disks"]).flatMap((disk) => (typeof disk["volume"] === "string" ? [disk["volume"]] : []));
}

type Chains = ReadonlyMap<string, readonly string[]>;

/** True when the disk of that target rests on the wanted source already, itself or below an overlay. */
function met(item: Values, volumes: ReadonlyMap<string, Resolved>, chains: Chains): boolean {
  const path = pathOf(item, volumes);
  return path !== undefined && (chains.get(String(item["target"])) ?? []).includes(path);
}

/** True when an overlay stands between the disk of that target and the wanted source. */
function overlaid(item: Values, volumes: ReadonlyMap<string, Resolved>, chains: Chains): boolean {
  return (chains.get(String(item["target"])) ?? [])[0] !== pathOf(item, volumes);
}

/** Where a disk's wanted source is, as far as that is known. */
export function pathOf(item: Values, volumes: ReadonlyMap<string, Resolved>): string | undefined {
  const direct = item["file"] ?? item["block"];
  if (typeof direct === "string") return direct;
  return typeof item["volume"] === "string" ? volumes.get(item["volume"])?.path : undefined;
}

/** What a disk may be made of, in the program's words. */
export const SOURCES = ["volume", "file", "block"] as const;

/** An item without the properties of those names. */
export function without(item: Values, names: readonly string[]): Values {
  return Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)));
}

/** The host's disks in the program's own words: `volume` where the wish names one and the disk's chain rests on it. */
export function express(
  found: unknown,
  wanted: unknown,
  volumes: ReadonlyMap<string, Resolved>,
  chains: Chains,
): unknown {
  return itemsOf(found).map((disk) => {
    const wish = itemsOf(wanted).find((item) => item["target"] === disk["target"]);
    if (!wish || !met(wish, volumes, chains)) return disk;
    const own = Object.fromEntries(SOURCES.flatMap((name) => (wish[name] === undefined ? [] : [[name, wish[name]]])));
    // The format of an overlay is not that of the volume below it.
    const hidden = overlaid(wish, volumes, chains) && wish["format"] !== undefined;
    const format = hidden ? { format: wish["format"] } : {};
    return { ...without(disk, SOURCES), ...own, ...format };
  });
}

/** The wish in libvirt's words: volumes as files or block devices; what the chain meets already is not written. */
export function lower(wanted: Values, volumes: ReadonlyMap<string, Resolved>, chains: Chains): Values {
  const disks = itemsOf(wanted["disks"]).map((item) => lowerDisk(item, volumes, chains));
  return { ...wanted, disks };
}

function lowerDisk(item: Values, volumes: ReadonlyMap<string, Resolved>, chains: Chains): Values {
  const plain = without(item, SOURCES);
  const target = String(item["target"]);
  // What an overlay says of its format is the overlay's own.
  if (met(item, volumes, chains)) return overlaid(item, volumes, chains) ? without(plain, ["format"]) : plain;
  const resolved = typeof item["volume"] === "string" ? volumes.get(item["volume"]) : undefined;
  const source = resolved ? { [resolved.type]: resolved.path } : pick(item, ["file", "block"]);
  return {
    ...(chains.has(target) ? {} : initialDisk(item)),
    ...(Object.keys(source).length > 0 ? { format: resolved?.format ?? "raw" } : {}),
    ...plain,
    ...source,
  };
}

/** The properties of those names that are there. */
export function pick(item: Values, names: readonly string[]): Values {
  return Object.fromEntries(names.flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])));
}

/** What was managed before, in libvirt's words: a drive that lost its medium loses whatever source the host has. */
export function lowerManaged(managed: Values, wanted: Values, found: Values): Values {
  const disks = itemsOf(managed["disks"]).map((item) => {
    const wish = itemsOf(wanted["disks"]).find((other) => other["target"] === item["target"]);
    const emptied = wish !== undefined && SOURCES.every((name) => wish[name] === undefined);
    const there = itemsOf(found["disks"]).find((other) => other["target"] === item["target"]);
    // A format is never taken away: libvirt would read the image as raw.
    return { ...without(item, [...SOURCES, "format"]), ...(emptied && there ? pick(there, ["file", "block"]) : {}) };
  });
  return { ...managed, disks };
}
