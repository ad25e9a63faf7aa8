import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { changesLive, clear, costs, virsh } from "./changing";
import { Driven } from "./driven";
import { cmdline, guestFiles } from "./guestFiles";
import { libvirtdAsBefore, libvirtdWith } from "./listening";
import { placeOf } from "./request";

// What the host's cgroups hold a running Linux guest to. The lab's libvirtd gets controllers for it, where this machine has them.
jest.setTimeout(120_000);

const CGROUPS = "/sys/fs/cgroup";
const ALL = ["cpu", "cpuset", "memory", "blkio"] as const;
type Controller = (typeof ALL)[number];
const settings = "/etc/libvirt/qemu.conf";
const before = readFileSync(settings, "utf8");
/** Groups of all labs of this machine stand side by side. */
const name = `limits-${randomBytes(4).toString("hex")}`;
const address = "10.96.0.2";
const card = { network: "limits", mac: "52:54:00:96:00:02" };

const say = (text: string): void => void process.stdout.write(`      limits: ${text}\n`);

/** Starts the daemon anew with these controllers. */
async function controlled(by: readonly string[]): Promise<void> {
  const list = by.map((one) => `"${one}"`).join(", ");
  writeFileSync(settings, before.replace(/^cgroup_controllers = .*$/m, `cgroup_controllers = [ ${list} ]`));
  await libvirtdWith(["listen_tls = 0"]);
}

/** The group of the machine, of version 1. */
function groupOf(controller: Controller): string {
  const all = join(CGROUPS, controller, "machine");
  const own = existsSync(all) ? readdirSync(all).find((one) => one.includes(`-${name}.`)) : undefined;
  if (own === undefined) throw new Error(`no group of ${name} below ${all}`);
  return join(all, own);
}

const held = (controller: Controller, file: string, part = ""): string =>
  readFileSync(join(groupOf(controller), part, file), "utf8").trim();

/** The controllers with which libvirt really starts a machine here, in groups of version 1. */
async function usable(): Promise<readonly Controller[]> {
  const mounted = ALL.filter((one) => existsSync(join(CGROUPS, one, "cgroup.procs")));
  if (mounted.length === 0) return [];
  await controlled(mounted);
  const xml = `<domain type='qemu'><name>${name}</name><memory unit='MiB'>32</memory><os><type machine='q35'>hvm</type></os></domain>`;
  try {
    execFileSync("bash", ["-c", "cat > /tmp/limits.xml"], { input: xml });
    virsh("create", "--paused", "/tmp/limits.xml");
    return mounted.filter((one) => existsSync(groupOf(one)));
  } catch (error) {
    say(`no machine starts with cgroups here: ${String(error)}`);
    return [];
  } finally {
    if (virsh("list", "--name").includes(name)) virsh("destroy", name);
  }
}

/** Takes away what machines of this test left, the innermost first. */
function sweep(): void {
  for (const controller of existsSync(CGROUPS) ? readdirSync(CGROUPS) : []) {
    const machines = join(CGROUPS, controller, "machine");
    if (!existsSync(machines)) continue;
    for (const one of readdirSync(machines).filter((group) => group.includes(`-${name}.`))) {
      execFileSync("find", [join(machines, one), "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
    }
    if (!there.has(machines))
      try {
        rmdirSync(machines);
      } catch {
        /* another lab has machines in it now */
      }
  }
}

async function bootOf(): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const answer = await fetch(`http://${address}/boot_id`, { signal: AbortSignal.timeout(1000) }).catch(
      () => undefined,
    );
    if (answer?.ok) return (await answer.text()).trim();
    await sleep(100);
  }
  throw new Error("the guest does not answer");
}

const there = new Set(
  (existsSync(CGROUPS) ? readdirSync(CGROUPS) : []).map((one) => join(CGROUPS, one, "machine")).filter(existsSync),
);
const small = {
  name,
  type: "qemu",
  memory: 64,
  os: { machine: "q35" },
  waitFor: {},
  shutdown: { timeout: 0, thenForce: true },
};
let place: Place;
let able: readonly Controller[] = [];

/** True where the machine can do it; what is not proven is said aloud. */
function can(...controllers: Controller[]): boolean {
  const lacking = controllers.filter((one) => !able.includes(one));
  if (lacking.length > 0)
    say(`${expect.getState().currentTestName ?? ""}: not proven, no cgroup controller ${lacking.join(", ")} here`);
  return lacking.length === 0;
}

beforeAll(async () => {
  able = await usable();
  execFileSync("bash", ["-c", "cat > /tmp/limits.xml"], {
    input:
      "<network><name>limits</name><bridge name='virbrl'/><ip address='10.96.0.1' netmask='255.255.255.0'>" +
      `<dhcp><host mac='${card.mac}' ip='${address}'/></dhcp></ip></network>`,
  });
  virsh("net-define", "/tmp/limits.xml");
  virsh("net-start", "limits");
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
  sweep();
  writeFileSync(settings, before);
  await libvirtdAsBefore();
});
afterEach(clear);

describe("a running Linux guest", () => {
  const web = new Driven(domain, placeOf(), "limits");
  let base: Values;
  let boot: string;

  /** Changes it live, in the same boot. */
  const changed = async (more: Values) => {
    const xml = await changesLive(web, { ...base, ...more });
    expect(await bootOf()).toBe(boot);
    return xml;
  };

  it("gets, changes and loses all limits in one boot, and has them after a power cycle", async () => {
    if (!can("cpu", "memory", "blkio", "cpuset")) return;
    const { kernel, initrd } = guestFiles();
    base = {
      ...small,
      memory: 192,
      vcpus: 2,
      iothreads: 1,
      os: { machine: "q35", kernel, initrd, cmdline },
      interfaces: [card],
    };
    await web.up(base);
    boot = await bootOf();

    const cputune = {
      shares: 2048,
      period: 50_000,
      quota: 40_000,
      globalPeriod: 100_000,
      globalQuota: 190_000,
      emulatorPeriod: 80_000,
      emulatorQuota: 60_000,
      iothreadPeriod: 70_000,
      iothreadQuota: 30_000,
    };
    const { live, inactive } = await changed({ cputune });
    for (const xml of [live, inactive]) {
      for (const line of [
        "<shares>2048<",
        "<quota>40000<",
        "<global_quota>190000<",
        "<emulator_period>80000<",
        "<iothread_quota>30000<",
      ])
        expect(xml).toContain(line);
    }
    const cpu = (file: string, part = "") => Number(held("cpu", `cpu.${file}`, part));
    expect(
      ["", "vcpu0", "vcpu1", "emulator", "iothread1"].map((part) => [
        cpu("cfs_period_us", part),
        cpu("cfs_quota_us", part),
      ]),
    ).toEqual([
      [100_000, 190_000],
      [50_000, 40_000],
      [50_000, 40_000],
      [80_000, 60_000],
      [70_000, 30_000],
    ]);
    expect(cpu("shares")).toBe(2048);

    // Less for the whole than a part had, and more for a part than the whole had.
    await changed({
      cputune: { ...cputune, globalQuota: 30_000, quota: 10_000, emulatorQuota: 20_000, iothreadQuota: 15_000 },
    });
    expect([cpu("cfs_quota_us"), cpu("cfs_quota_us", "vcpu1"), cpu("cfs_quota_us", "emulator")]).toEqual([
      30_000, 10_000, 20_000,
    ]);
    await changed({ cputune });
    expect([cpu("cfs_quota_us"), cpu("cfs_quota_us", "vcpu1")]).toEqual([190_000, 40_000]);

    // What is taken back is as before, one by one and as a whole; pins stand beside it.
    const pins = { vcpupins: [{ vcpu: 0, cpuset: "0" }] };
    await changed({ cputune: { ...cputune, shares: undefined, quota: undefined, ...pins } });
    expect([cpu("shares"), cpu("cfs_quota_us", "vcpu0"), held("cpuset", "cpuset.cpus", "vcpu0")]).toEqual([
      1024,
      -1,
      "0",
    ]);
    const none = await changed({});
    expect(none.inactive).not.toContain("<cputune>");
    for (const part of ["", "vcpu0", "vcpu1", "emulator", "iothread1"])
      expect([cpu("cfs_period_us", part), cpu("cfs_quota_us", part)]).toEqual([100_000, -1]);

    const mib = (file: string) => Number(held("memory", `memory.${file}_in_bytes`)) / 1024 / 1024;
    for (const [hard, swap] of [
      [800, 900],
      [1000, 1100],
      [700, 700],
    ] as const) {
      await changed({ memtune: { hardLimit: hard, softLimit: 600, swapHardLimit: swap } });
      expect([mib("limit"), mib("soft_limit"), mib("memsw.limit")]).toEqual([hard, 600, swap]);
    }
    await changed({ memtune: { softLimit: 500 } });
    expect([mib("limit") > 1e9, mib("soft_limit"), mib("memsw.limit") > 1e9]).toEqual([true, 500, true]);
    await changed({});
    expect(mib("soft_limit")).toBeGreaterThan(1e9);

    if (existsSync(join(groupOf("blkio"), "blkio.bfq.weight"))) {
      await changed({ blkiotune: { weight: 500 } });
      expect(held("blkio", "blkio.bfq.weight")).toBe("500");
      await changed({});
      expect(held("blkio", "blkio.bfq.weight")).toBe("100");
    } else say("blkiotune.weight: not proven, this kernel has no weights");

    const memory = (mode: string, nodeset = "0") => ({ numatune: { memory: { mode, nodeset } } });
    expect(await costs(web, { ...base, ...memory("strict") })).toEqual(["numatune restart"]);
    await changed(memory("restrictive"));
    expect([held("cpuset", "cpuset.mems", "vcpu0"), held("cpuset", "cpuset.mems", "emulator")]).toEqual(["0", "0"]);
    expect(await costs(web, { ...base, ...memory("strict") })).toEqual(["numatune.memory.mode restart"]);
    expect(await costs(web, { ...base, ...memory("restrictive", "0-1") })).toEqual(["numatune.memory.nodeset live"]);
    expect(await costs(web, base)).toEqual(["numatune restart"]);
    await web.up(base);
    expect(web.outputs["restartPending"]).toEqual(["numatune"]);
    expect((await web.preview(base)).changes).toBe(false);

    // Another hand's word to the guest alone is seen.
    const kept = { ...base, cputune: { shares: 512, quota: 50_000 }, memtune: { softLimit: 300 }, ...memory("strict") };
    await web.up(kept);
    expect([web.outputs["restartPending"], await bootOf()]).toEqual([["numatune"], boot]);
    virsh("schedinfo", name, "--live", "cpu_shares=700");
    virsh("memtune", name, "--live", "--soft-limit", "1000000");
    expect(await costs(web, kept)).toEqual(["cputune.shares live", "memtune.softLimit live"]);
    await web.up(kept);
    expect([cpu("shares"), mib("soft_limit")]).toEqual([512, 300]);

    virsh("destroy", name);
    virsh("start", name);
    await web.refresh();
    expect([web.outputs["restartPending"], (await web.preview(kept)).changes]).toEqual([[], false]);
    expect([cpu("shares"), cpu("cfs_quota_us", "vcpu1"), mib("soft_limit")]).toEqual([512, 50_000, 300]);
    expect(virsh("dumpxml", name)).toContain("<memory mode='strict' nodeset='0'/>");
    expect(await bootOf()).not.toBe(boot);
  });

  it("is started with its limits, and restarted for what waits", async () => {
    if (!can("cpu", "memory", "blkio", "cpuset")) return;
    const tuned = new Driven(domain, place, "started");
    const args = {
      ...small,
      cputune: { shares: 300 },
      memtune: { softLimit: 200 },
      numatune: { memory: { mode: "restrictive", nodeset: "0" } },
    };
    await tuned.up(args);
    expect([virsh("domstate", name).trim(), held("cpu", "cpu.shares")]).toEqual(["running", "300"]);
    expect((await tuned.preview(args)).changes).toBe(false);
    const now = { ...args, numatune: { memory: { nodeset: "0" } }, whenRestartNeeded: "restart" };
    await tuned.up(now);
    expect(virsh("dumpxml", name)).toContain("<memory mode='strict' nodeset='0'/>");
    expect([tuned.outputs["restartPending"], (await tuned.preview(now)).changes]).toEqual([[], false]);
    await tuned.up({ ...now, powerState: "stopped" });
    await tuned.up({ ...now, powerState: "paused" });
    expect([virsh("domstate", name).trim(), held("cpu", "cpu.shares")]).toEqual(["paused", "300"]);
  });

  it("has a hard limit of memory from its start on, where libvirt may raise what QEMU locks", async () => {
    if (!can("memory")) return;
    const hard = new Driven(domain, place, "hard");
    const args = { ...small, memtune: { hardLimit: 500, swapHardLimit: 600 } };
    const failed = await hard.up(args).then(
      () => undefined,
      (error: unknown) => String(error),
    );
    if (failed === undefined) {
      expect(held("memory", "memory.limit_in_bytes")).toBe(String(500 * 1024 * 1024));
      expect((await hard.preview(args)).changes).toBe(false);
      return;
    }
    say("a start with memtune.hardLimit: not proven, this libvirt may not raise limits of locked memory");
    expect(failed).toMatch(
      /start domain .*libvirt refused \(1, .*locked memory.*; memtune\.hardLimit, .*CAP_SYS_RESOURCE/,
    );
  });
});
