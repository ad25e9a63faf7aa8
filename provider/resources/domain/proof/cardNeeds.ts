import { Code, isLibvirt } from "../../../rpc";
import { findAll, parseXml, readPath, type XmlElement } from "../../../xml";
import { isAway } from "../../place";
import { type Looking, Refusal } from "../../port";
import { saidBy } from "../../errors";

// virConnectListAllNodeDeviceFlags
const NET = 1 << 4;

/** Looks for what a definition's cards are plugged into, which no twin is; returns the properties that no one could tell of. */
export async function proveCards(from: Looking, name: string, definition: XmlElement): Promise<string[]> {
  const untold: string[] = [];
  for (const card of findAll(definition, "devices/interface")) {
    const path = `interfaces[${readPath(card, "mac/@address") ?? ""}]`;
    for (const [property, value, look] of needsOf(card)) {
      const lack = value === undefined ? undefined : await ifTold(look(from, value));
      if (lack === UNTOLD) untold.push(`${path}.${property}`);
      else if (lack !== undefined) {
        const what = `${path}.${property} "${String(value)}"`;
        throw new Refusal(
          `domain "${name}" was not stopped and not changed: this host cannot start its new definition with ${what}${lack}`,
        );
      }
    }
  }
  return untold;
}

/** Says what a host lacks, with libvirt's code; undefined: it has it. */
type Look = (from: Looking, value: string) => Promise<string | undefined>;

function needsOf(card: XmlElement): readonly (readonly [string, string | undefined, Look])[] {
  const type = card.attributes.get("type");
  return [
    ["network", type === "network" ? readPath(card, "source/@network") : undefined, lacksNetwork],
    ["bridge", type === "bridge" ? readPath(card, "source/@bridge") : undefined, lacksDevice],
    ["direct", type === "direct" ? readPath(card, "source/@dev") : undefined, lacksDevice],
    ["filterref.filter", readPath(card, "filterref/@filter"), lacksFilter],
  ];
}

async function lacksNetwork(from: Looking, name: string): Promise<string | undefined> {
  const { host } = from.place;
  try {
    const { net } = await host.call("NETWORK_LOOKUP_BY_NAME", { name });
    if ((await host.call("NETWORK_IS_ACTIVE", { net })).active === 0) return ": the network is not started";
    const root = parseXml((await host.call("NETWORK_GET_XML_DESC", { net, flags: 0 })).xml);
    const bridge = readPath(root, "forward/@mode") === "bridge" ? readPath(root, "bridge/@name") : undefined;
    const lack = bridge === undefined ? undefined : await lacksDevice(from, bridge);
    return lack === undefined ? undefined : `, whose bridge is "${String(bridge)}"${lack}`;
  } catch (error) {
    if (isLibvirt(error, Code.NO_NETWORK)) return saidBy(error);
    throw error;
  }
}

async function lacksFilter({ place: { host } }: Looking, name: string): Promise<string | undefined> {
  try {
    await host.call("NWFILTER_LOOKUP_BY_NAME", { name });
    return undefined;
  } catch (error) {
    if (isLibvirt(error, Code.NO_NWFILTER)) return saidBy(error);
    throw error;
  }
}

/** Two drivers must miss it: one may know configured devices alone, the other hears of new ones only where udev runs. */
async function lacksDevice({ place: { host } }: Looking, name: string): Promise<string | undefined> {
  try {
    await host.call("INTERFACE_LOOKUP_BY_NAME", { name });
    return undefined;
  } catch (error) {
    if (!isLibvirt(error, Code.NO_INTERFACE)) throw error;
    const { devices } = await host.call("CONNECT_LIST_ALL_NODE_DEVICES", { need_results: 1, flags: NET });
    const known = `net_${name.replace(/[^A-Za-z0-9]/g, "_")}_`;
    return devices.some((device) => device.name.startsWith(known)) ? undefined : saidBy(error);
  }
}

const UNTOLD = Symbol("no driver tells");

/** A host may have no driver for it, an account no right to ask. */
async function ifTold<T>(look: Promise<T>): Promise<T | typeof UNTOLD> {
  try {
    return await look;
  } catch (error) {
    if (isLibvirt(error, Code.NO_SUPPORT, Code.ACCESS_DENIED) || isAway(error)) return UNTOLD;
    throw error;
  }
}
