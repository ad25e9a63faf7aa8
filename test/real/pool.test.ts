import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pool as storagePool } from "../../provider/resources/pool/lifecycle";
import { identityValues, ownedUuid } from "../../provider/resources/owner";
import { pool as table } from "../../provider/resources/pool/fields";
import { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(60_000);

const place = placeOf();
const { host } = place;
const base = mkdtempSync("/var/lib/libvirt/pools-");
const at = (name: string) => join(base, name);

afterAll(async () => {
  await host.close();
  rmSync(base, { recursive: true, force: true });
});

const handle = async (name: string) => (await host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name })).pool;
const names = async () =>
  (await host.call("CONNECT_LIST_ALL_STORAGE_POOLS", { need_results: 1, flags: 0 })).pools.map(({ name }) => name);
const paths = (diff: { differences: readonly { path: readonly (string | number)[] }[] }) =>
  diff.differences.map(({ path }) => path.join("."));

describe("a pool on a real daemon", () => {
  it("makes its directory, starts, and the second preview is empty", async () => {
    const one = new Driven(storagePool, place, "images");
    const wish = { path: `${at("made")}/`, permissions: { mode: "0700" } };
    await one.up(wish);
    expect(one.outputs).toMatchObject({ uuid: one.id, active: true, __madeDirectory: true });
    expect(one.outputs["name"]).toMatch(/^images-[0-9a-f]{7}$/);
    expect(one.outputs["capacity"]).toBeGreaterThan(1);
    expect(Number(one.outputs["available"])).toBeLessThanOrEqual(Number(one.outputs["capacity"]));
    expect(statSync(at("made")).mode & 0o777).toBe(0o700);
    expect(await one.preview(wish)).toMatchObject({ differences: [], changes: false });
    expect(await one.refresh()).toBe(true);
    expect(await one.preview(wish)).toMatchObject({ differences: [], changes: false });
    await one.destroy();
    await one.destroy();
    expect(existsSync(at("made"))).toBe(false);
    expect(await names()).toEqual([]);
  });

  it("leaves a directory that was there, and what others put into its own", async () => {
    mkdirSync(at("there"));
    const found = new Driven(storagePool, place, "found");
    await found.up({ name: "there", path: at("there") });
    await found.destroy();
    expect(existsSync(at("there"))).toBe(true);

    const full = new Driven(storagePool, place, "full");
    await full.up({ name: "full", path: at("full") });
    writeFileSync(join(at("full"), "theirs.txt"), "keep me");
    await full.destroy();
    expect(full.said.join()).toContain(`its directory ${at("full")} stays on the host`);
    expect(readdirSync(at("full"))).toEqual(["theirs.txt"]);
    expect(await names()).toEqual([]);
  });

  it("changes autostart while it runs, and its permissions by a restart, without losing what it knows", async () => {
    const one = new Driven(storagePool, place, "perm");
    const wish = { name: "perm", path: at("perm") };
    await one.up(wish);
    const live = await one.up({ ...wish, autostart: false });
    expect(live?.differences).toMatchObject([{ path: ["autostart"], cost: "live" }]);
    expect(await host.call("STORAGE_POOL_GET_AUTOSTART", { pool: await handle("perm") })).toEqual({ autostart: 0 });
    const restart = { ...wish, autostart: false, permissions: { mode: "0750" } };
    const diff = await one.up(restart);
    expect(diff?.differences.map(({ cost }) => cost)).toEqual(["restart"]);
    expect(statSync(at("perm")).mode & 0o777).toBe(0o750);
    expect(await one.preview(restart)).toMatchObject({ differences: [], changes: false });
    expect(one.outputs).toMatchObject({ active: true, __madeDirectory: true });
    await one.destroy();
    expect(existsSync(at("perm"))).toBe(false);
  });

  it("is replaced by another path, and its content stays where it is", async () => {
    const one = new Driven(storagePool, place, "moved");
    await one.up({ name: "moved", path: at("old") });
    writeFileSync(join(at("old"), "disk"), "bytes");
    const diff = await one.up({ name: "moved", path: at("new") });
    expect(diff).toMatchObject({ replaces: ["path"], deleteBeforeReplace: true });
    expect(readdirSync(at("old"))).toEqual(["disk"]);
    expect(await one.preview({ name: "moved", path: at("new") })).toMatchObject({ changes: false });
    const renamed = await one.up({ name: "renamed", path: at("new") });
    expect(renamed).toMatchObject({ replaces: ["name"], deleteBeforeReplace: true });
    expect(await names()).toEqual(["renamed"]);
    await one.destroy();
  });

  it("shows a stop by hand, a lost definition and a lost pool, and mends them", async () => {
    const one = new Driven(storagePool, place, "drift");
    const wish = { name: "drift", path: at("drift") };
    await one.up(wish);
    const pool = await handle("drift");
    await host.call("STORAGE_POOL_DESTROY", { pool });
    expect(paths(await one.preview(wish))).toEqual(["active"]);
    await one.up(wish);
    expect(one.outputs["active"]).toBe(true);
    await host.call("STORAGE_POOL_UNDEFINE", { pool }).catch(() => undefined);
    await host.call("STORAGE_POOL_DESTROY", { pool });
    await host.call("STORAGE_POOL_UNDEFINE", { pool }).catch(() => undefined);
    expect(await one.preview(wish)).toMatchObject({ changes: true });
    expect(await one.refresh()).toBe(false);
    await one.destroy();
  });

  it("does not make the directory of a running pool's update again: what is missing there is an error", async () => {
    const one = new Driven(storagePool, place, "unmounted");
    const wish = { name: "unmounted", path: at("unmounted") };
    await one.up(wish);
    await host.call("STORAGE_POOL_DESTROY", { pool: await handle("unmounted") });
    rmSync(at("unmounted"), { recursive: true });
    await expect(one.up(wish)).rejects.toThrow(
      /start pool "unmounted": libvirt refused \(38, system error\).*No such file/,
    );
    expect(existsSync(at("unmounted"))).toBe(false);
    await one.destroy();
  });

  it("refuses a name that is taken, and takes it over when told to", async () => {
    const xml = `<pool type='dir'><name>taken</name><target><path>${at("taken")}</path></target></pool>`;
    mkdirSync(at("taken"));
    await host.call("STORAGE_POOL_DEFINE_XML", { xml, flags: 0 });
    const one = new Driven(storagePool, place, "taken");
    const wish = { name: "taken", path: at("taken") };
    await expect(one.up(wish)).rejects.toThrow(/pool "taken" .* exists on the host already.*adopt: true/);
    expect(await host.call("STORAGE_POOL_IS_ACTIVE", { pool: await handle("taken") })).toEqual({ active: 0 });
    await one.up({ ...wish, adopt: true });
    expect(one.outputs["active"]).toBe(true);
    expect(await one.preview({ ...wish, adopt: true })).toMatchObject({ differences: [], changes: false });
    await one.destroy();
    expect(existsSync(at("taken"))).toBe(true);
  });

  it("is not adopted with another path or type: the pool and what it shows stay", async () => {
    const xml = `<pool type='dir'><name>theirs</name><target><path>${at("theirs")}</path></target></pool>`;
    mkdirSync(at("theirs"));
    await host.call("STORAGE_POOL_DEFINE_XML", { xml, flags: 0 });
    const pool = await handle("theirs");
    const before = await host.call("STORAGE_POOL_GET_XML_DESC", { pool, flags: 0 });
    const one = new Driven(storagePool, place, "theirs");
    const adopt = { name: "theirs", adopt: true };
    await expect(one.up({ ...adopt, path: at("mine") })).rejects.toThrow(/"theirs" was not adopted: .* in path,/);
    const fs = { type: "fs", path: at("theirs"), source: { devices: ["/dev/loop7"] }, build: { overwrite: true } };
    await expect(one.up({ ...adopt, ...fs })).rejects.toThrow(/"theirs" was not adopted: .* in type,/);
    expect(await host.call("STORAGE_POOL_GET_XML_DESC", { pool, flags: 0 })).toEqual(before);
    expect([one.id, existsSync(at("mine"))]).toEqual([undefined, false]);
    await one.up({ ...adopt, path: `${at("theirs")}/` });
    await one.destroy();
    expect(await names()).toEqual([]);
  });

  it("goes on with a create that was killed half-way, and refuses a finished one", async () => {
    const one = new Driven(storagePool, place, "half");
    const wish = { name: "half", path: at("half") };
    const { inputs } = await one.check(wish);
    const uuid = ownedUuid(one.request().owner, identityValues(table, inputs));
    const xml = `<pool type='dir'><name>half</name><uuid>${uuid}</uuid><target><path>${at("half")}</path></target></pool>`;
    await host.call("STORAGE_POOL_DEFINE_XML", { xml, flags: 0 });
    await one.up(wish);
    expect(one.outputs).toMatchObject({ active: true, uuid });
    const lost = new Driven(storagePool, place, "half");
    await expect(lost.up(wish)).rejects.toThrow(/exists on the host already/);
    await one.destroy();
  });

  it("is not taken over without `adopt` when it was stopped and the state is lost, nor built again", async () => {
    const one = new Driven(storagePool, place, "forgotten");
    const wish = { name: "forgotten", path: at("forgotten") };
    await one.up(wish);
    const pool = await handle("forgotten");
    await host.call("STORAGE_POOL_DESTROY", { pool });
    rmSync(at("forgotten"), { recursive: true });
    const lost = new Driven(storagePool, place, "forgotten");
    await expect(lost.up(wish)).rejects.toThrow(/exists on the host already.*adopt: true/);
    expect(await host.call("STORAGE_POOL_IS_ACTIVE", { pool })).toEqual({ active: 0 });
    await expect(lost.up({ ...wish, adopt: true })).rejects.toThrow(/start pool "forgotten": .*No such file/);
    expect(existsSync(at("forgotten"))).toBe(false);
    // The adoption failed half-way: the pool is the later life's now, and the former one's delete does not meet it.
    await one.destroy();
    expect(await names()).toEqual(["forgotten"]);
    await lost.destroy();
    expect(await names()).toEqual([]);
  });

  it("says why it cannot start, and keeps what it needs to go on", async () => {
    writeFileSync(at("file"), "no directory");
    const one = new Driven(storagePool, place, "file");
    const wish = { name: "file", path: at("file") };
    await expect(one.up(wish)).rejects.toThrow(
      /start pool "file": libvirt refused \(38, system error\): .*Not a directory/,
    );
    expect(one.id).toBeDefined();
    rmSync(at("file"));
    mkdirSync(at("file"));
    await one.up(wish);
    expect(one.outputs["active"]).toBe(true);
    await one.destroy();
    expect(await names()).toEqual([]);
  });

  it("makes the directory of its own create that failed, as soon as nothing stands in its place", async () => {
    writeFileSync(at("inTheWay"), "");
    const one = new Driven(storagePool, place, "late");
    const wish = { name: "late", path: join(at("inTheWay"), "images") };
    await expect(one.up(wish)).rejects.toThrow(/pool "late"/);
    expect(one.outputs).toMatchObject({ __unfinished: true, active: false });
    rmSync(at("inTheWay"));
    mkdirSync(at("inTheWay"));
    await one.up(wish);
    expect(one.outputs).toMatchObject({ active: true, __madeDirectory: true });
    expect(await one.preview(wish)).toMatchObject({ differences: [], changes: false });
    await one.destroy();
    expect(readdirSync(at("inTheWay"))).toEqual([]);
  });

  it("is protected from delete and replace when told so", async () => {
    const one = new Driven(storagePool, place, "kept");
    const wish = { name: "kept", path: at("kept"), deletionProtection: true };
    await one.up(wish);
    await expect(one.destroy()).rejects.toThrow(/deletionProtection/);
    await expect(one.preview({ ...wish, path: at("other") })).rejects.toThrow(/deletionProtection/);
    await one.up({ ...wish, deletionProtection: false });
    await one.destroy();
  });
});
