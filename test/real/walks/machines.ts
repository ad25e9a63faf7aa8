// The samples of machines, on a Linux guest that runs: one line for each field whose conformance row no real guest could have.
import { machines as conformance } from "../../e2e/conformance/machines";
import { images } from "./furnish";
import { sample, samplesOf } from "./sample";

const file = `${images}/source-a`;
const other = `${images}/source-b`;
const disk = { file, target: "vda" };
const card = { network: "table-a", mac: "52:54:00:00:00:01" };
const named = { network: "table-a", name: "first" };
const alone = { alone: true } as const;
const quiet = "console=ttyS0 quiet";

export const machines = samplesOf(conformance, {
  base: {
    type: "qemu",
    memory: 160,
    os: { machine: "q35", kernel: `${images}/kernel-a`, initrd: `${images}/initrd-a`, cmdline: quiet },
    shutdown: { timeout: 0, thenForce: true },
    waitFor: {},
  },
  rows: [
    sample("name", "walk-name", "walk-name-2", { with: { powerState: "stopped" }, ...alone }),
    sample("type", "qemu", "kvm", { needs: "hardware virtualization", ...alone }),
    sample("memory", 160, 192),
    sample("currentMemory", 160, 144),
    sample("os.arch", "x86_64", "i686", alone),
    sample("os.machine", "q35", "pc", alone),
    sample("os.firmware", "bios", "efi", alone),
    sample("os.kernel", `${images}/kernel-a`, `${images}/kernel-b`),
    sample("os.initrd", `${images}/initrd-a`, `${images}/initrd-b`),
    sample("os.cmdline", quiet, `${quiet} panic=1`),
    sample("disks", undefined, [disk]),
    sample("disks", undefined, [{ file, target: "sda", bus: "scsi" }]),
    sample("disks", undefined, [{ file, target: "sdb", bus: "usb" }]),
    sample("disks", undefined, [{ file, target: "sdc", bus: "sata" }]),
    sample("disks[].volume", "table/one", "table/two", { with: { disks: [{ target: "vdb" }] } }),
    sample("disks[].format", "raw", "qcow2", { with: { disks: [{ ...disk, file: `${images}/source.qcow2` }] } }),
    sample("disks[].file", file, other, { with: { disks: [disk] } }),
    sample("disks[].file", file, other, { with: { disks: [{ file, target: "sda", device: "cdrom", bus: "sata" }] } }),
    sample("disks[].cache", "writethrough", "writeback", { with: { disks: [disk] } }),
    sample("disks[].io", "threads", "io_uring", { with: { disks: [disk] } }),
    sample("disks[].bootOrder", undefined, 2, { with: { disks: [disk] } }),
    sample("interfaces", undefined, [card]),
    sample("interfaces[].bridge", "br-a", "br-b", { with: { interfaces: [{ mac: "52:54:00:00:00:11" }] } }),
    sample("interfaces[].direct", "eth7", "eth8", { with: { interfaces: [{ mac: "52:54:00:00:00:12" }] } }),
    sample("interfaces[].user.address", "10.0.3.0/24", "10.0.4.0/24", { with: { interfaces: [{ mac: "52:54:00:00:00:13" }] } }),
    sample("interfaces[].name", "first", "second", { with: { interfaces: [named] }, ...alone }),
    sample("interfaces[].mac", card.mac, "52:54:00:00:00:02", { with: { interfaces: [card] }, ...alone }),
    sample("interfaces[].bootOrder", undefined, 4, { with: { interfaces: [card] } }),
    sample("graphics.spice.autoport", true, false, { with: { graphics: { spice: {} } }, then: { graphics: { spice: { port: 5920 } } }, ...alone }),
    sample("graphics.vnc.autoport", true, false, { with: { graphics: { vnc: {} } }, then: { graphics: { vnc: { port: 5940 } } }, ...alone }),
    sample("powerState", "running", "paused", alone),
  ],
  reasons: {
    "disks[].block": "needs block devices; a loop device of a test that is killed would stay on the machine",
  },
});
