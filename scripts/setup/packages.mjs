// The distribution's packages: which are needed for what, and how they come.
import { Stop, capture, must, show, which } from "../shell.mjs";
import { distribution } from "./distribution.mjs";
import { asRoot } from "./privilege.mjs";

const emulator = { x64: "qemu-system-x86", arm64: "qemu-system-arm" }[process.arch] ?? "qemu-system-x86";
const firmware = { arm64: "qemu-efi-aarch64" }[process.arch] ?? "ovmf";

/** Everything is listed, so that nothing comes along only because another package recommends it. */
const needed = {
  quickstart: {
    "libvirt-daemon-system": "the daemon that the provider talks to",
    "libvirt-daemon-driver-qemu": "its driver for machines",
    "libvirt-clients": "virsh, to look at what was made",
    [emulator]: "runs the machines",
    "qemu-utils": "makes and reads disk images for the daemon",
    "dnsmasq-base": "addresses and names on libvirt's networks",
    iproute2: "libvirt's networks",
    iptables: "libvirt's networks with NAT",
  },
  unit: {
    "openssh-client": "keys for tests of SSH, and ssh itself to compare with",
  },
  test: {
    "libvirt-daemon-driver-lxc": "container tests",
    "libxml2-utils": "checks XML against libvirt's own schemas",
    "openssh-server": "tests over SSH, on a port of the lab alone",
    openssl: "certificates for tests over TLS",
    "libsasl2-modules": "logins by SCRAM",
    "sasl2-bin": "users for these logins",
    [firmware]: "UEFI for machines that ask for it",
    genisoimage: "reads our CD images by other means (isoinfo)",
    "python3-venv": "programs in Python",
    "util-linux": "unshare, for the lab",
  },
};

const forPurpose = (purpose) =>
  purpose === "test" ? { ...needed.quickstart, ...needed.unit, ...needed.test } : needed[purpose];
const users = {
  quickstart: "the quickstart on real machines needs it",
  unit: "unit tests need it",
  test: "tests on real machines need it",
};

/** The step for a purpose, "quickstart", "unit" or "test". */
export function packages(purpose) {
  const missing = () => (hasApt() ? missingPackages(purpose) : missingPrograms(purpose));
  return {
    missing,
    does: `apt-get install of what is missing (${users[purpose]})`,
    fix: () => (hasApt() ? install(missingPackages(purpose)) : explain(missing())),
  };
}

const hasApt = () => ["debian", "ubuntu"].includes(distribution().family) && which("apt-get") !== undefined;

function missingPackages(purpose) {
  const { out } = capture(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"]);
  const installed = new Set(
    out
      .split("\n")
      .filter((line) => line.endsWith(" installed"))
      .map((line) => line.split(" ")[0]),
  );
  return Object.entries(forPurpose(purpose))
    .filter(([name]) => !installed.has(name))
    .map(([name, why]) => `${name} (${why})`);
}

function install(missing) {
  const names = missing.map((entry) => entry.split(" ")[0]);
  const apt = (...args) => asRoot(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", ...args]);
  // Lists may be absent (a fresh image has none) or point at versions that the mirror has replaced since.
  must(apt("update"));
  must(apt("install", "-y", "--no-install-recommends", ...names));
}

/** apt's lists, for those who look packages up; a no-op where there are some. */
export function ensureLists(name) {
  if (!hasApt() || capture(["apt-cache", "show", "--no-all-versions", name]).code === 0) return;
  must(asRoot(["apt-get", "-q", "update"]));
}

const programs = [
  "virsh",
  process.arch === "arm64" ? "qemu-system-aarch64" : "qemu-system-x86_64",
  "qemu-img",
  "dnsmasq",
  "ip",
];

const missingPrograms = (purpose) =>
  (purpose === "unit" ? ["ssh-keygen"] : programs).filter(
    (name) => which(name, `${process.env.PATH}:/usr/sbin:/sbin`) === undefined,
  );

function explain(missing) {
  throw new Stop(
    [
      `Set-up installs packages on Debian and Ubuntu only; this is ${distribution().name}. Please install what is missing: ${missing.join(", ")}.`,
      "  Fedora, RHEL:  dnf install libvirt-daemon-kvm libvirt-daemon-config-network libvirt-client qemu-kvm qemu-img dnsmasq iproute iptables",
      "  Arch:          pacman -S libvirt qemu-base dnsmasq iproute2 iptables",
      "  openSUSE:      zypper install libvirt-daemon-qemu libvirt-client qemu-tools dnsmasq iproute2 iptables",
      "Then start the daemon (systemctl enable --now libvirtd, or virtqemud.socket virtnetworkd.socket virtstoraged.socket) and run this again.",
    ].join("\n"),
  );
}
