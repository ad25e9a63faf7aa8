// The rows of machines, all of them turned off: what a change costs a running guest is learnt in test/real/domain.test.ts.
import { domain } from "../../../provider/resources/domain/fields";
import { type Conformance, row } from "./table";

const file = "/var/lib/libvirt/images/source-a";
const disks = [{ file, target: "vda" }];
const interfaces = [{ network: "table-a", mac: "52:54:00:00:00:01" }];
const onSwitch = [{ network: "table-switch", mac: "52:54:00:00:00:01" }];
const tagged = { interfaces: [{ ...onSwitch[0], vlan: { trunk: true, tags: [{ id: 42 }] } }] };
const spice = { with: { graphics: { spice: { listen: { type: "address", address: "127.0.0.1" } } } } };
const vnc = { with: { graphics: { vnc: { listen: { type: "address", address: "127.0.0.1" } } } } };
const seed = { with: { cloudInit: { pool: "table", userData: "#cloud-config\n" } } };
const kernel = { with: { os: { kernel: "/boot/a" } } };
const topology = { with: { vcpus: 2, cpu: { topology: { sockets: 1, dies: 1, cores: 2, threads: 1 } } } };
const inbound = { with: { interfaces: [{ ...interfaces[0], bandwidth: { inbound: { average: 1000 } } }] } };
const outbound = { with: { interfaces: [{ ...interfaces[0], bandwidth: { outbound: { average: 1000 } } }] } };
const maxMemory = { size: 1024, slots: 2 };
const dimm = { with: { maxMemory, memoryDevices: [{ name: "a", size: 128 }] } };
const virtio = { name: "a", model: "virtio-mem", size: 128, requested: 64 };
const virtioMemory = { with: { maxMemory, memoryDevices: [virtio] } };
const wholeDisk = ["disks[0]"];
const wholeCard = ["interfaces[0]"];

const perfEvents = Object.keys(domain.perf.kind === "object" ? domain.perf.fields : {});

export const machines: Conformance = {
  token: "Domain",
  table: domain,
  base: { type: "qemu", memory: 64, os: { machine: "q35" }, powerState: "stopped" },
  rows: [
    row("name", "table-machine", "table-machine-2"),
    row("type", "qemu", "kvm"),
    row("title", "a", "b"),
    row("description", "a", "b"),
    row(
      "metadata",
      { team: "a" },
      { team: "b", "example.com/stage": "c" },
      {
        shows: ["metadata.team", 'metadata["example.com/stage"]'],
      },
    ),
    row("memory", 64, 96),
    row("currentMemory", 64, 32, { becomes: "update" }),
    row("maxMemory.size", 1024, 2048, { with: { maxMemory: { slots: 2 } } }),
    row("maxMemory.slots", 2, 3, { with: { maxMemory: { size: 1024 } } }),
    row("memoryDevices[].name", "a", "b", { ...dimm, shows: ["memoryDevices[0]"] }),
    row("memoryDevices[].model", "dimm", "virtio-mem", {
      ...dimm,
      then: { memoryDevices: [virtio] },
      shows: ["memoryDevices[0].model", "memoryDevices[0].requested"],
    }),
    row("memoryDevices[].size", 128, 256, dimm),
    row("memoryDevices[].node", 0, 1, dimm),
    row("memoryDevices[].block", 2, 4, virtioMemory),
    row("memoryDevices[].requested", 64, 128, { ...virtioMemory, becomes: "update" }),
    row("vcpus", 1, 2),
    row("onlineVcpus", 1, 2, { with: { vcpus: 2 }, becomes: "update" }),
    row("iothreads", 1, 2, { becomes: "update" }),
    row("os.arch", "x86_64", "i686"),
    row("os.machine", "q35", "pc", { becomes: "replace" }),
    row("os.firmware", "bios", "efi"),
    row("os.kernel", "/boot/a", "/boot/b"),
    row("os.initrd", "/boot/a", "/boot/b", kernel),
    row("os.cmdline", "quiet", "debug", kernel),
    row("cpu.mode", "maximum", "host-passthrough"),
    row("cpu.model", "qemu64", "Nehalem", { with: { cpu: { mode: "custom" } } }),
    row("cpu.topology.sockets", 1, 2, topology),
    row("cpu.topology.dies", 1, 2, topology),
    row("cpu.topology.cores", 2, 1, topology),
    row("cpu.topology.threads", 1, 2, topology),
    row("cputune.vcpupins[].vcpu", 0, 1, {
      with: { vcpus: 2, cputune: { vcpupins: [{ cpuset: "0" }] } },
      shows: ["cputune.vcpupins[0]"],
    }),
    row("cputune.vcpupins[].cpuset", "0", "1", { with: { cputune: { vcpupins: [{ vcpu: 0 }] } } }),
    row("cputune.iothreadpins[].iothread", 1, 2, {
      with: { iothreads: 2, cputune: { iothreadpins: [{ cpuset: "0" }] } },
      shows: ["cputune.iothreadpins[0]"],
    }),
    row("cputune.iothreadpins[].cpuset", "0", "1", {
      with: { iothreads: 1, cputune: { iothreadpins: [{ iothread: 1 }] } },
    }),
    row("cputune.emulatorpin.cpuset", "0", "1"),
    row("cputune.shares", 512, 2048),
    ...["p", "globalP", "emulatorP", "iothreadP"].map((name) => row(`cputune.${name}eriod`, 50000, 100000)),
    ...["q", "globalQ", "emulatorQ", "iothreadQ"].map((name) => row(`cputune.${name}uota`, 25000, -1)),
    row("memtune.hardLimit", 500, 600),
    row("memtune.softLimit", 300, 400),
    row("memtune.swapHardLimit", 700, 800, { with: { memtune: { hardLimit: 500 } } }),
    row("blkiotune.weight", 200, 300),
    row("numatune.memory.mode", "strict", "restrictive", {
      with: { numatune: { memory: { nodeset: "0" } } },
      becomes: "update",
    }),
    row("numatune.memory.nodeset", "0", "0-1", { becomes: "update" }),
    ...perfEvents.map((name) => row(`perf.${name}`, false, true)),
    row("onPoweroff", "destroy", "restart"),
    row("onReboot", "restart", "destroy"),
    row("onCrash", "destroy", "preserve"),
    row("clock.offset", "utc", "localtime"),
    row("disks[].volume", "table/one", "table/two", { with: { disks: [{ target: "vda" }] }, becomes: "update" }),
    row("disks[].file", file, "/var/lib/libvirt/images/source-b", { with: { disks }, becomes: "update" }),
    row("disks[].block", "/dev/a", "/dev/b", { with: { disks: [{ target: "vda" }] }, becomes: "update" }),
    row("disks[].target", "vda", "vdb", { with: { disks }, shows: wholeDisk }),
    row("disks[].bus", "virtio", "scsi", { with: { disks } }),
    row("disks[].device", "disk", "cdrom", { with: { disks: [{ file, target: "sda", bus: "sata" }] } }),
    row("disks[].format", "raw", "qcow2", { with: { disks } }),
    row("disks[].bootOrder", 1, 2, { with: { disks } }),
    row("disks[].readOnly", false, true, { with: { disks } }),
    row("disks[].shareable", false, true, { with: { disks } }),
    row("disks[].cache", "none", "writeback", { with: { disks } }),
    row("disks[].io", "threads", "native", { with: { disks } }),
    row("disks[].iothread", 1, 2, { with: { iothreads: 2, disks } }),
    row("disks[].discard", "unmap", "ignore", { with: { disks } }),
    row("disks[].iotune.totalBytesSec", 1048576, 2097152, { with: { disks } }),
    row("disks[].iotune.readBytesSec", 1048576, 2097152, { with: { disks } }),
    row("disks[].iotune.writeBytesSec", 1048576, 2097152, { with: { disks } }),
    row("disks[].iotune.totalIopsSec", 100, 200, { with: { disks } }),
    row("disks[].iotune.readIopsSec", 100, 200, { with: { disks } }),
    row("disks[].iotune.writeIopsSec", 100, 200, { with: { disks } }),
    row("disks[].serial", "a", "b", { with: { disks } }),
    row("interfaces[].network", "table-a", "table-b", { with: { interfaces }, becomes: "update" }),
    row("interfaces[].bridge", "br-a", "br-b", { with: { interfaces: [{}] }, becomes: "update" }),
    row("interfaces[].direct", "eth7", "eth8", { with: { interfaces: [{}] }, becomes: "update" }),
    row("interfaces[].user.address", "10.0.3.0/24", "10.0.4.0/24", { with: { interfaces: [{}] }, becomes: "update" }),
    row("interfaces[].mac", "52:54:00:00:00:01", "52:54:00:00:00:02", { with: { interfaces }, shows: wholeCard }),
    row("interfaces[].name", "a", "b", {
      with: { interfaces: [{ network: "table-a" }] },
      shows: ["interfaces", ...wholeCard],
    }),
    row("interfaces[].model", "virtio", "e1000", { with: { interfaces } }),
    row("interfaces[].link.state", "up", "down", { with: { interfaces } }),
    row("interfaces[].bandwidth.inbound.average", 1000, 2000, { with: { interfaces } }),
    row("interfaces[].bandwidth.inbound.peak", 3000, 4000, inbound),
    row("interfaces[].bandwidth.inbound.burst", 500, 600, inbound),
    row("interfaces[].bandwidth.outbound.average", 1000, 2000, { with: { interfaces } }),
    row("interfaces[].bandwidth.outbound.peak", 3000, 4000, outbound),
    row("interfaces[].bandwidth.outbound.burst", 500, 600, outbound),
    row("interfaces[].filterref.filter", "clean-traffic", "no-mac-spoofing", { with: { interfaces } }),
    row("interfaces[].port.isolated", true, false, { with: { interfaces } }),
    row("interfaces[].vlan.trunk", true, false, { with: tagged }),
    row("interfaces[].vlan.tags[].id", 42, 43, { with: { interfaces: onSwitch }, shows: ["interfaces[0].vlan.tags"] }),
    row("interfaces[].vlan.tags[].nativeMode", "tagged", "untagged", {
      with: tagged,
      shows: ["interfaces[0].vlan.tags"],
    }),
    row("interfaces[].mtu.size", 1400, 1300, { with: { interfaces } }),
    row("interfaces[].bootOrder", 1, 2, { with: { interfaces } }),
    row("graphics.spice.port", 5910, 5911, spice),
    row("graphics.spice.autoport", true, false, spice),
    row("graphics.spice.password", "a", "b", { ...spice, becomes: "update" }),
    row("graphics.spice.passwordValidTo", "2098-01-01T00:00:00", "2099-01-01T00:00:00", {
      with: { graphics: { spice: { password: "a" } } },
      becomes: "update",
    }),
    row("graphics.spice.listen.type", "address", "none"),
    row("graphics.spice.listen.address", "127.0.0.1", "127.0.0.2", spice),
    row("graphics.spice.listen.network", "table-a", "table-b", {
      with: { graphics: { spice: { listen: { type: "network" } } } },
    }),
    row("graphics.spice.listen.socket", "/tmp/a", "/tmp/b", {
      with: { graphics: { spice: { listen: { type: "socket" } } } },
    }),
    row("graphics.vnc.port", 5930, 5931, vnc),
    row("graphics.vnc.autoport", true, false, vnc),
    row("graphics.vnc.password", "a", "b", { ...vnc, becomes: "update" }),
    row("graphics.vnc.passwordValidTo", "2098-01-01T00:00:00", "2099-01-01T00:00:00", {
      with: { graphics: { vnc: { password: "a" } } },
      becomes: "update",
    }),
    row("graphics.vnc.listen.type", "address", "none"),
    row("graphics.vnc.listen.address", "127.0.0.1", "127.0.0.2", vnc),
    row("graphics.vnc.listen.network", "table-a", "table-b", {
      with: { graphics: { vnc: { listen: { type: "network" } } } },
    }),
    row("graphics.vnc.listen.socket", "/tmp/a", "/tmp/b", {
      with: { graphics: { vnc: { listen: { type: "socket" } } } },
    }),
    row("cloudInit.userData", "#cloud-config\n# a\n", "#cloud-config\n# b\n", seed),
    row("cloudInit.metaData", "instance-id: a\n", "instance-id: b\n", seed),
    row("cloudInit.networkConfig", "version: 2\n", "version: 1\n", seed),
    row("cloudInit.pool", "table", "second", seed),
    row("powerState", "stopped", "running", { shows: ["autostart", "powerState"] }),
    row("autostart", false, true),
    row("waitFor.address", undefined, true, { shows: ["waitFor"] }),
    row("waitFor.agent", undefined, true, { shows: ["waitFor"] }),
    row("waitFor.timeout", 10, 20, { shows: ["waitFor"] }),
    row("whenRestartNeeded", "defer", "restart"),
    row("confirm.by", "agent", "tcp:22", { shows: ["confirm"] }),
    row("confirm.within", 10, 20, { with: { confirm: { by: "agent" } }, shows: ["confirm"] }),
    row("shutdown.timeout", 10, 20, { shows: ["shutdown"] }),
    row("shutdown.thenForce", undefined, true, { shows: ["shutdown"] }),
    row("adopt", undefined, true),
    row("deletionProtection", undefined, true),
  ],
  reasons: {
    "graphics.spice.tlsPort": "needs certificates on the host: libvirt refuses it without `spice_tls` in qemu.conf",
  },
};
