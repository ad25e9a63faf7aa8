// The samples of machines, on a Linux guest that runs: one line for each input whose conformance row no real guest could have.
// Devices of different samples have different targets and MACs, so that they can share a guest.
import { machines as conformance } from "../../e2e/conformance/machines";
import { cmdline } from "../guestFiles";
import { images } from "./furnish";
import { sample, samplesOf } from "./sample";

/** Each disk has an image of its own: the guest holds a lock on it. */
const image = (target: string): string => `${images}/${target}`;
const mac = (last: string): string => `52:54:00:00:01:${last}`;
/** One disk, or one card, that stands before and after. */
const disk = (target: string, more: object = { file: image(target) }) => ({ with: { disks: [{ target, ...more }] } });
const card = (last: string, more: object = { network: "table-a" }) => ({
  with: { interfaces: [{ mac: mac(last), ...more }] },
});
/** A card that gets a source of another kind. */
const plugged = (last: string, source: object) => ({
  ...card(last, {}),
  then: { interfaces: [{ mac: mac(last), ...source }] },
});
/** No Linux boots in it: one that read its seed holds the CD's tray, as long as it is mounted. */
const bare = { os: { kernel: undefined, initrd: undefined, cmdline: undefined } };
const maxMemory = { size: 2048, slots: 8 };
const memory = (device: object) => ({ with: { maxMemory, memoryDevices: [device] }, group: "memory" });
/** Those that the kernel counts by itself. */
const perfEvents = [
  "cpuClock",
  "taskClock",
  "pageFaults",
  "contextSwitches",
  "cpuMigrations",
  "pageFaultsMin",
  "pageFaultsMaj",
  "alignmentFaults",
  "emulationFaults",
];
/** Those that need counters of the CPU. */
const cpuEvents = [
  "cpuCycles",
  "instructions",
  "cacheReferences",
  "cacheMisses",
  "branchInstructions",
  "branchMisses",
  "busCycles",
  "stalledCyclesFrontend",
  "stalledCyclesBackend",
  "refCpuCycles",
].map((name) => [`perf.${name}`, "needs the CPU's own counters, which a virtual machine lacks"]);
const gone = ["cmt", "mbmt", "mbml"].map((name) => [`perf.${name}`, "Linux has it no more, from 4.14 on"]);
const topology = {
  with: { vcpus: 4, cpu: { topology: { sockets: 1, dies: 1, cores: 2, threads: 2 } } },
  then: { cpu: { topology: { sockets: 2, dies: 2, cores: 1, threads: 1 } } },
};
/** An older machine, whose guest takes devices on the slots of its root. */
const old = { with: { os: { machine: "pc" } }, group: "pc" };
const drives = [
  { file: image("sdb"), target: "sdb", bus: "usb", device: "cdrom" },
  { file: image("sdc"), target: "sdc", bus: "scsi", device: "cdrom" },
];
const seed = { with: { ...bare, cloudInit: { pool: "table" } }, group: "seed" };
const screen = (kind: string, more: object) => ({ graphics: { [kind]: more } });
const sockets = "/var/lib/libvirt";
const listening = (kind: string) => ({ with: screen(kind, { listen: { type: "socket" } }) });
const fixed = (kind: string, port: number) => ({
  with: screen(kind, {}),
  then: screen(kind, { port }),
  group: "autoport",
});

const locked = (kind: string) => ({ with: screen(kind, { password: "a" }), then: screen(kind, { password: "b" }) });

export const machines = samplesOf(conformance, {
  base: {
    type: "qemu",
    memory: 160,
    os: { machine: "q35", kernel: `${images}/kernel-a`, initrd: `${images}/initrd-a`, cmdline },
    shutdown: { timeout: 0, thenForce: true },
    waitFor: {},
  },
  rows: [
    sample("name", "walk-name", "walk-name-2", { with: { powerState: "stopped" }, group: "name" }),
    sample("type", "qemu", "kvm", { needs: "hardware virtualization", group: "type" }),
    sample("memory", 160, 192),
    sample("currentMemory", 160, 144),
    sample("maxMemory.size", 1024, 2048, { with: { maxMemory: { slots: 2 } }, group: "memory" }),
    sample("maxMemory.slots", 2, 3, { with: { maxMemory: { size: 1024 } }, group: "memory" }),
    sample("memoryDevices", undefined, [{ name: "m1", size: 128 }], { with: { maxMemory }, group: "memory" }),
    sample("memoryDevices[].name", "m2", "m3", memory({ size: 128 })),
    sample("memoryDevices[].model", "dimm", "virtio-mem", {
      ...memory({ name: "m4", size: 128 }),
      then: { memoryDevices: [{ name: "m4", size: 128, requested: 64 }] },
    }),
    sample("memoryDevices[].size", 128, 256, memory({ name: "m5" })),
    sample("memoryDevices[].block", 2, 4, memory({ name: "m6", model: "virtio-mem", size: 128, requested: 64 })),
    sample("memoryDevices[].requested", 64, 128, memory({ name: "m7", model: "virtio-mem", size: 128 })),
    ...perfEvents.map((name) => sample(`perf.${name}`, false, true, { group: "perf" })),
    // The way back takes the disk and its thread out of the running guest.
    sample("iothreads", 1, 2, { then: { disks: [{ file: image("sdk"), target: "vdl", iothread: 2 }] } }),
    sample("os.arch", "x86_64", "i686", { with: bare, group: "arch" }),
    sample("os.machine", "pc-q35-7.2", "pc-q35-6.2"),
    sample("os.firmware", undefined, "efi", { with: bare, group: "firmware" }),
    sample("os.kernel", `${images}/kernel-a`, `${images}/kernel-b`),
    sample("os.initrd", `${images}/initrd-a`, `${images}/initrd-b`),
    sample("os.cmdline", cmdline, `${cmdline} panic=1`),
    sample("cpu.mode", "maximum", "custom", { then: { cpu: { model: "Nehalem" } } }),
    sample("cpu.topology.sockets", 1, 2, topology),
    sample("cpu.topology.dies", 1, 2, topology),
    sample("cpu.topology.cores", 2, 1, topology),
    sample("cpu.topology.threads", 2, 1, topology),
    sample("disks", undefined, [
      { file: image("vda"), target: "vda" },
      { file: image("sdb"), target: "sdb", bus: "usb" },
      { file: image("sdc"), target: "sdc", bus: "sata" },
    ]),
    sample("disks", undefined, [{ file: image("sda"), target: "sda", bus: "scsi" }], { group: "scsi" }),
    // The seed's drive brings the controller that the others need.
    sample("disks", undefined, [{ file: image("sda"), target: "sda", bus: "scsi" }, ...drives], {
      ...seed,
      group: "drives",
    }),
    sample("disks", undefined, [{ file: image("vda"), target: "vda" }], old),
    sample("interfaces", undefined, [{ network: "table-a", mac: mac("0c") }], old),
    sample("disks[].volume", "table/one", "table/two", disk("vdb", {})),
    sample("disks[].file", image("sde"), image("sdf"), disk("sde", { device: "cdrom", bus: "sata" })),
    sample("disks[].file", image("vdc"), image("vdi"), disk("vdc", {})),
    sample("disks[].target", "vdd", "vde", { with: { disks: [{ file: image("vdd") }] } }),
    sample("disks[].bus", "virtio", "scsi", disk("vdf")),
    sample("disks[].device", "disk", "cdrom", disk("sdd", { file: image("sdd"), bus: "sata" })),
    sample("disks[].format", "raw", "qcow2", disk("vdg", { file: image("qcow2") })),
    sample("disks[].bootOrder", undefined, 2, disk("vdh")),
    sample("disks[].readOnly", undefined, true, disk("vdh")),
    sample("disks[].shareable", undefined, true, disk("vdh")),
    sample("disks[].cache", "writethrough", "writeback", disk("vdh")),
    sample("disks[].io", "threads", "io_uring", disk("vdh")),
    sample("disks[].iothread", 1, 2, { with: { iothreads: 2, disks: [{ target: "vdh", file: image("vdh") }] } }),
    sample("disks[].discard", "unmap", "ignore", disk("vdh")),
    sample("disks[].serial", "a", "b", disk("vdh")),
    sample("disks[].iotune.totalBytesSec", 1048576, 2097152, disk("vdj")),
    sample("disks[].iotune.totalIopsSec", 100, 200, disk("vdj")),
    sample("disks[].iotune.readBytesSec", 1048576, 2097152, disk("vdk")),
    sample("disks[].iotune.writeBytesSec", 1048576, 2097152, disk("vdk")),
    sample("disks[].iotune.readIopsSec", 100, 200, disk("vdk")),
    sample("disks[].iotune.writeIopsSec", 100, 200, disk("vdk")),
    sample("interfaces", undefined, [
      { network: "table-a", mac: mac("01") },
      { user: {}, mac: mac("02") },
    ]),
    sample("interfaces[].network", "table-a", "table-b", card("03", {})),
    sample("interfaces[].network", "table-a", undefined, plugged("0d", { direct: "eth7" })),
    sample("interfaces[].network", "table-a", undefined, plugged("0e", { bridge: "br-a" })),
    sample("interfaces[].bridge", "br-a", undefined, plugged("0f", { user: {} })),
    sample("interfaces[].bridge", "br-a", "br-b", card("04", {})),
    sample("interfaces[].direct", "eth7", "eth8", card("05", {})),
    sample("interfaces[].user.address", "10.0.3.0/24", "10.0.4.0/24", card("06", {})),
    sample("interfaces[].mac", mac("07"), mac("08"), { with: { interfaces: [{ network: "table-a" }] } }),
    sample("interfaces[].name", "first", "second", { with: { interfaces: [{ network: "table-a" }] } }),
    sample("interfaces[].model", "virtio", "e1000", card("09")),
    sample("interfaces[].link.state", "up", "down", card("0a")),
    sample("interfaces[].filterref.filter", "table-a", "table-b", card("0b")),
    sample("interfaces[].port.isolated", true, false, card("0b")),
    sample("interfaces[].mtu.size", 1400, 1300, card("0a")),
    sample("interfaces[].bootOrder", undefined, 4, card("0a")),
    sample("graphics.spice.listen.socket", `${sockets}/a`, `${sockets}/b`, listening("spice")),
    sample("graphics.vnc.listen.socket", `${sockets}/c`, `${sockets}/d`, listening("vnc")),
    sample("graphics.spice.autoport", true, false, fixed("spice", 5920)),
    sample("graphics.vnc.autoport", true, false, fixed("vnc", 5940)),
    sample("cloudInit.userData", "#cloud-config\n# a\n", "#cloud-config\n# b\n", seed),
    sample("cloudInit.metaData", "instance-id: a\n", "instance-id: b\n", seed),
    sample("cloudInit.networkConfig", "version: 2\n", "version: 1\n", seed),
    sample("cloudInit.pool", "table", "second", seed),
    sample("graphics.spice.passwordValidTo", "2098-01-01T00:00:00", "2099-01-01T00:00:00", locked("spice")),
    sample("graphics.vnc.passwordValidTo", "2098-01-01T00:00:00", "2099-01-01T00:00:00", locked("vnc")),
    sample("numatune.memory.mode", "strict", "preferred", { with: { numatune: { memory: { nodeset: "0" } } } }),
    sample("onPoweroff", "destroy", "restart", { group: "fate" }),
    sample("powerState", "running", "paused", { group: "power" }),
  ],
  reasons: {
    "interfaces[].bandwidth.": "needs the kernel's sch_sfq, which that of a small virtual machine lacks",
    "cputune.":
      "libvirt keeps a pin that is taken back, on all CPUs: test/real/tuning proves them; the rest needs cgroups, see test/real/limits",
    "memtune.": "needs the cgroup controller memory, which a lab has only in test/real/limits",
    "blkiotune.": "needs the cgroup controller blkio, which a lab has only in test/real/limits",
    "numatune.memory.nodeset": "needs a second NUMA node, which the machine that we make has not",
    "interfaces[].vlan.": "needs Open vSwitch, or what test/real/vlans takes for it",
    "memoryDevices[].node": "needs a second NUMA node, which the machine that we make has not",
    ...(Object.fromEntries([...cpuEvents, ...gone]) as Readonly<Record<string, string>>),
    "disks[].block": "needs block devices; a loop device of a test that is killed would stay on the machine",
  },
});
