import { execFileSync } from "node:child_process";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { parseXml, printXml, readPath, find, findAll } from "../../provider/xml";
import { changesLive, clear, costs, small, virsh } from "./changing";
import { Driven } from "./driven";
import { cmdline, guestFiles } from "./guestFiles";
import { placeOf } from "./request";

// What a guest takes while it runs: which drives on which bus, on which machine, and that they stay where they were plugged in.
jest.setTimeout(120_000);

const image = "/var/lib/libvirt/images/hotplug";

let place: Place;
beforeAll(() => {
  for (const letter of "abcd") execFileSync("truncate", ["-s", "4M", `${image}-${letter}.raw`]);
  virsh("pool-define-as", "seeds", "dir", "--target", "/var/lib/libvirt/images/seeds");
  virsh("pool-build", "seeds");
  virsh("pool-start", "seeds");
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(clear);

const old = { ...small, os: { machine: "pc" } };
const seeded = { ...small, cloudInit: { pool: "seeds" } };
const disk = (letter: string, target: string, bus: string, more: Values = {}): Values => ({
  file: `${image}-${letter}.raw`,
  target,
  bus,
  ...more,
});
const cd = { device: "cdrom" };
const mac = "52:54:00:96:00:01";

/** Where a definition has a device: `disk vdb`, `interface 52:54:00:96:00:01`. */
function addressIn(xml: string, [kind = "", name = ""]: readonly string[]): string {
  const identity = kind === "disk" ? "target/@dev" : "mac/@address";
  const node = findAll(parseXml(xml), `devices/${kind}`).find((one) => readPath(one, identity) === name);
  const address = node && find(node, "address");
  return address ? printXml(address).replaceAll('"', "'") : "none";
}

const defined = (machine: Driven): string => virsh("dumpxml", machine.id ?? "", "--inactive");
const running = (machine: Driven): string => virsh("dumpxml", machine.id ?? "");

function powerCycle(machine: Driven): void {
  virsh("destroy", machine.id ?? "");
  virsh("start", machine.id ?? "");
}

describe("a device that is plugged into a running guest", () => {
  it.each([
    ["card", { interfaces: [{ user: {}, mac }] }, ["interface", mac], "type='pci'"],
    ["SCSI disk", { disks: [disk("a", "sda", "scsi")] }, ["disk", "sda"], "type='drive'"],
    ["USB disk", { disks: [disk("a", "sda", "usb")] }, ["disk", "sda"], "type='usb'"],
    ["USB CD", { disks: [disk("a", "sda", "usb", cd)] }, ["disk", "sda"], "type='usb'"],
  ])("has one address in both definitions, and after a power cycle: a %s", async (_, device, which, kind) => {
    const web = new Driven(domain, place, "addresses");
    await web.up(seeded);
    const { live, inactive } = await changesLive(web, { ...seeded, ...device });
    const address = addressIn(live, which);
    expect(address).toContain(kind);
    expect(addressIn(inactive, which)).toBe(address);
    powerCycle(web);
    expect([addressIn(running(web), which), addressIn(defined(web), which)]).toEqual([address, address]);
    expect(await costs(web, { ...seeded, ...device })).toEqual([]);
    await web.destroy();
  });
});

describe("a machine of type pc", () => {
  it("takes virtio disks and cards while it runs, at one address in both definitions, and gives them back", async () => {
    const { kernel, initrd } = guestFiles();
    const linux = { ...old, memory: 160, os: { machine: "pc", kernel, initrd, cmdline } };
    const web = new Driven(domain, place, "old");
    await web.up(linux);
    const more = {
      ...linux,
      disks: [disk("a", "vda", "virtio"), disk("b", "vdb", "virtio")],
      interfaces: [{ user: {}, mac }],
    };
    const { live, inactive } = await changesLive(web, more);
    const devices = [
      ["disk", "vda"],
      ["disk", "vdb"],
      ["interface", mac],
    ] as const;
    const places = (xml: string): string[] => devices.map((one) => addressIn(xml, one));
    const slot = (hex: string): string =>
      `<address type='pci' domain='0x0000' bus='0x00' slot='0x${hex}' function='0x0'/>`;
    expect(places(live)).toEqual([slot("06"), slot("07"), slot("08")]);
    expect(places(inactive)).toEqual(places(live));
    powerCycle(web);
    expect(places(running(web))).toEqual(places(live));
    expect(await costs(web, linux)).toEqual(["disks.0 live", "disks.1 live", "interfaces.0 live"]);
  });

  it("waits with them where it was started without ACPI, by which its guest hears of them", async () => {
    const web = new Driven(domain, place, "deaf");
    await web.up({ ...old, powerState: "stopped" });
    const deaf = defined(web).replace(/<acpi\/>/, "");
    execFileSync("bash", ["-c", "cat > /tmp/deaf.xml"], { input: deaf });
    virsh("define", "/tmp/deaf.xml");
    await web.up(old);
    const more = { ...old, disks: [disk("a", "vda", "virtio")], interfaces: [{ user: {}, mac }] };
    expect(await costs(web, more)).toEqual(["disks.0 restart", "interfaces.0 restart"]);
    await web.up(more);
    expect(web.outputs["restartPending"]).toEqual(["disks[vda]", `interfaces[${mac}]`]);
    powerCycle(web);
    await web.refresh();
    expect([web.outputs["restartPending"], await costs(web, more)]).toEqual([[], []]);
  });
});

describe("a SCSI disk", () => {
  it("comes live, also the first one, where the guest has its controller", async () => {
    const web = new Driven(domain, place, "scsi");
    await web.up(seeded);
    const { live } = await changesLive(web, { ...seeded, disks: [disk("a", "sda", "scsi")] });
    expect(live).toMatch(/hotplug-a[^]*<target dev='sda' bus='scsi'\/>/);
    expect((await changesLive(web, seeded)).live).not.toContain("hotplug-a");
    await web.destroy();
  });

  it("waits where its controller comes with it: the first of a machine, and the eighth name", async () => {
    const web = new Driven(domain, place, "controllers");
    await web.up(small);
    expect(await costs(web, { ...small, disks: [disk("a", "sda", "scsi")] })).toEqual(["disks.0 restart"]);
    await web.destroy();
    const two = new Driven(domain, place, "second");
    await two.up(seeded);
    const args = { ...seeded, disks: [disk("a", "sdg", "scsi"), disk("b", "sdh", "scsi")] };
    expect(await costs(two, args)).toEqual(["disks.0 live", "disks.1 restart"]);
    await two.up(args);
    expect(two.outputs["restartPending"]).toEqual(["disks[sdh]"]);
    expect(findAll(parseXml(running(two)), "devices/controller[@type='scsi']")).toHaveLength(1);
    powerCycle(two);
    await two.refresh();
    expect([two.outputs["restartPending"], await costs(two, args)]).toEqual([[], []]);
    await two.destroy();
  });
});

describe("a CD drive", () => {
  it("on USB comes with its medium and goes live, and gets another medium by a power cycle: libvirt refuses it before", async () => {
    const web = new Driven(domain, place, "usb");
    await web.up(seeded);
    const args = (letter: string): Values => ({ ...seeded, disks: [disk(letter, "sda", "usb", cd)] });
    const { live } = await changesLive(web, args("a"));
    expect(live).toMatch(/device='cdrom'>[^]*hotplug-a[^]*<target dev='sda' bus='usb'/);
    const change = (): string => virsh("change-media", web.id ?? "", "sda", `${image}-b.raw`, "--live");
    expect(change).toThrow("is not removable");
    powerCycle(web);
    expect(change).toThrow("is not removable");
    expect(await costs(web, args("b"))).toEqual(["disks.0.file restart"]);
    await web.up(args("b"));
    expect(web.outputs["restartPending"]).toEqual(["disks[sda].file"]);
    expect((await changesLive(web, seeded)).live).not.toContain("dev='sda'");
    await web.destroy();
  });

  it("on a SCSI bus goes live and changes its medium live, and comes by a power cycle: of one that comes live no tray opens", async () => {
    const web = new Driven(domain, place, "scsi-cd");
    await web.up(seeded);
    const args = (letter: string): Values => ({ ...seeded, disks: [disk(letter, "sda", "scsi", cd)] });
    expect(await costs(web, args("a"))).toEqual(["disks.0 restart"]);
    virsh("attach-disk", web.id ?? "", `${image}-a.raw`, "sda", "--targetbus", "scsi", "--type", "cdrom", "--live");
    const change = (): string => virsh("change-media", web.id ?? "", "sda", `${image}-b.raw`, "--live");
    expect(change).toThrow("Tray of device 'scsi0-0-0-0' is not open");
    await web.up(args("a"));
    powerCycle(web);
    expect((await changesLive(web, args("b"))).live).toContain("hotplug-b");
    expect((await changesLive(web, seeded)).live).not.toContain("dev='sda'");
    await web.destroy();
  });

  it("waits where libvirt refuses it: without a medium, on SATA and IDE, and a floppy drive", async () => {
    const web = new Driven(domain, place, "cold");
    await web.up({ ...seeded, os: { machine: "pc" } });
    const cold: readonly (readonly [Values, string])[] = [
      [{ target: "sda", bus: "scsi", device: "cdrom" }, "must not have null value"],
      [{ target: "sda", bus: "usb", device: "cdrom" }, "must not have null value"],
      [disk("a", "hdc", "ide", cd), "does not support hotplugging"],
      [disk("a", "fda", "fdc", { device: "floppy" }), "floppy device hotplug isn't supported"],
    ];
    for (const [drive, reason] of cold) {
      expect(await costs(web, { ...seeded, os: { machine: "pc" }, disks: [drive] })).toEqual(["disks.0 restart"]);
      const { file, target, bus, device } = drive as Record<string, string | undefined>; // as they stand above
      const source = file === undefined ? "" : `<source file='${file}'/>`;
      const xml = `<disk type='file' device='${device}'>${source}<target dev='${target}' bus='${bus}'/></disk>`;
      execFileSync("bash", ["-c", "cat > /tmp/cold.xml"], { input: xml });
      expect(() => virsh("attach-device", web.id ?? "", "/tmp/cold.xml", "--live")).toThrow(reason);
    }
    await web.destroy();
  });
});
