import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import { twinUuid } from "../../provider/resources/domain/proof/twin";
import type { Place } from "../../provider/resources/place";
import { Driven } from "./driven";
import { placeOf } from "./request";

// What a host lacks for a new definition never stops the guest that runs.
jest.setTimeout(120_000);

const run = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: "utf8" });
const virsh = (...args: string[]): string => run("virsh", "-q", "-c", "qemu:///system", ...args);
/** virsh reads XML from files alone. */
const virshOf = (command: string, xml: string): string => {
  writeFileSync(`${outside}/in.xml`, xml);
  return virsh(command, `${outside}/in.xml`);
};
const pool = "/var/lib/libvirt/images/proof";
// Of no pool.
const outside = "/var/lib/libvirt/outside";
const overlay = (path: string, base: string, unsafe: readonly string[] = []): string =>
  run("qemu-img", "create", "-q", "-f", "qcow2", ...unsafe, "-b", base, "-F", "qcow2", path, "8M");

let place: Place;
beforeAll(() => {
  run("mkdir", "-p", pool, outside);
  virsh("pool-define-as", "proof", "dir", "--target", pool);
  virsh("pool-start", "proof");
  virsh("vol-create-as", "proof", "root.raw", "8M");
  virsh("vol-create-as", "proof", "base.qcow2", "8M", "--format", "qcow2");
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(() => {
  for (const name of virsh("list", "--all", "--name").split("\n").filter(Boolean)) {
    if (virsh("domstate", name).trim() !== "shut off") virsh("destroy", name);
    virsh("undefine", name, "--nvram");
  }
});

const root = { file: `${pool}/root.raw`, target: "vda" };
const args = {
  type: "qemu",
  memory: 64,
  os: { machine: "q35" },
  disks: [root],
  waitFor: {},
  whenRestartNeeded: "restart",
  shutdown: { timeout: 0, thenForce: true },
};
/** What needs the restart. */
const more = { ...args, memory: 96 };

async function started(name: string, wanted: Values = args): Promise<Driven> {
  const web = new Driven(domain, place, name);
  await web.up(wanted);
  return web;
}

const runOf = (web: Driven): string => virsh("domid", web.id ?? "").trim();
const expectNoTrace = (web: Driven): void => {
  expect(virsh("list", "--all", "--name").trim()).toBe(String(web.outputs["name"]));
  expect(virsh("vol-list", "proof")).not.toContain("kvm-proof");
  expect(run("ls", pool, outside)).not.toContain("kvm-proof");
};

/** The guest runs on as it was, with what the host lacks told. */
async function expectRefusal(web: Driven, wanted: Values, sentence: RegExp): Promise<void> {
  const [before, id] = [virsh("dumpxml", web.id ?? "", "--inactive"), runOf(web)];
  await expect(web.up(wanted)).rejects.toThrow(sentence);
  expect([runOf(web), virsh("domstate", web.id ?? "").trim()]).toEqual([id, "running"]);
  expect(virsh("dumpxml", web.id ?? "", "--inactive")).toBe(before);
  expectNoTrace(web);
}

/** The guest is a new one with all that it waited for. */
async function expectRestart(web: Driven, wanted: Values): Promise<string> {
  const id = runOf(web);
  await web.up(wanted);
  const said = web.said.join("\n");
  expect(Number(runOf(web))).toBeGreaterThan(Number(id));
  expect([virsh("domstate", web.id ?? "").trim(), web.outputs["restartPending"]]).toEqual(["running", []]);
  expect((await web.preview(wanted)).changes).toBe(false);
  expectNoTrace(web);
  return said;
}

describe("the proof of a new definition", () => {
  it("refuses a disk whose file or block device is not there, in a pool or not", async () => {
    const web = await started("disks");
    const wrong = (disk: Values): Values => ({ ...more, disks: [root, { target: "vdb", ...disk }] });
    const lacks = (path: string): RegExp =>
      new RegExp(
        `^domain "disks-\\w+" was not stopped and not changed: this host cannot start its new definition with disks\\[vdb\\] ` +
          `"${path}" \\(38, system error\\): Cannot access storage file '${path}'.*: No such file or directory \\(.*memory 64 -> 96 MiB.*\\)$`,
      );
    await expectRefusal(web, wrong({ file: `${outside}/typo.raw` }), lacks(`${outside}/typo.raw`));
    await expectRefusal(web, wrong({ file: `${pool}/typo.qcow2`, format: "qcow2" }), lacks(`${pool}/typo.qcow2`));
    await expectRefusal(web, wrong({ block: "/dev/typo" }), lacks("/dev/typo"));
    const sata = { file: `${outside}/typo.raw`, target: "sdb", bus: "sata" };
    await expectRefusal(
      web,
      wrong(sata),
      /with disks\[sdb\] "\/var\/lib\/libvirt\/outside\/typo.raw" \(38, system error\)/,
    );
  });

  it("refuses an image of another format, and one that another guest writes to", async () => {
    const web = await started("images");
    run("truncate", "-s", "8M", `${outside}/other.raw`);
    const other = { file: `${outside}/other.raw`, target: "vdb" };
    await expectRefusal(
      web,
      { ...more, disks: [root, { ...other, format: "qcow2" }] },
      /with disks\[vdb\] ".*other.raw" \(1, internal error\): .*Image is not in qcow2 format/s,
    );
    const holder = `<domain type='qemu'><name>holder</name><memory unit='MiB'>64</memory><os><type machine='q35'>hvm</type></os>
      <devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${outside}/other.raw'/>
      <target dev='vda' bus='virtio'/></disk></devices></domain>`;
    virshOf("create", holder);
    const id = runOf(web);
    await expect(web.up({ ...more, disks: [root, other] })).rejects.toThrow(
      /with disks\[vdb\] ".*other.raw" \(1, internal error\): .*Failed to get shared "write" lock/s,
    );
    virsh("destroy", "holder");
    expect(runOf(web)).toBe(id);
    await expectRestart(web, { ...more, disks: [root, other] });
  });

  it("refuses media of CDs and floppies that are not there", async () => {
    const web = await started("media");
    const wrong = (disk: Values): Values => ({ ...more, disks: [root, disk] });
    const cd = { file: `${outside}/typo.iso`, target: "sda", device: "cdrom" };
    await expectRefusal(
      web,
      wrong(cd),
      /with disks\[sda\] "\/var\/lib\/libvirt\/outside\/typo.iso" \(38, system error\)/,
    );
    const floppy = { file: `${outside}/typo.img`, target: "fda", device: "floppy", bus: "fdc" };
    await expectRefusal(
      web,
      wrong(floppy),
      /with disks\[fda\] "\/var\/lib\/libvirt\/outside\/typo.img" \(38, system error\)/,
    );
  });

  it("refuses overlays whose lower image is not there, of new disks and of those that the guest has", async () => {
    overlay(`${pool}/broken.qcow2`, `${pool}/nobase.qcow2`, ["-u"]);
    overlay(`${pool}/over.qcow2`, `${pool}/base.qcow2`);
    virsh("pool-refresh", "proof");
    const own = { file: `${pool}/over.qcow2`, format: "qcow2", target: "vda" };
    const web = await started("chains", { ...args, disks: [own] });
    const added = { file: `${pool}/broken.qcow2`, format: "qcow2", target: "vdb" };
    await expectRefusal(
      web,
      { ...more, disks: [own, added] },
      /with disks\[vdb\] ".*broken.qcow2" \(38, system error\): Cannot access backing file '.*nobase.qcow2' of storage file/,
    );
    run("mv", `${pool}/base.qcow2`, `${pool}/away.qcow2`);
    await expectRefusal(
      web,
      { ...more, disks: [own] },
      /with disks\[vda\] ".*base.qcow2" \(38, system error\): Cannot access storage file '.*base.qcow2'/,
    );
    run("mv", `${pool}/away.qcow2`, `${pool}/base.qcow2`);
    await expectRestart(web, { ...more, disks: [own] });
  });

  it("refuses to stop a guest whose image was deleted under it", async () => {
    virsh("vol-create-as", "proof", "gone.raw", "8M");
    const own = { file: `${pool}/gone.raw`, target: "vda" };
    const web = await started("deleted", { ...args, disks: [own] });
    run("rm", `${pool}/gone.raw`);
    await expectRefusal(
      web,
      { ...more, disks: [own] },
      /not changed: the image of disks\[vda\], ".*gone.raw", which its guest still has open, is not there for another start \(50, no storage vol\)/,
    );
  });

  it("refuses a DIMM for which the host has no memory", async () => {
    const web = await started("dimms");
    const dimm = (size: number): Values => ({
      ...more,
      maxMemory: { size: 500_000, slots: 2 },
      memoryDevices: [{ name: "big", size }],
    });
    await expectRefusal(
      web,
      dimm(400_000),
      /with memoryDevices\[big\] "400000 MiB" \(1, internal error\): .*cannot set up guest memory 'memua-big'/s,
    );
    await expectRestart(web, dimm(128));
  });

  it("refuses a screen's port that another process has, and takes the guest's own for granted", async () => {
    const web = await started("screens", { ...args, graphics: { vnc: { port: 5961 } } });
    const server: Server = createServer();
    await new Promise<void>((done) => server.listen(5962, "127.0.0.1", done));
    const screens = (graphics: Values): Values => ({ ...more, graphics });
    await expectRefusal(
      web,
      screens({ vnc: { port: 5962 } }),
      /with graphics.vnc.port "5962" \(1, internal error\): .*Failed to find an available port: Address already in use/s,
    );
    await expectRefusal(
      web,
      screens({ vnc: { port: 5961 }, spice: { port: 5962 } }),
      /with graphics.spice.port "5962" \(1, internal error\): /,
    );
    await new Promise((done) => server.close(done));
    await expectRestart(web, screens({ vnc: { port: 5961 } }));
    await expectRestart(web, screens({ vnc: { port: 5962 }, spice: { port: 5961 } }));
  });

  it("refuses cards on networks that are missing or stopped, and on devices that are not there", async () => {
    const net = (name: string, of: string): string =>
      virshOf("net-define", `<network><name>${name}</name>${of}</network>`);
    net("stopped", "<bridge name='kvmstop0'/>");
    net("bridged", "<forward mode='bridge'/><bridge name='nobridge9'/>");
    virsh("net-start", "bridged");
    run("ip", "link", "add", "proofbr0", "type", "bridge");
    run("ip", "link", "add", "proof0", "type", "veth", "peer", "name", "proof1");
    const web = await started("cards");
    const on = (card: Values): Values => ({ ...more, interfaces: [{ mac: "52:54:00:00:98:01", ...card }] });
    const lacks = (what: string): RegExp =>
      new RegExp(
        `^domain "cards-\\w+" was not stopped and not changed: this host cannot start its new definition with interfaces\\[52:54:00:00:98:01\\].${what} \\(.*memory 64 -> 96 MiB.*\\)$`,
      );
    const none = "\\(57, no interface\\): Interface not found: couldn't find interface named 'nobridge9'";
    await expectRefusal(
      web,
      on({ network: "typo" }),
      lacks(`network "typo" \\(43, no network\\): Network not found: no network with matching name 'typo'`),
    );
    await expectRefusal(web, on({ network: "stopped" }), lacks('network "stopped": the network is not started'));
    await expectRefusal(
      web,
      on({ network: "bridged" }),
      lacks(`network "bridged", whose bridge is "nobridge9" ${none}`),
    );
    await expectRefusal(web, on({ bridge: "nobridge9" }), lacks(`bridge "nobridge9" ${none}`));
    await expectRefusal(web, on({ direct: "nobridge9" }), lacks(`direct "nobridge9" ${none}`));
    await expectRefusal(
      web,
      on({ bridge: "proofbr0", filterref: { filter: "typo" } }),
      lacks(
        `filterref.filter "typo" \\(62, no nwfilter\\): Network filter not found: no nwfilter with matching name 'typo'`,
      ),
    );
    await expectRestart(web, on({ bridge: "proofbr0" }));
    virsh("net-start", "stopped");
    await expectRestart(web, { ...on({ network: "stopped" }), memory: 64 });
  });

  it("opens what it proves without writing to it, and lets a good restart have it", async () => {
    run("truncate", "-s", "8M", `${outside}/sata.raw`, `${outside}/cd.iso`, `${outside}/floppy.img`);
    overlay(`${outside}/new.qcow2`, `${pool}/base.qcow2`);
    const disks = [
      root,
      { file: `${outside}/new.qcow2`, format: "qcow2", target: "vdb" },
      { file: `${outside}/sata.raw`, target: "sda", bus: "sata" },
      { file: `${outside}/cd.iso`, target: "sdb", device: "cdrom" },
      { file: `${outside}/floppy.img`, target: "fda", device: "floppy", bus: "fdc" },
    ];
    const files = [
      `${pool}/base.qcow2`,
      ...["new.qcow2", "sata.raw", "cd.iso", "floppy.img"].map((f) => `${outside}/${f}`),
    ];
    const state = (): string => run("stat", "-c", "%n %s %Y %y", ...files) + run("sha256sum", ...files);
    const web = await started("good");
    const before = state();
    await expectRefusal(
      web,
      { ...more, disks: [...disks, { file: `${outside}/typo`, target: "vdz" }] },
      /disks\[vdz\]/,
    );
    expect(state()).toBe(before);
    expect(await expectRestart(web, { ...more, disks })).not.toContain("could not be proven");
    // What the guest has now: images of no pool that it writes to are named before the stop.
    expect(await expectRestart(web, { ...args, disks })).toMatch(
      /its new definition starts on this host; disks\[sda\] could not be proven\n.*is restarted for memory/,
    );
  });

  it("clears away what a proof left that was killed", async () => {
    const web = await started("killed");
    const hex = web.id ?? "";
    virsh("vol-create-as", "proof", `kvm-proof-${hex}-vda`, "1M");
    virsh("vol-create-as", "proof", `kvm-proof-${hex}-vdz`, "1M");
    virshOf(
      "create",
      `<domain type='qemu'><name>kvm-proof-${hex}</name><uuid>${twinUuid(hex)}</uuid><memory unit='MiB'>64</memory>
        <os><type machine='q35'>hvm</type></os></domain>`,
    );
    await expectRestart(web, more);
    virsh("vol-create-as", "proof", `kvm-proof-${hex}-vdb`, "1M");
    await web.destroy();
    expect(virsh("vol-list", "proof")).not.toContain("kvm-proof");
  });
});
