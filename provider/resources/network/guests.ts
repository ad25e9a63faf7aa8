import { Code, type Domain, isLibvirt, type Network } from "../../rpc";
import {
  element,
  cloneXml,
  find,
  findAll,
  parseXml,
  printXml,
  readPath,
  removeChild,
  type XmlElement,
} from "../../xml";
import { doing, explain } from "../errors";
import type { Request } from "../port";

/** A running machine's card that hangs on a network. */
export interface Attached {
  readonly dom: Domain;
  readonly card: XmlElement;
}

/** What a card must name to hang on the network. */
export interface Wire {
  readonly name: string;
  readonly bridge: string | undefined;
}

const ACTIVE = 1;
const LIVE = 1;

/**
 * Where the cards of a network go for a moment, to be plugged in again. Its names are made of the network's UUID: cards that a
 * run left there when it died are known by them.
 */
function away(uuid: string): { readonly name: string; readonly bridge: string } {
  const digits = uuid.replaceAll("-", "").slice(0, 11);
  return { name: `kvm-replug-${digits}`, bridge: `kvm-${digits}` };
}

/** The cards of this driver's running machines that hang on a network, by its name or by its bridge. */
export async function attachedTo({ place, signal }: Request, uuid: string, wire: Wire): Promise<Attached[]> {
  const { domains } = await place.host.call("CONNECT_LIST_ALL_DOMAINS", { need_results: 1, flags: ACTIVE }, { signal });
  const cards = await Promise.all(
    domains.map(async (dom) => {
      const root = await liveXml(place, dom, signal);
      return root
        ? findAll(root, "devices/interface")
            .filter((card) => hangsOn(card, wire) || hangsOn(card, away(uuid)))
            .map((card) => ({ dom, card }))
        : [];
    }),
  );
  return cards.flat();
}

async function liveXml(place: Request["place"], dom: Domain, signal?: AbortSignal): Promise<XmlElement | undefined> {
  try {
    const options = signal ? { signal } : {};
    return parseXml((await place.host.call("DOMAIN_GET_XML_DESC", { dom, flags: 0 }, options)).xml);
  } catch (error) {
    // It ended since the list was made.
    if (isLibvirt(error, Code.NO_DOMAIN)) return undefined;
    throw error;
  }
}

/**
 * A card on a network of the host's own bridge says `bridge` while it runs, and names the network too. One on an uplink of its
 * own (macvtap) does not hang on the network: it stays plugged in while that is stopped.
 */
function hangsOn(card: XmlElement, { name, bridge }: Wire): boolean {
  const type = card.attributes.get("type");
  const network = readPath(card, "source/@network");
  if (network !== undefined) return (type === "network" || type === "bridge") && network === name;
  return type === "bridge" && bridge !== undefined && readPath(card, "source/@bridge") === bridge;
}

/** The machines' names, each once, for messages. */
export function namesOf(attached: readonly Attached[]): string {
  return [...new Set(attached.map(({ dom }) => `"${dom.name}"`))].sort().join(", ");
}

/**
 * Plugs cards in again after their network was stopped and started: libvirt answers success to an update with the same
 * words and leaves the tap unplugged, so each card goes to another network for a moment and back. Not bound to the
 * caller's signal: the guests are without their network meanwhile, and what was made for a moment must go. Returns what
 * stays unplugged and why, a sentence for each card; all others are plugged in.
 */
export async function replug(
  { place }: Request,
  uuid: string,
  attached: readonly Attached[],
  home: Wire,
): Promise<readonly string[]> {
  const aside = away(uuid);
  const net = await doing("start a network for a moment, to plug cards in again", () => started(place, aside));
  const failed: string[] = [];
  try {
    for (const one of attached) failed.push(...(await replugOne(place, one, home, aside)));
  } finally {
    await place.host.call("NETWORK_DESTROY", { net });
  }
  return failed;
}

/** The network aside; a run that died may have left it. */
async function started({ host }: Request["place"], { name, bridge }: ReturnType<typeof away>): Promise<Network> {
  const { nets } = await host.call("CONNECT_LIST_ALL_NETWORKS", { need_results: 1, flags: 0 });
  const left = nets.find((one) => one.name === name);
  if (left) return left;
  const xml = `<network><name>${name}</name><bridge name='${bridge}'/></network>`;
  return (await host.call("NETWORK_CREATE_XML", { xml })).net;
}

async function replugOne(
  place: Request["place"],
  { dom, card }: Attached,
  home: Wire,
  aside: Wire,
): Promise<readonly string[]> {
  const mac = readPath(card, "mac/@address") ?? "?";
  const what = `domain "${dom.name}": plug its card ${mac} into network "${home.name}" again`;
  const next = `it stays unplugged: run up again, or power the machine off and start it`;
  for (const wire of [aside, home]) {
    try {
      await place.host.call("DOMAIN_UPDATE_DEVICE_FLAGS", { dom, xml: printXml(pluggedInto(card, wire)), flags: LIVE });
    } catch (error) {
      if (isLibvirt(error, Code.NO_DOMAIN)) return [];
      if (!isLibvirt(error)) throw error;
      return [`${explain(what, error).message}; ${next}`];
    }
    const root = await liveXml(place, dom);
    if (!root) return [];
    const now = findAll(root, "devices/interface").find((one) => readPath(one, "mac/@address") === mac);
    // It was taken out meanwhile.
    if (!now) return [];
    if (!isPluggedInto(now, wire)) return [`${what}: libvirt accepted it, but does not show it; ${next}`];
  }
  return [];
}

/** What libvirt says of a card after it was moved: before, it says the same of one that hangs in the air. */
function isPluggedInto(card: XmlElement, wire: Wire): boolean {
  return hangsOn(card, wire) && (wire.bridge === undefined || readPath(card, "source/@bridge") === wire.bridge);
}

/** The card as it is to be; port, bridge and type of the former plug into a network are libvirt's to choose again. */
function pluggedInto(card: XmlElement, wire: Wire): XmlElement {
  const copy = cloneXml(card);
  const source = find(copy, "source");
  const onNetwork = source?.attributes.has("network") === true;
  if (source) removeChild(copy, source);
  copy.attributes.set("type", onNetwork ? "network" : "bridge");
  copy.children.push(element("source", onNetwork ? { network: wire.name } : { bridge: wire.bridge ?? "" }));
  return copy;
}
