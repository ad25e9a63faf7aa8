// One resource of each kind that lean on each other, and what other hands do to them.
import { rmSync } from "node:fs";
import type { Values } from "../../../provider/fields";
import type { Token } from "../../../provider/resources";
import { virsh } from "../engine";

export const poolFolder = "/var/lib/libvirt/images/fleet";

/** Objects of a host; the entries of a network have a file of their own (entries.test.ts). */
type FleetToken = Exclude<Token, "DhcpHost" | "DnsHost">;

const args: Readonly<Record<FleetToken, Values>> = {
  StoragePool: { name: "fleet-pool", type: "dir", path: poolFolder },
  Volume: { name: "fleet-volume", capacity: 0.02, format: "raw" },
  CloudInitDisk: { name: "fleet-seed.iso", userData: "#cloud-config\nhostname: fleet\n" },
  Network: {
    name: "fleet-net",
    bridge: { name: "fleet-br" },
    ips: [{ address: "10.91.0.1/24", dhcp: {} }],
    domain: { name: "fleet.example" },
  },
  Domain: {
    name: "fleet-vm",
    type: "qemu",
    memory: 64,
    os: { machine: "q35" },
    title: "a machine",
    powerState: "stopped",
    graphics: { vnc: { password: "fleetvnc" } },
  },
};

export interface FleetOptions {
  /** Arguments that come to those of each resource. */
  readonly more?: Partial<Record<FleetToken, Values>>;
  /** Options of each resource, as JavaScript. */
  readonly options?: (token: FleetToken) => string;
}

/** The program's text; names and arguments are the same through both doors. */
export function fleet({ more = {}, options = () => "{}" }: FleetOptions = {}): string {
  const text = (token: FleetToken): string => JSON.stringify({ ...args[token], ...more[token] });
  const given = (token: FleetToken, references: string): string =>
    `{ ...${text(token)}, ${references} }, ${options(token)}`;
  return `
    const pool = new kvm.StoragePool("pool", ${given("StoragePool", "")});
    const volume = new kvm.Volume("volume", ${given("Volume", "pool: pool.name")});
    const seed = new kvm.CloudInitDisk("seed", ${given("CloudInitDisk", "pool: pool.name")});
    const net = new kvm.Network("net", ${given("Network", "")});
    const disks = [{ volume: volume.id, target: "vda" }, { volume: seed.id, target: "sda", device: "cdrom" }];
    const interfaces = [{ network: net.name, name: "lan" }];
    const vm = new kvm.Domain("vm", ${given("Domain", "disks, interfaces")});
    exports.ids = pulumi.all([pool.uuid, volume.id, seed.id, net.uuid, vm.uuid]);`;
}

/** The objects of the fleet on the host, by libvirt's own word. */
export function fleetOnHost(): string[] {
  const volumes = virsh("pool-list", "--name").split("\n").includes("fleet-pool")
    ? virsh("vol-list", "fleet-pool")
    : "";
  const found = [
    ...namesIn(virsh("list", "--all", "--name")),
    ...namesIn(virsh("net-list", "--all", "--name")),
    ...namesIn(virsh("pool-list", "--all", "--name")),
    ...namesIn(volumes).map((line) => line.trim().split(/\s+/)[0] ?? ""),
  ];
  return found.filter((name) => name.startsWith("fleet-")).sort();
}

function namesIn(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

export const wholeFleet = ["fleet-net", "fleet-pool", "fleet-seed.iso", "fleet-vm", "fleet-volume"];

/** Takes away all but the pool. */
export function removeFromPool(): void {
  virsh("undefine", "fleet-vm");
  virsh("net-destroy", "fleet-net");
  virsh("net-undefine", "fleet-net");
  virsh("vol-delete", "fleet-volume", "--pool", "fleet-pool");
  virsh("vol-delete", "fleet-seed.iso", "--pool", "fleet-pool");
}

/** Takes away all there is, whoever made it. */
export function clearFleet(): void {
  const there = fleetOnHost();
  if (there.includes("fleet-vm")) {
    if (virsh("domstate", "fleet-vm") !== "shut off") virsh("destroy", "fleet-vm");
    virsh("undefine", "fleet-vm");
  }
  if (there.includes("fleet-net")) {
    if (virsh("net-list", "--name").split("\n").includes("fleet-net")) virsh("net-destroy", "fleet-net");
    virsh("net-undefine", "fleet-net");
  }
  if (there.includes("fleet-pool")) {
    if (virsh("pool-list", "--name").split("\n").includes("fleet-pool")) virsh("pool-destroy", "fleet-pool");
    virsh("pool-undefine", "fleet-pool");
  }
  rmSync(poolFolder, { recursive: true, force: true });
}
