import {
  differences,
  flag,
  gibibytes,
  int,
  list,
  map,
  mebibytes,
  object,
  opaque,
  readTable,
  seconds,
  text,
  type Values,
  writeTable,
  type XmlPair,
} from "../../provider/fields";
import { parseXml, printXml, readPath, writePath } from "../../provider/xml";

function source(type: "file" | "block"): XmlPair {
  const path = type === "file" ? "source/@file" : "source/@dev";
  return {
    read: (disk) => (disk.attributes.get("type") === type ? readPath(disk, path) : undefined),
    write: (disk, value) => {
      if (value === undefined) {
        if (disk.attributes.get("type") === type) writePath(disk, "source", undefined);
        return;
      }
      if (disk.attributes.get("type") !== type) writePath(disk, "source", undefined);
      disk.attributes.set("type", type);
      writePath(disk, path, value as string);
    },
  };
}

export const disk = object(
  {
    file: text({ xml: source("file"), change: "live", doc: "" }),
    block: text({ xml: source("block"), change: "live", doc: "" }),
    target: text({ xml: "target/@dev", required: true, change: "restart", doc: "" }),
    bus: text({ xml: "target/@bus", values: ["virtio", "scsi"], default: "virtio", change: "restart", doc: "" }),
    cache: text({ xml: "driver/@cache", change: "restart", doc: "" }),
    readOnly: flag({ xml: "readonly", form: "present", change: "restart", doc: "" }),
    bootOrder: int({ xml: "boot/@order", min: 1, max: 99, change: "restart", doc: "" }),
  },
  { oneOf: ["file", "block"], doc: "" },
);

/** A small machine: every kind of field once. */
export const machine = {
  name: text({ xml: "name", required: true, change: "replace", doc: "" }),
  title: text({ xml: "title", change: "live", doc: "" }),
  notes: text({ xml: "description", multiline: true, change: "live", doc: "" }),
  kind: text({ xml: "@type", values: ["kvm", "qemu"], default: "kvm", change: "restart", doc: "" }),
  memory: mebibytes({ xml: "memory", change: "restart", doc: "" }),
  capacity: gibibytes({ xml: "capacity", change: "live", doc: "" }),
  videoRam: mebibytes({ xml: "video/@ram", change: "restart", doc: "" }),
  vcpus: int({ xml: "vcpu", min: 1, max: 64, default: 1, change: "restart", doc: "" }),
  delay: seconds({ xml: "bridge/@delay", max: 60, change: "restart", doc: "" }),
  suspend: flag({ xml: "pm/@suspend", change: "restart", doc: "" }),
  vmport: flag({ xml: "features/vmport/@state", form: "on", change: "restart", doc: "" }),
  acpi: flag({ xml: "features/acpi", form: "present", change: "restart", doc: "" }),
  os: object(
    {
      arch: text({ xml: "type/@arch", change: "replace", doc: "" }),
      kernel: text({ xml: "kernel", change: "restart", doc: "" }),
      loader: object(
        { secure: flag({ xml: "@secure", change: "restart", doc: "" }) },
        { xml: "loader", change: "restart", doc: "" },
      ),
    },
    { xml: "os", change: "restart", doc: "" },
  ),
  disks: list(disk, {
    xml: "devices/disk",
    key: (item: Values) => (typeof item["target"] === "string" ? item["target"] : undefined),
    change: "live",
    doc: "",
  }),
  tags: list(text({ change: "live", doc: "" }), { xml: "tags/tag", most: 4, change: "live", doc: "" }),
  labels: map({
    names: (name) => (/^[a-z./-]+$/i.test(name) ? undefined : "is no label"),
    most: 3,
    change: "live",
    doc: "",
  }),
  asset: opaque({ doc: "" }),
  wait: seconds({ doc: "" }),
  uuid: text({ output: true, doc: "" }),
} as const;

/** Reads XML in the machine's terms. */
export const read = (xml: string): Values => readTable(machine, parseXml(xml));

/** The XML after a wish was written into it. */
export function write(xml: string, wanted: Values, managed?: Values): string {
  const root = parseXml(xml);
  writeTable(machine, root, wanted, managed);
  return printXml(root);
}

/** Path, kind and cost of each difference, in a line. */
export function differ(found: Values, wanted: Values, managed?: Values): string[] {
  const situation = { before: found, after: wanted };
  return differences(machine, found, wanted, { managed, situation }).map(
    ({ path, kind, cost }) => `${path.join(".")} ${kind} ${cost}`,
  );
}

/** Numbers that look random and are the same on every run (mulberry32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
