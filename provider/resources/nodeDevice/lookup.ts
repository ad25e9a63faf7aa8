import { type Args, int, list, object, text, type XmlPair } from "../../fields";
import { Code, isLibvirt, type NodeDevice } from "../../rpc";
import { parseXml, readPath, type XmlElement } from "../../xml";
import { among, lookup, resultsIn } from "../lookup";
import type { Looking } from "../port";

/** Kinds of devices by their bit in virConnectListAllNodeDeviceFlags. */
const bits: Readonly<Record<string, number>> = {
  system: 0,
  pci: 1,
  usb_device: 2,
  usb: 3,
  net: 4,
  scsi_host: 5,
  scsi_target: 6,
  scsi: 7,
  storage: 8,
  fc_host: 9,
  vports: 10,
  scsi_generic: 11,
  drm: 12,
  mdev_types: 13,
  mdev: 14,
  ccw: 15,
  css: 16,
  vdpa: 17,
  ap_card: 18,
  ap_queue: 19,
  ap_matrix: 20,
  vpd: 21,
};

const device = {
  name: text({ required: true, xml: "name", doc: "libvirt's name of the device (`pci_0000_00_1f_2`)." }),
  capability: text({ xml: "capability/@type", doc: "Its kind: `pci`, `usb_device`, `net`, `storage`, ..." }),
  parent: text({ xml: "parent", doc: "The device that it hangs on." }),
  driver: text({ xml: "driver/name", doc: "The host's driver that holds it (`vfio-pci`)." }),
  address: text({
    xml: readBy(addressOf),
    doc: "Its place: `0000:00:1f.2` of a PCI device, `BUS:DEVICE` of a USB one, the MAC of a card.",
  }),
  vendor: text({ xml: name("capability/vendor"), doc: "Its maker's name." }),
  vendorId: text({ xml: "capability/vendor/@id", doc: "Its maker's number (`0x8086`)." }),
  product: text({ xml: name("capability/product"), doc: "Its name." }),
  productId: text({ xml: "capability/product/@id", doc: "Its number (`0x1572`)." }),
  interface: text({ xml: "capability/interface", doc: "The name of a network card (`eth0`)." }),
  path: text({ xml: "capability/block", doc: "The path of a disk (`/dev/sda`)." }),
  iommuGroup: int({ xml: "capability/iommuGroup/@number", doc: "A PCI device's IOMMU group: passed on as a whole." }),
  numaNode: int({ xml: "capability/numa/@node", doc: "The NUMA node that a PCI device is at." }),
};

/** Nothing here is ever written. */
function readBy(read: XmlPair["read"]): XmlPair {
  return { read, write: () => undefined };
}

/** libvirt writes an empty name where it knows a number alone. */
function name(path: string): XmlPair {
  return readBy((root) => {
    const text = readPath(root, path);
    return text === "" ? undefined : text;
  });
}

function addressOf(root: XmlElement): string | undefined {
  const at = (name: string): string => readPath(root, `capability/${name}`) ?? "0";
  const hex = (name: string, digits: number): string => Number(at(name)).toString(16).padStart(digits, "0");
  switch (readPath(root, "capability/@type")) {
    case "pci":
      return `${hex("domain", 4)}:${hex("bus", 2)}:${hex("slot", 2)}.${hex("function", 1)}`;
    case "usb_device":
      return `${at("bus")}:${at("device")}`;
    default:
      return readPath(root, "capability/address");
  }
}

/** Devices of the host. */
export const getNodeDevices = lookup({
  token: "getNodeDevices",
  doc: "The devices of the host, such as those that a machine may be given.",
  args: {
    capability: text({
      check: among(Object.keys(bits)),
      doc: "Only devices of this kind, such as `pci`, `net`; default all.",
    }),
  },
  results: {
    devices: list(object(device, { doc: "A device." }), { required: true, doc: "The devices, sorted by name." }),
  },
  look: async (from, { capability }) => {
    const bit = bits[capability ?? ""];
    const flags = bit === undefined ? 0 : 1 << bit;
    const asked = { need_results: 1, flags };
    const { devices } = await from.place.host.call("CONNECT_LIST_ALL_NODE_DEVICES", asked, { signal: from.signal });
    const found = await Promise.all(devices.map((one) => described(from, one)));
    return { devices: found.flatMap((one) => one ?? []).sort((a, b) => (a.name < b.name ? -1 : 1)) };
  },
});

/** A device; undefined where it went away since the list was made. */
async function described({ place, signal }: Looking, { name }: NodeDevice): Promise<Args<typeof device> | undefined> {
  try {
    const { xml } = await place.host.call("NODE_DEVICE_GET_XML_DESC", { name, flags: 0 }, { signal });
    return resultsIn(device, parseXml(xml));
  } catch (error) {
    if (isLibvirt(error, Code.NO_NODE_DEVICE)) return undefined;
    throw error;
  }
}
