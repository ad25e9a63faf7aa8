import { setTimeout as sleep } from "node:timers/promises";
import { isRecord, itemsOf, type Values } from "../../../fields";
import { Code, isLibvirt } from "../../../rpc";
import { findAll, parseXml } from "../../../xml";
import type { Request } from "../../port";
import { heardFrom, isSilent, Source } from "../parts/addresses";
import { handleOf } from "../observe";

/** What to wait for after a start. */
export interface Wait {
  readonly address: boolean;
  readonly agent: boolean;
  readonly timeoutMs: number;
}

/** Leases of the machine's cards before its start: lease by network, MAC and address, with its expiry. */
export interface Picture {
  readonly networks: readonly string[];
  readonly expiries: ReadonlyMap<string, bigint>;
  /** What the host's ARP table still knows of an earlier guest with these cards. */
  readonly arp: ReadonlySet<string>;
}

/** The picture of a start that nothing preceded. */
export const NO_PICTURE: Picture = { networks: [], expiries: new Map(), arp: new Set() };

/** What the program asks for, or the default: an address, where a card is on a network with DHCP. */
export async function waitOf(request: Request, inputs: Values): Promise<Wait> {
  const wish = inputs["waitFor"];
  const given = isRecord(wish) ? wish : undefined;
  const seconds = typeof given?.["timeout"] === "number" ? given["timeout"] : 300;
  const timeoutMs = Math.min(seconds * 1000, request.timeoutMs ?? Number.POSITIVE_INFINITY);
  if (given) return { address: given["address"] === true, agent: given["agent"] === true, timeoutMs };
  return { address: await anyDhcp(request, networksOf(inputs)), agent: false, timeoutMs };
}

function networksOf(inputs: Values): readonly string[] {
  return itemsOf(inputs["interfaces"]).flatMap((card) =>
    typeof card["network"] === "string" ? [card["network"]] : [],
  );
}

async function anyDhcp(request: Request, networks: readonly string[]): Promise<boolean> {
  for (const name of new Set(networks)) {
    try {
      const { xml } = await request.place.host.call("NETWORK_GET_XML_DESC", {
        net: { name, uuid: await uuidOf(request, name) },
        flags: 0,
      });
      if (findAll(parseXml(xml), "ip/dhcp").length > 0) return true;
    } catch (error) {
      if (!isLibvirt(error, Code.NO_NETWORK)) throw error;
    }
  }
  return false;
}

async function uuidOf(request: Request, name: string): Promise<string> {
  return (await request.place.host.call("NETWORK_LOOKUP_BY_NAME", { name })).net.uuid;
}

/** Takes the picture that later tells a new lease from one that outlived an earlier guest. */
export async function picture(
  request: Request,
  uuid: string,
  inputs: Values,
  macs: readonly string[],
): Promise<Picture> {
  const networks = [...new Set(networksOf(inputs))];
  const known = await leases(request, networks, macs);
  const heard = await heardFrom(request, handleOf(uuid), Source.arp);
  return {
    networks,
    expiries: new Map(known.map(({ key, expiry }) => [key, expiry])),
    arp: new Set(heard.map(({ mac, address }) => `${mac} ${address}`)),
  };
}

interface Lease {
  readonly key: string;
  readonly address: string;
  readonly expiry: bigint;
}

async function leases(
  request: Request,
  networks: readonly string[],
  macs: readonly string[],
): Promise<readonly Lease[]> {
  const found = await Promise.all(networks.map((name) => leasesOn(request, name, macs)));
  return found.flat();
}

async function leasesOn(request: Request, name: string, macs: readonly string[]): Promise<readonly Lease[]> {
  try {
    const net = { name, uuid: await uuidOf(request, name) };
    const rows = await Promise.all(
      macs.map((mac) =>
        request.place.host
          .call("NETWORK_GET_DHCP_LEASES", { net, mac, need_results: 1, flags: 0 })
          .then(({ leases }) => leases),
      ),
    );
    return rows
      .flat()
      .map((row) => ({ key: `${name} ${row.mac ?? ""} ${row.ipaddr}`, address: row.ipaddr, expiry: row.expirytime }));
  } catch (error) {
    if (isLibvirt(error, Code.NO_NETWORK, Code.OPERATION_INVALID, Code.NO_SUPPORT)) return [];
    throw error;
  }
}

/** Waits as asked; the error says what was tried. */
export async function waitFor(
  request: Request,
  name: string,
  uuid: string,
  wait: Wait,
  before: Picture,
  macs: readonly string[],
): Promise<void> {
  if (!wait.address && !wait.agent) return;
  const begin = performance.now();
  let told = begin;
  let pause = 100;
  for (;;) {
    request.signal.throwIfAborted();
    const address = !wait.address || (await hasAddress(request, uuid, before, macs));
    const agent = !wait.agent || (await agentAnswers(request, uuid));
    if (address && agent) return;
    const now = performance.now();
    if (now - begin > wait.timeoutMs) throw new Error(timeoutText(name, wait, address, agent, before, macs));
    if (now - told > 5000) {
      told = now;
      const seconds = Math.round((now - begin) / 1000);
      const what = address ? "the guest agent" : "an address";
      request.progress(`waiting for ${what} of domain "${name}" (${seconds} of ${wait.timeoutMs / 1000} s)`);
    }
    await sleep(pause);
    pause = Math.min(1000, pause * 1.2);
  }
}

function timeoutText(
  name: string,
  wait: Wait,
  address: boolean,
  agent: boolean,
  before: Picture,
  macs: readonly string[],
): string {
  const lacks = [...(address ? [] : ["no address"]), ...(agent ? [] : ["no answer of the guest agent"])].join(" and ");
  return (
    `domain "${name}" runs, but has ${lacks} after ${wait.timeoutMs / 1000} s. Tried: DHCP leases of ${macs.join(", ") || "no card"} on ` +
    `${before.networks.join(", ") || "no libvirt network"} that are newer than the start, the guest agent, the host's ARP table. ` +
    `Look at its console; raise waitFor.timeout, or set waitFor to {} to wait for nothing`
  );
}

async function hasAddress(request: Request, uuid: string, before: Picture, macs: readonly string[]): Promise<boolean> {
  const now = await leases(request, before.networks, macs);
  if (now.some(({ key, expiry }) => expiry !== (before.expiries.get(key) ?? -1n))) return true;
  // A static address has no lease, and an infinite lease never changes: then others have to witness.
  const own = macs.map((mac) => mac.toLowerCase());
  const agent = await heardFrom(request, handleOf(uuid), Source.agent);
  if (agent.some(({ mac }) => own.includes(mac))) return true;
  const arp = await heardFrom(request, handleOf(uuid), Source.arp);
  return arp.some(({ mac, address }) => own.includes(mac) && !before.arp.has(`${mac} ${address}`));
}

/** True when the guest agent answers. */
export async function agentAnswers(request: Request, uuid: string): Promise<boolean> {
  try {
    const cmd = JSON.stringify({ execute: "guest-ping" });
    await request.place.host.call("QEMU_DOMAIN_AGENT_COMMAND", { dom: handleOf(uuid), cmd, timeout: 5, flags: 0 });
    return true;
  } catch (error) {
    if (isSilent(error)) return false;
    throw error;
  }
}
