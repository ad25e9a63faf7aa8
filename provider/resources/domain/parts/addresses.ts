import { Code, type DomainInterface, isLibvirt, type Domain } from "../../../rpc";
import { findAll, readPath, type XmlElement } from "../../../xml";
import { isForbidden } from "../../errors";
import type { Looking } from "../../port";

/** Who is asked for a guest's addresses (virDomainInterfaceAddressesSource). */
export const Source = { lease: 0, agent: 1, arp: 2 } as const;

/** Codes of a witness that has nothing to say: no agent, no such source with this driver. */
const SILENT = [
  Code.AGENT_UNRESPONSIVE,
  Code.AGENT_UNSYNCED,
  Code.AGENT_COMMAND_TIMEOUT,
  Code.AGENT_COMMAND_FAILED,
  Code.ARGUMENT_UNSUPPORTED,
  Code.OPERATION_INVALID,
  Code.OPERATION_UNSUPPORTED,
  Code.NO_SUPPORT,
  Code.CONFIG_UNSUPPORTED,
];

/** True for the error of an agent that does not answer, or of a driver that has none. */
export function isSilent(error: unknown): boolean {
  return isLibvirt(error, ...SILENT);
}

/** The addresses that one witness knows, by MAC in small letters; those that only the guest itself can use are left out. */
export async function heardFrom(
  { place, signal }: Looking,
  dom: Domain,
  source: number,
): Promise<readonly { readonly mac: string; readonly address: string }[]> {
  try {
    const { ifaces } = await place.host.call(
      "DOMAIN_INTERFACE_ADDRESSES",
      { dom, source, flags: 0 },
      { deadlineMs: 10_000, signal },
    );
    return ifaces.flatMap(ofCard);
  } catch (error) {
    // libvirt 9.0 takes an empty ARP table for a broken one ("wrong nlmsg len").
    const emptyTable = source === Source.arp && isLibvirt(error, Code.INTERNAL_ERROR);
    // A card's network was deleted under it.
    const gone = source === Source.lease && isLibvirt(error, Code.NO_NETWORK);
    if (emptyTable || gone || isSilent(error) || isForbidden(error)) return [];
    throw error;
  }
}

function ofCard(card: DomainInterface): { mac: string; address: string }[] {
  const mac = (card.hwaddr ?? "").toLowerCase();
  const usable = card.addrs.filter(({ addr }) => !/^(127\.|169\.254\.|::1$|fe80:)/i.test(addr));
  return usable.map(({ addr }) => ({ mac, address: addr }));
}

/** Addresses of a running machine's own cards: by lease, else by its agent, else by the host's ARP table. */
export async function addressesOf(from: Looking, dom: Domain, live: XmlElement): Promise<readonly string[]> {
  const macs = findAll(live, "devices/interface/mac").map((mac) => (mac.attributes.get("address") ?? "").toLowerCase());
  if (macs.length === 0) return [];
  for (const source of [Source.lease, ...(agentConnected(live) ? [Source.agent] : []), Source.arp]) {
    const known = await heardFrom(from, dom, source);
    const own = macs.flatMap((mac) => known.filter((one) => one.mac === mac).map(({ address }) => address));
    if (own.length > 0) return [...new Set(own)];
  }
  return [];
}

function agentConnected(live: XmlElement): boolean {
  return findAll(live, "devices/channel").some(
    (channel) =>
      readPath(channel, "target/@name") === "org.qemu.guest_agent.0" &&
      readPath(channel, "target/@state") === "connected",
  );
}
