import { execFileSync } from "node:child_process";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { changesLive, clear, costs, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

// Live changes beside devices: limits, filters, pins, passwords and lifecycle actions, on real machines in their firmware.
jest.setTimeout(60_000);

const image = "/var/lib/libvirt/images/tuning.raw";

let place: Place;
beforeAll(() => {
  execFileSync("truncate", ["-s", "4M", image]);
  execFileSync("bash", ["-c", "cat > /tmp/tuning.xml"], {
    input:
      "<network><name>tuning</name><bridge name='virbrt'/><ip address='10.99.0.1' netmask='255.255.255.0'/></network>",
  });
  virsh("net-define", "/tmp/tuning.xml");
  virsh("net-start", "tuning");
  execFileSync("bash", ["-c", "cat > /tmp/tuning.xml"], {
    input: "<filter name='tuning' chain='root'><rule action='accept' direction='inout'><all/></rule></filter>",
  });
  virsh("nwfilter-define", "/tmp/tuning.xml");
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(clear);

const small = { type: "qemu", memory: 64, vcpus: 2, os: { machine: "q35" }, waitFor: {}, shutdown: { timeout: 0 } };

describe("a running machine", () => {
  it("takes I/O limits of a disk, changes them and loses them", async () => {
    const web = new Driven(domain, place, "iotune");
    const disk = (iotune?: Values) => ({
      ...small,
      disks: [{ file: image, target: "vda", ...(iotune ? { iotune } : {}) }],
    });
    await web.up(disk());
    const limited = await changesLive(web, disk({ totalBytesSec: 1048576, readIopsSec: 100 }));
    for (const xml of Object.values(limited)) {
      expect(xml).toContain("<total_bytes_sec>1048576</total_bytes_sec>");
      expect(xml).toContain("<read_iops_sec>100</read_iops_sec>");
    }
    const parts = await changesLive(web, disk({ readBytesSec: 2097152 }));
    expect(parts.live).toContain("<read_bytes_sec>2097152</read_bytes_sec>");
    expect(parts.live).not.toContain("total_bytes_sec");
    const none = await changesLive(web, disk());
    expect(none.live + none.inactive).not.toContain("_sec>");
  });

  it("refuses a total beside its parts, with the path", async () => {
    const iotune = { totalIopsSec: 10, writeIopsSec: 5 };
    const { failures } = await new Driven(domain, place, "x").check({ ...small, disks: [{ file: image, iotune }] });
    expect(failures).toEqual([
      { property: "disks[0].iotune.writeIopsSec", reason: "stands beside totalIopsSec: give one of them" },
    ]);
  });

  it("puts a card behind a filter and apart from others, and takes that back", async () => {
    const web = new Driven(domain, place, "card");
    const card = (more: Values) => ({ ...small, interfaces: [{ network: "tuning", ...more }] });
    await web.up(card({}));
    const behind = await changesLive(web, card({ filterref: { filter: "tuning" }, port: { isolated: true } }));
    for (const xml of Object.values(behind)) {
      expect(xml).toContain("<filterref filter='tuning'/>");
      expect(xml).toContain("<port isolated='yes'/>");
    }
    const free = await changesLive(web, card({}));
    expect(free.live + free.inactive).not.toMatch(/filterref|<port /);
  });

  it("pins CPUs and the emulator, and lets them go", async () => {
    const web = new Driven(domain, place, "pins");
    await web.up(small);
    const cputune = {
      vcpupins: [
        { vcpu: 0, cpuset: "0" },
        { vcpu: 1, cpuset: "0-1,^0" },
      ],
      emulatorpin: { cpuset: "1" },
    };
    const pinned = await changesLive(web, { ...small, cputune });
    for (const xml of Object.values(pinned)) {
      expect(xml).toMatch(/vcpupin vcpu='0' cpuset='0'[^]*vcpupin vcpu='1' cpuset='1'[^]*emulatorpin cpuset='1'/);
    }
    const other = { ...cputune, vcpupins: [{ vcpu: 0, cpuset: "1" }] };
    await changesLive(web, { ...small, cputune: other });
    expect(virsh("vcpupin", web.id ?? "", "--live")).toMatch(/0 +1\n 1 +0-\d/);
    await changesLive(web, small);
    expect(virsh("vcpupin", web.id ?? "", "--live")).toMatch(/0 +0-\d+\n 1 +0-\d/);
  });

  it("changes what becomes of it", async () => {
    const web = new Driven(domain, place, "fate");
    await web.up(small);
    const fate = { ...small, onCrash: "preserve", onReboot: "destroy" };
    const { live, inactive } = await changesLive(web, fate);
    for (const xml of [live, inactive]) {
      expect(xml).toMatch(/<on_reboot>destroy<\/on_reboot>\s*<on_crash>preserve</);
    }
    expect((await changesLive(web, small)).live).toMatch(/<on_reboot>restart<\/on_reboot>\s*<on_crash>destroy</);
  });

  it("names fates that exclude each other", async () => {
    const { failures } = await new Driven(domain, place, "x").check({
      ...small,
      onPoweroff: "restart",
      onReboot: "destroy",
    });
    expect(failures).toEqual([{ property: "onReboot", reason: '"destroy" does not go with onPoweroff "restart"' }]);
  });

  it("names a CPU model without its mode, and the mode without a model", async () => {
    const failures = async (cpu: Values): Promise<string[]> => {
      const { failures } = await new Driven(domain, place, "x").check({ ...small, cpu });
      return failures.map(({ property, reason }) => `${property}: ${reason}`);
    };
    expect(await failures({ mode: "maximum", model: "Nehalem" })).toEqual(['cpu.model: is for mode "custom"']);
    expect(await failures({ mode: "custom" })).toEqual(['cpu.model: is required with mode "custom"']);
    expect(await failures({ model: "Nehalem" })).toEqual([]);
  });

  it("takes a CPU model alone for one of mode custom, and takes both back", async () => {
    const web = new Driven(domain, place, "model");
    await web.up(small);
    const model = { ...small, cpu: { model: "Nehalem" } };
    expect(await costs(web, model)).toEqual(["cpu.mode restart", "cpu.model restart"]);
    await web.up(model);
    const defined = (): string => virsh("dumpxml", web.id ?? "", "--inactive");
    expect(defined()).toMatch(/<cpu mode='custom'[^]*Nehalem/);
    expect((await web.preview(model)).changes).toBe(false);
    await web.up(small);
    expect(defined()).toContain("<cpu mode='maximum'");
    expect([web.outputs["restartPending"], (await web.preview(small)).changes]).toEqual([[], false]);
  });

  it("names the end of a password that is not there", async () => {
    const graphics = { vnc: { passwordValidTo: "2099-01-31T23:59:59" } };
    const { failures } = await new Driven(domain, place, "x").check({ ...small, graphics });
    expect(failures).toEqual([{ property: "graphics.vnc.passwordValidTo", reason: "needs a password beside it" }]);
  });

  it.each(["none", "socket"])("names the port of a screen that listens on %s", async (type) => {
    const graphics = { spice: { listen: { type }, tlsPort: 5901 } };
    const { failures } = await new Driven(domain, place, "x").check({ ...small, graphics });
    expect(failures).toEqual([
      { property: "graphics.spice.tlsPort", reason: `does not go with listen.type "${type}"` },
    ]);
  });

  it("names a place that is of another kind than the one it listens on", async () => {
    const graphics = { spice: { listen: { type: "address", socket: "/s" } }, vnc: { listen: { network: "default" } } };
    const { failures } = await new Driven(domain, place, "x").check({ ...small, graphics });
    expect(failures).toEqual([
      { property: "graphics.spice.listen.socket", reason: 'is for listen.type "socket"' },
      { property: "graphics.vnc.listen.network", reason: 'is for listen.type "network"' },
    ]);
  });

  it("gives a screen a port of its own, and lets libvirt choose again", async () => {
    const web = new Driven(domain, place, "ports");
    const off = (vnc: Values): Values => ({ ...small, powerState: "stopped", graphics: { vnc } });
    for (const [vnc, said] of [
      [{}, "port='-1' autoport='yes'"],
      [{ port: 5931 }, "port='5931' autoport='no'"],
      [{}, "port='-1' autoport='yes'"],
    ] as const) {
      await web.up(off(vnc));
      expect(virsh("dumpxml", web.id ?? "", "--inactive")).toContain(`<graphics type='vnc' ${said}`);
      expect((await web.preview(off(vnc))).changes).toBe(false);
    }
    const { failures } = await web.check(off({ port: 5931, autoport: true }));
    expect(failures).toEqual([{ property: "graphics.vnc.port", reason: "does not go with autoport" }]);
    // As libvirt writes it, and an import brings it.
    expect((await web.check(off({ port: -1, autoport: true }))).failures).toEqual([]);
  });

  it("gives a screen that comes later, or from another kind of place, the loopback address", async () => {
    const web = new Driven(domain, place, "later");
    const off = (graphics: Values): Values => ({ ...small, powerState: "stopped", graphics });
    const open = { listen: { type: "address" } };
    const listens = (): string[] => virsh("dumpxml", web.id ?? "", "--inactive").match(/<listen type=.*>/g) ?? [];
    const loopback = "<listen type='address' address='127.0.0.1'/>";
    await web.up(off({ spice: { listen: { type: "none" } } }));
    await web.up(off({ spice: { listen: { type: "none" } }, vnc: open }));
    expect(listens()).toEqual(["<listen type='none'/>", loopback]);
    await web.up(off({ spice: open, vnc: open }));
    expect(listens()).toEqual([loopback, loopback]);
    expect((await web.preview(off({ spice: open, vnc: open }))).changes).toBe(false);
  });

  it("moves a screen from the address of the default to another kind of place, and back", async () => {
    const web = new Driven(domain, place, "places");
    const off = (vnc: Values): Values => ({ ...small, powerState: "stopped", graphics: { vnc } });
    for (const [vnc, said] of [
      [{ listen: { type: "address" } }, "<listen type='address' address='127.0.0.1'/>"],
      [{ listen: { type: "socket" } }, "<listen type='socket'/>"],
      [{ listen: { type: "none" } }, "<listen type='none'/>"],
      [{ listen: { type: "address", address: "127.0.0.2" } }, "<listen type='address' address='127.0.0.2'/>"],
    ] as const) {
      await web.up(off(vnc));
      expect(virsh("dumpxml", web.id ?? "", "--inactive")).toContain(said);
      expect((await web.preview(off(vnc))).changes).toBe(false);
    }
  });

  it.each([
    ["address", { listen: { type: "address" } }],
    ["place", {}],
  ])(
    "goes back to the loopback address with a screen whose %s is taken back, and waits for nothing",
    async (what, less) => {
      const web = new Driven(domain, place, `back-${what}`);
      const on = (vnc: Values): Values => ({ ...small, graphics: { vnc } });
      await web.up(on({}));
      await web.up(on({ listen: { type: "address", address: "127.0.0.2" } }));
      expect(web.outputs["restartPending"]).toEqual(["graphics.vnc.listen.address"]);
      const back = on(less);
      const { differences } = await web.preview(back);
      expect(differences.map(({ cost, after }) => [cost, after])).toEqual([["live", "127.0.0.1"]]);
      await web.up(back);
      expect(web.outputs["restartPending"]).toEqual([]);
      expect((await web.preview(back)).changes).toBe(false);
    },
  );

  it("changes the password of a screen that has one, and when it ends", async () => {
    const web = new Driven(domain, place, "screen");
    const screens = (password: string, more: Values = {}) => ({
      ...small,
      graphics: { vnc: { password, ...more }, spice: { password, ...more } },
    });
    await web.up(screens("first"));
    const ends = { passwordValidTo: "2099-01-31T23:59:59" };
    const { live, inactive } = await changesLive(web, screens("second", ends));
    for (const xml of [live, inactive]) {
      expect(xml.match(/passwd='second' passwdValidTo='2099-01-31T23:59:59'/g)).toHaveLength(2);
    }
    // It never ends again: with another password, and with the same.
    for (const [password, former] of [
      ["third", {}],
      ["fourth", ends],
      ["fourth", {}],
    ] as const) {
      const now = await changesLive(web, screens(password, former));
      for (const xml of [now.live, now.inactive]) {
        expect(xml.match(new RegExp(`passwd='${password}'`, "g"))).toHaveLength(2);
        expect(xml.match(/passwdValidTo/g) ?? []).toHaveLength(former === ends ? 2 : 0);
      }
    }
    expect(web.said.join()).not.toMatch(/first|second|third|fourth/);
  });

  it("waits for a power cycle with a password where the screen has none, and where it loses it", async () => {
    const web = new Driven(domain, place, "open");
    await web.up({ ...small, graphics: { vnc: {} } });
    const locked = { ...small, graphics: { vnc: { password: "first" } } };
    expect((await web.preview(locked)).differences.map(({ cost }) => cost)).toEqual(["restart"]);
    await web.up(locked);
    expect(web.outputs["restartPending"]).toEqual(["graphics.vnc.password"]);
    expect((await web.preview(locked)).changes).toBe(false);
    const ending = { ...small, graphics: { vnc: { password: "first", passwordValidTo: "2099-01-31T23:59:59" } } };
    await web.up(ending);
    expect(web.outputs["restartPending"]).toEqual(["graphics.vnc.password", "graphics.vnc.passwordValidTo"]);
    expect((await web.preview(locked)).differences.map(({ cost }) => cost)).toEqual(["live"]);
    await web.up(locked);
    expect(web.outputs["restartPending"]).toEqual(["graphics.vnc.password"]);
    expect(virsh("dumpxml", web.id ?? "", "--security-info")).not.toContain("passwd");
  });

  const limits: readonly (readonly [string, Values, RegExp])[] = [
    ["cputune.shares", { cputune: { shares: 512 } }, /55.*cputune\.shares needs the cgroup controller "cpu"/],
    ["cputune.quota", { cputune: { quota: 5000 } }, /(55|67).*cputune\.quota needs the cgroup controller "cpu"/],
    [
      "memtune.softLimit",
      { memtune: { softLimit: 99 } },
      /55.*memtune\.softLimit needs the cgroup controller "memory"/,
    ],
    ["blkiotune.weight", { blkiotune: { weight: 300 } }, /55.*blkiotune\.weight needs the cgroup controller "blkio"/],
  ];
  it.each(limits)("that its host cannot hold to %s stays as it is, and one is not started", async (_, more, said) => {
    const web = new Driven(domain, place, "unheld");
    const args = { ...small, shutdown: { timeout: 0, thenForce: true } };
    await web.up(args);
    const before = virsh("dumpxml", web.id ?? "") + virsh("dumpxml", web.id ?? "", "--inactive");
    for (const act of [() => web.preview({ ...args, ...more }), () => web.up({ ...args, ...more })]) {
      await expect(act()).rejects.toThrow(/was not changed: libvirt refused/);
      await expect(act()).rejects.toThrow(said);
    }
    expect(virsh("dumpxml", web.id ?? "") + virsh("dumpxml", web.id ?? "", "--inactive")).toBe(before);
    expect((await web.preview(args)).changes).toBe(false);
    const next = { ...args, ...more, whenRestartNeeded: "restart", vcpus: 1 };
    await expect(web.up(next)).rejects.toThrow(said);
    expect(virsh("domstate", web.id ?? "").trim()).toBe("running");
    await web.up({ ...args, powerState: "stopped" });
    await expect(web.up({ ...args, ...more })).rejects.toThrow(said);
    expect(virsh("domstate", web.id ?? "").trim()).toBe("shut off");
    await web.up(args);
    expect([virsh("domstate", web.id ?? "").trim(), (await web.preview(args)).changes]).toEqual(["running", false]);
  });

  it("is not created where its host cannot hold it, and goes on without", async () => {
    const web = new Driven(domain, place, "made");
    const restrictive = { ...small, numatune: { memory: { mode: "restrictive", nodeset: "0" } } };
    await expect(web.up(restrictive)).rejects.toThrow(
      /start domain .*libvirt refused \(55, .*numatune\.memory needs the cgroup controller "cpuset": give it .*or take/,
    );
    expect(virsh("domstate", web.id ?? "").trim()).toBe("shut off");
    await web.up(small);
    expect([virsh("domstate", web.id ?? "").trim(), (await web.preview(small)).changes]).toEqual(["running", false]);
  });

  it("has its memory on nodes from its start on, without cgroups too", async () => {
    const web = new Driven(domain, place, "nodes");
    const nodes = (mode: string) => ({ ...small, numatune: { memory: { mode, nodeset: "0" } } });
    await web.up(nodes("preferred"));
    expect(virsh("dumpxml", web.id ?? "")).toContain("<memory mode='preferred' nodeset='0'/>");
    expect((await web.preview(nodes("strict"))).differences.map(({ cost }) => cost)).toEqual(["restart"]);
    expect((await web.preview(nodes("preferred"))).changes).toBe(false);
  });

  it("names limits that do not fit", async () => {
    const { failures } = await new Driven(domain, place, "x").check({
      ...small,
      cputune: { quota: 0, emulatorQuota: 999, globalQuota: -1 },
    });
    const reason = "must be -1 (no limit), or 1000 or more";
    expect(failures).toEqual([
      { property: "cputune.quota", reason },
      { property: "cputune.emulatorQuota", reason },
    ]);
    const swap = async (memtune: Values) =>
      (await new Driven(domain, place, "x").check({ ...small, memtune })).failures;
    expect(await swap({ swapHardLimit: 5 })).toEqual([
      { property: "memtune.swapHardLimit", reason: "needs hardLimit beside it" },
    ]);
    expect(await swap({ hardLimit: 6, swapHardLimit: 5 })).toEqual([
      { property: "memtune.swapHardLimit", reason: "must not be below hardLimit (6)" },
    ]);
  });
});
