// 200 times define, get the XML, undefine: ours against one virsh that reads the same commands from its standard input.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Stop } from "../shell.mjs";
import { inTurn, medianRatio, seconds } from "./measure.mjs";

const require = createRequire(import.meta.url);
export const count = 200;
const uri = "qemu:///system";

export async function* rpc({ quick }) {
  const folder = mkdtempSync(join(tmpdir(), "pulumi-kvm-bench-"));
  try {
    const machines = Array.from({ length: count }, (_, index) => machineXml(`bench-${index}`));
    const virsh = virshBatch(folder, machines);
    const sides = {
      virsh: () => seconds(virsh),
      sequential: () => seconds(() => ours(machines, 1)),
      inFlight: () => seconds(() => ours(machines, 4)),
    };
    const times = await inTurn(quick ? 3 : 9, sides);
    const work = `${count} x (define, XML, undefine)`;
    yield {
      what: `${work}, sequential / one virsh batch with its start`,
      ratio: medianRatio(times.sequential, times.virsh),
      goal: 0.8,
    };
    yield {
      what: `${work}, 4 in flight / one virsh batch with its start`,
      ratio: medianRatio(times.inFlight, times.virsh),
      goal: 0.5,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function machineXml(name) {
  return `<domain type='qemu'>
  <name>${name}</name>
  <memory unit='MiB'>96</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <controller type='usb' model='none'/>
    <disk type='file' device='disk'><source file='/var/lib/libvirt/images/${name}'/><target dev='vda' bus='virtio'/></disk>
    <interface type='network'><source network='default'/><model type='virtio'/></interface>
    <serial type='pty'/>
    <memballoon model='none'/>
  </devices>
</domain>
`;
}

export function virshBatch(folder, machines, at = uri) {
  const commands = machines.map((xml, index) => {
    const file = join(folder, `${index}.xml`);
    writeFileSync(file, xml);
    return `define ${file}\ndumpxml bench-${index}\nundefine bench-${index}\n`;
  });
  const input = commands.join("");
  return () => {
    const options = { input, stdio: ["pipe", "ignore", "pipe"], encoding: "utf8" };
    const { status, stderr } = spawnSync("virsh", ["-q", "-c", at], options);
    if (status !== 0 || stderr !== "") throw new Stop(`the virsh batch failed (${status}): ${stderr.slice(0, 500)}`);
  };
}

/** Opens a host of our own, does the work with so many machines at a time, and closes it. */
export async function ours(machines, inFlight, at = uri) {
  const { Host } = require("../../dist/rpc");
  const { parseUri } = require("../../dist/transport");
  const host = Host.at(parseUri(at));
  const queue = [...machines];
  const worker = async () => {
    for (let xml = queue.shift(); xml !== undefined; xml = queue.shift()) {
      const { dom } = await host.call("DOMAIN_DEFINE_XML_FLAGS", { xml, flags: 0 });
      await host.call("DOMAIN_GET_XML_DESC", { dom, flags: 0 });
      await host.call("DOMAIN_UNDEFINE_FLAGS", { dom, flags: 0 });
    }
  };
  try {
    await Promise.all(Array.from({ length: inFlight }, worker));
  } finally {
    await host.close();
  }
}
