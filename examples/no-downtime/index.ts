import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as kvm from "pulumi-kvm";
import { made } from "./edits";

const config = new pulumi.Config();

const pool = new kvm.StoragePool("no-downtime", {
  type: "dir",
  path: config.get("poolPath") ?? "/var/lib/libvirt/images/no-downtime",
});
const kernel = new kvm.Volume("kernel", { pool: pool.name, source: config.require("kernel"), format: "raw" });
const initrd = new kvm.Volume("initrd", { pool: pool.name, source: config.require("initrd"), format: "raw" });

const front = new kvm.Network("front", {
  forward: { mode: "nat" },
  ips: [{ address: "10.21.0.1/24", dhcp: {} }],
  // Without it dnsmasq pings each address for three seconds before it leases it.
  dnsmasqOptions: ["no-ping"],
});
const back = new kvm.Network("back", { ips: [{ address: "10.21.1.1/24", dhcp: {} }] });

const data = new kvm.Volume("data", { pool: pool.name, capacity: 0.0625 });
const more = made("disk") && new kvm.Volume("more", { pool: pool.name, capacity: made("grow") ? 0.125 : 0.0625 });

// Any bytes are a CD to the drive; real ones are ISO images from a `source`.
const [oldCd, newCd] = ["old", "new"].map(
  (name) =>
    new kvm.Volume(`${name}-cd`, {
      pool: pool.name,
      content: new pulumi.asset.StringAsset(`the ${name} one\n`.padEnd(65536)),
      format: "raw",
    }),
);

const backMac = "52:54:00:21:01:0a";
if (made("dhcp-host")) new kvm.DhcpHost("back", { network: back.name, mac: backMac, ip: "10.21.1.10" });

/** The versions of the machine type q35 that the host has, the newest first: `pc-q35-7.2`, `pc-q35-7.1`, ... */
const q35 = kvm.getHostOutput().guests.machines.apply((all) => {
  const version = (name: string) => Number(/^pc-q35-(\d+\.\d+)$/.exec(name)?.[1] ?? 0);
  return all.filter(version).sort((a, b) => version(b) - version(a));
});

const machine = new kvm.Domain("counter", {
  type: "auto", // kvm where the host can, else software emulation
  title: "Counts",
  metadata: { team: "counters", ...(made("metadata") ? { "example.com/edits": "twelve" } : {}) },
  memory: 256,
  currentMemory: made("memory") ? 192 : 256,
  vcpus: 2,
  onlineVcpus: made("vcpus") ? 2 : 1,
  os: {
    machine: made("machine-type") ? q35[0] : q35[1],
    kernel: kernel.path,
    initrd: initrd.path,
    cmdline: "console=ttyS0",
  },
  disks: [
    { volume: data.id, target: "vda", ...(made("io-limit") ? { iotune: { totalIopsSec: 200 } } : {}) },
    { volume: made("cd") ? newCd.id : oldCd.id, target: "sda", bus: "scsi", device: "cdrom" },
    ...(more ? [{ volume: more.id, target: "vdb" }] : []),
  ],
  interfaces: [
    { name: "front", network: front.name, link: { state: made("link-down") && !made("link-up") ? "down" : "up" } },
    ...(made("card") ? [{ name: "back", network: back.name, mac: backMac }] : []),
  ],
  // A real program takes the password from `config.requireSecret`.
  graphics: { vnc: { password: made("password") ? "twelve" : "none" } },
  cloudInit: { pool: pool.name, userData: readFileSync(join(__dirname, "counter.sh"), "utf8") },
});

export const url = pulumi.interpolate`http://${machine.addresses[0]}:8080/cgi-bin/count`;
export const restartPending = machine.restartPending;
