import { type Args, flag, grammar, int, list, map, mebibytes, object, text } from "../../fields";
import { Code, type Domain, isLibvirt } from "../../rpc";
import { findAll, parseXml } from "../../xml";
import type { Explained } from "../errors";
import { among, lookup, missing, resultsIn } from "../lookup";
import { readMark } from "../mark";
import type { Looking } from "../port";
import { memoryShown } from "./parts/memoryDevices";
import { metadataXml } from "./parts/metadata";
import { macsOf, observe, type Power, powerOf } from "./observe";
import { pendingOf } from "./pending";
import { DomainXml } from "./flags";

const states: readonly Power[] = ["running", "paused", "stopped", "crashed", "suspended"];

const disk = {
  target: text({ required: true, xml: "target/@dev", doc: "The disk's name (`vda`)." }),
  bus: text({ xml: "target/@bus", doc: "How the guest sees it." }),
  device: text({ xml: "@device", doc: "What it is to the guest: `disk`, `cdrom`, ..." }),
  format: text({ xml: "driver/@type", doc: "The image's format." }),
  file: text({ xml: "source/@file", doc: "Its image: a path on the host." }),
  block: text({ xml: "source/@dev", doc: "Its block device: a path on the host." }),
};

const card = {
  mac: text({ required: true, xml: "mac/@address", doc: "The card's MAC." }),
  network: text({ xml: "source/@network", doc: "The libvirt network that it is on." }),
  bridge: text({ xml: "source/@bridge", doc: "The bridge of the host that it is on." }),
  device: text({ xml: "target/@dev", doc: "Its end on the host (`vnet0`), while the machine runs." }),
  model: text({ xml: "model/@type", doc: "The card that the guest sees." }),
};

const described = {
  title: text({ xml: "title", doc: "A short line for people." }),
  metadata: map({ xml: metadataXml, doc: "Texts that a program keeps with it, by key." }),
  memory: mebibytes({ required: true, xml: "memory", doc: "Most memory that it may use, in MiB." }),
  vcpus: int({ required: true, xml: "vcpu", doc: "Most CPUs that it may use." }),
};

const describedWhole = {
  ...described,
  description: text({ xml: "description", multiline: true, doc: "Text for people." }),
  currentMemory: mebibytes({ xml: "currentMemory", doc: "Memory given now, in MiB." }),
};

/** Which machine it is and how it stands. */
const known = {
  id: text({ required: true, doc: "Its UUID, for `Domain.get`." }),
  uuid: text({ required: true, doc: "Its UUID." }),
  name: text({ required: true, doc: "Its name on the host." }),
  state: text({
    required: true,
    doc: "`running`, `paused`, `stopped`, `crashed`, or `suspended` by its guest.",
  }),
  owner: text({ doc: "Whose it is, where a Pulumi program made it: `organization/project/stack::type::name`." }),
};

/** One machine. */
export const getDomain = lookup({
  token: "getDomain",
  doc: "A machine of the host, whoever made it.",
  args: {
    name: text({ check: grammar.printable, doc: "Its name on the host." }),
    uuid: text({ check: grammar.uuidText, doc: "Its UUID." }),
  },
  ways: [["name"], ["uuid"]],
  results: {
    ...known,
    ...describedWhole,
    autostart: flag({ required: true, doc: "Started with the host." }),
    persistent: flag({ required: true, doc: "False: it is gone when it stops." }),
    disks: list(object(disk, { doc: "A disk or drive." }), { required: true, doc: "Disks and drives." }),
    interfaces: list(object(card, { doc: "A network card." }), { required: true, doc: "Network cards." }),
    memoryDevices: list(object(memoryShown, { doc: "A memory device." }), {
      required: true,
      doc: "Memory beside that of its start: DIMMs and the like.",
    }),
    macs: list(text({ doc: "A MAC." }), { required: true, doc: "MAC addresses of the cards." }),
    addresses: list(text({ doc: "An address." }), {
      required: true,
      doc: "IP addresses that are known now, by lease, guest agent or ARP table; nothing is waited for.",
    }),
    restartPending: list(text({ doc: "A property path." }), {
      required: true,
      doc: "Properties that a program changed and that wait for a power cycle.",
    }),
  },
  look: async (from, { name, uuid }) => {
    const how = uuid === undefined ? `named "${name ?? ""}"` : `with UUID ${uuid}`;
    const found = await observe(from, uuid ?? (await uuidOf(from, name ?? "", how)), {});
    if (!found) throw gone(from, how);
    const shown = found.live ?? found.inactive;
    return {
      ...resultsIn(describedWhole, shown),
      id: found.id,
      uuid: found.id,
      name: found.name,
      state: found.power,
      owner: found.mark?.owner,
      autostart: found.values["autostart"] === true,
      persistent: found.persistent,
      disks: findAll(shown, "devices/disk").map((node) => resultsIn(disk, node)),
      interfaces: findAll(shown, "devices/interface").map((node) => resultsIn(card, node)),
      memoryDevices: findAll(shown, "devices/memory").map((node) => resultsIn(memoryShown, node)),
      macs: macsOf(found.values),
      addresses: found.addresses,
      restartPending: pendingOf(found),
    };
  },
});

async function uuidOf(from: Looking, name: string, how: string): Promise<string> {
  try {
    return (await from.place.host.call("DOMAIN_LOOKUP_BY_NAME", { name }, { signal: from.signal })).dom.uuid;
  } catch (error) {
    if (isLibvirt(error, Code.NO_DOMAIN)) throw gone(from, how);
    throw error;
  }
}

function gone(from: Looking, how: string): Explained {
  return missing(from, { noun: "domain", how, code: Code.NO_DOMAIN, next: "look at what `getDomains` lists" });
}

const machine = { ...known, ...described };

/** All machines, in short. */
export const getDomains = lookup({
  token: "getDomains",
  doc: "The machines of the host, whoever made them, in short and by name.",
  args: { state: text({ check: among(states), doc: "Only those in this state; default all." }) },
  results: {
    domains: list(object(machine, { doc: "A machine." }), { required: true, doc: "The machines, sorted by name." }),
  },
  look: async (from, { state }) => {
    const { host } = from.place;
    const { domains } = await host.call(
      "CONNECT_LIST_ALL_DOMAINS",
      { need_results: 1, flags: 0 },
      { signal: from.signal },
    );
    const found = await Promise.all(domains.map((dom) => inShort(from, dom)));
    const wanted = found.flatMap((one) => (one && (state === undefined || one.state === state) ? [one] : []));
    return { domains: wanted.sort((a, b) => (a.name < b.name ? -1 : 1)) };
  },
});

/** A machine in short; undefined where it went away since the list was made. */
async function inShort({ place, signal }: Looking, dom: Domain): Promise<Args<typeof machine> | undefined> {
  try {
    const [{ state }, { xml }] = await Promise.all([
      place.host.call("DOMAIN_GET_STATE", { dom, flags: 0 }, { signal }),
      place.host.call("DOMAIN_GET_XML_DESC", { dom, flags: DomainXml.INACTIVE }, { signal }),
    ]);
    const root = parseXml(xml);
    const { name, uuid } = dom;
    const owner = readMark(root)?.owner;
    return { ...resultsIn(described, root), id: uuid, uuid, name, state: powerOf(state), owner };
  } catch (error) {
    if (isLibvirt(error, Code.NO_DOMAIN)) return undefined;
    throw error;
  }
}
