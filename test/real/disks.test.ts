import { execFileSync } from "node:child_process";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { clear, costs, small, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

// Disks of real machines in their firmware: which bus they are on, and what order they boot in.
jest.setTimeout(60_000);

const image = "/var/lib/libvirt/images/disks";

let place: Place;
beforeAll(() => {
  execFileSync("truncate", ["-s", "4M", `${image}-a.raw`, `${image}-b.raw`]);
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(clear);

const disk = (letter: string, target: string, more: Values = {}): Values => ({
  file: `${image}-${letter}.raw`,
  target,
  ...more,
});
const definitions = (machine: Driven): string[] => [
  virsh("dumpxml", machine.id ?? ""),
  virsh("dumpxml", machine.id ?? "", "--inactive"),
];

async function isSettled(machine: Driven, args: Values): Promise<void> {
  expect((await machine.preview(args)).differences).toEqual([]);
  await machine.refresh();
  expect((await machine.preview(args)).differences).toEqual([]);
}

describe("a disk without a bus", () => {
  it("is on the one that its name tells", async () => {
    const web = new Driven(domain, place, "buses");
    const args = { ...small, disks: [disk("a", "sda"), disk("b", "vdb")] };
    await web.up(args);
    for (const xml of definitions(web)) {
      expect(xml).toMatch(/<target dev='sda' bus='scsi'\/>/);
      expect(xml).toMatch(/<target dev='vdb' bus='virtio'\/>/);
    }
    await isSettled(web, args);
  });

  it("is refused by check where another of its bus has its letters: QEMU takes the two for one", async () => {
    const reasons = async (...disks: Values[]): Promise<string[]> => {
      const { failures } = await new Driven(domain, place, "x").check({ ...small, disks });
      return failures.map(({ property, reason }) => `${property}: ${reason}`);
    };
    const virtio = disk("b", "sda", { bus: "virtio" });
    expect(await reasons(disk("a", "vda"), virtio)).toEqual([
      'disks[1].target: "sda" and "vda" are one place on the bus virtio: give one of them other letters',
    ]);
    expect(await reasons(disk("a", "vda"), disk("b", "sda"))).toEqual([]);
    expect(await reasons({ volume: "root" })).toEqual(['disks[0].volume: must be a volume\'s id, "pool/name"']);
    const xml =
      "<domain type='qemu'><name>twice</name><memory unit='MiB'>64</memory><os><type machine='q35'>hvm</type></os><devices>" +
      ["vda", "sda"]
        .map((name) => `<disk type='file'><source file='${image}-a.raw'/><target dev='${name}' bus='virtio'/></disk>`)
        .join("") +
      "</devices></domain>";
    execFileSync("bash", ["-c", "cat > /tmp/twice.xml"], { input: xml });
    expect(() => virsh("create", "/tmp/twice.xml")).toThrow(/virtio-disk0/);
  });
});

describe("a place in the boot order", () => {
  it("waits for a power cycle on a guest that boots by kinds of devices, where the disk comes at once", async () => {
    const web = new Driven(domain, place, "order");
    await web.up({ ...small, disks: [disk("a", "vda")] });
    expect(definitions(web)[0]).toContain("<boot dev='hd'/>");
    const args = { ...small, disks: [disk("a", "vda"), disk("b", "vdb", { bootOrder: 1 })] };
    expect(await costs(web, args)).toEqual(["disks.1 live", "disks.1.bootOrder restart"]);
    await web.up(args);
    expect(web.outputs["restartPending"]).toEqual(["disks[vdb].bootOrder"]);
    const [live, inactive] = definitions(web);
    expect(live).toMatch(/disks-b[^]*vdb/);
    expect(live).not.toContain("<boot order");
    expect(inactive).toContain("<boot order='1'/>");
    await isSettled(web, args);
    virsh("destroy", web.id ?? "");
    virsh("start", web.id ?? "");
    await isSettled(web, args);
    expect([web.outputs["restartPending"], definitions(web)[0]]).toEqual([
      [],
      expect.stringContaining("<boot order='1'/>"),
    ]);
  });
});

describe("serial and TRIM", () => {
  it("are those of a new disk again where the program takes its own away", async () => {
    const web = new Driven(domain, place, "serial");
    await web.up({ ...small, disks: [disk("a", "vda", { serial: "mine", discard: "ignore" })] });
    const args = { ...small, disks: [disk("a", "vda")] };
    expect(await costs(web, args)).toEqual(["disks.0.discard restart", "disks.0.serial restart"]);
    await web.up(args);
    expect(definitions(web)[1]).toMatch(/discard='unmap'[^]*<serial>vda</);
    await isSettled(web, args);
  });
});

describe("a CD drive", () => {
  it("is read-only, whatever the program says or says no more", async () => {
    const web = new Driven(domain, place, "read-only");
    const args = { ...small, disks: [disk("b", "sda", { device: "cdrom", readOnly: true })] };
    await web.up(args);
    await isSettled(web, { ...small, disks: [disk("b", "sda", { device: "cdrom" })] });
    for (const xml of definitions(web)) expect(xml).toMatch(/device='cdrom'[^]*<readonly\/>/);
    const { failures } = await web.check({ ...small, disks: [disk("b", "sda", { device: "cdrom", readOnly: false })] });
    expect(failures).toEqual([
      { property: "disks[0].readOnly", reason: "must not be false: a cdrom is always read-only" },
    ]);
  });

  it("that another hand took out of the definition alone goes back there, and nothing waits", async () => {
    const web = new Driven(domain, place, "drive");
    const args = { ...small, disks: [disk("a", "vda"), disk("b", "sda", { device: "cdrom" })] };
    await web.up(args);
    virsh("detach-disk", web.id ?? "", "sda", "--config");
    expect(await costs(web, args)).toEqual(["disks.1 live"]);
    await web.up(args);
    expect(web.outputs["restartPending"]).toEqual([]);
    for (const xml of definitions(web)) expect(xml).toMatch(/device='cdrom'[^]*disks-b/);
    await isSettled(web, args);
    // Without one in the guest it is what it always was: a change for the next power cycle.
    expect(await costs(web, { ...args, disks: [...args.disks, disk("b", "sdb", { device: "cdrom" })] })).toEqual([
      "disks.2 restart",
    ]);
  });
});

describe("a disk that waits for a power cycle", () => {
  it("and that another hand took out of the guest meanwhile, is changed in the definition alone", async () => {
    const web = new Driven(domain, place, "waits");
    const args = (more: Values): Values => ({ ...small, disks: [disk("a", "vda"), disk("b", "sda", more)] });
    await web.up(args({}));
    await web.up(args({ cache: "none" }));
    virsh("detach-disk", web.id ?? "", "sda", "--live");
    const limited = args({ cache: "none", iotune: { totalIopsSec: 100 } });
    expect(await costs(web, limited)).toEqual(["disks.1.iotune restart"]);
    await web.up(limited);
    expect(web.outputs["restartPending"]).toEqual(["disks[sda].cache", "disks[sda].iotune"]);
    const [live, inactive] = definitions(web);
    expect(live).not.toContain("sda");
    expect(inactive).toMatch(/<total_iops_sec>100</);
    virsh("destroy", web.id ?? "");
    virsh("start", web.id ?? "");
    await isSettled(web, limited);
    expect(web.outputs["restartPending"]).toEqual([]);
    expect(virsh("dumpxml", web.id ?? "")).toMatch(/<total_iops_sec>100</);
  });
});
