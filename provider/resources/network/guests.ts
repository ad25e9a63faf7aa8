import { Code, type Domain, isLibvirt } from "../../rpc";
import { cloneXml, findAll, parseXml, printXml, readPath, writePath, type XmlElement } from "../../xml";
import { doing } from "../errors";
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

/** The cards of this driver's running machines that hang on a network, by its name or by its bridge. */
export async function attachedTo({ place, signal }: Request, wire: Wire): Promise<Attached[]> {
  const { domains } = await place.host.call("CONNECT_LIST_ALL_DOMAINS", { need_results: 1, flags: ACTIVE }, { signal });
  const cards = await Promise.all(
    domains.map(async (dom) => {
      const root = await liveXml(place, dom, signal);
      return root
        ? findAll(root, "devices/interface")
            .filter((card) => hangsOn(card, wire))
            .map((card) => ({ dom, card }))
        : [];
    }),
  );
  return cards.flat();
}

async function liveXml(place: Request["place"], dom: Domain, signal: AbortSignal): Promise<XmlElement | undefined> {
  try {
    return parseXml((await place.host.call("DOMAIN_GET_XML_DESC", { dom, flags: 0 }, { signal })).xml);
  } catch (error) {
    // It ended since the list was made.
    if (isLibvirt(error, Code.NO_DOMAIN)) return undefined;
    throw error;
  }
}

function hangsOn(card: XmlElement, { name, bridge }: Wire): boolean {
  const type = card.attributes.get("type");
  if (type === "network") return readPath(card, "source/@network") === name;
  return type === "bridge" && bridge !== undefined && readPath(card, "source/@bridge") === bridge;
}

/** The machines' names, each once, for messages. */
export function namesOf(attached: readonly Attached[]): string {
  return [...new Set(attached.map(({ dom }) => `"${dom.name}"`))].sort().join(", ");
}

/**
 * Plugs cards in again after their network was stopped and started: libvirt answers success to an update with the same
 * words and leaves the tap unplugged, so each card goes to another network for a moment and back. Not bound to the
 * caller's signal: no later run would know of the cards, and what was made for a moment must go.
 */
export async function replug(request: Request, attached: readonly Attached[], wire: Wire): Promise<void> {
  const { place } = request;
  const xml = `<network><name>kvm-replug-${Date.now().toString(36)}</name></network>`;
  const { net } = await doing("start a network for a moment, to plug cards in again", () =>
    place.host.call("NETWORK_CREATE_XML", { xml }),
  );
  try {
    const { name: bridge } = await place.host.call("NETWORK_GET_BRIDGE_NAME", { net });
    for (const one of attached) await replugOne(request, one, wire, { name: net.name, bridge });
  } finally {
    await place.host.call("NETWORK_DESTROY", { net });
  }
}

async function replugOne(request: Request, { dom, card }: Attached, home: Wire, away: Wire): Promise<void> {
  const { place } = request;
  const mac = readPath(card, "mac/@address") ?? "?";
  for (const wire of [away, home]) {
    try {
      await place.host.call("DOMAIN_UPDATE_DEVICE_FLAGS", { dom, xml: printXml(pluggedInto(card, wire)), flags: LIVE });
    } catch (error) {
      if (isLibvirt(error, Code.NO_DOMAIN)) return;
      if (!isLibvirt(error)) throw error;
      request.warn(
        `domain "${dom.name}": its card ${mac} stays unplugged from network "${home.name}" until its next power cycle: ` +
          `libvirt refused to plug it in again (${error.code}): ${error.message}`,
      );
      return;
    }
  }
}

function pluggedInto(card: XmlElement, wire: Wire): XmlElement {
  const copy = cloneXml(card);
  if (copy.attributes.get("type") === "network") {
    // The port and the bridge of the former plug are libvirt's to choose again.
    for (const name of ["portid", "bridge"]) writePath(copy, `source/@${name}`, undefined);
    writePath(copy, "source/@network", wire.name);
  } else writePath(copy, "source/@bridge", wire.bridge);
  return copy;
}
