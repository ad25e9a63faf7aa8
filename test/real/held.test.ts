import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UNKNOWN } from "../../provider/fields";
import { load, type Token } from "../../provider/resources";
import { diskXml, hand, machineXml, runs } from "./byHand";
import { clear, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(120_000);

const place = placeOf();
const base = mkdtempSync("/var/lib/libvirt/held-");
const at = (...names: string[]): string => join(base, ...names);
const one = (token: Token, name: string): Driven => new Driven(load(token), place, name);

beforeAll(() => one("StoragePool", "held").up({ name: "held", path: at("held") }));
afterEach(clear);
afterAll(async () => {
  virsh("pool-destroy", "held");
  virsh("pool-undefine", "held");
  await place.host.close();
  rmSync(base, { recursive: true, force: true });
});

const sizeIn = (machine: string): string | undefined =>
  /Capacity:\s+(\d+)/.exec(virsh("domblkinfo", machine, "vda"))?.[1];

it("a guest's first write during an update for another property's sake is not taken for ours", async () => {
  const volume = one("Volume", "race");
  const wish = { pool: "held", name: "race", capacity: 0.01, format: "raw" };
  await volume.up(wish);
  const call = place.host.call.bind(place.host) as (...all: unknown[]) => Promise<unknown>;
  let looks = 0;
  const spy = jest.spyOn(place.host, "call").mockImplementation(((name: string, ...rest: unknown[]) => {
    // The look of the diff, that of the update, and its last one.
    if (name === "STORAGE_VOL_GET_XML_DESC" && ++looks === 3)
      writeFileSync(String(volume.outputs["path"]), "a guest's");
    return call(name, ...rest);
  }) as never); // one function stands for a call's many types
  await volume.up({ ...wish, deletionProtection: false });
  spy.mockRestore();
  await expect(volume.preview({ ...wish, format: "qcow2" })).rejects.toThrow(/data would be lost/);
});

describe("a volume under an overlay that libvirt has not listed yet", () => {
  it("is not deleted: snapshots of a machine that is off", async () => {
    const volume = one("Volume", "snapped");
    await volume.up({ pool: "held", name: "snapped", capacity: 0.01, format: "qcow2" });
    hand("define", machineXml(diskXml(volume.outputs["path"], "qcow2")));
    virsh("snapshot-create-as", "user", "s1", "--disk-only", "--no-metadata");
    expect(virsh("dumpxml", "user")).toContain("snapped.s1");
    await expect(volume.destroy()).rejects.toThrow(/it is used by the volume "held\/snapped\.s1"/);
    virsh("snapshot-create-as", "user", "s2", "--disk-only", "--no-metadata");
    await expect(volume.destroy()).rejects.toThrow(/snapped\.s1/);
    expect(existsSync(at("held", "snapped"))).toBe(true);
  });

  it("is not deleted: an image of other hands that a machine has", async () => {
    const volume = one("Volume", "below");
    await volume.up({ pool: "held", name: "below", capacity: 0.01, format: "raw" });
    const made = ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", at("held", "below"), at("held", "theirs")];
    execFileSync("qemu-img", made);
    hand("define", machineXml(diskXml(at("held", "theirs"), "qcow2")));
    await expect(volume.destroy()).rejects.toThrow(/it is used by the volume "held\/theirs"/);
    virsh("undefine", "user");
    rmSync(at("held", "theirs"));
  });
});

describe("a volume under a snapshot of a running guest", () => {
  it.each(["raw", "qcow2"])(
    "is not grown unseen, and grows once that is merged as the refusal says: %s",
    async (format) => {
      const volume = one("Volume", "grows");
      const wish = { pool: "held", name: `grows-${format}`, capacity: 0.01, format };
      await volume.up(wish);
      runs(volume.outputs["path"], format);
      virsh("snapshot-create-as", "user", "s1", "--disk-only", "--no-metadata");
      virsh("snapshot-create-as", "user", "s2", "--disk-only", "--no-metadata");
      const refusal = await volume.preview({ ...wish, capacity: 0.02 }).then(String, String);
      expect(refusal).toMatch(
        /the running machine "user" writes into an overlay of it, the snapshot .*s1, which keeps its size/,
      );
      execFileSync("bash", ["-c", /`(virsh blockcommit [^`]*)`/.exec(refusal)?.[1] ?? "false"]);
      await volume.up({ ...wish, capacity: 0.02 });
      expect(sizeIn("user")).toBe("21475328");
      clear();
      for (const name of ["s1", "s2"]) rmSync(`${at("held")}/grows-${format}.${name}`, { force: true });
    },
  );

  it("is no snapshot where a Volume of the program lies over it: that has a size of its own", async () => {
    const parent = one("Volume", "parent");
    const wish = { pool: "held", name: "parent", capacity: 0.01, format: "raw" };
    await parent.up(wish);
    const over = one("Volume", "over");
    await over.up({ pool: "held", name: "over", backing: "held/parent" });
    runs(over.outputs["path"], "qcow2");
    await parent.up({ ...wish, capacity: 0.02 });
    expect(await parent.preview({ ...wish, capacity: 0.02 })).toMatchObject({ differences: [], changes: false });
    expect(sizeIn("user")).toBe("10739712");
  });
});

it("a raw volume that running machines share grows under each of them", async () => {
  const volume = one("Volume", "shared");
  const wish = { pool: "held", name: "shared", capacity: 0.01, format: "raw" };
  await volume.up(wish);
  const shared = diskXml(volume.outputs["path"], "raw", "<shareable/>").replace(
    "type='raw'",
    "type='raw' cache='none'",
  );
  for (const name of ["user", "user2"]) hand("create", machineXml(shared, name));
  await volume.up({ ...wish, capacity: 0.02 });
  expect(["user", "user2"].map(sizeIn)).toEqual(["21475328", "21475328"]);
  // An update that dies after the first of them.
  const call = place.host.call.bind(place.host) as (...all: unknown[]) => Promise<unknown>;
  let resizes = 0;
  const spy = jest
    .spyOn(place.host, "call")
    .mockImplementation(((name: string, ...rest: unknown[]) =>
      name === "DOMAIN_BLOCK_RESIZE" && ++resizes === 2
        ? Promise.reject(new Error("cut off"))
        : call(name, ...rest)) as never); // one function stands for a call's many types
  await expect(volume.up({ ...wish, capacity: 0.03 })).rejects.toThrow("cut off");
  spy.mockRestore();
  expect(["user", "user2"].map(sizeIn).sort()).toEqual(["21475328", "32215040"]);
  expect(await volume.preview({ ...wish, capacity: 0.03 })).toMatchObject({ changes: true });
  await volume.up({ ...wish, capacity: 0.03 });
  expect(["user", "user2"].map(sizeIn)).toEqual(["32215040", "32215040"]);
  for (const name of ["user", "user2"]) virsh("destroy", name);
});

it("a shrink tells what is lost, and is refused under a running guest by the preview already", async () => {
  const volume = one("Volume", "shrinks");
  const wish = { pool: "held", name: "shrinks", capacity: 0.02, format: "raw", allowShrink: true };
  await volume.up(wish);
  runs(volume.outputs["path"], "raw");
  const smaller = { ...wish, capacity: 0.01 };
  await expect(volume.preview(smaller)).rejects.toThrow(/disk of the running machine "user": stop it to shrink it/);
  clear();
  await volume.preview(smaller);
  expect(volume.said).toEqual([
    "shrinks: live: capacity 0.0200005 -> 0.01 GiB; its end is cut off, and what the guest keeps there is lost",
  ]);
});

it.each([
  ["below a Volume that a guest writes to", true],
  ["that a guest only reads", false],
])("a raw volume %s does not lose its end", async (_, below) => {
  const volume = one("Volume", "held-tail");
  const wish = { pool: "held", name: "held-tail", capacity: 0.02, format: "raw", allowShrink: true };
  await volume.up(wish);
  const over = one("Volume", "above");
  if (below) await over.up({ pool: "held", name: "above", backing: "held/held-tail" });
  if (below) runs(over.outputs["path"], "qcow2");
  else runs(volume.outputs["path"], "raw", "<readonly/>");
  const smaller = { ...wish, capacity: 0.01 };
  const refusal = /disk of the running machine "user": stop it to shrink it/;
  await expect(volume.preview(smaller)).rejects.toThrow(refusal);
  const { inputs } = await volume.check(smaller);
  await expect(load("Volume").update(volume.request(), volume.id ?? "", volume.outputs, inputs)).rejects.toThrow(
    refusal,
  );
  clear();
  if (below) await over.destroy();
  await volume.destroy();
});

it("a seed of a given name that a machine has is not replaced under it, as the preview says", async () => {
  const seed = one("CloudInitDisk", "given");
  const wish = { pool: "held", name: "given.iso", userData: "#cloud-config\n" };
  await seed.up(wish);
  hand("define", machineXml(diskXml(seed.outputs["path"], "raw", "<readonly/>")));
  const other = { ...wish, userData: "#cloud-config\nhostname: b\n" };
  await expect(seed.preview(other)).rejects.toThrow(
    /"given\.iso" .* used by the machine "user": it cannot be replaced under/,
  );
  // Content that only the update knows may be the same.
  expect(await seed.preview({ ...wish, userData: UNKNOWN })).toMatchObject({ replaces: ["userData"] });
  expect(seed.said.join()).toContain("cannot be replaced under them");
  clear();
  expect((await seed.up(other))?.replaces).toEqual(["userData"]);
});
