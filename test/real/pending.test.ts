import { execFileSync } from "node:child_process";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { run } from "../../provider/serving/cli/commands";
import { small, virsh } from "./changing";
import { Driven } from "./driven";
import { cmdline, guestFiles } from "./guestFiles";
import { placeOf } from "./request";

// `pulumi-kvm pending` beside real machines: one hears its power button, one does not.
jest.setTimeout(180_000);

const pending = (...words: string[]): ReturnType<typeof heard> => heard(words);

async function heard(
  words: readonly string[],
  hear: (line: string) => void = () => undefined,
): Promise<{ code: number; out: string; err: string }> {
  const said = { out: "", err: "" };
  const code = await run(["pending", ...words], {
    out: (text) => (said.out += text),
    err: (text) => {
      said.err += text;
      hear(text);
    },
  });
  return { code, ...said };
}

let place: Place;
beforeAll(() => {
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(() => {
  for (const name of virsh("list", "--all", "--name").split("\n").filter(Boolean)) {
    if (virsh("domstate", name).trim() !== "shut off") virsh("destroy", name);
    virsh("undefine", name);
  }
});

describe("pending", () => {
  const MEMORY = "<memory unit='KiB'>229376</memory>";
  const hearing = (name: string, more: Values = {}): Values => {
    const { kernel, initrd } = guestFiles();
    return { ...small, name, memory: 192, os: { kernel, initrd, cmdline }, ...more };
  };
  const patient = { shutdown: { timeout: 60 } };

  it("says that nothing waits", async () => {
    expect(await pending()).toEqual({ code: 0, out: "No machine waits for a power cycle.\n", err: "" });
  });

  it("lists machines, properties, age and who changed them, and applies them with a power cycle", async () => {
    const web = new Driven(domain, place, "web");
    const args = hearing("web", patient);
    await web.up(args);
    await web.up({ ...args, memory: 224 });
    const other = new Driven(domain, place, "other");
    await other.up({ ...small, name: "other" });
    virsh("setvcpus", "other", "2", "--config", "--maximum");

    expect(await pending()).toMatchObject({
      code: 0,
      out:
        "other: vcpus, by another hand\n" +
        "web: memory, for 0 minutes, by organization/tests/real::kvm:index:Domain::web\n",
    });
    const { pending: told } = JSON.parse((await pending("--json")).out) as {
      pending: { name: string; since?: string }[];
    };
    expect(told.map(({ name }) => name)).toEqual(["other", "web"]);
    expect(Date.now() - Date.parse(told[1]?.since ?? "")).toBeLessThan(120_000);

    const closed = new Date(Date.now() + 2 * 3600_000).getHours();
    const window = `${closed}:00-${closed}:01`;
    expect(await pending("--apply", "--window", window)).toMatchObject({
      code: 0,
      err: "2 not begun, because the window is closed: other, web\n",
    });

    virsh("destroy", "other");
    const run = virsh("domid", "web");
    const paid = await pending("--apply", "--max", "2");
    expect(paid.err).toContain("web: power-cycled, memory applied\n");
    expect(paid.code).toBe(0);
    expect(virsh("domid", "web")).not.toBe(run);
    expect(virsh("dumpxml", "web")).toContain("<memory unit='KiB'>229376</memory>");
    expect((await pending()).out).toBe("No machine waits for a power cycle.\n");
    expect((await web.preview({ ...args, memory: 224 })).changes).toBe(false);
  });

  /** A machine that waits with more memory. */
  const owing = async (args: Values, more: Values = { memory: 224 }): Promise<Driven> => {
    const machine = new Driven(domain, place, String(args["name"]));
    await machine.up(args);
    await machine.up({ ...args, ...more });
    return machine;
  };

  it("pays two at once; after a failure, or when the window closes, those under way end and the rest is named", async () => {
    const deaf = await owing({ ...small, name: "a", shutdown: { timeout: 4 } }, { memory: 96 });
    for (const name of ["b", "c", "d"]) await owing(hearing(name, patient));
    const run = virsh("domid", "a");

    const failed = await pending("--apply", "--max", "2");
    expect(failed.code).toBe(1);
    expect(failed.err).toContain('a: domain "a" did not stop within 4 s and was left as it is');
    expect(failed.err).toContain("b: power-cycled, memory applied\n");
    expect(failed.err).toContain("2 not begun, because a machine failed: c, d\n");
    expect(virsh("domid", "a")).toBe(run);
    expect(virsh("dumpxml", "a", "--inactive")).not.toContain("unconfirmed");
    expect(virsh("dumpxml", "c")).not.toContain(MEMORY);
    await deaf.destroy();

    jest.useFakeTimers({ now: new Date(2026, 0, 5, 3, 30), doNotFake: TIMERS });
    try {
      const closed = await heard(["--apply", "--window", "02:00-04:00"], (line) => {
        if (line.startsWith("c: power-cycled")) jest.setSystemTime(new Date(2026, 0, 5, 4, 0));
      });
      expect(closed.code).toBe(0);
      expect(closed.err).toContain("c: power-cycled, memory applied\n1 not begun, because the window is closed: d\n");
    } finally {
      jest.useRealTimers();
    }
    expect([virsh("dumpxml", "c").includes(MEMORY), virsh("dumpxml", "d").includes(MEMORY)]).toEqual([true, false]);
  });

  it("lists another volume of a disk, as the machine's own output does, and takes it back where the guest is not well", async () => {
    virsh("pool-create-as", "pending", "dir", "--target", "/tmp");
    const volumes = ["old", "new"].map((name) => `pending-${name}.raw`);
    for (const name of volumes) virsh("vol-create-as", "pending", name, "1M");
    const [was, becomes] = volumes.map((name) => [{ target: "vda", volume: `pending/${name}` }]);
    const web = await owing({ ...small, name: "vol", disks: was }, { disks: becomes });
    expect(web.outputs["restartPending"]).toEqual(["disks[vda].volume"]);
    expect((await pending()).out).toMatch(/^vol: disks\[vda\]\.volume, for 0 minutes, by .*::vol\n$/);
    virsh("destroy", "vol");
    for (const name of volumes) virsh("vol-delete", name, "pending");
    virsh("pool-destroy", "pending");
  });

  it("ends the machine under way when it is interrupted, begins no other, and dies of the second interrupt", async () => {
    for (const name of ["e", "f"]) await owing(hearing(name, patient));
    const listeners = (): number => process.listenerCount("SIGINT") + process.listenerCount("SIGTERM");
    const before = listeners();
    const cut = heard(["--apply"], (line) => {
      if (line.startsWith("interrupted: machines under way")) expect(listeners()).toBe(before);
    });
    // The guest takes longer to stop and start.
    setTimeout(() => process.emit("SIGINT"), 3000);
    const { code, err } = await cut;
    expect(err).toContain("interrupted: machines under way are ended first");
    expect(err).toContain("e: power-cycled, memory applied\n1 not begun, because it was interrupted: f\n");
    expect(code).toBe(1);
    expect([virsh("dumpxml", "e").includes(MEMORY), virsh("dumpxml", "f").includes(MEMORY)]).toEqual([true, false]);
  });

  it("restarts a machine of no program only where it is told to, and a paused one so that it is paused again", async () => {
    const { kernel, initrd } = guestFiles();
    const xml =
      `<domain type='qemu'><name>hand</name><memory unit='MiB'>192</memory><os><type machine='q35'>hvm</type>` +
      `<kernel>${kernel}</kernel><initrd>${initrd}</initrd></os><features><acpi/></features></domain>`;
    execFileSync("bash", ["-c", "cat > /tmp/hand.xml"], { input: xml });
    virsh("define", "/tmp/hand.xml");
    virsh("start", "hand", "--paused");
    virsh("setvcpus", "hand", "2", "--config", "--maximum");
    const run = virsh("domid", "hand");

    expect(await pending("--apply")).toEqual({
      code: 0,
      out: "hand: vcpus, by another hand, no program's machine\n",
      err: "1 not touched, because no program made them (--all): hand\n",
    });
    expect(virsh("domid", "hand")).toBe(run);

    expect((await pending("--apply", "--all")).err).toContain("hand: power-cycled, vcpus applied\n");
    expect([virsh("domstate", "hand").trim(), virsh("domid", "hand") === run]).toEqual(["paused", false]);
    expect(virsh("dumpxml", "hand")).not.toContain("kvm:mark");
  });

  it("stops and asks a guest as its program wishes; one that does not answer has its former definition back", async () => {
    const shell = `${cmdline} rdinit=/bin/busybox -- sh`;
    const os = { ...(hearing("box")["os"] as Values), cmdline: shell };
    const wishes = { os, shutdown: { timeout: 1, thenForce: true }, confirm: { by: "console", within: 40 } };
    const box = await owing(hearing("box", wishes));
    expect(await pending("--apply")).toMatchObject({ code: 0 });
    expect(virsh("dumpxml", "box")).toContain(MEMORY);
    expect(virsh("dumpxml", "box", "--inactive")).not.toContain("unconfirmed");

    const panic = {
      ...hearing("box", { ...wishes, memory: 224 }),
      os: { ...os, cmdline: "console=ttyS0 rdinit=/nowhere" },
      confirm: { by: "console", within: 12 },
    };
    await box.up(panic);
    const { code, err } = await pending("--apply");
    expect(code).toBe(1);
    expect(err).toContain(
      'box: domain "box" was restarted for os.cmdline and is not well: console did not answer within 12 s. ' +
        "Its former definition is back, and runs\n",
    );
    expect(virsh("domstate", "box").trim()).toBe("running");
    expect(virsh("dumpxml", "box") + virsh("dumpxml", "box", "--inactive")).not.toContain("nowhere");
    expect((await pending()).out).toBe("No machine waits for a power cycle.\n");
    expect((await box.preview(panic)).differences.map(({ path }) => path.join("."))).toEqual(["os.cmdline"]);
  });
});

/** All but the clock. */
const TIMERS: FakeableAPI[] = [
  "hrtime",
  "nextTick",
  "performance",
  "queueMicrotask",
  "setImmediate",
  "clearImmediate",
  "setInterval",
  "clearInterval",
  "setTimeout",
  "clearTimeout",
];
