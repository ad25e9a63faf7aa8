import { typeComplaint } from "../domain/template";
import type { Seen } from "./seen";

/** Something that a host cannot do, and what gives it to it. */
export interface Lack {
  /** A word for programs, always the same: `kvm`. */
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
}

interface Possible {
  readonly what: string;
  /** Why this host lacks it, or nothing. */
  readonly why: (seen: Seen) => string | undefined;
  readonly remedy: string;
}

/** What every host might lack, the gravest first. */
const possible: readonly Possible[] = [
  {
    what: "emulator",
    why: ({ driver, guests }) =>
      driver === "qemu" && guests.domainTypes.length === 0 ? `there is no QEMU for ${guests.arch}` : undefined,
    remedy: "install QEMU on the host (Debian: qemu-system-x86, Fedora: qemu-kvm) and restart libvirt",
  },
  {
    what: "kvm",
    why: (seen) => (isNative(seen) ? typeComplaint("kvm", seen.facts) : undefined),
    remedy:
      "turn on virtualisation in the host's firmware (VT-x, AMD-V), or nested virtualisation where it is a virtual machine itself",
  },
  {
    what: "uefi",
    why: ({ devices }) =>
      devices && !devices.firmwares.includes("efi") ? "there is no UEFI firmware for machines" : undefined,
    remedy: "install it on the host (Debian: ovmf, for ARM qemu-efi-aarch64; Fedora: edk2-ovmf)",
  },
  {
    what: "secureBoot",
    why: ({ devices }) => (devices?.secureBoot === false ? "no UEFI firmware here can do secure boot" : undefined),
    remedy: "install firmware with it on the host (Debian: ovmf, Fedora: edk2-ovmf)",
  },
  {
    what: "tpm",
    why: ({ devices }) => (devices?.tpm === false ? "there is no TPM emulator" : undefined),
    remedy: "install swtpm on the host (Debian also: swtpm-tools) and restart libvirt",
  },
  {
    what: "spice",
    why: ({ devices }) => (devices?.graphics.includes("spice") === false ? "its QEMU knows no SPICE" : undefined),
    remedy: "use `graphics.vnc`, or a QEMU built with SPICE (RHEL 9 and later have none)",
  },
  {
    what: "networkDriver",
    why: ({ networks }) => (networks ? undefined : "libvirt has no driver for networks here"),
    remedy: "install it on the host (libvirt-daemon-driver-network), or give cards a `bridge` of the host",
  },
  {
    what: "storageDriver",
    why: ({ pools }) => (pools ? undefined : "libvirt has no driver for storage here"),
    remedy: "install it on the host (libvirt-daemon-driver-storage), or give disks a `file` of the host",
  },
  {
    what: "pool",
    why: ({ pools }) => (pools?.length === 0 ? "it has no storage pool" : undefined),
    remedy: "make one: a StoragePool with a `path`",
  },
];

/** What a host cannot do, as far as it can be seen without changing anything on it; pure. */
export function lacksOf(seen: Seen): Lack[] {
  return possible.flatMap(({ what, why, remedy }) => {
    const reason = why(seen);
    return reason === undefined ? [] : [{ what, why: reason, remedy }];
  });
}

/** KVM runs machines of the host's own architecture alone. */
function isNative({ driver, facts, guests }: Seen): boolean {
  return driver === "qemu" && guests.arch === facts.arch && guests.domainTypes.length > 0;
}
