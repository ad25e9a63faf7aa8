import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import { getDomain } from "../../provider/resources/domain/lookup";
import type { Place } from "../../provider/resources/place";
import { changesLive, clear, costs, virsh } from "./changing";
import { Driven } from "./driven";
import { cmdline, guestFiles } from "./guestFiles";
import { placeOf } from "./request";

// Memory that comes and goes on real machines: in their firmware, and in a Linux guest that uses it and gives it up.
jest.setTimeout(180_000);

let place: Place;
let linux: Values;
beforeAll(() => {
  const { kernel, initrd } = guestFiles();
  const network =
    "<network><name>dimms</name><bridge name='virbrd'/><ip address='10.97.0.1' netmask='255.255.255.0'>" +
    "<dhcp><range start='10.97.0.10' end='10.97.0.99'/></dhcp></ip></network>";
  execFileSync("bash", ["-c", "cat > /tmp/dimms.xml"], { input: network });
  virsh("net-define", "/tmp/dimms.xml");
  virsh("net-start", "dimms");
  place = placeOf();
  linux = {
    ...small,
    memory: 192,
    os: { kernel, initrd, cmdline },
    interfaces: [{ network: "dimms" }],
    waitFor: { address: true },
  };
});
afterAll(async () => {
  await place.host.close();
});
afterEach(clear);

const maxMemory = { size: 2048, slots: 3 };
const narrow = { type: "qemu", memory: 64, waitFor: {}, shutdown: { timeout: 0 } };
const small = { ...narrow, maxMemory };
const dimm = (name: string, size = 128): Values => ({ name, size });
const virtio = (requested: number): Values => ({ name: "grows", model: "virtio-mem", size: 512, requested });

const mebibytes = (xml: string, name: string): number =>
  Number(new RegExp(`^  <${name}[^>]* unit='KiB'>(\\d+)<`, "m").exec(xml)?.[1]) / 1024;
const sizes = (xml: string): number[] => ["memory", "currentMemory"].map((name) => mebibytes(xml, name));
/** What QEMU gives the guest: libvirt's own figure stays behind where the balloon moved while a DIMM went. */
const balloon = (machine: Driven): number =>
  Number(/^actual (\d+)/m.exec(virsh("dommemstat", machine.id ?? ""))?.[1]) / 1024;
const live = (machine: Driven): string => virsh("dumpxml", machine.id ?? "");
const inactive = (machine: Driven): string => virsh("dumpxml", machine.id ?? "", "--inactive");

function cycle({ id = "" }: Driven): void {
  virsh("destroy", id);
  virsh("start", id);
}

async function isSettled(machine: Driven, args: Values): Promise<void> {
  expect((await machine.preview(args)).differences).toEqual([]);
  await machine.refresh();
  expect(machine.outputs["restartPending"]).toEqual([]);
  const diff = await machine.preview(args);
  expect([diff.changes, diff.differences]).toEqual([false, []]);
}

/** A line of the status page that the guest serves as soon as it is up. */
async function told({ outputs }: Driven, name: string): Promise<string> {
  const [address] = outputs["addresses"] as string[]; // an output of the table
  for (let tries = 0; tries < 120; tries++) {
    const page = await fetch(`http://${String(address)}/status`, { signal: AbortSignal.timeout(5000) }).then(
      (response) => response.text(),
      () => "",
    );
    const line = new RegExp(`^${name}: (.*)`, "m").exec(page)?.[1];
    if (line !== undefined) return line;
    await sleep(500);
  }
  throw new Error(`the guest does not tell its ${name}`);
}

async function settles<T>(look: () => T | Promise<T>, wanted: T): Promise<void> {
  for (let tries = 0; tries < 120 && (await look()) !== wanted; tries++) await sleep(500);
  expect(await look()).toBe(wanted);
}

/** Waits until the guest has that much memory more than it had. */
async function grownBy(machine: Driven, from: number, mebibytes: number): Promise<void> {
  const grown = async (): Promise<number> => Math.round((Number(await told(machine, "memory-kib")) - from) / 1024);
  await settles(grown, mebibytes);
}

describe("room for memory", () => {
  it("waits for a power cycle, with a NUMA node that follows memory and CPUs, and goes with it", async () => {
    const web = new Driven(domain, place, "room");
    await web.up(narrow);
    expect(await costs(web, small)).toEqual(["maxMemory restart"]);
    await web.up(small);
    expect(web.outputs["restartPending"]).toEqual(["maxMemory"]);
    expect(inactive(web)).toContain("<cell id='0' cpus='0' memory='65536' unit='KiB'/>");
    // Nothing to plug it into yet.
    const one = { ...small, memoryDevices: [dimm("a")] };
    expect(await costs(web, one)).toEqual(["memoryDevices.0 restart"]);
    cycle(web);
    await isSettled(web, small);
    expect(await costs(web, one)).toEqual(["memoryDevices.0 live"]);

    const more = { ...small, memory: 96, vcpus: 3 };
    expect(await costs(web, more)).toEqual(["memory restart", "vcpus restart"]);
    await web.up(more);
    expect(inactive(web)).toContain("<cell id='0' cpus='0-2' memory='98304' unit='KiB'/>");
    cycle(web);
    await isSettled(web, more);

    await web.up(narrow);
    expect(web.outputs["restartPending"]).toEqual(["maxMemory", "memory", "vcpus"]);
    expect(inactive(web)).not.toMatch(/<maxMemory|<numa/);
    cycle(web);
    await isSettled(web, narrow);
  });

  it("is asked for in check, and what belongs to which model", async () => {
    const failures = async (more: Values): Promise<string[]> => {
      const { failures } = await new Driven(domain, place, "x").check({ ...narrow, ...more });
      return failures.map(({ property, reason }) => `${property}: ${reason}`);
    };
    expect(await failures({ memoryDevices: [dimm("a")] })).toEqual([
      "memoryDevices: needs maxMemory: its size in MiB and its slots",
    ]);
    const three = [dimm("a"), dimm("b"), dimm("c")];
    expect(await failures({ maxMemory: { size: 256, slots: 2 }, memoryDevices: three })).toEqual([
      "maxMemory.size: must be 448 or more: memory and all memoryDevices",
      "maxMemory.slots: must be 3 or more: one for each of memoryDevices",
    ]);
    const odd = [
      { ...dimm("a"), requested: 64 },
      { ...virtio(3), block: 2 },
      { name: "b", model: "virtio-mem", size: 128 },
      { ...virtio(1024), name: "c" },
    ];
    expect(await failures({ maxMemory: { size: 4096, slots: 9 }, memoryDevices: odd })).toEqual([
      'memoryDevices[0].requested: is for model "virtio-mem"',
      "memoryDevices[1].requested: must be a multiple of block (2 MiB)",
      'memoryDevices[2].requested: is required with model "virtio-mem": how much the guest is to have',
      "memoryDevices[3].requested: must not be above size (512)",
    ]);
    expect(await failures({ maxMemory, memoryDevices: [dimm("a"), dimm("a")] })).toHaveLength(1);
  });
});

describe("DIMMs", () => {
  it("come on a running machine, each in the slot that it keeps, and memory stays what the program says", async () => {
    const web = new Driven(domain, place, "dimms");
    await web.up(small);
    expect(sizes(live(web))).toEqual([64, 64]);
    const two = { ...small, memoryDevices: [dimm("a"), dimm("b", 256)] };
    const both = await changesLive(web, two);
    for (const xml of Object.values(both)) {
      expect(sizes(xml)).toEqual([448, 448]);
      expect(xml).toMatch(
        /<size unit='KiB'>131072<[^]*?ua-a[^]*?slot='0'[^]*<size unit='KiB'>262144<[^]*?ua-b[^]*?slot='1'/,
      );
    }
    await isSettled(web, two);
    cycle(web);
    await isSettled(web, two);
    expect(sizes(live(web))).toEqual([448, 448]);

    const [first, second] = two.memoryDevices;
    expect((await web.preview({ ...two, memoryDevices: [second, first] })).changes).toBe(false);
    expect(await costs(web, { ...two, memoryDevices: [dimm("a", 256), second] })).toEqual([
      "memoryDevices.0.size restart",
    ]);
    expect(await costs(web, { ...two, memoryDevices: [first] })).toEqual(["memoryDevices.1 live"]);
  });

  it("for which the guest has no room wait for a power cycle", async () => {
    const web = new Driven(domain, place, "full");
    const tight = { ...small, maxMemory: { size: 512, slots: 2 } };
    await web.up(tight);
    const wider = { ...tight, maxMemory: { size: 1024, slots: 4 } };
    const four = { ...wider, memoryDevices: ["a", "b", "c", "d"].map((name) => dimm(name)) };
    expect(await costs(web, four)).toEqual([
      "maxMemory.size restart",
      "maxMemory.slots restart",
      "memoryDevices.0 live",
      "memoryDevices.1 live",
      "memoryDevices.2 restart",
      "memoryDevices.3 restart",
    ]);
    await web.up(four);
    expect(web.outputs["restartPending"]).toEqual([
      "maxMemory.size",
      "maxMemory.slots",
      "memoryDevices[c]",
      "memoryDevices[d]",
    ]);
    expect([sizes(live(web)), sizes(inactive(web))]).toEqual([
      [320, 320],
      [576, 576],
    ]);
    expect((await web.preview(four)).changes).toBe(false);
    cycle(web);
    await isSettled(web, four);
    expect(sizes(live(web))).toEqual([576, 576]);
  });

  it("that another hand plugs in or takes out are shown by the next preview, and put right", async () => {
    const web = new Driven(domain, place, "drift");
    const args = { ...small, memoryDevices: [dimm("a")] };
    await web.up(args);
    const id = web.id ?? "";
    execFileSync("bash", ["-c", "cat > /tmp/dimm.xml"], {
      input: "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>",
    });
    virsh("attach-device", id, "/tmp/dimm.xml", "--config");
    // It has no name of its own: its slot's.
    expect((await web.preview(args)).differences.map(({ kind, key }) => `${kind} ${String(key)}`)).toEqual([
      "delete dimm1",
    ]);
    await web.up({ ...args, memoryDevices: [dimm("a"), dimm("dimm1")] });
    expect(sizes(inactive(web))).toEqual([320, 320]);
    expect(sizes(live(web))).toEqual([320, 320]);
    await isSettled(web, { ...args, memoryDevices: [dimm("a"), dimm("dimm1")] });
  });

  it("that the guest keeps are an error that says what to do, and open in the next preview", async () => {
    const web = new Driven(domain, place, "kept");
    const one = { ...small, memoryDevices: [dimm("a")] };
    await web.up(one);
    // Firmware never answers.
    await expect(web.up(small)).rejects.toThrow(
      /detach memory device a of running domain .*the guest did not let go of it within 20 s.*memhp_default_state=online_movable/,
    );
    expect([sizes(live(web)), sizes(inactive(web))]).toEqual([
      [192, 192],
      [64, 64],
    ]);
    expect(await costs(web, small)).toEqual(["memoryDevices.0 live"]);
    cycle(web);
    expect((await web.preview(small)).differences).toEqual([]);
  });

  it("are used by a Linux guest, which runs on, and gives them up again", async () => {
    const web = new Driven(domain, place, "linux");
    await web.up(linux);
    const from = Number(await told(web, "memory-kib"));
    const boot = await told(web, "boot-id");
    const one = { ...linux, memoryDevices: [dimm("a")] };
    await changesLive(web, one);
    await grownBy(web, from, 128);
    // The balloon's share is that of the machine's own memory.
    const squeezed = { ...one, currentMemory: 176 };
    const { inactive: definition } = await changesLive(web, squeezed);
    expect(sizes(definition)).toEqual([320, 304]);
    await grownBy(web, from, 112);
    await settles(() => sizes(live(web)).join(), "320,304");
    await isSettled(web, squeezed);
    await changesLive(web, one);
    await grownBy(web, from, 128);
    await changesLive(web, linux);
    await grownBy(web, from, 0);
    expect(await told(web, "boot-id")).toBe(boot);
    expect([mebibytes(live(web), "memory"), balloon(web), ...sizes(inactive(web))]).toEqual([192, 192, 192, 192]);
  });
});

describe("virtio-mem", () => {
  it("comes live, gives the guest more and less of it live, and goes by a power cycle", async () => {
    const web = new Driven(domain, place, "virtio");
    await web.up(linux);
    const from = Number(await told(web, "memory-kib"));
    const boot = await told(web, "boot-id");
    const some = { ...linux, memoryDevices: [virtio(128)] };
    const { live: now, inactive: next } = await changesLive(web, some);
    const seat = (xml: string): string | undefined => /virtio-mem[^]*?(<address type='pci'[^>]*>)/.exec(xml)?.[1];
    expect([seat(now), seat(now)]).toEqual([expect.stringContaining("bus"), seat(next)]);
    await grownBy(web, from, 128);
    await isSettled(web, some);
    const more = { ...linux, memoryDevices: [virtio(256)] };
    expect(await costs(web, more)).toEqual(["memoryDevices.0.requested live"]);
    await changesLive(web, more);
    await grownBy(web, from, 256);
    await isSettled(web, more);
    await changesLive(web, { ...linux, memoryDevices: [virtio(0)] });
    await grownBy(web, from, 0);
    expect(await told(web, "boot-id")).toBe(boot);
    await changesLive(web, more);
    await grownBy(web, from, 256);

    expect(await costs(web, linux)).toEqual(["memoryDevices.0 restart"]);
    await web.up(linux);
    expect(web.outputs["restartPending"]).toEqual(["memoryDevices[grows]"]);
    expect((await web.preview(linux)).changes).toBe(false);
    await web.up(more);
    await isSettled(web, more);
    await web.up(linux);
    cycle(web);
    await isSettled(web, linux);
    expect(live(web)).not.toContain("virtio-mem");
  });

  it("is there after a power cycle, with what was requested", async () => {
    const web = new Driven(domain, place, "again");
    const args = { ...linux, memoryDevices: [virtio(128), dimm("a")] };
    await web.up(linux);
    const from = Number(await told(web, "memory-kib"));
    cycle(web);
    await web.up(args);
    await isSettled(web, args);
    cycle(web);
    await isSettled(web, args);
    await grownBy(web, from, 256);
    // The DIMM of its start goes as one that was plugged in.
    const alone = { ...linux, memoryDevices: [virtio(128)] };
    await changesLive(web, alone);
    await grownBy(web, from, 128);
    const shown = (await getDomain.look(web.request(), { uuid: web.id })) as { memoryDevices: unknown };
    expect(shown.memoryDevices).toEqual([
      { name: "grows", model: "virtio-mem", size: 512, requested: 128, current: 128 },
    ]);
  });
});
