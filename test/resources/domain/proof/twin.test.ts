import { aloneWith, twinOf } from "../../../../provider/resources/domain/proof/twin";
import { find, findAll, parseXml, printXml, type XmlElement } from "../../../../provider/xml";
import { ID } from "../fakeHost";

const machine = (devices: string): XmlElement =>
  parseXml(`<domain type="kvm"><name>web</name><uuid>${ID}</uuid><devices>${devices}</devices></domain>`);
const disk = (target: string, bus: string, more: string, device = "disk"): string =>
  `<disk type="file" device="${device}"><driver name="qemu" type="qcow2"/>${more}<target dev="${target}" bus="${bus}"/></disk>`;
const devicesOf = (root: XmlElement): string => printXml(find(root, "devices") ?? root);

describe("a twin's disks", () => {
  it("open what the guest does not write to, read-only: a CD where a disk cannot be so", () => {
    const definition = machine(
      disk("vda", "virtio", '<source file="/srv/a"/>') +
        disk("sda", "sata", '<source file="/srv/b"/>') +
        disk("sdb", "sata", '<source file="/srv/c"/><readonly/>', "cdrom") +
        disk("sdc", "sata", "", "cdrom"),
    );
    const { root, parts, held } = twinOf(definition, ID, undefined);
    expect(devicesOf(root)).toBe(
      '<devices><disk type="file" device="disk"><driver name="qemu" type="qcow2"/><source file="/srv/a"/>' +
        '<target dev="vda" bus="virtio"/><readonly/></disk>' +
        '<disk type="file" device="cdrom"><driver name="qemu" type="qcow2"/><source file="/srv/b"/>' +
        '<target dev="sda" bus="sata"/><readonly/></disk>' +
        '<disk type="file" device="cdrom"><driver name="qemu" type="qcow2"/><source file="/srv/c"/><readonly/>' +
        '<target dev="sdb" bus="sata"/></disk>' +
        '<disk type="file" device="cdrom"><driver name="qemu" type="qcow2"/><target dev="sdc" bus="sata"/></disk></devices>',
    );
    expect(parts.map(({ path, value }) => `${path} ${value}`)).toEqual([
      "disks[vda] /srv/a",
      "disks[sda] /srv/b",
      "disks[sdb] /srv/c",
    ]);
    expect(held).toEqual([]);
  });

  it("never open what the guest writes to, under whatever name it has it, nor the target of a copy", () => {
    const live = machine(
      disk("vda", "virtio", '<source file="/srv/a" index="1"/>') +
        disk("vdb", "virtio", '<source file="/srv/b"/><mirror type="file"><source file="/srv/copy"/></mirror>') +
        disk("sda", "sata", '<source file="/srv/cd"/><readonly/>', "cdrom"),
    );
    const sources = ["/srv/b", "/srv/a", "/srv/copy", "/srv/cd"];
    const definition = machine(
      sources.map((file, at) => disk(`vd${"abcd"[at]}`, "virtio", `<source file="${file}"/>`)).join(""),
    );
    const { parts, held } = twinOf(definition, ID, live);
    expect(parts.map(({ value }) => value)).toEqual(["/srv/cd"]);
    expect(held.map((one) => find(one, "source")?.attributes.get("file"))).toEqual(["/srv/b", "/srv/a", "/srv/copy"]);
  });

  it("open the image below an overlay that the guest writes to", () => {
    const below = (inner: string): string =>
      `<backingStore type="block" index="2"><format type="raw"/><source dev="/dev/base"/>${inner}</backingStore>`;
    const definition = machine(disk("vda", "virtio", '<source file="/srv/a"/>'));
    const { root, parts } = twinOf(
      definition,
      ID,
      machine(disk("vda", "virtio", `<source file="/srv/a"/>${below("<backingStore/>")}`)),
    );
    expect(devicesOf(root)).toBe(
      '<devices><disk type="block" device="disk"><driver name="qemu" type="raw"/><target dev="vda" bus="virtio"/>' +
        '<source dev="/dev/base"/><readonly/></disk></devices>',
    );
    expect(parts.map(({ path, value }) => `${path} ${value}`)).toEqual(["disks[vda] /dev/base"]);
  });
});

describe("a twin's screens", () => {
  const screen = (attributes: string): string =>
    `<graphics ${attributes}><listen type="address" address="127.0.0.1"/></graphics>`;
  const screensOf = (definition: string, live: string): readonly string[] =>
    findAll(twinOf(machine(definition), ID, machine(live)).root, "devices/graphics").map((one) =>
      [...one.attributes].map(([name, value]) => `${name}=${value}`).join(" "),
    );

  it("take the ports that the program chose, and none that the guest has now", () => {
    expect(screensOf(screen('type="vnc" port="5901"'), "")).toEqual(["type=vnc port=5901 autoport=no"]);
    expect(screensOf(screen('type="vnc" port="5901"'), screen('type="spice" port="5901"'))).toEqual([
      "type=vnc autoport=yes",
    ]);
    expect(screensOf(screen('type="spice" port="5901" tlsPort="5902"'), screen('type="spice" port="5901"'))).toEqual([
      "type=spice tlsPort=5902 autoport=no",
    ]);
    expect(screensOf(screen('type="vnc" port="-1" autoport="yes"'), "")).toEqual(["type=vnc autoport=yes"]);
  });
});

describe("a twin with one part alone", () => {
  it("has no other part, and screens without the program's ports", () => {
    const definition = machine(
      disk("vda", "virtio", '<source file="/srv/a"/>') +
        disk("vdb", "virtio", '<source file="/srv/b"/>') +
        '<memory model="dimm"><target><size unit="KiB">131072</size><node>0</node></target><alias name="ua-big"/></memory>' +
        '<graphics type="vnc" port="5901"/>',
    );
    const twin = twinOf(definition, ID, undefined);
    expect(twin.parts.map(({ path, value }) => `${path} ${value}`)).toEqual([
      "disks[vda] /srv/a",
      "disks[vdb] /srv/b",
      "graphics.vnc.port 5901",
      "memoryDevices[big] 128 MiB",
    ]);
    expect(devicesOf(aloneWith(twin, undefined))).toBe('<devices><graphics type="vnc" autoport="yes"/></devices>');
    expect(devicesOf(aloneWith(twin, twin.parts[2]))).toBe(
      '<devices><graphics type="vnc" port="5901" autoport="no"/></devices>',
    );
    expect(devicesOf(aloneWith(twin, twin.parts[3]))).toBe(
      '<devices><memory model="dimm"><target><size unit="KiB">131072</size><node>0</node></target>' +
        '<alias name="ua-big"/></memory><graphics type="vnc" autoport="yes"/></devices>',
    );
  });
});
