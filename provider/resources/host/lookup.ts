import { flag, grammar, int, list, mebibytes, object, text } from "../../fields";
import { lookup, resultsIn } from "../lookup";
import { lacksOf } from "./lacks";
import { type Devices, type Named, see } from "./observe";

const cpu = {
  model: text({ xml: "model", doc: "The model in libvirt's words; absent where the driver tells none." }),
  vendor: text({ xml: "vendor", doc: "The maker in libvirt's words." }),
};

const numaNode = {
  id: int({ required: true, xml: "@id", doc: "The node's number." }),
  memory: mebibytes({ xml: "memory", doc: "Its memory in MiB." }),
  cpus: list(int({ xml: "@id", doc: "A CPU." }), { xml: "cpus/cpu", doc: "The numbers of its CPUs." }),
};

/** What stands in libvirt's capabilities as it is told. */
const told = {
  cpu: object(cpu, { required: true, xml: "host/cpu", doc: "The model." }),
  numaNodes: list(object(numaNode, { doc: "A NUMA node." }), { xml: "host/topology/cells/cell", doc: "NUMA nodes." }),
};

const lack = {
  what: text({
    required: true,
    doc: "A word for programs: `changes`, `emulator`, `kvm`, `uefi`, `secureBoot`, `tpm`, `vnc`, `spice`, `networkDriver`, `storageDriver`, `network`, `pool`, `confinement` or `hugePages`.",
  }),
  why: text({ required: true, doc: "What is missing, in a sentence." }),
  remedy: text({ required: true, doc: "What gives it to the host." }),
};

const guests = {
  arch: text({ required: true, doc: "Their CPU architecture (`x86_64`)." }),
  domainTypes: list(text({ doc: "A type." }), { required: true, doc: "Domain types on offer: `kvm`, `qemu`, `lxc`." }),
  machines: list(text({ doc: "A machine type." }), { required: true, doc: "Machine types, aliases too (`q35`)." }),
  firmwares: list(text({ doc: "A firmware." }), { required: true, doc: "Firmware: `bios`, `efi`." }),
  secureBoot: flag({ required: true, doc: "Whether there is UEFI firmware with secure boot." }),
  tpm: flag({ required: true, doc: "Whether there is a TPM emulator." }),
  graphics: list(text({ doc: "A kind." }), { required: true, doc: "Kinds of screens: `vnc`, `spice`, ..." }),
};

const results = {
  hostname: text({ required: true, doc: "The host's name." }),
  uuid: text({
    required: true,
    doc: "The host's UUID in libvirt's words; without SMBIOS libvirt makes a new one at each start of its daemon.",
  }),
  driver: text({ required: true, doc: "libvirt's driver: `qemu`, `lxc`, `test`." }),
  libvirtVersion: text({ required: true, doc: "Version of libvirt (`9.0.0`)." }),
  hypervisorVersion: text({ doc: "Version of the hypervisor, such as QEMU's (`7.2.22`)." }),
  arch: text({ required: true, doc: "The host's CPU architecture (`x86_64`)." }),
  cpu: object(
    {
      ...cpu,
      count: int({ required: true, doc: "CPUs that are online." }),
      sockets: int({ required: true, doc: "Sockets in a NUMA node." }),
      cores: int({ required: true, doc: "Cores in a socket." }),
      threads: int({ required: true, doc: "Threads in a core." }),
    },
    { required: true, doc: "The host's CPUs." },
  ),
  memory: mebibytes({ required: true, doc: "All memory in MiB." }),
  freeMemory: mebibytes({ doc: "Memory that nothing uses now, in MiB; what caches hold is not in it." }),
  numaNodes: told.numaNodes,
  guests: object(guests, { required: true, doc: "What machines of the architecture asked about may have." }),
  networks: list(text({ doc: "A name." }), { required: true, doc: "Names of its libvirt networks." }),
  pools: list(text({ doc: "A name." }), { required: true, doc: "Names of its storage pools." }),
  lacks: list(object(lack, { doc: "Something that it cannot do." }), {
    required: true,
    doc: "What the host cannot do and what gives it to it, the gravest first, as far as it shows without changing anything.",
  }),
};

function namesOf(all: readonly Named[] = []): string[] {
  return all.map(({ name }) => name);
}

const NO_DEVICES: Devices = { firmwares: [], secureBoot: false, tpm: false, graphics: [] };

/** What a host is and can do. */
export const getHost = lookup({
  token: "getHost",
  doc: "What a host is, what its machines may have, and what it lacks.",
  args: {
    arch: text({
      check: grammar.objectName,
      doc: "The CPU architecture of machines that is asked about; default the host's own.",
    }),
  },
  results,
  look: async (from, { arch }) => {
    const seen = await see(from, arch);
    const { cpu, numaNodes } = resultsIn(told, seen.capabilities);
    const { cpus: count, sockets, cores, threads, memory } = seen.node;
    return {
      hostname: seen.hostname,
      uuid: seen.facts.uuid,
      driver: seen.driver,
      libvirtVersion: seen.versions.libvirt,
      hypervisorVersion: seen.versions.hypervisor,
      arch: seen.facts.arch,
      cpu: { ...cpu, count, sockets, cores, threads },
      memory: Math.floor(Number(memory) / 1024),
      freeMemory: seen.freeBytes === undefined ? undefined : Math.floor(Number(seen.freeBytes) / 1024 ** 2),
      numaNodes,
      guests: { ...seen.guests, ...(seen.devices ?? NO_DEVICES) },
      networks: namesOf(seen.networks),
      pools: namesOf(seen.pools),
      lacks: lacksOf(seen),
    };
  },
});
