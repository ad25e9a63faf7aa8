import * as pulumi from "@pulumi/pulumi";
import * as kvm from "pulumi-kvm";

const config = new pulumi.Config();
const image = config.get("image");

const pool = new kvm.StoragePool("quickstart", {
  type: "dir",
  path: config.get("poolPath") ?? "/var/lib/libvirt/images/quickstart",
});

const network = new kvm.Network("quickstart", {
  forward: { mode: "nat" },
  ips: [{ address: config.get("network") ?? "10.20.0.1/24", dhcp: {} }],
  // Without it dnsmasq pings each address for three seconds before it leases it.
  dnsmasqOptions: ["no-ping"],
});

// A cloud image boots from an overlay, so that the upload is done once and stays as it is; a bare kernel needs no disk.
const boot = image === undefined ? bootKernel() : bootImage(image);

const machine = new kvm.Domain("quickstart", {
  type: "auto", // kvm where the host can, else software emulation
  memory: image === undefined ? 256 : 1024,
  vcpus: 1,
  ...boot,
  interfaces: [{ network: network.name }],
  cloudInit: {
    pool: pool.name,
    userData: ["#cloud-config", "hostname: quickstart", "greeting: Hello from my seed", ""].join("\n"),
  },
});

export const address = machine.addresses[0];
export const url = pulumi.interpolate`http://${address}/`;

function bootKernel(): Pick<kvm.DomainArgs, "os"> {
  const kernel = new kvm.Volume("kernel", { pool: pool.name, source: config.require("kernel"), format: "raw" });
  const initrd = new kvm.Volume("initrd", { pool: pool.name, source: config.require("initrd"), format: "raw" });
  return { os: { kernel: kernel.path, initrd: initrd.path, cmdline: "console=ttyS0" } };
}

function bootImage(source: string): Pick<kvm.DomainArgs, "disks"> {
  const base = new kvm.Volume("image", { pool: pool.name, source });
  const root = new kvm.Volume("root", { pool: pool.name, backing: base.id, capacity: 10 });
  return { disks: [{ volume: root.id, target: "vda" }] };
}
