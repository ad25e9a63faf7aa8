import { checkValues, UNKNOWN, type Values } from "../../../provider/fields";
import { domain } from "../../../provider/resources/domain/fields";
import { changesOf } from "../../../provider/resources/domain/changes";
import { plan, powerSteps } from "../../../provider/resources/domain/plan";
import { complete } from "../../../provider/resources/domain/wanted";
import { find, printXml, type XmlElement } from "../../../provider/xml";
import { facts, found, goal, ID, inputs, mark, MARK, NOW, planned, type Stage, told, volumeXml } from "./fakeHost";

const port = (index: number): string => `<controller type="pci" index="${index}" model="pcie-root-port"/>`;
const ports = (count: number): string => Array.from({ length: count }, (_, index) => port(index + 1)).join("");

/** A definition as libvirt might keep it, with a device list. */
const definition = (devices = "", more = mark(), head = ""): string =>
  `<domain type="kvm"${head}><name>web</name><uuid>${ID}</uuid>${more}` +
  `<memory unit="KiB">65536</memory><currentMemory unit="KiB">65536</currentMemory>` +
  `<vcpu placement="static">2</vcpu><os><type arch="x86_64" machine="pc-q35-7.2">hvm</type></os>` +
  `<cpu mode="host-model"/><clock offset="utc"/>${devices ? `<devices>${devices}</devices>` : "<devices/>"}</domain>`;

const vda = `<disk type="file" device="disk"><driver name="qemu" type="qcow2"/><source file="/a.qcow2"/><target dev="vda" bus="virtio"/></disk>`;
const vdb = `<disk type="file" device="disk"><driver name="qemu" type="raw"/><source file="/b.raw"/><target dev="vdb" bus="virtio"/></disk>`;
const root = `<controller type="pci" index="0" model="pcie-root"/>`;
const stopped = { powerState: "stopped" };
const file = (target: string, path: string, more: Values = {}): Values => ({ target, file: path, ...more });

/** Path, kind and cost of each change, in a line. */
async function changes(stage: Stage, args: Values, former: Values = args): Promise<string[]> {
  const machine = await found(stage, { ...former, ...args });
  const wanted = complete(inputs(args), ID, inputs(former), facts);
  return changesOf(machine, wanted, inputs(former)).map(({ path, kind, cost }) => `${path.join(".")} ${kind} ${cost}`);
}

const xmlOf = (root: XmlElement | undefined): string => (root ? printXml(root) : "as it is");

describe("a new machine", () => {
  const create = (args: Values, more: Values = {}): ReturnType<typeof plan> =>
    plan(undefined, goal(args, undefined, { mark: { ...MARK, phase: "creating" } }), {
      facts: { ...facts, ...more },
      volumes: new Map([["default/root", { type: "file", path: "/pool/root", format: "qcow2" }]]),
      now: NOW,
    });

  it("is written out whole, with the defaults of a general-purpose machine", () => {
    const { definition: made, ...rest } = create({ ...stopped, type: "qemu" });
    expect(xmlOf(made)).toBe(
      `<domain type="qemu"><name>web</name><uuid>${ID}</uuid>` +
        `<os><type arch="x86_64" machine="q35">hvm</type></os><features><acpi/><apic/></features>` +
        `<clock offset="utc"><timer name="hpet" present="no"/></clock><devices>${root}${ports(12)}` +
        `<controller type="usb" model="qemu-xhci" ports="15"/>` +
        `<serial type="pty"/><console type="pty"><target type="serial"/></console>` +
        `<channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>` +
        `<memballoon model="virtio" freePageReporting="on"><stats period="10"/></memballoon>` +
        `<rng model="virtio"><backend model="random">/dev/urandom</backend></rng></devices>` +
        `<memory unit="KiB">65536</memory><currentMemory unit="KiB">65536</currentMemory>` +
        `<vcpu>2</vcpu><cpu mode="maximum"/>${mark()}</domain>`,
    );
    expect(rest).toEqual({ changes: [], live: [], deferred: [], power: [], restarts: false });
  });

  it("is unfinished until it runs, when it is to run", () => {
    const { definition: made, power, autostart } = create({});
    expect(xmlOf(made)).toContain('phase="creating"');
    expect([power, autostart]).toEqual([["start"], true]);
  });

  it("gets its disks as files, with TRIM, a serial and the volume's own format", () => {
    const disks = [{ volume: "default/root" }, file("vdb", "/b.raw", { serial: "mine", discard: "ignore" })];
    expect(xmlOf(create({ disks }).definition)).toContain(
      `<disk type="file" device="disk"><source file="/pool/root"/><target dev="vda" bus="virtio"/>` +
        `<driver type="qcow2" discard="unmap"/><serial>vda</serial></disk>` +
        `<disk type="file" device="disk"><source file="/b.raw"/><target dev="vdb" bus="virtio"/>` +
        `<driver type="raw" discard="ignore"/><serial>mine</serial></disk>`,
    );
  });

  it("keeps a port for each virtio device and eight for those to come", () => {
    const made = create({ disks: [file("vda", "/a")], interfaces: [{ network: "lan" }] }).definition;
    expect(xmlOf(made)).toContain(`${root}${ports(14)}<controller type="usb"`);
    expect(xmlOf(create({ os: { machine: "pc" } }).definition)).not.toContain("pcie");
  });

  it("gets a card with a MAC of its own", () => {
    expect(xmlOf(create({ interfaces: [{ network: "lan", name: "eth" }] }).definition)).toMatch(
      /<interface type="network"><source network="lan"\/><mac address="52:54:00:[0-9a-f:]{8}"\/><alias name="ua-eth"\/><model type="virtio"\/><\/interface>/,
    );
  });

  it("is made for its own architecture, not the host's", () => {
    const arm = xmlOf(create({ type: "qemu", os: { arch: "aarch64" } }).definition);
    expect(arm).toContain('<os firmware="efi"><type arch="aarch64" machine="virt">hvm</type></os>');
    expect(arm).toContain('<features><acpi/></features><clock offset="utc"/>');
  });

  it("has screens on loopback, with a video card and a tablet", () => {
    const made = xmlOf(create({ graphics: { spice: {}, vnc: { port: 5901 } } }).definition);
    expect(made).toContain(
      `<graphics type="spice" autoport="yes"><listen type="address" address="127.0.0.1"/></graphics>` +
        `<graphics type="vnc" port="5901"><listen type="address" address="127.0.0.1"/></graphics>`,
    );
    expect(made.match(/<video>|<input type="tablet" bus="usb"\/>/g)).toHaveLength(2);
  });

  it("keeps the one port that a screen with TLS alone is given: with autoport libvirt drops it", () => {
    const made = xmlOf(create({ graphics: { spice: { tlsPort: 5920 } } }).definition);
    expect(made).toContain(`<graphics type="spice" tlsPort="5920"><listen`);
  });
});

describe("a machine that is as wanted", () => {
  const args = { ...stopped, disks: [file("vda", "/a.qcow2"), file("vdb", "/b.raw")] };
  const stage = { inactive: definition(root + vda + vdb) };

  it("has no change and no plan", async () => {
    expect(await changes(stage, args)).toEqual([]);
    const { plan: none } = await planned(stage, args);
    expect(told(none)).toEqual({ live: [], deferred: [], power: [] });
  });

  it("has none for a reorder either", async () => {
    const turned = { ...args, disks: [...args.disks].reverse() };
    expect(await changes(stage, turned, args)).toEqual([]);
    expect((await planned(stage, turned, args)).plan.definition?.name).toBeUndefined();
  });

  it("has none while it runs, though the live definition has words of its own", async () => {
    const live = definition(
      root + vda.replace("<source", `<alias name="virtio-disk0"/><source index="1"`) + vdb,
      mark(),
      ' id="3"',
    ).replace('<cpu mode="host-model"/>', '<cpu mode="custom"><model>Skylake</model></cpu>');
    const running = { ...args, powerState: "running" };
    expect(await changes({ ...stage, live }, running)).toEqual([]);
    expect(told((await planned({ ...stage, live }, running)).plan)).toEqual({ live: [], deferred: [], power: [] });
  });

  it("has none where its metadata is shared with another tool", async () => {
    const shared = mark().replace("</metadata>", '<o:x xmlns:o="urn:other"/></metadata>');
    expect(
      told(
        (await planned({ inactive: definition(vda, shared) }, { ...stopped, disks: [file("vda", "/a.qcow2")] })).plan,
      ),
    ).toEqual({ live: [], deferred: [], power: [] });
  });
});

describe("a running machine", () => {
  const used = `<address type="pci" domain="0x0000" bus="0x01" slot="0x00" function="0x0"/>`;
  const here = root + ports(3) + vda.replace("</disk>", `${used}</disk>`);
  const balloon = `<memballoon model="virtio"><address type="pci" domain="0x0000" bus="0x02" slot="0x00" function="0x0"/></memballoon>`;
  const stage = { inactive: definition(here), live: definition(here + balloon, mark(), ' id="3"') };
  const args = { disks: [file("vda", "/a.qcow2")] };

  it("gets a disk at an address that is free in both definitions", async () => {
    const more = { disks: [...args.disks, file("vdb", "/b.raw")] };
    expect(await changes(stage, more, args)).toEqual(["disks.1 add live"]);
    const { plan: step } = await planned(stage, more, args);
    expect(step.live.map(({ path, key }) => [path.join("."), key])).toEqual([["disks.1", "vdb"]]);
    expect(step.deferred).toEqual([]);
    expect(xmlOf(step.definition)).toBe(
      definition(
        `${here}<disk type="file" device="disk"><source file="/b.raw"/><target dev="vdb" bus="virtio"/>` +
          `<driver type="raw" discard="unmap"/><serial>vdb</serial>` +
          `<address type="pci" domain="0x0000" bus="0x03" slot="0x00" function="0x0"/></disk>`,
        mark(' applying="disks[vdb]"'),
      ),
    );
  });

  it("defers a disk for which no port is free", async () => {
    const full = { inactive: definition(root + vda), live: definition(root + vda, mark(), ' id="3"') };
    const more = { disks: [...args.disks, file("vdb", "/b.raw")] };
    expect(await changes(full, more, args)).toEqual(["disks.1 add restart"]);
    const { plan: step } = await planned(full, more, args);
    expect([step.live, step.deferred]).toEqual([[], ["disks[vdb]"]]);
    expect(xmlOf(find(step.definition!, "metadata"))).toBe(
      mark(' deferred="disks[vdb]" since="2026-05-01T10:00:00.000Z"'),
    );
  });

  it("gets as many devices as it has free ports, and waits with the rest", async () => {
    const more = {
      disks: [...args.disks, file("vdb", "/b.raw"), file("vdc", "/c.raw")],
      interfaces: [{ network: "lan", mac: "52:54:00:00:00:01" }],
    };
    expect(await changes(stage, more, args)).toEqual([
      "disks.1 add live",
      "disks.2 add restart",
      "interfaces.0 add restart",
    ]);
    const { plan: step } = await planned(stage, more, args);
    expect(step.live.map(({ key }) => key)).toEqual(["vdb"]);
    expect(step.deferred).toEqual(["disks[vdc]", "interfaces[52:54:00:00:00:01]"]);
  });

  it("still waits where it goes on from a saved state, and no more where it was started with what waited", async () => {
    const since = ' deferred="disks[vda].cache" since="2026-05-01T09:00:00.000Z"';
    const cached = here.replace('type="qcow2"', 'type="qcow2" cache="none"');
    const former = { disks: [file("vda", "/a.qcow2", { cache: "none" })] };
    const before = definition(here, mark(), ' id="8"');
    const restored = await planned({ inactive: definition(cached, mark(since)), live: before }, former);
    expect(restored.plan.deferred).toEqual(["disks[vda].cache"]);
    expect(restored.plan.definition).toBeUndefined();
    const cycled = definition(cached, mark(since), ' id="1"');
    const again = await planned({ inactive: definition(cached, mark(since)), live: cycled }, former);
    expect(again.plan.deferred).toEqual([]);
    const more = { ...former, memory: 128 };
    const next = await planned({ inactive: definition(cached, mark(since)), live: cycled }, more, former);
    expect(xmlOf(find(next.plan.definition!, "metadata"))).toBe(
      mark(' deferred="memory" since="2026-05-01T10:00:00.000Z"'),
    );
  });

  it("that is saved waits with all that changes meanwhile", async () => {
    const saved = {
      inactive: definition(here, mark(' deferred="cpu" since="2026-05-01T09:00:00.000Z"')),
      saved: true,
      autostart: true,
    };
    const { plan: step } = await planned(saved, { ...args, title: "x" }, args);
    expect(step.deferred).toEqual(["cpu", "title"]);
    expect(xmlOf(find(step.definition!, "metadata"))).toContain('deferred="cpu title"');
  });

  it("gets what an update that broke off did not tell it, also what the program took away", async () => {
    const limits = "<iotune><total_iops_sec>100</total_iops_sec></iotune></disk>";
    const limited = here.replace("</disk>", limits);
    const broken = (labels: string): Stage => ({
      inactive: definition(here, mark(` applying="${labels}"`)),
      live: definition(limited, mark(), ' id="3"').replace("<memory", "<title>old</title><memory"),
    });
    expect(await changes(broken("disks[vda].iotune title"), args)).toEqual([
      "title delete live",
      "disks.0.iotune delete live",
    ]);
    expect(await changes(broken("memtune"), args)).toEqual([]);
  });

  it("has the password and the pins that the program says, whoever changed them in the guest alone", async () => {
    const screen = (password: string): string =>
      `<graphics type="vnc" passwd="${password}"><listen type="address"/></graphics>`;
    const pinned = (xml: string, cpus: string): string =>
      xml.replace(
        "</vcpu>",
        `</vcpu><cputune><vcpupin vcpu="0" cpuset="${cpus}"/><vcpupin vcpu="1" cpuset="1"/></cputune>`,
      );
    const both = {
      inactive: pinned(definition(here + screen("new")), "0"),
      live: pinned(definition(here + screen("old"), mark(), ' id="3"'), "1"),
    };
    const wish = {
      ...args,
      graphics: { vnc: { password: "new", listen: { type: "address" } } },
      cputune: { vcpupins: [{ vcpu: 0, cpuset: "0" }] },
    };
    expect(
      await changes({ ...both, inactive: both.inactive.replace('<vcpupin vcpu="1" cpuset="1"/>', "") }, wish),
    ).toEqual(["cputune.vcpupins.0.cpuset update live", "graphics.vnc.password update live"]);
  });

  it.each(["vnc", "spice"])("lets a password of its %s screen last for ever while it runs", async (kind) => {
    const ends = { passwordValidTo: "2099-01-31T23:59:59" };
    const xml = (password: string): string =>
      definition(here + `<graphics type="${kind}"${password}><listen type="address"/></graphics>`);
    const of = (screen: Values): Values => ({
      ...args,
      graphics: { [kind]: { ...screen, listen: { type: "address" } } },
    });
    const limited = xml(` passwd="old" passwdValidTo="${ends.passwordValidTo}"`);
    const shown = { inactive: limited, live: limited };
    const former = of({ password: "old", ...ends });
    const [password, end] = [`graphics.${kind}.password`, `graphics.${kind}.passwordValidTo`];
    expect(await changes(shown, of({ password: "old" }), former)).toEqual([`${end} delete live`]);
    expect(await changes(shown, of({ password: "new" }), former)).toEqual([
      `${password} update live`,
      `${end} delete live`,
    ]);
    // The password itself stays until the guest is powered off, and its end with it.
    expect(await changes(shown, of({}), former)).toEqual([`${password} delete restart`, `${end} delete restart`]);
    expect(await changes({ inactive: limited, live: xml("") }, of({ password: "old" }), former)).toEqual([
      `${end} delete live`,
    ]);
  });

  it("gets its last port for the device that is told to come live, whatever stands first in the definition", async () => {
    const more = {
      maxMemory: { size: 512, slots: 1 },
      memoryDevices: [{ name: "a", model: "virtio-mem", size: 128, requested: 64 }],
    };
    const room =
      '<maxMemory slots="1" unit="KiB">524288</maxMemory><cpu mode="host-model"><numa><cell id="0" cpus="0-1" memory="65536" unit="KiB"/></numa></cpu>';
    const roomy = (xml: string): string => xml.replace('<cpu mode="host-model"/>', room);
    const guest = { inactive: roomy(stage.inactive), live: roomy(stage.live) };
    const both = { ...more, disks: [...args.disks, file("vdb", "/b.raw")] };
    expect(await changes(guest, both, { ...args, maxMemory: more.maxMemory })).toEqual([
      "memoryDevices.0 add live",
      "disks.1 add restart",
    ]);
    const { plan: step } = await planned(guest, both, { ...args, maxMemory: more.maxMemory });
    expect(xmlOf(find(step.definition!, "devices/memory"))).toContain(used.replace("0x01", "0x03"));
  });

  it("that boots by kinds gets a disk with a place in the boot order live, and its place with a power cycle", async () => {
    const byKind = (xml: string): string => xml.replace("</os>", '<boot dev="hd"/></os>');
    const guest = { inactive: byKind(stage.inactive), live: byKind(stage.live) };
    const more = { disks: [...args.disks, file("vdb", "/b.raw", { bootOrder: 1 })] };
    expect(await changes(guest, more, args)).toEqual(["disks.1 add live", "disks.1.bootOrder add restart"]);
    expect(await changes(stage, more, args)).toEqual(["disks.1 add live"]);
    const { plan: step } = await planned(guest, more, args);
    expect(step.deferred).toEqual(["disks[vdb].bootOrder"]);
    expect(xmlOf(step.definition)).toContain('<boot order="1"/>');
  });

  it("that has a disk in its place, gone from the definition alone, waits for nothing", async () => {
    const vdb = vda.replaceAll("vda", "vdb").replace("<target", '<boot order="1"/><target').replace("0x02", "0x04");
    const live = definition(here + vdb + balloon, mark(), ' id="3"');
    const more = { disks: [...args.disks, { ...args.disks[0], target: "vdb", bootOrder: 1 }] };
    expect(await changes({ ...stage, live }, more, args)).toEqual(["disks.1 add live"]);
  });

  it("gets back what a new disk has, where the program takes its serial or its TRIM away", async () => {
    const own = vda
      .replace('type="qcow2"', 'type="qcow2" discard="ignore"')
      .replace("</disk>", "<serial>mine</serial></disk>");
    const both = { inactive: definition(root + own), live: definition(root + own, mark(), ' id="3"') };
    const former = { disks: [file("vda", "/a.qcow2", { serial: "mine", discard: "ignore" })] };
    expect(await changes(both, args, former)).toEqual([
      "disks.0.discard update restart",
      "disks.0.serial update restart",
    ]);
    const { plan: step } = await planned(both, args, former);
    expect(xmlOf(step.definition)).toContain('discard="unmap"');
    expect(xmlOf(step.definition)).toContain("<serial>vda</serial>");
    expect(await changes(both, args)).toEqual([]);
  });

  it("loses a disk live, and shows one that was attached by hand as a delete", async () => {
    const both = { inactive: definition(here + vdb), live: definition(here + vdb, mark(), ' id="3"') };
    expect(await changes(both, args, { disks: [...args.disks, file("vdb", "/b.raw")] })).toEqual([
      "disks.1 delete live",
    ]);
    expect(await changes(both, args)).toEqual(["disks.1 delete live"]);
    const handLive = { ...stage, live: definition(here + vdb, mark(), ' id="3"') };
    expect(await changes(handLive, args)).toEqual(["disks.1 delete live"]);
  });

  it("waits with a disk that a hand took out of the definition, where the guest has it in another form", async () => {
    const serial = (text: string): string => vdb.replace("</disk>", `<serial>${text}</serial></disk>`);
    const more = { disks: [...args.disks, file("vdb", "/b.raw", { serial: "new" })] };
    const guest = (text: string): Stage => ({
      inactive: definition(here),
      live: definition(here + serial(text), mark(), ' id="3"'),
    });
    expect(await changes(guest("new"), more)).toEqual(["disks.1 add live"]);
    expect(await changes(guest("old"), more)).toEqual(["disks.1 add restart"]);
  });

  it("waits with what a power cycle is needed for, and says so until then", async () => {
    const more = { ...args, memory: 128 };
    expect(await changes(stage, more, args)).toEqual(["memory update restart"]);
    const { plan: step } = await planned(stage, more, args);
    expect([step.live, step.deferred, step.power]).toEqual([[], ["memory"], []]);
    const waits = { inactive: xmlOf(step.definition), live: stage.live };
    expect(await changes(waits, more)).toEqual([]);
    const { plan: again } = await planned(waits, more);
    expect(told(again)).toEqual({ live: [], deferred: ["memory"], power: [] });
    const cycled = { inactive: waits.inactive, live: waits.inactive.replace("<domain", '<domain id="4"') };
    expect((await planned(cycled, more)).plan.deferred).toEqual([]);
  });

  it("names what waits by identity: libvirt sorts disks by target, programs do not", async () => {
    const both = { inactive: definition(root + vda + vdb), live: definition(root + vda + vdb, mark(), ' id="3"') };
    const former = { disks: [file("vdb", "/b.raw"), file("vda", "/a.qcow2", { cache: "none" })] };
    const cached = { disks: [file("vdb", "/b.raw", { cache: "none" }), file("vda", "/a.qcow2")] };
    expect((await planned(both, cached, former)).plan.deferred).toEqual(["disks[vdb].cache"]);
    const was = {
      inactive: both.inactive.replace('type="qcow2"', 'type="qcow2" cache="none"'),
      live: both.live.replace('type="qcow2"', 'type="qcow2" cache="none"'),
    };
    const taken = { disks: [file("vdb", "/b.raw"), file("vda", "/a.qcow2")] };
    expect((await planned(was, taken, former)).plan.deferred).toEqual(["disks[vda].cache"]);
  });

  it("grows its CPUs live up to what it was started with", async () => {
    const one = (id: string): string => definition(here, mark(), id).replace("<vcpu ", '<vcpu current="1" ');
    const both = { inactive: one(""), live: one(' id="3"') };
    expect(await changes(both, { ...args, onlineVcpus: 2 }, { ...args, onlineVcpus: 1 })).toEqual([
      "onlineVcpus update live",
    ]);
    expect(await changes(stage, { ...args, onlineVcpus: 1 }, args)).toEqual(["onlineVcpus update restart"]);
    expect(await changes(stage, { ...args, vcpus: 4 }, args)).toEqual(["vcpus update restart"]);
  });

  it("gives and takes memory live below what it was started with", async () => {
    expect(await changes(stage, { ...args, currentMemory: 32 }, args)).toEqual(["currentMemory update live"]);
    const ballooned = {
      inactive: stage.inactive.replace('<currentMemory unit="KiB">65536', '<currentMemory unit="KiB">32768'),
      live: stage.live,
    };
    expect(await changes(ballooned, args, { ...args, currentMemory: 32 })).toEqual(["currentMemory update live"]);
  });

  it("hears of a new title, and of one that only the definition has", async () => {
    const titled = { ...args, title: "two" };
    expect((await planned(stage, titled, args)).plan.live.map(({ path, after }) => [path, after])).toEqual([
      [["title"], "two"],
    ]);
    const half = { inactive: definition(here, `<title>two</title>${mark()}`), live: stage.live };
    expect(await changes(half, titled)).toEqual(["title add live"]);
  });

  it("boots by BIOS where its definition says nothing, and loses what UEFI needed with it", async () => {
    const bios = { ...stopped, os: { firmware: "bios" } };
    expect(await changes({ inactive: definition() }, bios)).toEqual([]);
    expect((await planned({ inactive: definition() }, bios)).plan.definition).toBeUndefined();
    const efi = definition()
      .replace("<os>", '<os firmware="efi">')
      .replace("</os>", '<loader type="pflash">/f</loader></os>');
    expect(await changes({ inactive: efi }, bios)).toEqual(["os.firmware update restart"]);
    expect(xmlOf((await planned({ inactive: efi }, bios)).plan.definition)).toBe(definition());
    expect(
      await changes({ inactive: efi.replace(' firmware="efi"', "") }, { ...stopped, os: { firmware: "efi" } }),
    ).toEqual([]);
  });

  it("waits with another version of its machine type, and is a new one with another family", async () => {
    const of = async (machine: string): Promise<string[]> =>
      changes({ inactive: definition() }, { ...stopped, os: { machine } });
    expect(await of("q35")).toEqual([]);
    expect(await of("pc-q35-6.2")).toEqual(["os.machine update restart"]);
    expect(await of("pc")).toEqual(["os.machine update replace"]);
    expect(await of("pc-i440fx-7.2")).toEqual(["os.machine update replace"]);
  });

  it("keeps its name until it is stopped, and is renamed by a step of its own", async () => {
    const machine = await found(stage, args);
    const step = plan(machine, { ...goal(args, args), name: "new" }, { facts, volumes: new Map(), now: NOW });
    expect(told(step)).toEqual({ rename: "new", live: [], deferred: [], power: [] });
  });
});

describe("media", () => {
  const cd = (source: string): string =>
    `<disk type="file" device="cdrom"><driver name="qemu" type="raw"/>${source}<target dev="sda" bus="sata"/><readonly/></disk>`;
  const drive = (more: Values): Values => ({ disks: [{ target: "sda", device: "cdrom", ...more }] });
  const stage = (source: string): Stage => ({
    inactive: definition(cd(source)),
    live: definition(cd(source), mark(), ' id="3"'),
    volumes: { "iso/a": volumeXml("/iso/a.iso", "iso"), "iso/b": volumeXml("/iso/b.iso", "iso") },
  });
  const a = stage(`<source file="/iso/a.iso"/>`);

  it("are changed in the running guest", async () => {
    expect(await changes(a, drive({ file: "/iso/b.iso" }), drive({ file: "/iso/a.iso" }))).toEqual([
      "disks.0.file update live",
    ]);
    expect(await changes(a, drive({ volume: "iso/b" }), drive({ volume: "iso/a" }))).toEqual([
      "disks.0.volume add live",
    ]);
  });

  it("are one change where a file gives way to a volume", async () => {
    expect(await changes(a, drive({ volume: "iso/b" }), drive({ file: "/iso/a.iso" }))).toEqual([
      "disks.0.volume add live",
    ]);
  });

  it("are taken out when the program names none any more, be it a file or a volume", async () => {
    for (const former of [{ file: "/iso/a.iso" }, { volume: "iso/a" }]) {
      expect(await changes(a, drive({}), drive(former))).toEqual(["disks.0.file delete live"]);
      const { plan: step } = await planned(a, drive({}), drive(former));
      expect(xmlOf(step.definition)).toBe(definition(cd(""), mark(' applying="disks[sda].file"')));
    }
  });

  it("are no change where the drive was empty and is", async () => {
    expect(await changes(stage(""), drive({}))).toEqual([]);
  });

  it("are read-only whether or not the program says so", async () => {
    const [said, silent] = [drive({ file: "/iso/a.iso", readOnly: true }), drive({ file: "/iso/a.iso" })];
    expect(await changes(a, said, silent)).toEqual([]);
    expect(await changes(a, silent, said)).toEqual([]);
  });
});

describe("a disk that rests on an overlay", () => {
  const overlay = `<disk type="file" device="disk"><driver name="qemu" type="qcow2"/><source file="/snap.qcow2"/><backingStore type="file"><format type="raw"/><source file="/pool/root"/><backingStore/></backingStore><target dev="vda" bus="virtio"/></disk>`;
  const stage = { inactive: definition(overlay), volumes: { "default/root": volumeXml("/pool/root", "raw") } };

  it.each([
    ["a volume", { volume: "default/root" }],
    ["a volume with its format", { volume: "default/root", format: "raw" }],
    ["a file", { file: "/pool/root" }],
    ["a file with its format", { file: "/pool/root", format: "raw" }],
  ])("is %s as wanted: neither its source nor its format is set back", async (_, wish) => {
    const args = { ...stopped, disks: [{ target: "vda", ...wish }] };
    expect(await changes(stage, args)).toEqual([]);
    expect(told((await planned(stage, args)).plan)).toEqual({ live: [], deferred: [], power: [] });
    const titled = { ...args, title: "t" };
    expect(xmlOf((await planned(stage, titled, args)).plan.definition)).toContain(overlay);
  });

  it("is changed for another image, and nothing of the old chain stays", async () => {
    const args = { ...stopped, disks: [{ target: "vda", file: "/other.qcow2", format: "qcow2" }] };
    expect(await changes(stage, args, { ...stopped, disks: [{ target: "vda", volume: "default/root" }] })).toEqual([
      "disks.0.file update restart",
    ]);
    const { plan: step } = await planned(stage, args);
    expect(xmlOf(step.definition)).toBe(
      definition(
        `<disk type="file" device="disk"><driver name="qemu" type="qcow2"/><source file="/other.qcow2"/><target dev="vda" bus="virtio"/></disk>`,
      ),
    );
  });

  it("keeps its format when the program takes the word back: libvirt would read the image as raw", async () => {
    const plain = definition(vda.replace("/a.qcow2", "/pool/root"));
    const qcow2 = { inactive: plain, volumes: { "default/root": volumeXml("/pool/root") } };
    const args = (more: Values): Values => ({
      ...stopped,
      disks: [{ target: "vda", volume: "default/root", ...more }],
    });
    expect(await changes(qcow2, args({}), args({ format: "qcow2" }))).toEqual([]);
    expect(told((await planned(qcow2, args({}), args({ format: "qcow2" }))).plan)).toEqual({
      live: [],
      deferred: [],
      power: [],
    });
  });

  it("is met by what only the running guest knows of the chain", async () => {
    const short = overlay.replace(/<backingStore type.*<\/backingStore>/, "");
    const both = { ...stage, inactive: definition(short), live: definition(overlay, mark(), ' id="3"') };
    const args = { disks: [{ target: "vda", volume: "default/root" }] };
    expect(await changes(both, args)).toEqual([]);
    expect(told((await planned(both, args)).plan)).toEqual({ live: [], deferred: [], power: [] });
  });
});

describe("an only device without an identity in the program", () => {
  it("loses what the program takes back", async () => {
    const cached = vda.replace('type="qcow2"', 'type="qcow2" cache="none"');
    const card = `<interface type="network"><source network="lan"/><mac address="${String(MAC)}"/><model type="virtio"/><mtu size="9000"/></interface>`;
    const stage = { inactive: definition(cached + card) };
    const former = {
      ...stopped,
      disks: [{ file: "/a.qcow2", cache: "none" }],
      interfaces: [{ network: "lan", mtu: { size: 9000 } }],
    };
    const args = { ...stopped, disks: [{ file: "/a.qcow2" }], interfaces: [{ network: "lan" }] };
    expect(await changes(stage, former)).toEqual([]);
    expect(await changes(stage, args, former)).toEqual([
      "disks.0.cache delete restart",
      "interfaces.0.mtu delete restart",
    ]);
    expect(xmlOf((await planned(stage, args, former)).plan.definition)).toBe(
      definition(vda + card.replace('<mtu size="9000"/>', "")),
    );
  });
});

const MAC = (
  complete(inputs({ interfaces: [{ network: "lan" }] }), ID, undefined, facts)["interfaces"] as Values[]
)[0]?.["mac"];

describe("what a program takes back", () => {
  it("goes back to what a new machine gets", async () => {
    const custom = definition()
      .replace('<cpu mode="host-model"/>', '<cpu mode="custom"><model>Nehalem</model><feature name="x"/></cpu>')
      .replace("pc-q35-7.2", "pc-q35-6.2");
    const former = { ...stopped, cpu: { mode: "custom", model: "Nehalem" }, os: { machine: "pc-q35-6.2" } };
    expect(await changes({ inactive: custom }, stopped, former)).toEqual([
      "cpu.mode update restart",
      "cpu.model delete restart",
    ]);
    const { plan: step } = await planned({ inactive: custom }, stopped, former);
    expect(xmlOf(step.definition)).toBe(
      definition()
        .replace('<cpu mode="host-model"/>', '<cpu mode="host-model"><feature name="x"/></cpu>')
        .replace("pc-q35-7.2", "pc-q35-6.2"),
    );
  });

  it("follows its leader again: memory given now, CPUs online, autostart", async () => {
    const half = definition()
      .replace('<currentMemory unit="KiB">65536', '<currentMemory unit="KiB">32768')
      .replace("<vcpu ", '<vcpu current="1" ');
    const former = { ...stopped, currentMemory: 32, onlineVcpus: 1, autostart: true };
    expect(await changes({ inactive: half, autostart: true }, former)).toEqual([]);
    expect(await changes({ inactive: half, autostart: true }, stopped, former)).toEqual([
      "currentMemory update restart",
      "onlineVcpus update restart",
      "autostart update live",
    ]);
  });

  it("is a follower's own change only while the leader stands", async () => {
    const args = { ...stopped, memory: 128, vcpus: 4 };
    expect(await changes({ inactive: definition() }, args, stopped)).toEqual([
      "memory update restart",
      "vcpus update restart",
    ]);
    expect(xmlOf((await planned({ inactive: definition() }, args, stopped)).plan.definition)).toBe(
      definition().replaceAll("65536", "131072").replace('<vcpu placement="static">2', '<vcpu placement="static">4'),
    );
  });

  it("does not hide a value that is not known yet", () => {
    const wanted = complete({ cpu: UNKNOWN, powerState: UNKNOWN }, ID, { cpu: { mode: "custom" } }, facts);
    expect(wanted["cpu"]).toBe(UNKNOWN);
    expect(wanted["autostart"]).toBe(UNKNOWN);
  });
});

describe("power", () => {
  it.each([
    ["running", "running", []],
    ["paused", "running", ["resume"]],
    ["suspended", "running", ["resume"]],
    ["stopped", "running", ["start"]],
    ["crashed", "running", ["stop", "start"]],
    ["running", "paused", ["pause"]],
    ["paused", "paused", []],
    ["suspended", "paused", []],
    ["stopped", "paused", ["start paused"]],
    ["crashed", "paused", ["stop", "start paused"]],
    ["running", "stopped", ["stop"]],
    ["paused", "stopped", ["resume", "stop"]],
    ["suspended", "stopped", ["resume", "stop"]],
    ["stopped", "stopped", []],
    ["crashed", "stopped", ["stop"]],
    ["running", "unmanaged", []],
    ["paused", "unmanaged", []],
    ["stopped", "unmanaged", []],
    ["crashed", "unmanaged", []],
  ] as const)("from %s to %s: %j", (from, to, steps) => {
    expect(powerSteps(from, to)).toEqual(steps);
  });

  it("takes autostart along, unless the program says otherwise or leaves power alone", async () => {
    const autostart = async (on: boolean, args: Values): Promise<boolean | undefined> =>
      (await planned({ inactive: definition(), autostart: on }, args)).plan.autostart;
    expect(await autostart(false, { powerState: "running" })).toBe(true);
    expect(await autostart(true, { powerState: "running" })).toBeUndefined();
    expect(await autostart(true, stopped)).toBe(false);
    expect(await autostart(true, { powerState: "paused" })).toBe(false);
    expect(await autostart(true, { ...stopped, autostart: true })).toBeUndefined();
    expect(await autostart(true, { powerState: "unmanaged" })).toBeUndefined();
    expect(await autostart(true, { powerState: "unmanaged", autostart: false })).toBe(false);
  });

  it("is drift where a hand stopped or paused the machine", async () => {
    expect(await changes({ inactive: definition(), autostart: true }, {})).toEqual(["powerState update live"]);
    expect(await changes({ inactive: definition(), live: definition("", mark(), ' id="3"'), state: 3 }, {})).toEqual([
      "powerState update live",
    ]);
    expect(await changes({ inactive: definition(), autostart: true }, { powerState: "unmanaged" })).toEqual([]);
  });
});

describe("a machine that a hand undefined while it ran", () => {
  it("is defined again", async () => {
    const stage = { inactive: definition(), live: definition("", mark(), ' id="3"'), persistent: false };
    const { plan: step } = await planned(stage, {});
    expect(xmlOf(step.definition)).toBe(definition());
  });
});

describe("check", () => {
  it("takes two cards whose MACs are not known yet for two", () => {
    const cards = [
      { network: "a", mac: UNKNOWN },
      { network: "b", mac: UNKNOWN },
    ];
    expect(checkValues(domain, inputs({ interfaces: cards }))).toEqual([]);
  });

  it("refuses two cards of one MAC, however it is written", () => {
    const cards = [
      { network: "a", mac: "52:54:00:00:00:0a" },
      { network: "b", mac: "52:54:00:00:00:0A" },
    ];
    expect(checkValues(domain, inputs({ interfaces: cards }))).toEqual([
      { property: "interfaces[1]", reason: 'has the same identity "52:54:00:00:00:0a" as interfaces[0]' },
    ]);
  });

  it.each([
    [{ name: "-rf" }, "name"],
    [{ name: "a\nb" }, "name"],
    [{ disks: [{ file: "../x", target: "vda" }] }, "disks[0].file"],
    [{ disks: [{ file: "/a/../etc/shadow", target: "vda" }] }, "disks[0].file"],
    [{ disks: [{ file: "/a", target: "vda1" }] }, "disks[0].target"],
    [{ interfaces: [{ bridge: "a-name-too-long-0" }] }, "interfaces[0].bridge"],
    [{ interfaces: [{ network: "a", mac: "01:00:5e:00:00:01" }] }, "interfaces[0].mac"],
    [{ os: { cmdline: "a\u202eb" } }, "os.cmdline"],
    [{ memory: 68719476736 }, "memory"],
  ])("refuses %j at %s", (args, property) => {
    expect(checkValues(domain, inputs(args)).map((failure) => failure.property)).toEqual([property]);
  });
});
