import { isRecord, itemsOf, UNKNOWN, type Values } from "../../fields";
import type { HostFacts } from "../place";
import { ownedMac } from "../owner";
import { withPlaces } from "./parts/graphics";
import { FATE, initialValues } from "./parts/template";

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
