import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { load, type Token } from "../../provider/resources";
import { hand, runs } from "./byHand";
import { clear, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(120_000);

const place = placeOf();
const base = mkdtempSync("/var/lib/libvirt/changing-");
const at = (...names: string[]): string => join(base, ...names);
const one = (token: Token, name: string): Driven => new Driven(load(token), place, name);
const devices: string[] = [];

/** A device of the host, with a file system or without. */
function device(name: string, formatted: boolean): string {
  execFileSync("truncate", ["-s", "64M", at(name)]);
  if (formatted) execFileSync("mkfs.ext4", ["-q", at(name)]);
  const path = execFileSync("losetup", ["--find", "--show", at(name)], { encoding: "utf8" }).trim();
  devices.push(path);
  return path;
}

const mounted = (folder: string): string | undefined =>
  readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .find((line) => line.split(" ")[1] === folder)
    ?.split(" ")[0];

afterEach(clear);
afterAll(async () => {
  for (const path of devices) execFileSync("losetup", ["-d", path]);
  await place.host.close();
  rmSync(base, { recursive: true, force: true });
});

describe("a pool of a file system, whose source changes", () => {
  const wish = (source: string) => ({
    name: "busy",
    type: "fs",
    path: at("busy"),
    source: { devices: [source], format: "ext4" },
  });
  const pool = one("StoragePool", "busy");
  const paths = async (source: string) =>
    (await pool.preview(wish(source))).differences.map(({ path }) => path.join("."));
  let [first, second, blank] = ["", "", ""];

  beforeAll(async () => {
    [first, second, blank] = [device("first.img", true), device("second.img", true), device("blank.img", false)];
    await pool.up(wish(first));
  });
  afterAll(() => pool.destroy());

  it("is not stopped under a running machine: the preview names it", async () => {
    const volume = one("Volume", "inside");
    await volume.up({ pool: "busy", name: "inside", capacity: 0.01, format: "raw" });
    runs(volume.outputs["path"], "raw");
    await expect(pool.preview(wish(second))).rejects.toThrow(
      /pool "busy" has to be stopped for that, and running machines have disks in it: "user"/,
    );
    await expect(pool.preview({ ...wish(first), path: at("elsewhere") })).rejects.toThrow(
      /machines have disks in it: "user"/,
    );
    await expect(pool.destroy()).rejects.toThrow(/machines have disks in it: "user".*Nothing was changed/);
    expect(mounted(at("busy"))).toBe(first);
    clear();
    await volume.destroy();
  });

  it("is as it was where it cannot be stopped, and what was not done stays shown", async () => {
    const held = openSync(at("busy", "held"), "w");
    await expect(pool.up(wish(second))).rejects.toThrow(
      /stop pool "busy".*it runs as before, with its former definition/,
    );
    expect(await paths(second)).toEqual(["source.devices"]);
    expect(virsh("pool-dumpxml", "busy", "--inactive")).toContain(first);
    expect(mounted(at("busy"))).toBe(first);
    closeSync(held);
  });

  it("is as it was where it does not start", async () => {
    await expect(pool.up(wish(blank))).rejects.toThrow(
      /start pool "busy".*it runs as before, with its former definition/,
    );
    expect(mounted(at("busy"))).toBe(first);
    expect(await paths(blank)).toEqual(["source.devices"]);
    await pool.up(wish(second));
    expect(mounted(at("busy"))).toBe(second);
    expect(await paths(second)).toEqual([]);
  });

  it("tells what an earlier run left undone: the definition as wanted, and what runs as before", async () => {
    hand("pool-define", virsh("pool-dumpxml", "busy", "--inactive").replace(second, first));
    expect(await paths(first)).toEqual(["source.devices"]);
    await pool.up(wish(first));
    expect(mounted(at("busy"))).toBe(first);
  });

  it("is told that libvirt sets no permissions of its file system", async () => {
    await expect(pool.preview({ ...wish(first), permissions: { mode: "0700" } })).rejects.toThrow(
      /pool "busy": libvirt sets the `permissions` of directories alone/,
    );
  });
});

it("a directory that was there gets the permissions of the program by the first up", async () => {
  mkdirSync(at("there"), { mode: 0o755 });
  const pool = one("StoragePool", "there");
  const wish = { name: "there", path: at("there"), permissions: { mode: "0700" } };
  await pool.up(wish);
  const [mode, next] = [statSync(at("there")).mode & 0o777, await pool.preview(wish)];
  await pool.destroy();
  expect([mode, next.differences]).toEqual([0o700, []]);
});

it("a pool's definition that another hand wrote, and the program now says, is brought into force", async () => {
  const pool = one("StoragePool", "edited");
  const wish = (mode: string) => ({ name: "edited", path: at("edited"), permissions: { mode } });
  await pool.up(wish("0711"));
  hand("pool-define", virsh("pool-dumpxml", "edited", "--inactive").replace("0711", "0700"));
  const { differences } = await pool.preview(wish("0700"));
  await pool.up(wish("0700"));
  const mode = statSync(at("edited")).mode & 0o777;
  await pool.destroy();
  expect(differences.map(({ path }) => path.join("."))).toEqual(["permissions.mode"]);
  expect(mode).toBe(0o700);
});
