import { childrenOf, findAll, readPath, textOf } from "../../xml";
import { typeComplaint } from "../domain/parts/template";
import type { Named, Seen } from "./observe";

/** What a look at a host says about one matter: a fact, or why it is missing, or why it does not show from here. */
export type Judgement = { readonly fact: string } | { readonly why: string } | { readonly unclear: string };

/** The groups in which people read of a host. */
export const groups = ["link", "account", "host", "machines", "storage and networks"] as const;
export type Group = (typeof groups)[number];

/** Something that a host has or lacks. */
export interface Matter {
  /** A word for programs, always the same: `kvm`. */
  readonly what: string;
  /** The same for people. */
  readonly title: string;
  readonly group: Group;
  /** Without it no machine runs. */
  readonly essential?: true;
  /** Absent: the driver knows no such thing. */
  readonly judge: (seen: Seen) => Judgement | undefined;
  /** What gives it to the host, or how to look where it does not show from here; absent: neither happens. */
  readonly remedy?: string;
}

const MEBIBYTE = 1024n ** 2n;

/** What every host might lack, the gravest first. */
export const matters: readonly Matter[] = [
  {
    what: "libvirt",
    title: "libvirt",
    group: "host",
    judge: ({ hostname, versions, facts, node }) => ({
      fact: `${versions.libvirt} on ${hostname} (${facts.arch}, CPUs: ${node.cpus})`,
    }),
  },
  {
    what: "freeMemory",
    title: "free memory",
    group: "host",
    judge: ({ freeBytes, node }) =>
      freeBytes === undefined
        ? { unclear: "the driver tells none" }
        : { fact: `${freeBytes / MEBIBYTE} of ${node.memory / 1024n} MiB; what caches hold is not in it` },
    remedy: "on the host: `free -m`",
  },
  {
    what: "changes",
    title: "changes",
    group: "account",
    essential: true,
    judge: ({ mayChange }) =>
      mayChange === undefined
        ? { unclear: "only a change would tell whether this account may make one" }
        : either(mayChange, "allowed", "this account may only look: libvirt refuses it changes"),
    remedy:
      "use the socket without `-ro` as root or as a member of the group libvirt; where polkit's rules name the acts of each user, allow `connect.write` and those on machines",
  },
  {
    what: "emulator",
    title: "emulator",
    group: "machines",
    essential: true,
    judge: ({ driver, guests, versions }) => {
      const types = guests.domainTypes.join(", ");
      if (driver !== "qemu") return { fact: `${driver} for ${guests.arch}: ${types}` };
      const fact = `QEMU ${versions.hypervisor ?? "of an unknown version"} for ${guests.arch}: ${types}`;
      return either(guests.domainTypes.length > 0, fact, `there is no QEMU for ${guests.arch}`);
    },
    remedy: "install QEMU on the host (Debian: qemu-system-x86, Fedora: qemu-kvm) and restart libvirt",
  },
  {
    what: "kvm",
    title: "KVM",
    group: "machines",
    judge: (seen) => {
      if (!isNative(seen)) return undefined;
      const why = typeComplaint("kvm", seen.facts);
      return why === undefined ? { fact: isGuest(seen) ? "nested: the host is a virtual machine" : "yes" } : { why };
    },
    remedy:
      "turn on virtualisation in the host's firmware (VT-x, AMD-V), or nested virtualisation where it is a virtual machine itself; " +
      "where /dev/kvm is there, QEMU's user must be able to open it (root:kvm, 0660), and libvirt is restarted to see it",
  },
  {
    what: "uefi",
    title: "UEFI",
    group: "machines",
    judge: (seen) =>
      ofDevices(seen, ({ firmwares }) =>
        either(firmwares.includes("efi"), firmwares.join(", "), "there is no UEFI firmware for machines"),
      ),
    remedy: "install it on the host (Debian: ovmf, for ARM qemu-efi-aarch64; Fedora: edk2-ovmf)",
  },
  {
    what: "secureBoot",
    title: "secure boot",
    group: "machines",
    judge: (seen) =>
      ofDevices(seen, ({ secureBoot }) => either(secureBoot, "yes", "no UEFI firmware here can do secure boot")),
    remedy: "install firmware with it on the host (Debian: ovmf, Fedora: edk2-ovmf)",
  },
  {
    what: "tpm",
    title: "TPM",
    group: "machines",
    judge: (seen) => ofDevices(seen, ({ tpm }) => either(tpm, "emulator", "there is no TPM emulator")),
    remedy: "install swtpm on the host (Debian also: swtpm-tools) and restart libvirt",
  },
  {
    what: "vnc",
    title: "VNC",
    group: "machines",
    judge: (seen) =>
      ofDevices(seen, ({ graphics }) => either(graphics.includes("vnc"), "yes", "its QEMU knows no VNC")),
    remedy: "use `graphics.spice`, or a QEMU built with VNC",
  },
  {
    what: "spice",
    title: "SPICE",
    group: "machines",
    judge: (seen) =>
      ofDevices(seen, ({ graphics }) => either(graphics.includes("spice"), "yes", "its QEMU knows no SPICE")),
    remedy: "use `graphics.vnc`, or a QEMU built with SPICE (RHEL 9 and later have none)",
  },
  {
    what: "spiceTls",
    title: "SPICE over TLS",
    group: "machines",
    judge: ({ devices }) =>
      devices?.graphics.includes("spice") === true
        ? { unclear: "libvirt does not tell whether SPICE has certificates" }
        : undefined,
    remedy:
      "on the host: `grep ^spice_tls /etc/libvirt/qemu.conf`, and the files in `spice_tls_x509_cert_dir` (/etc/pki/libvirt-spice)",
  },
  {
    what: "networkDriver",
    title: "network driver",
    group: "storage and networks",
    judge: ({ networks }) => either(networks !== undefined, "yes", "libvirt has no driver for networks here"),
    remedy: "install it on the host (libvirt-daemon-driver-network), or give cards a `bridge` of the host",
  },
  {
    what: "storageDriver",
    title: "storage driver",
    group: "storage and networks",
    judge: ({ pools }) => either(pools !== undefined, "yes", "libvirt has no driver for storage here"),
    remedy: "install it on the host (libvirt-daemon-driver-storage), or give disks a `file` of the host",
  },
  {
    what: "network",
    title: "networks",
    group: "storage and networks",
    judge: ({ networks, session }) =>
      // A user's own daemon may make none.
      networks && !session ? runningOf(networks, "it has no network", "none of its networks runs") : undefined,
    remedy:
      'make one: a Network with `forward: { mode: "nat" }`; or start one that is there: `virsh net-start default`, and `virsh net-autostart default` for later',
  },
  {
    what: "dnsmasq",
    title: "dnsmasq",
    group: "storage and networks",
    judge: ({ networks, session }) =>
      networks && !session ? { unclear: "libvirt does not tell before a network with addresses starts" } : undefined,
    remedy:
      "on the host: `dnsmasq --version` (Debian: dnsmasq-base, Fedora: dnsmasq); DHCP and DNS of networks need it",
  },
  {
    what: "pool",
    title: "storage pools",
    group: "storage and networks",
    judge: ({ pools }) => pools && runningOf(pools, "it has no storage pool", "none of its storage pools runs"),
    remedy: "make one: a StoragePool with a `path`; or start one that is there: `virsh pool-start NAME`",
  },
  {
    what: "confinement",
    title: "confinement",
    group: "host",
    judge: (seen) => {
      // AppArmor and SELinux are the host's to give, and its root's.
      if (seen.driver !== "qemu" || seen.session) return undefined;
      const models = findAll(seen.capabilities, "host/secmodel/model").map(textOf);
      const fence = models.filter((model) => model === "apparmor" || model === "selinux");
      const why = "neither AppArmor nor SELinux stands around machines";
      return either(fence.length > 0, fence.join(", "), why);
    },
    remedy:
      'turn one on in the host\'s kernel (Debian: AppArmor, Fedora: SELinux), take `security_driver = "none"` out of /etc/libvirt/qemu.conf, and restart libvirt',
  },
  {
    what: "hugePages",
    title: "huge pages",
    group: "host",
    judge: (seen) => (seen.driver === "qemu" ? hugePagesOf(seen) : undefined),
    remedy:
      "only machines that ask for them need them: `sysctl vm.nr_hugepages=N` on the host, and a line in /etc/sysctl.d to keep it",
  },
];

function either(has: boolean, fact: string, why: string): Judgement {
  return has ? { fact } : { why };
}

function ofDevices(seen: Seen, judge: (devices: NonNullable<Seen["devices"]>) => Judgement): Judgement | undefined {
  if (seen.devices) return judge(seen.devices);
  if (seen.driver !== "qemu" || seen.guests.domainTypes.length === 0) return undefined;
  return { unclear: "libvirt does not tell this account what machines may have" };
}

function runningOf(all: readonly Named[], none: string, idle: string): Judgement {
  if (all.length === 0) return { why: none };
  const stopped = all.filter(({ running }) => !running).map(({ name }) => name);
  if (stopped.length === all.length) return { why: `${idle} (${stopped.join(", ")})` };
  const running = all.filter((one) => one.running).map(({ name }) => name);
  return { fact: running.join(", ") + (stopped.length === 0 ? "" : `; stopped: ${stopped.join(", ")}`) };
}

/** Pages of a NUMA node that are larger than the smallest ones. */
function hugePagesOf({ capabilities }: Seen): Judgement {
  const pages = findAll(capabilities, "host/topology/cells/cell").flatMap((cell) =>
    childrenOf(cell, "pages").map((page) => ({
      kibibytes: Number(page.attributes.get("size")),
      count: Number(textOf(page)),
    })),
  );
  if (pages.length === 0) return { unclear: "libvirt tells nothing about the host's memory pages" };
  const smallest = Math.min(...pages.map(({ kibibytes }) => kibibytes));
  const huge = pages.filter(({ kibibytes, count }) => kibibytes > smallest && count > 0);
  const fact = huge.map(({ kibibytes, count }) => `${count} of ${kibibytes} KiB`).join(", ");
  return either(huge.length > 0, fact, "no huge pages are set aside");
}

/** KVM runs machines of the host's own architecture alone. */
function isNative({ driver, facts, guests }: Seen): boolean {
  return driver === "qemu" && guests.arch === facts.arch && guests.domainTypes.length > 0;
}

function isGuest({ capabilities }: Seen): boolean {
  return readPath(capabilities, "host/cpu/feature[@name='hypervisor']/@name") !== undefined;
}
