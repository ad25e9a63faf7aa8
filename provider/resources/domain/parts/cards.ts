import { itemsOf, type Values } from "../../../fields";
import { Code, isLibvirt } from "../../../rpc";
import { find, findAll, parseXml, readPath, type XmlElement } from "../../../xml";
import { isForbidden } from "../../errors";
import type { Looking } from "../../port";
import { interfaceKey } from "./interfaces";

/** Where the cards of a running guest hang, and where they could. */
export interface Cabling {
  /** MACs of the cards on a plain bridge, in small letters. */
  readonly bridgedCards: ReadonlySet<string>;
  /** Networks without a plain bridge, as far as known. */
  readonly bridgelessNetworks: ReadonlySet<string>;
}

/** Looks at a guest's cards; a network to which one of them is to be moved is asked for, where no card tells of it. */
export async function cablingOf(from: Looking, live: XmlElement, wanted: Values): Promise<Cabling> {
  const cards = findAll(live, "devices/interface");
  const [bridged, others] = [cards.filter(onBridge), cards.filter((card) => !onBridge(card))];
  const bridgedCards = new Set(bridged.map((card) => (readPath(card, "mac/@address") ?? "").toLowerCase()));
  const known = new Set(networksOf(bridged));
  const bridgeless = new Set(networksOf(others));
  const asked = itemsOf(wanted["interfaces"]).flatMap((card) => {
    const { network } = card;
    const told = typeof network !== "string" || known.has(network) || bridgeless.has(network);
    return told || !bridgedCards.has(interfaceKey(card) ?? "") ? [] : [network];
  });
  const answers = await Promise.all(asked.map(async (name) => ((await isBridgeless(from, name)) ? [name] : [])));
  return { bridgedCards, bridgelessNetworks: new Set([...bridgeless, ...answers.flat()]) };
}

/** The live definition has the type that the card really got; Open vSwitch is known by its port's profile. */
function onBridge(card: XmlElement): boolean {
  const type = card.attributes.get("type");
  return (type === "network" || type === "bridge") && find(card, "virtualport") === undefined;
}

function networksOf(cards: readonly XmlElement[]): string[] {
  return cards.flatMap((card) => readPath(card, "source/@network") ?? []);
}

async function isBridgeless({ place }: Looking, name: string): Promise<boolean> {
  try {
    const { net } = await place.host.call("NETWORK_LOOKUP_BY_NAME", { name });
    const root = parseXml((await place.host.call("NETWORK_GET_XML_DESC", { net, flags: 0 })).xml);
    return find(root, "virtualport") !== undefined || find(root, "bridge") === undefined;
  } catch (error) {
    // One that comes with the same up is not there yet.
    if (isForbidden(error) || isLibvirt(error, Code.NO_NETWORK, Code.NO_SUPPORT)) return false;
    throw error;
  }
}
