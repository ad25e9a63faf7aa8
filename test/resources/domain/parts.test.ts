import { checkValues, UNKNOWN, type Values } from "../../../provider/fields";
import { domain } from "../../../provider/resources/domain/fields";
import { describe as describeChange, tell } from "../../../provider/resources/domain/words";
import { freePorts, placeOn } from "../../../provider/resources/domain/parts/pci";
import { seedFiles, seedName, writeSeed } from "../../../provider/resources/domain/parts/seed";
import { chooseType, typeComplaint } from "../../../provider/resources/domain/parts/template";
import { checkVlans } from "../../../provider/resources/domain/parts/vlans";
import { completeDisks } from "../../../provider/resources/domain/wanted";
import { element, parseXml, printXml } from "../../../provider/xml";
import { facts, ID, inputs, mark, planned, told } from "./fakeHost";

const address = (bus: string): string =>
  `<address type="pci" domain="0x0000" bus="${bus}" slot="0x00" function="0x0"/>`;
const port = (index: number): string => `<controller type="pci" index="${index}" model="pcie-root-port"/>`;
const machine = (devices: string) => parseXml(`<domain><devices>${devices}</devices></domain>`);

describe("a screen's password", () => {
  it("has the most characters that its protocol takes, and says so in check", () => {
    const failures = (graphics: Values): string[] =>
      checkValues(domain, { memory: 64, graphics }).map(({ property }) => property);
    expect(failures({ vnc: { password: "8 signs." }, spice: { password: "9 signs.." } })).toEqual([]);
    expect(failures({ vnc: { password: "9 signs.." } })).toEqual(["graphics.vnc.password"]);
  });
});

describe("free ports", () => {
  it("are those that are free in the guest and in the definition", () => {
    const live = machine(port(1) + port(2) + port(3) + port(10) + `<disk>${address("0x01")}</disk>`);
    const inactive = machine(port(3) + port(2) + port(10) + port(11) + `<interface>${address("0x0a")}</interface>`);
    expect(freePorts(live, inactive)).toEqual([
      { bus: 2, slot: 0 },
      { bus: 3, slot: 0 },
    ]);
  });

  it("are no ports that are kept from taking devices while the guest runs", () => {
    const off = port(4).replace("/>", '><target chassis="4" hotplug="off"/></controller>');
    expect(freePorts(machine(off + port(5)), machine(off + port(5)))).toEqual([{ bus: 5, slot: 0 }]);
  });

  describe("of an i440fx machine", () => {
    const root = `<controller type="pci" index="0" model="pci-root"/>`;
    const on = (slot: number): string =>
      `<rng><address type="pci" domain="0x0000" bus="0x00" slot="0x${slot.toString(16)}" function="0x0"/></rng>`;
    const old = (type: string, devices: string, features = "<features><acpi/></features>") =>
      parseXml(`<domain><os><type machine="${type}">hvm</type></os>${features}<devices>${devices}</devices></domain>`);
    const slots = (a: ReturnType<typeof old>, b = a): number[] => freePorts(a, b).map(({ slot }) => slot);

    it("are the slots of its root from the third on that are free in the guest and in the definition", () => {
      const most = Array.from({ length: 26 }, (_, index) => on(index + 3)).join("");
      expect(slots(old("pc-i440fx-7.2", root + most))).toEqual([29, 30, 31]);
      expect(slots(old("pc", root + most + on(30)), old("pc", root + most + on(29)))).toEqual([31]);
      expect(slots(old("pc-1.0", root))).toHaveLength(29);
      expect(freePorts(old("rhel6.6.0", root), old("pc", root))[0]).toEqual({ bus: 0, slot: 3 });
    });

    it("are none without ACPI, by which the guest hears, none where the root is closed, and none on another machine", () => {
      expect(slots(old("pc-i440fx-7.2", root, ""))).toEqual([]);
      const closed = root.replace("/>", '><target hotplug="off"/></controller>');
      expect(slots(old("pc-i440fx-7.2", closed))).toEqual([]);
      expect(slots(old("pseries-7.2", root))).toEqual([]);
      expect(slots(old("pc-q35-7.2", root.replace("pci-root", "pcie-root")))).toEqual([]);
    });
  });

  it("are given to a device that has no address", () => {
    const disk = element("disk");
    placeOn(disk, { bus: 10, slot: 0 });
    placeOn(disk, { bus: 11, slot: 0 });
    expect(printXml(disk)).toBe(`<disk>${address("0x0a")}</disk>`);
  });
});

describe("the seed", () => {
  const seed = `<disk type="file" device="cdrom"><driver name="qemu" type="raw"/><source file="/p/a.iso"/><target dev="sdz" bus="scsi"/><readonly/><alias name="ua-kvm-seed"/><address type="drive" controller="0" bus="0" target="1" unit="0"/></disk>`;
  const scsi = `<controller type="scsi" index="0" model="virtio-scsi"/>`;
  const after = (devices: string, path: string | undefined): string => {
    const root = machine(devices);
    writeSeed(root, path);
    return printXml(root)
      .slice("<domain><devices>".length, -"</devices></domain>".length)
      .replace(/^<domain><devices\/>.*/, "");
  };

  it("is a read-only CD on a virtio-scsi controller, made where there is none", () => {
    expect(after(scsi, "/p/a.iso")).toBe(scsi + seed);
    expect(after("<emulator/>", "/p/a.iso")).toBe(`<emulator/>${scsi}${seed}`);
    const lsi = `<controller type="scsi" index="0" model="lsilogic"/>`;
    expect(after(lsi, "/p/a.iso")).toBe(
      `${lsi}<controller type="scsi" index="1" model="virtio-scsi"/>${seed.replace('controller="0"', 'controller="1"')}`,
    );
  });

  it("is swapped in its drive, kept as it is, or taken out", () => {
    expect(after(scsi + seed, "/p/a.iso")).toBe(scsi + seed);
    expect(after(scsi + seed, "/p/b.iso")).toBe(
      scsi + seed.replace('<source file="/p/a.iso"/>', "").replace("</disk>", '<source file="/p/b.iso"/></disk>'),
    );
    expect(after(scsi + seed, undefined)).toBe(scsi);
  });

  it("has a name that changes with its content and its pool, and only with those", () => {
    const args = (cloudInit: Values, more: Values = {}): string =>
      seedName(ID, { name: "web", cloudInit: { pool: "p", userData: "a", ...cloudInit }, ...more });
    expect(args({})).toMatch(/^web-seed-[0-9a-f]{12}\.iso$/);
    expect(args({}, { memory: 7 })).toBe(args({}));
    const names = [
      args({}),
      args({ userData: "b" }),
      args({ metaData: "m" }),
      args({ networkConfig: "n" }),
      args({ pool: "q" }),
    ];
    expect(new Set(names).size).toBe(5);
  });

  it("names another instance for other data, so that cloud-init acts on it", () => {
    const meta = (userData: string): string => seedFiles(ID, { name: "web", cloudInit: { userData } }).metaData;
    expect(meta("a")).toMatch(new RegExp(`^instance-id: ${ID}-[0-9a-f]{12}\nlocal-hostname: web\n$`));
    expect(meta("a")).not.toBe(meta("b"));
    expect(seedFiles(ID, { cloudInit: { metaData: "own", userData: "a" } })).toEqual({
      metaData: "own",
      userData: "a",
    });
  });

  it("is swapped live when the data changes, and a hand's seed is drift", async () => {
    const cloudInit = { pool: "p", userData: "a" };
    const wish = { cloudInit };
    const path = `/p/${seedName(ID, inputs(wish))}`;
    const text = (id: string): string =>
      `<domain type="kvm"${id}><name>web</name><uuid>${ID}</uuid>${mark()}<memory unit="KiB">65536</memory>` +
      `<currentMemory unit="KiB">65536</currentMemory><vcpu>2</vcpu><os><type arch="x86_64" machine="q35">hvm</type></os>` +
      `<devices>${scsi}${seed.replace("/p/a.iso", path)}</devices></domain>`;
    const stage = { inactive: text(""), live: text(' id="3"') };
    expect(told((await planned(stage, wish, wish, { seedPath: path })).plan)).toEqual({
      live: [],
      deferred: [],
      power: [],
    });
    const changed = { cloudInit: { ...cloudInit, userData: "b" } };
    const { plan } = await planned(stage, changed, wish, { seedPath: "/p/new.iso" });
    expect([...new Set(plan.live.map(({ path: [name] }) => name))]).toEqual(["cloudInit"]);
    expect(plan.deferred).toEqual([]);
    expect(printXml(plan.definition!)).toContain('<source file="/p/new.iso"/>');
  });
});

describe("the domain type", () => {
  const soft = { ...facts, hardwareVirtualisation: false };

  it("is what the host can really run, when it is auto", () => {
    expect([chooseType("auto", facts), chooseType("auto", soft), chooseType("qemu", facts)]).toEqual([
      "kvm",
      "qemu",
      "qemu",
    ]);
    expect(chooseType("auto", { ...facts, domainTypes: ["qemu"] })).toBe("qemu");
  });

  it("is refused where the host cannot run it, with the reason", () => {
    expect(typeComplaint("kvm", facts)).toBeUndefined();
    expect(typeComplaint("kvm", soft)).toMatch(/neither vmx nor svm.*use type "auto" or "qemu"/);
    expect(typeComplaint("kvm", { ...facts, domainTypes: ["qemu"] })).toBe(
      'the host offers no "kvm" machines for x86_64 (it offers qemu)',
    );
    expect(typeComplaint("auto", soft)).toBeUndefined();
  });

  it("is not judged before it is known", () => {
    expect(typeComplaint(UNKNOWN, soft)).toBeUndefined();
  });
});

describe("disks", () => {
  it.each([
    [{}, "virtio", "vda"],
    [{ device: "cdrom" }, "sata", "sda"],
    [{ device: "floppy" }, "fdc", "fda"],
    [{ bus: "scsi" }, "scsi", "sda"],
    [{ bus: "ide" }, "ide", "hda"],
    [{ bus: "xen" }, "xen", "xvda"],
    [{ target: "vdq", bus: "usb" }, "usb", "vdq"],
    [{ target: "vdb" }, "virtio", "vdb"],
    [{ target: "sdb" }, "scsi", "sdb"],
    [{ target: "sdb", device: "cdrom" }, "sata", "sdb"],
    [{ target: "hdb" }, "ide", "hdb"],
    [{ target: "xvdb" }, "xen", "xvdb"],
  ])("%j is on %s as %s", (disk, bus, target) => {
    expect(completeDisks([disk])).toEqual([{ ...disk, bus, target }]);
  });

  it("without a known bus have no known name", () => {
    expect(completeDisks([{ bus: UNKNOWN }])).toEqual([{ bus: UNKNOWN, target: UNKNOWN }]);
    expect(completeDisks([{ target: UNKNOWN }])).toEqual([{ bus: UNKNOWN, target: UNKNOWN }]);
    expect(completeDisks(UNKNOWN)).toBe(UNKNOWN);
    expect(completeDisks(undefined)).toEqual([]);
  });
});

describe("VLANs", () => {
  it("that are not known yet may be one or two", () => {
    const vlan = { trunk: true, tags: [{ id: UNKNOWN }, { id: UNKNOWN }] };
    expect(checkVlans({ interfaces: [{ network: "n", vlan }] })).toEqual([]);
  });
});

describe("a change in words", () => {
  it("never has the value of a secret, before or after", () => {
    const secret = { kind: "update", cost: "live", secret: true } as const;
    expect(
      describeChange({ ...secret, path: ["cloudInit", "userData"], before: "old-canary", after: "new-canary" }),
    ).toBe("change cloudInit.userData");
    expect(
      describeChange({ ...secret, path: ["graphics", "vnc", "password"], before: undefined, after: "canary" }),
    ).toBe("change graphics.vnc.password");
  });

  it("says what happens to the machine", () => {
    const change = { kind: "update", cost: "live" } as const;
    expect(describeChange({ ...change, path: ["powerState"], before: "stopped", after: "running" })).toBe("start it");
    const more = { ...change, path: ["memory"], before: 2048, after: 4096 };
    expect([describeChange(more), tell(more)]).toEqual(["change memory 2048 -> 4096 MiB", "memory 2048 -> 4096 MiB"]);
    const disk = { ...change, path: ["disks", 1], key: "vdb", kind: "add", before: undefined, after: {} } as const;
    expect([describeChange(disk), tell(disk)]).toEqual(["attach disk vdb", "disk vdb attached"]);
    const cache = { ...change, path: ["disks", 1, "cache"], key: "vdb", before: "none", after: "unsafe" };
    expect(tell(cache)).toBe("cache of disk vdb none -> unsafe");
  });
});
