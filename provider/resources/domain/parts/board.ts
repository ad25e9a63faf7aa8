import { grammar, int, isRecord, list, object, type Situation, text, type XmlPair } from "../../../fields";
import { readPath, writePath } from "../../../xml";
import { cpuSetText, sameCpus } from "./cpuSet";
import { schedule } from "./limits";

/** libvirt makes `q35` into `pc-q35-7.2`: the wish is met by any version of it. */
function sameMachine(wanted: string, found: string): boolean {
  const family: Record<string, string> = { q35: "pc-q35-", pc: "pc-i440fx-", virt: "virt-" };
  const prefix = family[wanted];
  return wanted === found || (prefix !== undefined && found.startsWith(prefix));
}

/** Machines of one family have the same buses: libvirt takes another version in place, another family only for a new machine. */
function machineChange(before: unknown, after: unknown): "restart" | "replace" {
  const known = typeof before === "string" && typeof after === "string";
  return known && familyOf(before) !== familyOf(after) ? "replace" : "restart";
}

function familyOf(machine: string): string {
  const name = machine.replace(/-\d[\w.]*$/, "");
  return { q35: "pc-q35", pc: "pc-i440fx" }[name] ?? name;
}

/** libvirt finds no firmware for the word `bios` everywhere: it is what boots where nothing is said. */
const firmware: XmlPair = {
  read: (os) => os.attributes.get("firmware") ?? (readPath(os, "loader/@type") === "pflash" ? "efi" : undefined),
  write: (os, value) => {
    if (value === "efi") {
      os.attributes.set("firmware", "efi");
      return;
    }
    os.attributes.delete("firmware");
    // What libvirt chose for UEFI would go on booting it.
    for (const name of ["firmware", "loader", "nvram"]) writePath(os, name, undefined);
  },
};

/** What boots. https://libvirt.org/formatdomain.html#operating-system-booting */
export const os = object(
  {
    arch: text({
      xml: "type/@arch",
      change: "replace",
      check: grammar.objectName,
      doc: "CPU architecture; default the host's.",
    }),
    machine: text({
      xml: "type/@machine",
      change: machineChange,
      check: grammar.objectName,
      same: sameMachine,
      doc: "Machine type; default `q35` on x86, `virt` on arm64. Another version waits for a power cycle, and stays where the program gives none any more; another family (`q35`, `pc`) is a new machine.",
    }),
    firmware: text({
      xml: firmware,
      absent: "bios",
      values: ["bios", "efi"],
      change: "restart",
      doc: "Firmware; default BIOS on x86, UEFI on arm64.",
    }),
    kernel: text({
      xml: "kernel",
      change: "restart",
      check: grammar.absolutePath,
      doc: "Kernel to boot directly: a path on the host (a Volume's `path`).",
    }),
    initrd: text({
      xml: "initrd",
      change: "restart",
      check: grammar.absolutePath,
      doc: "Its initial RAM disk: a path on the host.",
    }),
    cmdline: text({ xml: "cmdline", change: "restart", doc: "Its command line." }),
  },
  { xml: "os", change: "restart", doc: "What boots, on which kind of machine." },
);

/** https://libvirt.org/formatdomain.html#cpu-model-and-topology */
export const cpu = object(
  {
    mode: text({
      xml: "@mode",
      values: ["custom", "host-model", "host-passthrough", "maximum"],
      change: "restart",
      doc: "How the model is chosen; default `custom` with a model, else `host-model` under kvm, `maximum` under qemu.",
    }),
    model: text({
      xml: "model",
      change: "restart",
      check: grammar.objectName,
      doc: "The model; with mode `custom` alone, which needs one.",
    }),
    topology: object(
      {
        sockets: int({ xml: "@sockets", required: true, min: 1, change: "restart", doc: "Sockets." }),
        dies: int({ xml: "@dies", min: 1, default: 1, change: "restart", doc: "Dies in a socket; default 1." }),
        cores: int({ xml: "@cores", required: true, min: 1, change: "restart", doc: "Cores in a die." }),
        threads: int({ xml: "@threads", required: true, min: 1, change: "restart", doc: "Threads in a core." }),
      },
      { xml: "topology", change: "restart", doc: "How the CPUs look to the guest." },
    ),
  },
  { xml: "cpu", change: "restart", doc: "The CPU that the guest sees; the default is written at create." },
);

/** https://libvirt.org/formatdomain.html#time-keeping */
export const clock = object(
  {
    offset: text({
      xml: "@offset",
      values: ["utc", "localtime"],
      change: "restart",
      doc: "What the hardware clock shows; default `utc`.",
    }),
  },
  { xml: "clock", change: "restart", doc: "The guest's clock." },
);

/** A CPU that the guest was not started for has its pin from its next start on. */
function pinChange(_before: unknown, after: unknown, { live }: Situation): "live" | "restart" {
  const [vcpu, most] = [isRecord(after) ? after["vcpu"] : undefined, live?.["vcpus"]];
  return typeof vcpu === "number" && typeof most === "number" && vcpu >= most ? "restart" : "live";
}

const cpuset = (what: string) =>
  text({
    xml: "@cpuset",
    required: true,
    change: "live",
    check: cpuSetText,
    same: sameCpus,
    doc: `Host CPUs that run ${what}: \`0-3,^2\`.`,
  });

/** Where the guest's work runs on the host, and how much of it. https://libvirt.org/formatdomain.html#cpu-tuning */
export const cputune = object(
  {
    ...schedule,
    vcpupins: list(
      object(
        {
          vcpu: int({
            xml: "@vcpu",
            required: true,
            min: 0,
            max: 4095,
            change: "live",
            doc: "The guest's CPU, from 0.",
          }),
          cpuset: cpuset("it"),
        },
        { change: "live", doc: "Where one of the guest's CPUs runs." },
      ),
      {
        xml: "vcpupin",
        key: (item) => (typeof item["vcpu"] === "number" ? String(item["vcpu"]) : undefined),
        most: 4096,
        change: pinChange,
        doc: "Where each of the guest's CPUs runs; those that are not listed run anywhere.",
      },
    ),
    iothreadpins: list(
      object(
        {
          iothread: int({
            xml: "@iothread",
            required: true,
            min: 1,
            max: 1024,
            change: "live",
            doc: "The thread's number, of the machine's `iothreads`.",
          }),
          cpuset: cpuset("it"),
        },
        { change: "live", doc: "Where one of the I/O threads runs." },
      ),
      {
        xml: "iothreadpin",
        key: (item) => (typeof item["iothread"] === "number" ? String(item["iothread"]) : undefined),
        most: 1024,
        change: "live",
        doc: "Where each of the I/O threads runs; those that are not listed run anywhere.",
      },
    ),
    emulatorpin: object(
      { cpuset: cpuset("the emulator's own threads") },
      { xml: "emulatorpin", change: "live", doc: "Where the emulator's own threads run." },
    ),
  },
  {
    xml: "cputune",
    change: "live",
    doc: "Where on the host the guest's CPUs run, and how much of it they get; all but the pins needs libvirt's cgroup controller `cpu`.",
  },
);

/** What becomes of the machine. https://libvirt.org/formatdomain.html#events-configuration */
export function lifecycle<const V extends readonly string[]>(xml: string, values: V, when: string) {
  return text({ xml, values, change: "live", doc: `What becomes of the machine when ${when}.` });
}
