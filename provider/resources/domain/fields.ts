import { flag, grammar, int, list, mebibytes, object, seconds, type Situation, text } from "../../fields";
import { clock, cpu, cputune, lifecycle, os } from "./parts/board";
import { onlineChange, onlineCount } from "./parts/cpus";
import { disk, diskChange, diskKey, diskSources, isSeed } from "./parts/disks";
import { graphics } from "./parts/graphics";
import { interfaceKey, networkInterface, cardSources } from "./parts/interfaces";
import { blkiotune, memtune, numatune } from "./parts/limits";
import { maxMemory, ownCurrentMemory, ownMemory } from "./parts/memory";
import { isMemoryDevice, memoryDevice, memoryDeviceChange, memoryDeviceKey } from "./parts/memoryDevices";
import { metadata } from "./parts/metadata";
import { perf } from "./parts/perf";
import { threads, threadsChange } from "./parts/threads";

function balloonChange(_before: unknown, after: unknown, at: Situation): "live" | "restart" {
  const most = at.live?.["memory"];
  return typeof after === "number" && typeof most === "number" && after <= most ? "live" : "restart";
}

/** No CD drive is plugged into a guest that runs; one that is there takes another medium. */
function seedChange(before: unknown, _after: unknown, at: Situation): "live" | "restart" {
  return before === undefined && at.live !== undefined ? "restart" : "live";
}

function cardChange(_before: unknown, after: unknown, at: Situation): "live" | "restart" {
  return after === undefined || (at.freePorts ?? 0) > 0 ? "live" : "restart";
}

/** Who can say that a guest is well. */
const answerer = (value: string): string | undefined => {
  const port = /^tcp:([1-9]\d{0,4})$/.exec(value)?.[1];
  const known = ["agent", "console"].includes(value) || (port !== undefined && Number(port) <= 65535);
  return known ? undefined : 'must be "agent", "console" or "tcp:PORT"';
};

/** A machine. https://libvirt.org/formatdomain.html */
export const domain = {
  name: text({
    filled: true,
    xml: "name",
    change: "restart",
    check: grammar.objectName,
    doc: "The machine's name on the host; default `<logical name>-<7 hex>`. A stopped machine is renamed in place.",
  }),
  type: text({
    xml: "@type",
    values: ["kvm", "qemu", "auto"],
    default: "kvm",
    change: "restart",
    same: (wanted: string, found: string) => wanted === found || wanted === "auto",
    doc: "`kvm` (default), `qemu` (software emulation), or `auto`: kvm where the host can really run it, else qemu. Read at create.",
  }),
  title: text({ xml: "title", change: "live", doc: "A short line for people." }),
  description: text({ xml: "description", multiline: true, change: "live", doc: "Text for people." }),
  metadata,
  memory: mebibytes({
    required: true,
    xml: ownMemory,
    change: "restart",
    doc: "Most memory the guest may use, in MiB, without its `memoryDevices`.",
  }),
  currentMemory: mebibytes({
    xml: ownCurrentMemory,
    change: balloonChange,
    doc: "How much of `memory` is given now (balloon), in MiB; absent: follows `memory`.",
  }),
  maxMemory,
  memoryDevices: list(object(memoryDevice, { change: "restart", doc: "Memory that comes and goes." }), {
    key: memoryDeviceKey,
    where: isMemoryDevice,
    xml: "devices/memory",
    most: 256,
    change: memoryDeviceChange,
    doc: "Memory beside `memory`, each named by its `name`; needs `maxMemory`. A DIMM comes live, and goes live where the guest gives it up.",
  }),
  vcpus: int({
    xml: "vcpu",
    default: 1,
    min: 1,
    max: 4096,
    change: "restart",
    doc: "Most CPUs the guest may use; default 1.",
  }),
  onlineVcpus: int({
    xml: onlineCount,
    min: 1,
    max: 4096,
    change: onlineChange,
    doc: "CPUs online; absent: follows `vcpus`. More come live, up to the `vcpus` of its start. Under kvm a guest is asked live for CPUs that it got live; those of its start, and all under qemu, go by a power cycle.",
  }),
  iothreads: int({
    xml: threads,
    min: 1,
    max: 1024,
    change: threadsChange,
    doc: "I/O threads, numbered from 1, for disks that name one (`iothread`); absent: none. They come live, and go live unless a disk that stays in the guest uses them.",
  }),
  os,
  cpu,
  cputune,
  memtune,
  blkiotune,
  numatune,
  perf,
  clock,
  onPoweroff: lifecycle(
    "on_poweroff",
    ["destroy", "restart", "preserve"],
    'the guest powers itself off; default `destroy`. `preserve` is Xen\'s, and `restart` excludes `onReboot: "destroy"`',
  ),
  onReboot: lifecycle(
    "on_reboot",
    ["destroy", "restart", "preserve"],
    "the guest reboots; default `restart`. `preserve` is Xen's",
  ),
  onCrash: lifecycle(
    "on_crash",
    ["destroy", "restart", "preserve", "coredump-destroy", "coredump-restart"],
    "the guest crashes; default `destroy`",
  ),
  disks: list(object(disk, { change: "restart", oneOf: [...diskSources], doc: "A disk or drive." }), {
    key: diskKey,
    where: (node) => !isSeed(node),
    xml: "devices/disk",
    most: 256,
    change: diskChange,
    doc: "Disks and drives, each named by its `target`; none is removed or added by a reorder.",
  }),
  interfaces: list(
    object(networkInterface, {
      change: "restart",
      oneOf: [...cardSources],
      doc: "A network card.",
    }),
    {
      key: interfaceKey,
      xml: "devices/interface",
      most: 64,
      change: cardChange,
      doc: "Network cards, each named by its `mac` or `name`. None by default.",
    },
  ),
  graphics: object(graphics, {
    xml: ".",
    change: "restart",
    doc: "Screens served to clients; none by default, on loopback when asked, with a virtio video card and a tablet.",
  }),
  cloudInit: object(
    {
      userData: text({
        multiline: true,
        secret: true,
        most: 1024 * 1024,
        change: "live",
        doc: "cloud-init's user data, whole, with its `#cloud-config` line; secret.",
      }),
      metaData: text({
        multiline: true,
        change: "live",
        doc: "Meta data (YAML); default an instance id and the machine's name as host name.",
      }),
      networkConfig: text({
        multiline: true,
        secret: true,
        change: "live",
        doc: "Network configuration, version 1 or 2 (YAML); secret.",
      }),
      pool: text({
        required: true,
        change: "live",
        check: grammar.objectName,
        doc: "Name of the pool for the seed's volume, which comes and goes with the machine.",
      }),
    },
    {
      change: seedChange,
      doc: "A NoCloud seed on a read-only CD. A change swaps the CD in the running guest; cloud-init reads it at its next boot, as a new instance. A machine that had none gets its drive by a power cycle.",
    },
  ),
  powerState: text({
    values: ["running", "stopped", "paused", "unmanaged"],
    default: "running",
    change: "live",
    same: (wanted: string, found: string) => wanted === found || wanted === "unmanaged",
    doc: "`running` (default), `stopped`, `paused`: enforced by each up; `unmanaged`: left alone.",
  }),
  autostart: flag({
    change: "live",
    doc: "Started with the host; absent: follows `powerState`, on when it is `running`.",
  }),
  waitFor: object(
    {
      address: flag({ doc: "A lease of this boot, the agent's or the ARP table's word for a card's address." }),
      agent: flag({ doc: "The guest agent answers." }),
      timeout: seconds({ max: 86400, doc: "How long, in seconds; default 300." }),
    },
    {
      doc: "What an up waits for after it started the machine; default `{ address: true }` with a card on a network with DHCP; `{}`: nothing.",
    },
  ),
  whenRestartNeeded: text({
    values: ["defer", "restart", "fail"],
    default: "defer",
    doc: "What happens to a change that a running guest cannot take: `defer` (default) writes it to the definition for the next power cycle and says so; `restart` proves that the host can start the new definition, then stops the guest as `shutdown` says (never by force unless `thenForce`) and starts it; `fail` refuses it, in the preview already.",
  }),
  shutdown: object(
    {
      timeout: seconds({ max: 86400, doc: "How long the guest may take, in seconds; default 60." }),
      thenForce: flag({
        doc: "Turn it off after that. Not set: delete and replace force, everything else fails and leaves it running.",
      }),
    },
    {
      doc: "How the machine is stopped: by its agent, then ACPI, then as `thenForce` says. A paused guest is resumed to hear it, and paused again where it goes on.",
    },
  ),
  confirm: object(
    {
      within: seconds({ min: 1, max: 86400, doc: "How long the guest may take to answer, in seconds; default 120." }),
      by: text({
        required: true,
        check: answerer,
        doc: "What answers: `agent` (the guest agent), `tcp:PORT` (a port of one of the guest's addresses, reached from the host where SSH leads there, else from here), `console` (a login prompt or a shell on the first serial console gives the same prompt to two line ends; what firmware and kernel write by themselves is none).",
      }),
    },
    {
      doc: "After a change of the running guest, or its restart, the guest must answer. Where it does not, the former definition comes back by itself, by a restart (by force, if need be) where the change took one, and the next preview shows the change as open. An update that is cancelled or cut off while it asks leaves the change in place, not confirmed: the next preview says so, and the next update asks again and brings the former definition back where the guest does not answer (a former seed or password is kept nowhere, and stays out of that). Absent: nothing is asked.",
    },
  ),
  adopt: flag({ doc: "Take over a machine of this name that exists on the host already, with its disks and state." }),
  deletionProtection: flag({ doc: "Refuse to delete or replace the machine." }),
  uuid: text({ output: true, doc: "The machine's UUID, also its id." }),
  addresses: list(text({ doc: "An address." }), {
    output: true,
    doc: "IP addresses of the cards, in the cards' order, those of the guest's own loopback left out.",
  }),
  macs: list(text({ doc: "A MAC." }), { output: true, doc: "MAC addresses of the cards, in the program's order." }),
  restartPending: list(text({ doc: "A property path." }), {
    output: true,
    doc: "Properties that wait for a power cycle, as of the last update or refresh.",
  }),
  connection: object(
    {
      spice: object(
        {
          address: text({ output: true, doc: "Address on the host." }),
          port: int({ output: true, doc: "Port." }),
          tlsPort: int({ output: true, doc: "TLS port." }),
          socket: text({ output: true, doc: "Socket on the host." }),
        },
        { output: true, doc: "Where the SPICE server listens." },
      ),
      vnc: object(
        {
          address: text({ output: true, doc: "Address on the host." }),
          port: int({ output: true, doc: "Port." }),
          socket: text({ output: true, doc: "Socket on the host." }),
        },
        { output: true, doc: "Where the VNC server listens." },
      ),
    },
    { output: true, doc: "Where clients reach the screens of the running machine." },
  ),
} as const;
