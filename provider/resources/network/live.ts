import type { Network } from "../../rpc";
import type { Place } from "../place";
import type { EntryField } from "./plan";

/** virNetworkUpdateCommand; what is added comes last. */
const commands = { modify: 1, delete: 2, add: 3 } as const;
/** virNetworkUpdateSection. */
export const Section = {
  DHCP_HOST: 4,
  DHCP_RANGE: 5,
  FORWARD_INTERFACE: 7,
  DNS_HOST: 10,
  DNS_TXT: 11,
  DNS_SRV: 12,
} as const;
/** virNetworkUpdateFlags: the running network, the definition. */
export const Side = { LIVE: 1, CONFIG: 2 } as const;
/** The daemon takes command and section in the order of its own documentation (since libvirt 7.2; before, swapped). */
const CORRECT_ORDER = 16;

/** Where NetworkUpdate puts what changes while the network runs, and its name in messages. */
export const entries: Readonly<Record<EntryField, { readonly section: number; readonly noun: string }>> = {
  "forward.dev": { section: Section.FORWARD_INTERFACE, noun: "uplink" },
  "forward.interfaces": { section: Section.FORWARD_INTERFACE, noun: "uplink" },
  "dhcp.ranges": { section: Section.DHCP_RANGE, noun: "DHCP range" },
  "dhcp.hosts": { section: Section.DHCP_HOST, noun: "DHCP host" },
  "dns.hosts": { section: Section.DNS_HOST, noun: "DNS host" },
  "dns.txts": { section: Section.DNS_TXT, noun: "TXT record" },
  "dns.srvs": { section: Section.DNS_SRV, noun: "SRV record" },
};

/** Whether libvirt starts the network with the host. */
export async function setAutostart({ host }: Place, net: Network, on: boolean, signal: AbortSignal): Promise<void> {
  await host.call("NETWORK_SET_AUTOSTART", { net, autostart: on ? 1 : 0 }, { signal });
}

/** One entry of a section, which libvirt puts in, changes or takes out. */
export interface Update {
  readonly command: keyof typeof commands;
  readonly section: number;
  /** The position of its <ip>; -1 where it stands in none. */
  readonly parentIndex: number;
  readonly xml: string;
  /** Of `Side`, one or both. */
  readonly flags: number;
}

/** Sends an update as the daemon takes it. */
export async function updateEntry({ host }: Place, net: Network, update: Update, signal?: AbortSignal): Promise<void> {
  const options = signal ? { signal } : {};
  const { section, parentIndex, xml, flags } = update;
  const command = commands[update.command];
  const { supported } = await host.call("CONNECT_SUPPORTS_FEATURE", { feature: CORRECT_ORDER }, options);
  const order = supported === 1 ? { command, section } : { command: section, section: command };
  await host.call("NETWORK_UPDATE", { net, ...order, parentIndex, xml, flags }, options);
}
