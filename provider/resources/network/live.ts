import type { Network } from "../../rpc";
import type { Place } from "../place";
import type { LiveField } from "./fields";
import type { EntryField, Step } from "./plan";

type Act = (place: Place, net: Network, step: Step, signal: AbortSignal) => Promise<void>;

/** virNetworkUpdateCommand; what is added comes last. */
const commands = { modify: 1, delete: 2, add: 3 } as const;
/** virNetworkUpdateSection. */
export const Section = { DHCP_HOST: 4, DHCP_RANGE: 5, DNS_HOST: 10, DNS_TXT: 11, DNS_SRV: 12 } as const;
/** virNetworkUpdateFlags: the running network, the definition. */
export const Side = { LIVE: 1, CONFIG: 2 } as const;
/** The daemon takes command and section in the order of its own documentation (since libvirt 7.2; before, swapped). */
const CORRECT_ORDER = 16;

/** What changes while the network runs, and how. */
export const acts: Readonly<Record<LiveField, Act>> = {
  autostart: async ({ host }, net, step, signal) => {
    const on = step.act === "autostart" && step.on;
    await host.call("NETWORK_SET_AUTOSTART", { net, autostart: on ? 1 : 0 }, { signal });
  },
  "dhcp.hosts": updateOf(Section.DHCP_HOST),
  "dhcp.ranges": updateOf(Section.DHCP_RANGE),
  "dns.hosts": updateOf(Section.DNS_HOST),
  "dns.txts": updateOf(Section.DNS_TXT),
  "dns.srvs": updateOf(Section.DNS_SRV),
};

/** Puts an entry into a section of the running network, or takes it out; the definition is written on its own. */
function updateOf(section: number): Act {
  return async (place, net, step, signal) => {
    if (step.act !== "enter" && step.act !== "withdraw") return;
    const { parentIndex, xml } = step;
    const command = step.act === "enter" ? "add" : "delete";
    await updateEntry(place, net, { command, section, parentIndex, xml, flags: Side.LIVE }, signal);
  };
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

/** An entry field in the words of a message. */
export const entryNames: Readonly<Record<EntryField, string>> = {
  "dhcp.ranges": "DHCP range",
  "dhcp.hosts": "DHCP host",
  "dns.hosts": "DNS host",
  "dns.txts": "TXT record",
  "dns.srvs": "SRV record",
};
