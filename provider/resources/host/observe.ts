import { Code, isLibvirt, type ResultOf } from "../../rpc";
import { childrenOf, findAll, parseXml, textOf, type XmlElement } from "../../xml";
import { chooseType } from "../domain/parts/template";
import { Explained, isForbidden } from "../errors";
import { type HostFacts, isAway } from "../place";
import type { Looking } from "../port";

/** All that a host tells when it is only asked: for `getHost`, and for whoever wants to know what it lacks. */
export interface Seen {
  readonly driver: string;
  /** A daemon of one user's own, without the host's rights. */
  readonly session: boolean;
  readonly facts: HostFacts;
  readonly hostname: string;
  readonly versions: { readonly libvirt: string; readonly hypervisor: string | undefined };
  readonly node: ResultOf<"NODE_GET_INFO">;
  readonly freeBytes: bigint | undefined;
  readonly capabilities: XmlElement;
  readonly guests: Guests;
  /** Absent where the driver tells nothing about devices. */
  readonly devices: Devices | undefined;
  /** False: libvirt refuses this account what goes beyond looking; absent: nothing that was asked tells. */
  readonly mayChange: boolean | undefined;
  /** Sorted by name; absent where the host has no driver for them. */
  readonly networks: readonly Named[] | undefined;
  readonly pools: readonly Named[] | undefined;
}

/** A network or a pool, as a list tells it. */
export interface Named {
  readonly name: string;
  readonly running: boolean;
}

/** What machines of one architecture may have. */
export interface Guests {
  readonly arch: string;
  readonly domainTypes: readonly string[];
  readonly machines: readonly string[];
}

/** What the emulator and the host's files give them. */
export interface Devices {
  readonly firmwares: readonly string[];
  readonly secureBoot: boolean;
  readonly tpm: boolean;
  readonly graphics: readonly string[];
}

/** Looks at a host; `arch` is the architecture of machines that is asked about, else the host's own. */
export async function see(from: Looking, arch?: string): Promise<Seen> {
  const { place, signal } = from;
  const { host } = place;
  const [facts, { capabilities: text }, { hostname }, node, { lib_ver: libvirt }, version, memory, networks, pools] =
    await Promise.all([
      place.facts(),
      host.call("CONNECT_GET_CAPABILITIES", {}, { signal }),
      host.call("CONNECT_GET_HOSTNAME", {}, { signal }),
      host.call("NODE_GET_INFO", {}, { signal }),
      host.call("CONNECT_GET_LIB_VERSION", {}, { signal }),
      ifTold(host.call("CONNECT_GET_VERSION", {}, { signal })),
      ifTold(host.call("NODE_GET_FREE_MEMORY", {}, { signal })),
      ifDriven(networksOf(from)),
      ifDriven(poolsOf(from)),
    ]);
  const capabilities = parseXml(text);
  const guests = guestsIn(from, facts, capabilities, arch ?? facts.arch);
  return {
    driver: place.uri.driver,
    session: place.uri.path === "/session",
    facts,
    hostname,
    versions: { libvirt: printVersion(libvirt), hypervisor: version && printVersion(version.hv_ver) },
    node,
    freeBytes: memory?.freeMem,
    capabilities,
    guests,
    ...(await devicesOf(from, facts, guests)),
    networks,
    pools,
  };
}

const EVERY = { need_results: 1, flags: 0 };
// VIR_CONNECT_LIST_NETWORKS_ACTIVE and VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE are the same bit.
const RUNNING = { need_results: 1, flags: 2 };

async function networksOf({ place, signal }: Looking): Promise<Named[]> {
  const list = (which: typeof EVERY) => place.host.call("CONNECT_LIST_ALL_NETWORKS", which, { signal });
  const [every, running] = await Promise.all([list(EVERY), list(RUNNING)]);
  return named(every.nets, running.nets);
}

async function poolsOf({ place, signal }: Looking): Promise<Named[]> {
  const list = (which: typeof EVERY) => place.host.call("CONNECT_LIST_ALL_STORAGE_POOLS", which, { signal });
  const [every, running] = await Promise.all([list(EVERY), list(RUNNING)]);
  return named(every.pools, running.pools);
}

function named(every: readonly { readonly name: string }[], running: readonly { readonly name: string }[]): Named[] {
  const up = new Set(running.map(({ name }) => name));
  const names = every.map(({ name }) => name).sort();
  return names.map((name) => ({ name, running: up.has(name) }));
}

/** libvirt's number of a version: 7002022 is 7.2.22. */
export function printVersion(version: bigint): string {
  return [version / 1_000_000n, (version / 1000n) % 1000n, version % 1000n].join(".");
}

/** A driver may not have it, and a host without an emulator cannot tell. */
async function ifTold<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    const cannot = [Code.NO_SUPPORT, Code.INTERNAL_ERROR, Code.INVALID_ARG, Code.CONFIG_UNSUPPORTED];
    if (isLibvirt(error, ...cannot)) return undefined;
    throw error;
  }
}

/** Where each driver has a daemon of its own, one that is not installed has no socket. */
async function ifDriven<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isLibvirt(error, Code.NO_SUPPORT) || isAway(error)) return undefined;
    throw error;
  }
}

function guestsIn(from: Looking, facts: HostFacts, capabilities: XmlElement, arch: string): Guests {
  const all = findAll(capabilities, "guest/arch");
  const own = all.filter((guest) => guest.attributes.get("name") === arch);
  if (own.length === 0 && arch !== facts.arch) throw unknownArch(from, arch, all);
  const machines = own.flatMap((guest) => childrenOf(guest, "machine").map(textOf));
  return {
    arch,
    domainTypes: unique(own.flatMap((guest) => childrenOf(guest, "domain").map(typeOf))),
    machines: unique(machines).sort(),
  };
}

function typeOf(domain: XmlElement): string {
  return domain.attributes.get("type") ?? "";
}

function unknownArch({ place }: Looking, arch: string, all: readonly XmlElement[]): Explained {
  const known = unique(all.flatMap((guest) => guest.attributes.get("name") ?? []));
  return new Explained(
    `${place.uri.text} has no emulator for ${arch} (it has: ${known.join(", ") || "none"}): install QEMU for it on the host`,
  );
}

// Secure boot is no matter of old machine types, which libvirt would answer for.
const MACHINES: Readonly<Record<string, string>> = { x86_64: "q35", i686: "q35", aarch64: "virt" };

/**
 * What https://libvirt.org/formatdomaincaps.html tells. It runs the emulator, so libvirt refuses it to those who may only look:
 * nothing else that is asked here shows that, and nothing is changed.
 */
async function devicesOf(
  { place, signal }: Looking,
  facts: HostFacts,
  { arch, domainTypes }: Guests,
): Promise<Pick<Seen, "devices" | "mayChange">> {
  const virttype = arch === facts.arch ? chooseType("auto", facts) : "qemu";
  if (!domainTypes.includes(virttype)) return { devices: undefined, mayChange: undefined };
  const asked = { emulatorbin: undefined, arch, machine: MACHINES[arch], virttype, flags: 0 };
  try {
    const answer = await ifTold(place.host.call("CONNECT_GET_DOMAIN_CAPABILITIES", asked, { signal }));
    return { devices: answer && devicesIn(parseXml(answer.capabilities), arch), mayChange: true };
  } catch (error) {
    if (isForbidden(error)) return { devices: undefined, mayChange: false };
    throw error;
  }
}

function devicesIn(root: XmlElement, arch: string): Devices {
  const firmwares = choices(root, "os", "firmware");
  // SeaBIOS is part of QEMU for x86, and libvirt names it only where somebody wrote a description of it.
  const bios = /^(x86_64|i686)$/.test(arch) ? ["bios"] : [];
  return {
    firmwares: unique([...bios, ...firmwares]),
    secureBoot: firmwares.includes("efi") && choices(root, "os/loader", "secure").includes("yes"),
    tpm: choices(root, "devices/tpm", "backendModel").includes("emulator"),
    graphics: choices(root, "devices/graphics", "type"),
  };
}

function choices(root: XmlElement, path: string, name: string): string[] {
  return findAll(root, `${path}/enum[@name='${name}']/value`).map(textOf);
}

function unique(all: readonly string[]): string[] {
  return [...new Set(all)];
}
