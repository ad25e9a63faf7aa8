import type { Network } from "../../rpc";
import type { Place } from "../place";
import type { LiveField } from "./fields";
import type { EntryField, Step } from "./plan";

type Act = (place: Place, net: Network, step: Step, signal: AbortSignal) => Promise<void>;

// virNetworkUpdateCommand, virNetworkUpdateSection, virNetworkUpdateFlags.
const DELETE = 2;
const ADD_LAST = 3;
const LIVE = 1;
/** The daemon takes command and section in the order of its own documentation (since libvirt 7.2; before, swapped). */
const CORRECT_ORDER = 16;

/** What changes while the network runs, and how. */
export const acts: Readonly<Record<LiveField, Act>> = {
  autostart: async ({ host }, net, step, signal) => {
    const on = step.act === "autostart" && step.on;
    await host.call("NETWORK_SET_AUTOSTART", { net, autostart: on ? 1 : 0 }, { signal });
  },
  "dhcp.hosts": updateOf(4),
  "dhcp.ranges": updateOf(5),
  "dns.hosts": updateOf(10),
  "dns.txts": updateOf(11),
  "dns.srvs": updateOf(12),
};

/** Puts an entry into a section of the running network, or takes it out; the definition is written on its own. */
function updateOf(section: number): Act {
  return async ({ host }, net, step, signal) => {
    if (step.act !== "enter" && step.act !== "withdraw") return;
    const command = step.act === "enter" ? ADD_LAST : DELETE;
    const { supported } = await host.call("CONNECT_SUPPORTS_FEATURE", { feature: CORRECT_ORDER }, { signal });
    const order = supported === 1 ? { command, section } : { command: section, section: command };
    const { parentIndex, xml } = step;
    await host.call("NETWORK_UPDATE", { net, ...order, parentIndex, xml, flags: LIVE }, { signal });
  };
}

/** An entry field in the words of a message. */
export const entryNames: Readonly<Record<EntryField, string>> = {
  "dhcp.ranges": "DHCP range",
  "dhcp.hosts": "DHCP host",
  "dns.hosts": "DNS host",
  "dns.txts": "TXT record",
  "dns.srvs": "SRV record",
};
