import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Values } from "../../provider/fields";
import { load, type Token } from "../../provider/resources";
import { runs } from "./byHand";
import { clear, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(120_000);

const place = placeOf();
const base = mkdtempSync("/var/lib/libvirt/deleted-");
const at = (...names: string[]): string => join(base, ...names);
const one = (token: Token, name: string): Driven => new Driven(load(token), place, name);

beforeAll(async () => {
  writeFileSync(at("image.raw"), Buffer.alloc(1 << 20, 7));
  await one("StoragePool", "disks").up({ name: "disks", path: at("disks") });
});
afterEach(clear);
afterAll(async () => {
  virsh("pool-destroy", "disks");
  virsh("pool-undefine", "disks");
  await place.host.close();
});

describe("a volume that was deleted by hand under a running guest, which holds its bytes", () => {
  it.each([
    ["raw", { capacity: 0.01, format: "raw" }],
    ["qcow2", { capacity: 0.01, format: "qcow2" }],
    ["protected", { capacity: 0.01, format: "raw", deletionProtection: true }],
    ["with a source", { capacity: 0.01, source: at("image.raw") }],
    ["with a backing volume", { backing: "disks/base" }],
  ])("is not made anew without allowDataLoss: %s", async (kind, more) => {
    const parent = one("Volume", "base");
    if ("backing" in more) await parent.up({ pool: "disks", name: "base", capacity: 0.01, format: "raw" });
    const volume = one("Volume", "under");
    const wish: Values = { pool: "disks", name: `under-${kind.replaceAll(" ", "-")}`, ...more };
    await volume.up(wish);
    const path = String(volume.outputs["path"]);
    runs(path, volume.inputs?.["format"]);
    rmSync(path);
    await expect(volume.preview(wish)).rejects.toThrow(
      /was deleted under the running machine "user".*virsh blockcopy "user".*`allowDataLoss: true`/,
    );
    await expect(volume.up(wish)).rejects.toThrow(/running machine "user"/);
    expect(existsSync(path)).toBe(false);
    // A refresh forgets the volume: the create that follows is no other.
    expect(await volume.refresh()).toBe(false);
    await expect(one("Volume", "under").up(wish)).rejects.toThrow(/running machine "user"/);
    expect(existsSync(path)).toBe(false);
    await volume.up({ ...wish, allowDataLoss: true });
    expect(existsSync(path)).toBe(true);
  });

  it.each([
    ["raw", { capacity: 0.01, format: "raw" }],
    ["qcow2", { capacity: 0.01, format: "qcow2" }],
    ["an overlay", { backing: "disks/under" }],
  ])("comes back by what the refusal says, while the guest runs: %s", async (_, more) => {
    await one("Volume", "under").up({ pool: "disks", name: "under", capacity: 0.01, format: "raw", adopt: true });
    const volume = one("Volume", "back");
    const wish: Values = { pool: "disks", name: "back", ...more };
    await volume.up(wish);
    const path = String(volume.outputs["path"]);
    const format = String(volume.inputs?.["format"]);
    writeFileSync(at("bytes"), Buffer.alloc(1 << 16, 5));
    execFileSync("qemu-io", ["-f", format, "-c", "write -q -s " + at("bytes") + " 64k 64k", path]);
    execFileSync("qemu-img", ["convert", "-f", format, "-O", "raw", path, at("before")]);
    runs(path, format);
    rmSync(path);
    const refusal = await volume.preview(wish).then(String, String);
    const command = /`(virsh blockcopy [^`]*)`/.exec(refusal)?.[1] ?? "false";
    execFileSync("bash", ["-c", command]);
    expect(await volume.preview(wish)).toMatchObject({ differences: [], changes: false });
    expect(virsh("domstate", "user").trim()).toBe("running");
    clear();
    execFileSync("qemu-img", ["convert", "-f", format, "-O", "raw", path, at("after")]);
    expect(readFileSync(at("after")).equals(readFileSync(at("before")))).toBe(true);
    expect(readFileSync(at("after")).subarray(1 << 16, 1 << 17)).toEqual(Buffer.alloc(1 << 16, 5));
    await volume.destroy();
  });

  it("is not made anew where an overlay of it runs, and is where its own content comes back", async () => {
    const volume = one("Volume", "parent");
    const wish: Values = { pool: "disks", name: "parent", capacity: 0.01, format: "raw" };
    await volume.up(wish);
    const over = one("Volume", "over");
    await over.up({ pool: "disks", name: "over", backing: "disks/parent" });
    runs(over.outputs["path"], "qcow2");
    rmSync(String(volume.outputs["path"]));
    await expect(volume.preview(wish)).rejects.toThrow(/running machine "user"/);
    clear();
    const image = one("Volume", "image");
    const content = { pool: "disks", name: "image", source: at("image.raw") };
    await image.up(content);
    await one("Volume", "above").up({ pool: "disks", name: "above", backing: "disks/image" });
    runs(at("disks", "above"), "qcow2");
    rmSync(at("disks", "image"));
    await image.up(content);
    expect(readFileSync(at("disks", "image"))).toEqual(Buffer.alloc(1 << 20, 7));
  });
});

describe("what was deleted by hand, and changes at the same time to what only a new one can have", () => {
  it.each([
    ["Volume", { content: { text: "one" }, format: "raw" }, { content: { text: "two" }, format: "raw" }],
    ["CloudInitDisk", { userData: "#cloud-config\n" }, { userData: "#cloud-config\nhostname: two\n" }],
    ["CloudInitDisk", { name: "given.iso", userData: "#one\n" }, { name: "given.iso", userData: "#two\n" }],
    ["Volume", { capacity: 0.01, deletionProtection: true }, { capacity: 0.01, format: "raw" }],
  ] as const)("is replaced, and the state names what is there: %s", async (token, first, second) => {
    const object = one(token, "both");
    await object.up({ pool: "disks", ...first });
    rmSync(String(object.outputs["path"]));
    const diff = await object.up({ pool: "disks", ...second });
    expect(diff?.replaces).not.toEqual([]);
    expect(object.id).toBe(`disks/${String(object.outputs["name"])}`);
    expect(await object.preview({ pool: "disks", ...second })).toMatchObject({ differences: [], changes: false });
    await object.destroy();
    expect(existsSync(String(object.outputs["path"]))).toBe(false);
  });

  it("is refused without allowDataLoss where a guest holds what it was, whatever the new name", async () => {
    const volume = one("Volume", "renamed");
    await volume.up({ pool: "disks", name: "first", capacity: 0.01, format: "raw" });
    runs(volume.outputs["path"], "raw");
    rmSync(String(volume.outputs["path"]));
    const wish = { pool: "disks", name: "second", capacity: 0.01, format: "raw" };
    await expect(volume.preview(wish)).rejects.toThrow(
      /volume "first" .* was deleted under the running machine "user"/,
    );
    const diff = await volume.up({ ...wish, allowDataLoss: true });
    expect([diff?.replaces, volume.id]).toEqual([["name"], "disks/second"]);
  });
});

it("a pool with `build.overwrite` that was taken away by hand is defined again, and not formatted", async () => {
  execFileSync("truncate", ["-s", "64M", at("disk.img")]);
  const device = execFileSync("losetup", ["--find", "--show", at("disk.img")], { encoding: "utf8" }).trim();
  const [pool, again] = [one("StoragePool", "formats"), one("StoragePool", "formats")];
  try {
    const source = { devices: [device], format: "ext4" };
    const wish = { name: "formats", type: "fs", path: at("fs"), source, build: { overwrite: true } };
    // What has another format is formatted.
    execFileSync("mkswap", [device]);
    await pool.up(wish);
    writeFileSync(at("fs", "disk.raw"), "what a guest wrote");
    const takeAway = (): void => {
      virsh("pool-destroy", "formats");
      virsh("pool-undefine", "formats");
    };
    takeAway();
    await pool.up(wish);
    expect(readFileSync(at("fs", "disk.raw"), "utf8")).toBe("what a guest wrote");
    // A refresh forgets the pool, and then its mount point is gone too: the create that follows keeps what is there.
    takeAway();
    rmdirSync(at("fs"));
    expect(await pool.refresh()).toBe(false);
    await again.up(wish);
    expect(again.said.join()).toContain('pool "formats": its source is such a pool already, and was not formatted');
    expect(readFileSync(at("fs", "disk.raw"), "utf8")).toBe("what a guest wrote");
  } finally {
    for (const made of [pool, again]) if (made.id !== undefined) await made.destroy();
    execFileSync("losetup", ["-d", device]);
  }
});
