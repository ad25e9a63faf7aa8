import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import { costs, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(120_000);

const images = "/var/lib/libvirt/images/snapshots";
const outside = "/var/lib/libvirt/images/outside";
const place = placeOf();
beforeAll(() => {
  mkdirSync(images, { recursive: true });
  mkdirSync(outside, { recursive: true });
  virsh("pool-define-as", "snaps", "dir", "--target", images);
  virsh("pool-start", "snaps");
});
afterAll(() => place.host.close());
beforeEach(() => {
  for (const folder of [images, outside]) {
    execFileSync("sh", ["-c", `rm -f ${folder}/*`]);
    for (const name of ["base.qcow2", "other.qcow2"])
      execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", `${folder}/${name}`, "8M"]);
    writeFileSync(`${folder}/base.raw`, Buffer.alloc(1 << 20));
  }
  virsh("pool-refresh", "snaps");
});
afterEach(() => {
  for (const name of virsh("list", "--all", "--name").split("\n").filter(Boolean)) {
    if (virsh("domstate", name).trim() !== "shut off") virsh("destroy", name);
    virsh("undefine", name, "--snapshots-metadata");
  }
});

const off: Values = { type: "qemu", memory: 64, os: { machine: "q35" }, waitFor: {}, powerState: "stopped" };
const on = (args: Values): Values => ({ ...args, powerState: "running", shutdown: { timeout: 0, thenForce: true } });
const machine = async (name: string, args: Values): Promise<Driven> => {
  const made = new Driven(domain, place, name);
  await made.up(args);
  return made;
};
const idOf = ({ id }: Driven): string => id ?? "";
const snapshot = (one: Driven, name: string): string => virsh("snapshot-create-as", idOf(one), name, "--disk-only");
const imagesOf = (one: Driven, ...flags: string[]): string =>
  virsh("domblklist", idOf(one), ...flags)
    .split("\n")
    .flatMap((line) => line.trim().split(/\s+/).slice(1))
    .join();
const lookups = (): { count: () => number; end: () => void } => {
  const spy = jest.spyOn(place.host, "call");
  const count = (): number => spy.mock.calls.filter(([name]) => name.startsWith("STORAGE_POOL")).length;
  const end = (): void => {
    spy.mockRestore();
  };
  return { count, end };
};

describe("a snapshot of a machine that is off, made by another hand", () => {
  it.each([
    ["a qcow2 file", { file: `${images}/base.qcow2`, format: "qcow2" }],
    ["a raw file", { file: `${images}/base.raw` }],
    ["a qcow2 volume", { volume: "snaps/base.qcow2" }],
    ["a raw volume", { volume: "snaps/base.raw" }],
  ])("is no difference, and the machine goes on with it: %s", async (_, source: Values) => {
    const args = { ...off, disks: [{ ...source, target: "vda" }] };
    const web = await machine("off", args);
    snapshot(web, "s1");
    snapshot(web, "s2");
    expect(await costs(web, args)).toEqual([]);
    await web.refresh();
    expect(web.inputs?.["disks"]).toEqual([expect.objectContaining(source)]);
    await web.up(on({ ...args, title: "t" }));
    expect(imagesOf(web)).toBe(`${images}/base.s2`);
    expect(imagesOf(web, "--inactive")).toBe(`${images}/base.s2`);
    expect(await costs(web, on({ ...args, title: "t" }))).toEqual([]);
  });

  it("is no difference either where the machine crashed, or was snapshotted before it stopped", async () => {
    const args = {
      ...off,
      onCrash: "preserve",
      disks: [{ file: `${images}/base.qcow2`, format: "qcow2", target: "vda" }],
    };
    const web = await machine("crashed", args);
    snapshot(web, "s1");
    const xml = virsh("dumpxml", idOf(web), "--inactive").replace("</devices>", "<panic model='isa'/></devices>");
    writeFileSync("/tmp/panic.xml", xml);
    virsh("define", "/tmp/panic.xml");
    virsh("start", idOf(web));
    snapshot(web, "s2");
    virsh("qemu-monitor-command", idOf(web), "--hmp", "o /b 0x505 1");
    await sleep(1000);
    expect(virsh("domstate", idOf(web)).trim()).toBe("crashed");
    expect(await costs(web, { ...args, title: "t" })).toEqual(["title live"]);
    await web.up({ ...args, title: "t" });
    expect(imagesOf(web, "--inactive")).toBe(`${images}/base.s2`);
  });

  it("is left for another image that the program names now", async () => {
    const args = (name: string): Values => ({
      ...off,
      disks: [{ file: `${images}/${name}`, format: "qcow2", target: "vda" }],
    });
    const web = await machine("changed", args("base.qcow2"));
    snapshot(web, "s1");
    expect(await costs(web, args("other.qcow2"))).toEqual(["disks.0.file restart"]);
    await web.up(args("other.qcow2"));
    expect(imagesOf(web, "--inactive")).toBe(`${images}/other.qcow2`);
  });
});

describe("an image with a snapshot above it", () => {
  const args = (target: string, more: Values = {}): Values => ({
    ...off,
    disks: [{ file: `${images}/base.qcow2`, format: "qcow2", target }],
    ...more,
  });

  it.each([
    ["moves to no other target", args("vdb")],
    ["goes to no new machine", args("vda", { os: { machine: "pc" } })],
  ])("%s without what was written since, off or running", async (_, wish) => {
    const web = await machine("moved", args("vda"));
    snapshot(web, "s1");
    await expect(web.preview(wish)).rejects.toThrow(`disk vda writes to ${images}/base.s1 now`);
    virsh("start", idOf(web));
    await expect(web.preview(on(wish))).rejects.toThrow(`disk vda writes to ${images}/base.s1 now`);
    expect(imagesOf(web)).toBe(`${images}/base.s1`);
  });

  it("moves where it was merged", async () => {
    const web = await machine("merged", on(args("vda")));
    snapshot(web, "s1");
    await expect(web.up(on(args("vdb")))).rejects.toThrow("blockcommit");
    virsh("blockcommit", idOf(web), "vda", "--active", "--pivot");
    virsh("destroy", idOf(web));
    await web.up(args("vdb"));
    expect(imagesOf(web, "--inactive")).toBe(`${images}/base.qcow2`);
  });
});

describe("an image that lies in no pool, where the program still names the one before", () => {
  const args = (name: string, more: Values = {}): Values => ({
    ...off,
    disks: [{ file: `${outside}/${name}`, format: "qcow2", target: "vda" }],
    ...more,
  });

  it("is refused beforehand and untouched, with the ways out: it may be an overlay", async () => {
    const web = await machine("unclear", args("base.qcow2"));
    snapshot(web, "s1");
    const told = new RegExp(`disk vda is on ${outside}/base\\.s1 now.*StoragePool.*${outside}.*name it in the program`);
    await expect(web.preview(args("base.qcow2"))).rejects.toThrow(told);
    await expect(web.up(args("base.qcow2", { title: "t" }))).rejects.toThrow(told);
    const { inputs } = await web.check(args("base.qcow2", { title: "t" }));
    await expect(domain.update(web.request(), idOf(web), web.outputs, inputs)).rejects.toThrow(told);
    expect(imagesOf(web, "--inactive")).toBe(`${outside}/base.s1`);
    // A refresh does not take the overlay for what the program names.
    await web.refresh();
    await expect(web.preview(args("base.qcow2"))).rejects.toThrow(told);
    virsh("pool-define-as", "seen", "dir", "--target", outside);
    virsh("pool-start", "seen");
    const seen = await costs(web, args("base.qcow2"));
    virsh("pool-destroy", "seen");
    virsh("pool-undefine", "seen");
    expect(seen).toEqual([]);
    await web.up(args("base.s1"));
    expect(imagesOf(web, "--inactive")).toBe(`${outside}/base.s1`);
  });

  it("is left where the program names another one, or asks to ignore it", async () => {
    const web = await machine("meant", args("base.qcow2"));
    snapshot(web, "s1");
    const ignores = ([name]: readonly unknown[]): boolean => name === "disks";
    const { inputs } = await web.check(args("base.qcow2", { title: "t" }));
    const request = { ...web.request(), ignores };
    expect((await domain.diff(request, idOf(web), web.outputs, inputs)).differences.map(({ path }) => path)).toEqual([
      ["title"],
    ]);
    await domain.update(request, idOf(web), web.outputs, inputs);
    expect(imagesOf(web, "--inactive")).toBe(`${outside}/base.s1`);
    await web.up(args("other.qcow2"));
    expect(imagesOf(web, "--inactive")).toBe(`${outside}/other.qcow2`);
  });
});

it("no pool is asked where the disks are on what the program names, or another hand put a raw image there", async () => {
  const args = {
    ...off,
    disks: [
      { file: `${images}/base.raw`, target: "vda" },
      { volume: "snaps/base.qcow2", target: "vdb" },
    ],
  };
  const web = await machine("plain", args);
  const seen = lookups();
  expect(await costs(web, args)).toEqual([]);
  const xml = virsh("dumpxml", idOf(web), "--inactive").replace("base.raw", "elsewhere.raw");
  writeFileSync("/tmp/elsewhere.xml", xml);
  virsh("define", "/tmp/elsewhere.xml");
  expect(await costs(web, args)).toEqual(["disks.0.file restart"]);
  expect(seen.count()).toBe(0);
  seen.end();
});
