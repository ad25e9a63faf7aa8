import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { virsh } from "./changing";

const folder = mkdtempSync(join(tmpdir(), "byHand-"));

/** A machine that another hand made, of these devices. */
export function machineXml(devices: string, name = "user"): string {
  const os = "<os><type arch='x86_64' machine='pc'>hvm</type></os>";
  return `<domain type='qemu'><name>${name}</name><memory unit='MiB'>32</memory>${os}<devices>${devices}</devices></domain>`;
}

export function diskXml(path: unknown, format: unknown, more = ""): string {
  return (
    `<disk type='file' device='disk'><driver name='qemu' type='${String(format)}'/><source file='${String(path)}'/>` +
    `<target dev='vda' bus='virtio'/>${more}</disk>`
  );
}

/** Hands a definition to a command of virsh: `define`, `net-define`, ... */
export function hand(command: string, xml: string): void {
  const file = join(folder, "handed.xml");
  writeFileSync(file, xml);
  virsh(command, file);
}

/** A machine with this disk runs. */
export function runs(path: unknown, format: unknown, more = ""): void {
  hand("define", machineXml(diskXml(path, format, more)));
  virsh("start", "user");
}
