import { isIPv4 } from "node:net";
import {
  flag,
  grammar,
  int,
  isRecord,
  list,
  object,
  type Situation,
  text,
  type Values,
  type XmlPair,
} from "../../../fields";
import { readPath, writePath, type XmlElement } from "../../../xml";
import { trunkXml } from "../../network/xml";

/** A running guest's card on a network of the host's own bridge or device is of their type, and names the network still. */
export function typeOf(card: XmlElement): string | undefined {
  return readPath(card, "source/@network") === undefined ? card.attributes.get("type") : "network";
}

/** A source of one kind: `<interface type='network'><source network='...'/>`. */
function source(type: "network" | "bridge"): XmlPair {
  return {
    read: (card) => (typeOf(card) === type ? readPath(card, `source/@${type}`) : undefined),
    write: (card, value) => {
      if (value === undefined) {
        if (card.attributes.get("type") === type) writePath(card, `source/@${type}`, undefined);
        return;
      }
      if (card.attributes.get("type") !== type) writePath(card, "source", undefined);
      card.attributes.set("type", type);
      writePath(card, `source/@${type}`, value as string);
    },
  };
}

/** macvtap straight on a device of the host. */
const direct: XmlPair = {
  read: (card) => (typeOf(card) === "direct" ? readPath(card, "source/@dev") : undefined),
  write: (card, value) => {
    if (value === undefined) {
      if (card.attributes.get("type") === "direct") writePath(card, "source", undefined);
      return;
    }
    if (card.attributes.get("type") !== "direct") writePath(card, "source", undefined);
    card.attributes.set("type", "direct");
    writePath(card, "source/@dev", value as string);
    if (readPath(card, "source/@mode") === undefined) writePath(card, "source/@mode", "bridge");
  },
};

const ipv4Network = (value: string): string | undefined => {
  const [address = "", prefix = "", ...rest] = value.split("/");
  const fits =
    isIPv4(address) && rest.length === 0 && /^\d+$/.test(prefix) && Number(prefix) >= 8 && Number(prefix) <= 30;
  return fits ? undefined : 'must be a network such as "10.0.3.0/24"';
};

const IPV4 = "ip[@family='ipv4']";

/** QEMU's own network behind one card: the guest reaches out, nobody reaches in. */
const user: XmlPair = {
  read: (card) => {
    if (card.attributes.get("type") !== "user") return undefined;
    const [address, prefix] = [readPath(card, `${IPV4}/@address`), readPath(card, `${IPV4}/@prefix`)];
    return address === undefined || prefix === undefined ? {} : { address: `${address}/${prefix}` };
  },
  write: (card, value) => {
    if (value === undefined) {
      if (card.attributes.get("type") === "user") writePath(card, IPV4, undefined);
      return;
    }
    writePath(card, "source", undefined);
    card.attributes.set("type", "user");
    const given = isRecord(value) ? value["address"] : undefined;
    const [address, prefix] = typeof given === "string" ? given.split("/") : [];
    writePath(card, IPV4, undefined);
    if (address === undefined || prefix === undefined) return;
    writePath(card, `${IPV4}/@address`, address);
    writePath(card, `${IPV4}/@prefix`, prefix);
  },
};

/** What a card may be plugged into. */
export const cardSources = ["network", "bridge", "direct", "user"] as const;

/** libvirt moves the tap of a card from one plain bridge to another; any other source is another device of the host. */
function sourceChange(_before: unknown, _after: unknown, at: Situation): "live" | "restart" {
  const { found = {}, wanted = {} } = at.item ?? {};
  const { mac } = found;
  const hangs = at.live ? typeof mac === "string" && at.bridgedCards?.has(mac.toLowerCase()) : goesOnBridge(found, at);
  return hangs && goesOnBridge(wanted, at) ? "live" : "restart";
}

function goesOnBridge({ network, bridge }: Values, { bridgelessNetworks }: Situation): boolean {
  return bridge !== undefined || (network !== undefined && !bridgelessNetworks?.has(network as string)); // the table's text
}

/** Tags have no order. */
function sameTags(wanted: readonly Values[], found: readonly Values[]): boolean {
  const fits = (tag: Values): boolean =>
    found.some(
      (one) => one["id"] === tag["id"] && (tag["nativeMode"] === undefined || one["nativeMode"] === tag["nativeMode"]),
    );
  return wanted.length === found.length && wanted.every(fits);
}

/** A user alias names a device for ever; libvirt keeps only aliases that begin with `ua-`. */
export const alias: XmlPair = {
  read: (device) => /^ua-(.+)$/.exec(readPath(device, "alias/@name") ?? "")?.[1],
  write: (device, value) => {
    writePath(device, "alias/@name", value === undefined ? undefined : `ua-${value as string}`);
  },
};

/** Says what is wrong with a device's own name, or nothing. */
export function aliasText(value: string): string | undefined {
  return /^[A-Za-z0-9_-]{1,60}$/.test(value) ? undefined : "must be 1 to 60 letters, digits, '_' or '-'";
}

const rate = (way: "inbound" | "outbound", doc: string) =>
  object(
    {
      average: int({ xml: "@average", required: true, min: 1, change: "live", doc: "Average rate, in KiB a second." }),
      peak: int({ xml: "@peak", min: 1, change: "live", doc: "Highest rate, in KiB a second." }),
      burst: int({ xml: "@burst", min: 1, change: "live", doc: "KiB that may go at the peak rate." }),
    },
    { xml: way, change: "live", doc },
  );

/** A network card of a machine. https://libvirt.org/formatdomain.html#network-interfaces */
export const networkInterface = {
  network: text({
    xml: source("network"),
    change: sourceChange,
    check: grammar.printable,
    doc: "The name of a libvirt network (a Network's `name`).",
  }),
  bridge: text({
    xml: source("bridge"),
    change: sourceChange,
    check: grammar.interfaceName,
    doc: "The name of a bridge of the host.",
  }),
  direct: text({
    xml: direct,
    change: sourceChange,
    check: grammar.interfaceName,
    doc: "A device of the host to which the card is joined by macvtap, in bridge mode.",
  }),
  user: object(
    {
      address: text({
        change: sourceChange,
        check: ipv4Network,
        doc: "The guest's network, such as `10.0.3.0/24`; default QEMU's `10.0.2.0/24`.",
      }),
    },
    {
      xml: user,
      change: sourceChange,
      doc: "QEMU's own network, without rights on the host: the guest reaches out, nobody reaches in. In a session the default of a card that names nothing.",
    },
  ),
  mac: text({
    xml: "mac/@address",
    change: "live",
    check: grammar.macAddress,
    same: (wanted: string, found: string) => wanted.toLowerCase() === found.toLowerCase(),
    doc: "The card's MAC and identity; default one made from the machine's UUID and the card's `name`, the same for ever.",
  }),
  name: text({
    xml: alias,
    change: "restart",
    check: aliasText,
    doc: "The card's own name, an identity where no `mac` is given; required then with more than one card.",
  }),
  model: text({
    xml: "model/@type",
    default: "virtio",
    change: "restart",
    check: grammar.objectName,
    doc: "The card that the guest sees; default `virtio`.",
  }),
  link: object(
    { state: text({ xml: "@state", values: ["up", "down"], change: "live", doc: "Whether the cable is plugged." }) },
    { xml: "link", change: "live", doc: "The card's cable; absent: plugged." },
  ),
  bandwidth: object(
    {
      inbound: rate("inbound", "What the guest receives."),
      outbound: rate("outbound", "What the guest sends."),
    },
    { xml: "bandwidth", change: "live", doc: "Limits of the card's traffic; not for `user` cards." },
  ),
  filterref: object(
    {
      filter: text({
        xml: "@filter",
        required: true,
        change: "live",
        check: grammar.objectName,
        doc: "The name of a network filter of the host, such as `clean-traffic`.",
      }),
    },
    { xml: "filterref", change: "live", doc: "The network filter that the card's traffic goes through." },
  ),
  port: object(
    {
      isolated: flag({
        xml: "@isolated",
        change: "live",
        doc: "The card reaches no other isolated card on the same bridge.",
      }),
    },
    { xml: "port", change: "live", doc: "The card's port on the bridge." },
  ),
  vlan: object(
    {
      trunk: flag({ xml: trunkXml, change: "live", doc: "Carry all of the tags; needed for more than one." }),
      tags: list(
        object(
          {
            id: int({ required: true, xml: "@id", min: 1, max: 4094, change: "live", doc: "The VLAN's number." }),
            nativeMode: text({
              xml: "@nativeMode",
              values: ["tagged", "untagged"],
              change: "live",
              doc: "How the native VLAN is sent.",
            }),
          },
          { doc: "A VLAN." },
        ),
        {
          required: true,
          xml: "tag",
          // Not a list with keys: a card is the identity of all that it has.
          same: sameTags,
          most: 4094,
          change: "live",
          doc: "The VLANs.",
        },
      ),
    },
    {
      xml: "vlan",
      change: "live",
      doc: "VLAN tags of the guest's packets: on Open vSwitch (a network with that `virtualPort`), and from libvirt 11 on any bridge.",
    },
  ),
  mtu: object(
    { size: int({ xml: "@size", min: 68, max: 65535, change: "restart", doc: "Bytes." }) },
    { xml: "mtu", change: "restart", doc: "Largest packet; absent: the network's." },
  ),
  bootOrder: int({ xml: "boot/@order", min: 1, max: 99, change: "restart", doc: "Place in the boot order, 1 first." }),
} as const;

/** A card is its MAC, else its own name; one without either is the only one, and gets a MAC before it is compared. */
export function interfaceKey(item: Values): string | undefined {
  if (typeof item["mac"] === "string") return item["mac"].toLowerCase();
  return typeof item["name"] === "string" ? item["name"] : undefined;
}
