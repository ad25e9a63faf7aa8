import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Values } from "../../provider/fields";
import { load, type Token } from "../../provider/resources";
import type { Place } from "../../provider/resources/place";
import { virsh } from "./changing";
import { Driven } from "./driven";
import { cmdline, guestFiles } from "./guestFiles";
import { placeOf } from "./request";

// What others do to a program's objects is shown by a refresh and mended by the next up; what libvirt and a guest do by
// themselves is neither.
jest.setTimeout(180_000);

const images = "/var/lib/libvirt/images/drift";
const mac = "52:54:00:97:00:07";
const address = "10.97.0.7";

let place: Place;
let os: Values;
beforeAll(() => {
  mkdirSync(images, { recursive: true });
  const { kernel, initrd } = guestFiles();
  copyFileSync(kernel, `${images}/kernel`);
  copyFileSync(initrd, `${images}/initrd`);
  for (const name of ["hand.raw", "cd.iso"]) writeFileSync(`${images}/${name}`, Buffer.alloc(65536));
  os = { machine: "q35", kernel: `${images}/kernel`, initrd: `${images}/initrd`, cmdline };
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});

/** A program of one object each, and those that it has made. */
class Program {
  private readonly all = new Map<Token, { readonly driven: Driven; readonly args: Values }>();

  constructor(private readonly machine: Values) {}

  async up(): Promise<void> {
    await this.add("StoragePool", { type: "dir", path: images, name: "drift", autostart: true });
    await this.add("Volume", { pool: "drift", name: "disk", capacity: 0.01 });
    await this.add("Network", {
      name: "drift",
      bridge: { name: "drift", stp: false, delay: 0 },
      ips: [{ address: "10.97.0.1/24", dhcp: { hosts: [{ mac, ip: address }] } }],
      dnsmasqOptions: ["no-ping"],
    });
    await this.add("Domain", { ...this.machine, os });
  }

  private async add(token: Token, args: Values): Promise<void> {
    const driven = new Driven(load(token), place, "web");
    this.all.set(token, { driven, args });
    await driven.up(args);
  }

  get(token: Token): { readonly driven: Driven; readonly args: Values } {
    const one = this.all.get(token);
    if (!one) throw new Error(`the program has no ${token}`);
    return one;
  }

  /** What the next preview of each object shows, after a refresh or without. */
  async shown(refreshed: boolean): Promise<string[]> {
    const shown: string[] = [];
    for (const [token, { driven, args }] of this.all) {
      if (refreshed && !(await driven.refresh())) {
        shown.push(`${token} is gone`);
        continue;
      }
      const { differences, changes } = await driven.preview(args);
      if (changes && differences.length === 0) shown.push(`${token} is gone`);
      shown.push(...differences.map(({ path, kind, cost }) => `${token}: ${path.join(".")} ${kind} ${cost}`));
    }
    return shown;
  }

  async mend(): Promise<void> {
    for (const [token, { driven, args }] of this.all) {
      if (await driven.refresh()) await driven.up(args);
      else await this.add(token, args);
    }
  }

  async destroy(): Promise<void> {
    for (const { driven } of [...this.all.values()].reverse()) if (driven.id !== undefined) await driven.destroy();
    this.all.clear();
  }
}

const card = { network: "drift", mac, link: { state: "up" } };
const machine = {
  name: "web",
  type: "qemu",
  memory: 160,
  vcpus: 2,
  title: "mine",
  autostart: true,
  shutdown: { timeout: 0, thenForce: true },
  disks: [{ volume: "drift/disk", target: "vda" }],
  interfaces: [card],
};

describe("what others do", () => {
  const program = new Program(machine);
  beforeAll(() => program.up());
  afterAll(() => program.destroy());

  const detach = `detach-interface web network --mac ${mac}`;
  const link = "Domain: interfaces.0.link.state update live";
  const hosts = "Network: ips.0.dhcp.hosts.0 add live";
  const starts = "Network: autostart update live";
  const entry = `<host mac='${mac}' ip='${address}'/>`;
  const disk = `${images}/hand.raw`;
  const deeds: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["a machine stopped", ["destroy web"], ["Domain: powerState update live"]],
    ["a machine paused", ["suspend web"], ["Domain: powerState update live"]],
    ["a machine that does not start with its host", ["autostart web --disable"], ["Domain: autostart update live"]],
    ["a title in the definition", ["desc web --title hand --config"], ["Domain: title update live"]],
    ["a title in the guest", ["desc web --title hand --live"], ["Domain: title update live"]],
    ["a disk attached live", [`attach-disk web ${disk} vdb --live`], ["Domain: disks.1 delete live"]],
    ["a disk attached in the definition", [`attach-disk web ${disk} vdb --config`], ["Domain: disks.1 delete live"]],
    ["a disk attached in both", [`attach-disk web ${disk} vdb --persistent`], ["Domain: disks.1 delete live"]],
    ["a card taken out of the definition", [`${detach} --config`], ["Domain: interfaces.0 add live"]],
    ["a card taken out", [`${detach} --live`], ["Domain: interfaces.0 add live"]],
    ["a cable pulled", [`domif-setlink web ${mac} down`], ["Domain: interfaces.0.link.state update live"]],
    ["a cable pulled at the next start", [`domif-setlink web ${mac} down --config`], [link]],
    ["memory in the definition", ["setmaxmem web 192M --config"], ["Domain: memory update live"]],
    ["CPUs in the definition", ["setvcpus web 3 --config --maximum"], ["Domain: vcpus update live"]],
    ["a machine's definition taken away", ["undefine web"], ["Domain: autostart update live"]],
    ["a machine deleted", ["destroy web", "undefine web"], ["Domain is gone"]],
    ["a network stopped", ["net-destroy drift"], ["Network: active update live"]],
    ["a network that does not start with its host", ["net-autostart drift --disable"], [starts]],
    ["a network's entry taken out", [`net-update drift delete ip-dhcp-host "${entry}" --live --config`], [hosts]],
    ["a network's definition taken away", ["net-undefine drift"], [starts, "Network: persistent update live"]],
    ["a network deleted", ["net-destroy drift", "net-undefine drift"], ["Network is gone"]],
    ["a pool stopped", ["pool-destroy drift"], ["StoragePool: active update live"]],
    [
      "a pool that does not start with its host",
      ["pool-autostart drift --disable"],
      ["StoragePool: autostart update live"],
    ],
    ["a pool deleted", ["pool-destroy drift", "pool-undefine drift"], ["StoragePool is gone"]],
    [
      "a volume deleted",
      ["destroy web", "vol-delete --pool drift disk"],
      ["Volume is gone", "Domain: powerState update live"],
    ],
  ];

  it.each(deeds)("is shown and mended: %s", async (_, commands, shown) => {
    for (const command of commands) execFileSync("virsh", ["-q", "-c", "qemu:///system", command]);
    const seen = [await program.shown(true), await program.shown(false)];
    await program.mend();
    expect(seen).toEqual([shown, shown]);
    expect(await program.shown(false)).toEqual([]);
    expect(await program.shown(true)).toEqual([]);
    expect(await answerOf("boot_id")).toMatch(/^[0-9a-f-]{36}$/);
  });
});

/** What the guest serves at a path of its page; undefined while it does not answer. */
async function ask(path: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://${address}/${path}`, { signal: AbortSignal.timeout(1000) });
    return answer.ok ? (await answer.text()).trim() : undefined;
  } catch {
    // Nor while it writes the page.
    return undefined;
  }
}

async function answerOf(path: string): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const answer = await ask(path);
    if (answer) return answer;
    await sleep(100);
  }
  throw new Error(`the guest does not serve ${path}`);
}

describe("what libvirt and the guest do by themselves", () => {
  it("is no drift: names, models, ports, addresses, firmware, a balloon, an ejected CD, owners and modes of images", async () => {
    const program = new Program({
      ...machine,
      currentMemory: 150,
      cpu: { mode: "host-model" },
      graphics: { vnc: {} },
      disks: [...machine.disks, { file: `${images}/cd.iso`, target: "sdc", bus: "sata", device: "cdrom" }],
      cloudInit: { pool: "drift", userData: "#cloud-config\n" },
    });
    await program.up();
    try {
      const cd = /alias name='(sata0-0-[0-9])'/.exec(virsh("dumpxml", "web").split("cd.iso")[1] ?? "")?.[1];
      const opened = { execute: "blockdev-open-tray", arguments: { id: cd } };
      virsh("qemu-monitor-command", "web", JSON.stringify(opened));
      expect(virsh("dumpxml", "web")).toContain("<target dev='sdc' bus='sata' tray='open'/>");
      chownSync(`${images}/disk`, 12345, 12345);
      chmodSync(`${images}/disk`, 0o640);
      expect(await program.shown(false)).toEqual([]);
      expect(await program.shown(true)).toEqual([]);
      virsh("destroy", "web");
      virsh("start", "web");
      expect(await program.shown(true)).toEqual([]);
    } finally {
      await program.destroy();
    }
  });

  it("leaves what a guest wrote after a snapshot by hand, through an up and a power cycle", async () => {
    const writes = `#!/bin/sh
head -n 1 /dev/vda >/www/found
n=0
while :; do n=$((n + 1)); echo $n | dd of=/dev/vda conv=fsync 2>/dev/null && echo $n >/www/next && mv /www/next /www/written; usleep 200000; done
`;
    const cloudInit = { pool: "drift", userData: writes };
    const program = new Program({ ...machine, cloudInit });
    await program.up();
    try {
      const before = Number(await answerOf("written"));
      virsh("snapshot-create-as", "web", "s1", "--disk-only");
      expect(await program.shown(true)).toEqual([]);
      const { driven, args } = program.get("Domain");
      const more = { ...args, title: "more", memory: 176 };
      const { differences } = await driven.preview(more);
      expect(differences.map(({ path, cost }) => `${path.join(".")} ${cost}`)).toEqual([
        "title live",
        "memory restart",
      ]);
      await driven.up(more);
      let kept = 0;
      while (kept < before + 3) kept = Number(await answerOf("written"));
      virsh("destroy", "web");
      virsh("start", "web");
      expect(Number(await answerOf("found"))).toBeGreaterThanOrEqual(kept);
      expect(virsh("domblklist", "web")).toContain("disk.s1");
      await driven.refresh();
      expect(driven.outputs["restartPending"]).toEqual([]);
      expect((await driven.preview(more)).differences).toEqual([]);
    } finally {
      await program.destroy();
    }
  });
});
