import { element, type XmlElement } from "../../../xml";
import { isRecord, UNKNOWN, type Values } from "../../../fields";
import type { HostFacts } from "../../place";
import { Refusal } from "../../port";

/** Hot-plug ports that stay free for devices to come; q35 has one by itself. */
const SPARE_PORTS = 8;

/** The domain type that is really run: `auto` becomes kvm where the host's CPU can, else qemu. */
export function chooseType(wanted: unknown, facts: HostFacts): string {
  const kvm = facts.domainTypes.includes("kvm") && facts.hardwareVirtualisation;
  if (wanted === "auto") return kvm ? "kvm" : "qemu";
  return typeof wanted === "string" ? wanted : "kvm";
}

/** Why this host cannot really run a type, or nothing. */
export function typeComplaint(wanted: unknown, facts: HostFacts): string | undefined {
  if (wanted === UNKNOWN) return undefined;
  const type = chooseType(wanted, facts);
  if (!facts.domainTypes.includes(type)) {
    return `the host offers no "${type}" machines for ${facts.arch} (it offers ${facts.domainTypes.join(", ") || "none"})`;
  }
  if (type === "kvm" && !facts.hardwareVirtualisation) {
    return 'the host is a virtual machine whose CPU shows neither vmx nor svm, so a KVM guest hangs in its boot loader; use type "auto" or "qemu"';
  }
  return undefined;
}

/** What a table's property is when the program says nothing: written at create, and again when the program takes a value back. */
export function initialValues(inputs: Values, facts: HostFacts): Values {
  const os = isRecord(inputs["os"]) ? inputs["os"] : {};
  const arch = archOf(inputs, facts);
  const arm = arch === "aarch64";
  const type = chooseType(inputs["type"], facts);
  return {
    os: { arch, machine: arm ? "virt" : "q35", ...(arm && os["kernel"] === undefined ? { firmware: "efi" } : {}) },
    cpu: { mode: type === "kvm" ? "host-model" : "maximum" },
    clock: { offset: "utc" },
  };
}

/** What becomes of a machine of which the program says nothing; libvirt writes these in by itself. */
export const FATE: Values = { onPoweroff: "destroy", onReboot: "restart", onCrash: "destroy" };

function archOf(inputs: Values, facts: HostFacts): string {
  const os = isRecord(inputs["os"]) ? inputs["os"] : {};
  return typeof os["arch"] === "string" ? os["arch"] : facts.arch;
}

/** The definition that a new machine starts from; the table's properties are patched into it. */
export function template(uuid: string, inputs: Values, facts: HostFacts): XmlElement {
  const type = chooseType(inputs["type"], facts);
  const arm = archOf(inputs, facts) === "aarch64";
  return element(
    "domain",
    { type },
    element("name", {}, String(inputs["name"])),
    element("uuid", {}, uuid),
    element("os", {}, element("type", {}, "hvm")),
    element("features", {}, element("acpi"), ...(arm ? [] : [element("apic")])),
    element("clock", { offset: "utc" }, ...(arm ? [] : [element("timer", { name: "hpet", present: "no" })])),
    element("devices", {}, ...devices(inputs)),
  );
}

function devices(inputs: Values): XmlElement[] {
  return [
    ...ports(inputs),
    element("controller", { type: "usb", model: "qemu-xhci", ports: "15" }),
    ...(needsScsi(inputs) ? [scsiController()] : []),
    element("serial", { type: "pty" }),
    element("console", { type: "pty" }, element("target", { type: "serial" })),
    element("channel", { type: "unix" }, element("target", { type: "virtio", name: "org.qemu.guest_agent.0" })),
    ...screens(inputs),
    element("memballoon", { model: "virtio", freePageReporting: "on" }, element("stats", { period: "10" })),
    element("rng", { model: "virtio" }, element("backend", { model: "random" }, "/dev/urandom")),
  ];
}

function ports(inputs: Values): XmlElement[] {
  const os = isRecord(inputs["os"]) ? inputs["os"] : {};
  const machine = typeof os["machine"] === "string" ? os["machine"] : "q35";
  // Only PCI Express machines plug through root ports.
  if (!/q35|virt/.test(machine)) return [];
  const own = countOf(inputs["disks"], (disk) => disk["bus"] === "virtio") + countOf(inputs["interfaces"], () => true);
  // Serial, balloon, rng, USB, SCSI and video take one each.
  const total = own + 4 + (needsScsi(inputs) ? 1 : 0) + (inputs["graphics"] === undefined ? 0 : 1) + SPARE_PORTS;
  return [
    element("controller", { type: "pci", index: "0", model: "pcie-root" }),
    ...Array.from({ length: total }, (_, index) =>
      element("controller", { type: "pci", index: String(index + 1), model: "pcie-root-port" }),
    ),
  ];
}

function countOf(items: unknown, which: (item: Values) => boolean): number {
  return Array.isArray(items) ? items.filter((item) => isRecord(item) && which(item)).length : 0;
}

function needsScsi(inputs: Values): boolean {
  return inputs["cloudInit"] !== undefined || countOf(inputs["disks"], (disk) => disk["bus"] === "scsi") > 0;
}

function screens(inputs: Values): XmlElement[] {
  return inputs["graphics"] === undefined ? [] : [videoCard(), tablet()];
}

/** libvirt's default SCSI controller is one for which Debian's cloud kernel has no driver. */
export function scsiController(): XmlElement {
  return element("controller", { type: "scsi", index: "0", model: "virtio-scsi" });
}

/** The video card of a machine that serves its screen. */
export function videoCard(): XmlElement {
  return element("video", {}, element("model", { type: "virtio", heads: "1", primary: "yes" }));
}

/** The pointer that needs no grabbing. */
export function tablet(): XmlElement {
  return element("input", { type: "tablet", bus: "usb" });
}

/** Refuses a machine that this host cannot run. */
export function refuseType(name: string, wanted: unknown, facts: HostFacts): void {
  const complaint = typeComplaint(wanted, facts);
  if (complaint !== undefined) throw new Refusal(`domain "${name}": type: ${complaint}`);
}
