import { deepEqual, type Failure, isRecord, itemsOf, printPath, UNKNOWN, type Values } from "../../../fields";
import { Code, isLibvirt } from "../../../rpc";
import { find, findAll, parseXml, readPath, type XmlElement } from "../../../xml";
import { type Looking, Refusal } from "../../port";
import { interfaceKey } from "./interfaces";

/** From this libvirt on a plain bridge takes VLAN tags (in its own count: a million for each major number). */
const BRIDGES_TAG = 11_000_000n;

/** What the table cannot say of a card's VLANs. */
export function checkVlans(inputs: Values): Failure[] {
  return itemsOf(inputs["interfaces"]).flatMap((card, index) => {
    const vlan = card["vlan"];
    if (!isRecord(vlan) || !Array.isArray(vlan["tags"])) return [];
    const fail = (name: readonly (string | number)[], reason: string): Failure[] => [
      { property: printPath(["interfaces", index, "vlan", ...name]), reason },
    ];
    if (card["user"] !== undefined) return fail([], "is not for `user` cards: QEMU's own network knows no VLANs");
    if (vlan["tags"].length === 0) return fail(["tags"], "needs at least one VLAN");
    const ids = itemsOf(vlan["tags"]).map(({ id }) => id);
    const twice = ids.findIndex((id, at) => id !== UNKNOWN && ids.indexOf(id) !== at);
    if (twice >= 0) return fail(["tags", twice, "id"], "stands twice");
    return vlan["tags"].length > 1 && vlan["trunk"] === undefined
      ? fail(["trunk"], "must be true where there is more than one tag")
      : [];
  });
}

/** A machine that libvirt would define and never start: refused while nothing was touched. */
export async function refuseVlans(
  from: Looking,
  name: string,
  wanted: Values,
  found: { readonly inactive: XmlElement; readonly values: Values } | undefined,
): Promise<void> {
  const former = itemsOf(found?.values["interfaces"]);
  const tagged = itemsOf(wanted["interfaces"]).filter((card) => {
    const before = former.find((one) => interfaceKey(one) === interfaceKey(card));
    return isRecord(card["vlan"]) && !deepEqual(before?.["vlan"], card["vlan"]);
  });
  if (tagged.length === 0) return;
  const { lib_ver } = await from.place.host.call("CONNECT_GET_LIB_VERSION", {});
  if (lib_ver >= BRIDGES_TAG) return;
  for (const card of tagged) {
    const node = found && findAll(found.inactive, "devices/interface").find((one) => isSame(one, card));
    const place = await plainPlace(from, card, node);
    if (place === undefined) continue;
    throw new Refusal(
      `domain "${name}": vlan of interface ${String(card["mac"])} needs Open vSwitch, or libvirt 11 or later on the host: it is on ` +
        `${place}. Plug it into a network whose virtualPort is openvswitch, or take the vlan out; nothing was touched`,
    );
  }
}

function isSame(node: XmlElement, card: Values): boolean {
  return readPath(node, "mac/@address")?.toLowerCase() === interfaceKey(card);
}

/** Where a card is plugged, if it is certain that no VLAN can be there. */
async function plainPlace(from: Looking, card: Values, node: XmlElement | undefined): Promise<string | undefined> {
  // Neither is a property: who has it wrote it by other means.
  if (node && (find(node, "virtualport") || readPath(node, "source/@mode") === "passthrough")) return undefined;
  if (typeof card["direct"] === "string") return `macvtap on ${card["direct"]}`;
  if (typeof card["bridge"] === "string") return `the plain bridge ${card["bridge"]}`;
  const network = card["network"];
  if (typeof network !== "string") return undefined;
  try {
    const { net } = await from.place.host.call("NETWORK_LOOKUP_BY_NAME", { name: network });
    const { xml } = await from.place.host.call("NETWORK_GET_XML_DESC", { net, flags: 0 });
    const root = parseXml(xml);
    const mode = readPath(root, "forward/@mode");
    const able = find(root, "virtualport") || find(root, "portgroup") || mode === "passthrough" || mode === "hostdev";
    return able ? undefined : `the network ${network}, which has a plain bridge`;
  } catch (error) {
    // The start says so in words of its own.
    if (isLibvirt(error, Code.NO_NETWORK)) return undefined;
    throw error;
  }
}
