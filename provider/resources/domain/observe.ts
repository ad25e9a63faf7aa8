import { isRecord, itemsOf, readTable, type Values } from "../../fields";
import { addressesOf } from "./parts/addresses";
import { Code, isLibvirt, type Domain } from "../../rpc";
import { findAll, parseXml, readPath, type XmlElement } from "../../xml";
import { isForbidden } from "../errors";
import { readMark } from "../mark";
import type { HostFacts } from "../place";
import type { Looking } from "../port";
import { cablingOf } from "./parts/cards";
import { removableCpus } from "./parts/cpus";
import { diskChains, isSeed, knownChains, scsiControllers } from "./parts/disks";
import { domain as table } from "./fields";
import { type Resting, restingOf } from "./parts/overlays";
import { freePorts } from "./parts/pci";
import { isNamedBy, SEED_AS_IS } from "./parts/seed";
import { lastSeen, resolveVolumes } from "./parts/volumes";
import { complete } from "./wanted";
import { express, type Resolved, volumesOf } from "./sources";
import type { Found } from "../definition";
import { DomainXml } from "./flags";

/** A machine as it stands on the host. */
export interface FoundDomain extends Found, Resting {
  readonly handle: Domain;
  readonly facts: HostFacts;
  readonly inactive: XmlElement;
  readonly live?: XmlElement;
  readonly power: Power;
  readonly persistent: boolean;
  /** A managed save is there: the next start goes on from it. */
  readonly saved: boolean;
  readonly volumes: ReadonlyMap<string, Resolved>;
  readonly addresses: readonly string[];
  readonly seedPath?: string;
  /** The seed in the running guest's drive, which is another one where a swap was refused. */
  readonly liveSeedPath?: string;
}

export type Power = "running" | "paused" | "stopped" | "crashed" | "suspended";

// virDomainState; https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState
const POWER: readonly Power[] = [
  "running",
  "running",
  "running",
  "paused",
  "running",
  "stopped",
  "crashed",
  "suspended",
];

/** A state of libvirt's in words that people know. */
export function powerOf(state: number): Power {
  return POWER[state] ?? "running";
}

/** A handle from a UUID alone: the daemon looks machines up by it, so a read needs no lookup before. */
export function handleOf(uuid: string): Domain {
  return { name: "-", uuid, id: -1 };
}

/** Reads a machine in one round trip, and what its disks name in a second; undefined when libvirt says that it is gone. */
export async function observe(request: Looking, uuid: string, inputs: Values): Promise<FoundDomain | undefined> {
  const { host } = request.place;
  const dom = handleOf(uuid);
  const known = async <T>(call: Promise<T>): Promise<T | undefined> =>
    call.catch((error: unknown) => {
      if (isLibvirt(error, Code.NO_DOMAIN)) return undefined;
      throw error;
    });
  const unseen = { secrets: false };
  const xml = async (flags: number): Promise<XmlElement> => {
    try {
      return parseXml((await host.call("DOMAIN_GET_XML_DESC", { dom, flags: flags | DomainXml.SECURE })).xml);
    } catch (error) {
      if (!isForbidden(error)) throw error;
      unseen.secrets = true;
      return parseXml((await host.call("DOMAIN_GET_XML_DESC", { dom, flags })).xml);
    }
  };
  // What does not run has no definition but the one for its next start.
  const now = async (): Promise<{ power: Power; saved: boolean; live?: XmlElement }> => {
    const { state } = await host.call("DOMAIN_GET_STATE", { dom, flags: 0 });
    const power = powerOf(state);
    if (power === "stopped" || power === "crashed") return { power, saved: await hasSavedState(request, uuid) };
    return { power, saved: false, live: await xml(0) };
  };
  const [facts, inactive, current, autostart, persistent, volumes] = await Promise.all([
    request.place.facts(),
    known(xml(DomainXml.INACTIVE)),
    known(now()),
    known(host.call("DOMAIN_GET_AUTOSTART", { dom })),
    known(host.call("DOMAIN_IS_PERSISTENT", { dom })),
    resolveVolumes(request, volumesOf(inputs)),
  ]);
  if (!inactive || !current || !autostart || !persistent) return undefined;
  const { power, saved, live } = current;
  const wish = complete(inputs, uuid, undefined, facts);
  const [disks, written] = [itemsOf(wish["disks"]), knownChains(inactive, live)];
  const sources = new Map([...volumes, ...(await lastSeen(request, disks, volumes, written))]);
  const { chains, unclear } = await restingOf(request, disks, sources, [inactive, live], written);
  const read = (root: XmlElement): Values =>
    expressed(readTable(table, root), wish, sources, root === inactive ? chains : diskChains(root));
  const found = {
    id: uuid,
    name: readPath(inactive, "name") ?? "",
    handle: { ...dom, name: readPath(inactive, "name") ?? "-" },
    facts,
    inactive,
    power,
    saved,
    persistent: persistent.persistent === 1,
    volumes,
    chains,
    unclear,
    finished: true,
    secretsUnseen: unseen.secrets,
    addresses: live ? await addressesOf(request, dom, live) : [],
  };
  const mark = readMark(inactive);
  const seedPath = seedOf(inactive);
  const liveSeedPath = live && seedOf(live);
  const seed = seedInForce({ seedPath, liveSeedPath });
  return {
    ...found,
    ...(mark ? { mark, finished: mark.phase === "ready" } : {}),
    ...(live ? { live } : {}),
    ...(seedPath === undefined ? {} : { seedPath }),
    ...(liveSeedPath === undefined ? {} : { liveSeedPath }),
    values: { ...read(inactive), ...wishes(found.power, autostart.autostart === 1, seed, inputs, uuid) },
    ...(live
      ? { situation: { ...situationOf(live, inactive, read(live)), ...(await cablingOf(request, live, wish)) } }
      : {}),
  };
}

/** The guest's own seed where it holds another one than its definition names: the wish is met by neither. */
export function seedInForce({ seedPath, liveSeedPath }: Seeds): string | undefined {
  return liveSeedPath ?? seedPath;
}

interface Seeds {
  readonly seedPath?: string | undefined;
  readonly liveSeedPath?: string | undefined;
}

function situationOf(live: XmlElement, inactive: XmlElement, values: Values): NonNullable<Found["situation"]> {
  return {
    live: values,
    freePorts: freePorts(live, inactive).length,
    scsiControllers: scsiControllers(live),
    removableCpus: removableCpus(live),
  };
}

/** A managed save, where the driver knows such. */
export async function hasSavedState({ place }: Looking, uuid: string): Promise<boolean> {
  try {
    return (await place.host.call("DOMAIN_HAS_MANAGED_SAVE_IMAGE", { dom: handleOf(uuid), flags: 0 })).result !== 0;
  } catch (error) {
    if (isLibvirt(error, Code.NO_SUPPORT, Code.OPERATION_UNSUPPORTED, Code.NO_DOMAIN)) return false;
    throw error;
  }
}

function expressed(
  values: Values,
  wish: Values,
  volumes: ReadonlyMap<string, Resolved>,
  chains: ReturnType<typeof diskChains>,
): Values {
  return {
    // libvirt leaves it out where all CPUs are online.
    onlineVcpus: values["vcpus"],
    ...values,
    disks: express(values["disks"], wish["disks"], volumes, chains),
    interfaces: values["interfaces"] ?? [],
  };
}

/** Properties that stand outside the definition's XML. */
function wishes(power: Power, autostart: boolean, seedPath: string | undefined, inputs: Values, uuid: string): Values {
  const seed = inputs["cloudInit"];
  const sameSeed = seedPath !== undefined && isRecord(seed) && isNamedBy(seedPath, uuid, inputs);
  return {
    powerState: power === "crashed" ? "stopped" : power === "suspended" ? "paused" : power,
    autostart,
    ...(seedPath === undefined ? {} : { cloudInit: sameSeed ? seed : { ...SEED_AS_IS } }),
  };
}

function seedOf(root: XmlElement): string | undefined {
  const cd = findAll(root, "devices/disk").find(isSeed);
  return cd && (readPath(cd, "source/@file") ?? readPath(cd, "source/@dev"));
}

/** MACs of the cards, in the program's order where it names them. */
export function macsOf(values: Values): readonly string[] {
  return itemsOf(values["interfaces"]).flatMap((card) => (typeof card["mac"] === "string" ? [card["mac"]] : []));
}
