import { execFileSync, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Values } from "../../provider/fields";
import type { Place } from "../../provider/resources/place";
import { PartialFailure, type Request } from "../../provider/resources/port";
import { volume } from "../../provider/resources/volume/lifecycle";
import type { StoragePool } from "../../provider/rpc";
import { placeOf, requestFor } from "./request";

jest.setTimeout(120_000);

const MIB = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "volume-test-"));
let place: Place;

async function makePool(name: string, path = join(folder, name)): Promise<StoragePool> {
  mkdirSync(path, { recursive: true });
  const xml = `<pool type="dir"><name>${name}</name><target><path>${path}</path></target></pool>`;
  const { pool } = await place.host.call("STORAGE_POOL_DEFINE_XML", { xml, flags: 0 });
  await place.host.call("STORAGE_POOL_CREATE", { pool, flags: 0 });
  return pool;
}

function ask(name: string, options: Partial<Request> & { token?: string } = {}) {
  return requestFor(name, place, { token: "Volume", ...options });
}

/** Check, then create: what a first `up` does. */
async function create(name: string, news: Values, options: Partial<Request> = {}) {
  const request = ask(name, options);
  const { inputs, failures } = await volume.check(request, undefined, news);
  expect(failures).toEqual([]);
  const made = await volume.create(request, inputs);
  return { ...made, inputs, request };
}

/** Check and diff against what was made: what a preview does. */
async function preview(name: string, made: { id: string; inputs: Values; outputs: Values }, news: Values) {
  const request = ask(name, { oldInputs: made.inputs });
  const { inputs, failures } = await volume.check(request, made.inputs, news);
  expect(failures).toEqual([]);
  return { diff: await volume.diff(request, made.id, made.outputs, inputs), inputs, request };
}

function fileOf(outputs: Values): string {
  return String(outputs["path"]);
}

function shaOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function image(name: string, ...parts: Buffer[]): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

beforeAll(async () => {
  place = placeOf();
  await makePool("pool");
});

afterAll(async () => {
  const { pools } = await place.host.call("CONNECT_LIST_ALL_STORAGE_POOLS", { need_results: 1, flags: 0 });
  for (const pool of pools.filter(({ name }) => ["pool", "full", "mounted"].includes(name))) {
    await place.host.call("STORAGE_POOL_DESTROY", { pool });
    await place.host.call("STORAGE_POOL_UNDEFINE", { pool });
  }
  await place.host.close();
  for (const mounted of ["full", "mounted"]) spawnSync("umount", [join(folder, mounted)]);
  rmSync(folder, { recursive: true, force: true });
});

describe("a blank volume", () => {
  it("is an empty qcow2 image by default, and needs nothing afterwards", async () => {
    const made = await create("blank", { pool: "pool", capacity: 0.5 });
    expect(made.id).toMatch(/^pool\/blank-[0-9a-f]{7}$/);
    const file = fileOf(made.outputs);
    expect(file).toBe(join(folder, made.id));
    const info = JSON.parse(execFileSync("qemu-img", ["info", "--output=json", file]).toString()) as Values;
    expect(info["format"]).toBe("qcow2");
    expect(info["virtual-size"]).toBe(512 * MIB);
    execFileSync("qemu-img", ["check", file]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await preview("blank", made, { pool: "pool", capacity: 0.5 })).diff.changes).toBe(false);
    await volume.delete(made.request, made.id, made.outputs);
    expect(existsSync(file)).toBe(false);
    await volume.delete(made.request, made.id, made.outputs);
  });

  it("keeps the size that another hand gave it, where the program gives none", async () => {
    const news = { pool: "pool", name: "grown", source: image("grown.raw", Buffer.alloc(4 * MIB)) };
    const made = await create("grown", news);
    execFileSync("virsh", ["-q", "vol-resize", "--pool", "pool", "grown", "8M"]);
    expect((await preview("grown", made, news)).diff.changes).toBe(false);
    const read = await volume.read(ask("grown", { oldInputs: made.inputs }), made.id, made.outputs);
    const after = { id: made.id, inputs: read?.inputs ?? {}, outputs: read?.outputs ?? {} };
    expect((await preview("grown", after, news)).diff.changes).toBe(false);
    const protectedToo = await preview("grown", after, { ...news, deletionProtection: true });
    const { outputs } = await volume.update(protectedToo.request, made.id, after.outputs, protectedToo.inputs);
    expect(statSync(fileOf(outputs)).size).toBe(8 * MIB);
    await volume.delete(ask("grown"), made.id, { ...outputs, deletionProtection: false });
  });

  it("grows in place, and shrinks only where that is allowed", async () => {
    for (const format of ["raw", "qcow2"]) {
      const news = { pool: "pool", name: `grow-${format}`, capacity: 0.25, format };
      const made = await create("grow", news);
      const grown = await preview("grow", made, { ...news, capacity: 0.375 });
      expect(grown.diff.differences).toMatchObject([{ path: ["capacity"], kind: "update", cost: "live" }]);
      const updated = await volume.update(grown.request, made.id, made.outputs, grown.inputs);
      const after = { id: made.id, inputs: grown.inputs, outputs: updated.outputs };
      expect((await preview("grow", after, { ...news, capacity: 0.375 })).diff.changes).toBe(false);
      expect(updated.outputs["__written"]).not.toBe(made.outputs["__written"]);

      const request = ask("grow", { oldInputs: after.inputs });
      const { failures } = await volume.check(request, after.inputs, { ...news, capacity: 0.25 });
      expect(failures).toMatchObject([
        { property: "capacity", reason: expect.stringContaining("allowShrink") as string },
      ]);
      await expect(volume.diff(request, made.id, after.outputs, { ...news, capacity: 0.25 })).rejects.toThrow(/shrink/);
      const shrunk = await preview("grow", after, { ...news, capacity: 0.25, allowShrink: true });
      const last = await volume.update(shrunk.request, made.id, after.outputs, shrunk.inputs);
      expect(shrunk.request.heard.info.join()).toMatch(/shrunk in place/);
      await volume.delete(request, made.id, last.outputs);
    }
  });

  it("that another hand grew is shown by refresh, and left out where changes of its size are ignored", async () => {
    const news = { pool: "pool", name: "handed", capacity: 0.25, format: "raw" };
    const made = await create("handed", news);
    execFileSync("virsh", ["-q", "vol-resize", "--pool", "pool", "handed", "512M"]);
    const read = await volume.read(ask("handed", { oldInputs: made.inputs }), made.id, made.outputs);
    expect(read?.inputs["capacity"]).toBe(0.5);
    await expect(preview("handed", made, news)).rejects.toThrow(/would shrink.*allowShrink/);
    const ignores = ask("handed", { oldInputs: made.inputs, ignores: ([name]) => name === "capacity" });
    expect((await volume.diff(ignores, made.id, made.outputs, made.inputs)).differences).toEqual([]);
    await volume.delete(made.request, made.id, made.outputs);
  });

  it("of an odd size in raw ends on a block of the host, by one call", async () => {
    const made = await create("odd", { pool: "pool", name: "odd", capacity: 12345 / 1024 ** 3, format: "raw" });
    expect(statSync(fileOf(made.outputs)).size).toBe(16384);
    expect(
      (await preview("odd", made, { pool: "pool", name: "odd", capacity: 12345 / 1024 ** 3, format: "raw" })).diff
        .changes,
    ).toBe(false);
    await volume.delete(made.request, made.id, made.outputs);
  });
});

describe("an overlay", () => {
  it("shows its backing volume, and keeps it from being deleted", async () => {
    const source = image("base.img", randomBytes(MIB));
    const base = await create("base", { pool: "pool", name: "base", source });
    const over = await create("over", { pool: "pool", name: "over", backing: base.id });
    const info = JSON.parse(
      execFileSync("qemu-img", ["info", "--output=json", fileOf(over.outputs)]).toString(),
    ) as Values;
    expect(info).toMatchObject({
      "backing-filename": fileOf(base.outputs),
      "backing-filename-format": "raw",
      "virtual-size": MIB,
    });
    execFileSync("qemu-img", ["compare", "-f", "qcow2", "-F", "raw", fileOf(over.outputs), source]);
    expect((await preview("over", over, { pool: "pool", name: "over", backing: base.id })).diff.changes).toBe(false);
    await expect(volume.delete(base.request, base.id, base.outputs)).rejects.toThrow(/used by the volume "pool\/over"/);
    await volume.delete(over.request, over.id, over.outputs);
    await volume.delete(base.request, base.id, base.outputs);
  });
});

describe("a source", () => {
  it("arrives byte for byte, with its holes", async () => {
    const hole = Buffer.alloc(5 * MIB);
    const source = image(
      "holes.img",
      randomBytes(MIB + 77),
      hole,
      randomBytes(40 * MIB),
      hole,
      Buffer.from("end"),
      hole,
    );
    const lines: string[] = [];
    const made = await create(
      "holes",
      { pool: "pool", source },
      {
        progress: (line) => {
          lines.push(line);
        },
      },
    );
    const file = fileOf(made.outputs);
    expect(shaOf(file)).toBe(shaOf(source));
    expect(statSync(file).blocks * 512).toBeLessThan(45 * MIB);
    expect(lines).toContain("uploading 0 %");
    expect((await preview("holes", made, { pool: "pool", source })).diff.changes).toBe(false);
    await volume.delete(made.request, made.id, made.outputs);
  });

  it.each([[1], [300], [511], [512], [513], [4096], [65537]])("of %i bytes arrives whole", async (bytes) => {
    const source = image("small.img", randomBytes(bytes));
    const made = await create("small", { pool: "pool", source, format: "raw" });
    expect(shaOf(fileOf(made.outputs))).toBe(shaOf(source));
    await volume.delete(made.request, made.id, made.outputs);
  });

  it("in qcow2 keeps its format, and is grown by its header alone", async () => {
    const source = join(folder, "disk.qcow2");
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", source, "20M"]);
    execFileSync("qemu-io", ["-c", "write -P 7 1M 2M", source]);
    const plain = await create("plain", { pool: "pool", source });
    expect(plain.inputs).toMatchObject({
      format: "qcow2",
      capacity: 20 / 1024,
      __defaults: ["format", "capacity", "name"],
    });
    expect(shaOf(fileOf(plain.outputs))).toBe(shaOf(source));
    const big = await create("big", { pool: "pool", source, capacity: 40 });
    execFileSync("qemu-img", ["check", fileOf(big.outputs)]);
    const info = JSON.parse(
      execFileSync("qemu-img", ["info", "--output=json", fileOf(big.outputs)]).toString(),
    ) as Values;
    expect(info["virtual-size"]).toBe(40 * 1024 * MIB);
    execFileSync("qemu-io", ["-c", "read -P 7 1M 2M", "-c", "write -P 9 39G 1M", fileOf(big.outputs)]);
    execFileSync("qemu-img", ["check", fileOf(big.outputs)]);
    for (const made of [plain, big]) await volume.delete(made.request, made.id, made.outputs);
  });

  it("with a backing file, compressed, changed, too small or absent fails in check", async () => {
    const source = join(folder, "overlay.qcow2");
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", source]);
    const zipped = image("x.gz", Buffer.from("1f8b0800", "hex"), randomBytes(100));
    const plain = image("plain.img", randomBytes(MIB));
    const failures = async (news: Values) =>
      (await volume.check(ask("bad"), undefined, { pool: "pool", ...news })).failures.map(
        ({ property, reason }) => `${property}: ${reason}`,
      );
    expect(await failures({ source })).toEqual([
      expect.stringMatching(/^source: names a backing file \(\/etc\/passwd\)/),
    ]);
    expect(await failures({ source: zipped })).toEqual([expect.stringMatching(/^source: is gzip/)]);
    expect(await failures({ source: zipped, format: "raw" })).toEqual([]);
    expect(await failures({ source: plain, sha256: "0".repeat(64) })).toEqual([
      expect.stringMatching(/^sha256: the source has/),
    ]);
    expect(await failures({ source: plain, capacity: 0.0001 })).toEqual([
      expect.stringMatching(/^capacity: .* less than/),
    ]);
    expect(await failures({ source: join(folder, "no") })).toEqual([expect.stringMatching(/^source: .*no such file/)]);
    expect(await failures({ source: "https://example.org/x" })).toEqual([
      expect.stringMatching(/^source: https addresses/),
    ]);
    expect(await failures({})).toEqual([expect.stringMatching(/^capacity: is required/)]);
    expect(await failures({ capacity: 1, name: "../x" })).toEqual([expect.stringMatching(/^name: /)]);
  });

  it("with other content is another volume, told at `source`; gone from here it changes nothing", async () => {
    const source = image("content.img", randomBytes(MIB));
    const made = await create("content", { pool: "pool", source });
    writeFileSync(source, randomBytes(MIB));
    const changed = await preview("content", made, { pool: "pool", source });
    expect(changed.diff.replaces).toEqual(["name", "source"]);
    expect(changed.inputs["name"]).not.toBe(made.inputs["name"]);
    rmSync(source);
    expect((await preview("content", made, { pool: "pool", source })).diff.changes).toBe(false);
    await volume.delete(made.request, made.id, made.outputs);
  });

  it("that changes while it is sent leaves nothing behind", async () => {
    const source = image("moving.img", randomBytes(40 * MIB));
    const request = ask("moving", {
      progress: () => {
        writeFileSync(source, randomBytes(40 * MIB));
      },
    });
    const { inputs } = await volume.check(request, undefined, { pool: "pool", name: "moving", source });
    await expect(volume.create(request, inputs)).rejects.toThrow(/^create volume "moving" in pool "pool": .*changed/);
    expect(existsSync(join(folder, "pool", "moving"))).toBe(false);
  });

  it("as a Pulumi asset", async () => {
    const asset = { "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", text: "hello", hash: "x" };
    const made = await create("asset", { pool: "pool", content: asset });
    expect(readFileSync(fileOf(made.outputs), "utf8")).toBe("hello");
    expect((await preview("asset", made, { pool: "pool", content: asset })).diff.changes).toBe(false);
    await volume.delete(made.request, made.id, made.outputs);
  });
});

describe("what stands there already", () => {
  it("is refused and not touched, known to libvirt or not, and adopted on request", async () => {
    const path = join(folder, "pool", "foreign");
    writeFileSync(path, "foreign bytes");
    const news = { pool: "pool", name: "foreign", capacity: 1, format: "raw" };
    await expect(create("foreign", news)).rejects.toThrow(/exists on the host already \((55|90): /);
    await expect(create("foreign", news)).rejects.toThrow(
      /exists on the host already; it carries no owner.*adopt: true/,
    );
    expect(readFileSync(path, "utf8")).toBe("foreign bytes");
    const adopted = await create("foreign", { ...news, capacity: 13 / 1024 ** 3, adopt: true });
    expect(readFileSync(path, "utf8")).toBe("foreign bytes");
    expect((await preview("foreign", adopted, { ...news, capacity: 13 / 1024 ** 3, adopt: true })).diff.changes).toBe(
      false,
    );
    await volume.delete(adopted.request, adopted.id, adopted.outputs);
    expect(existsSync(path)).toBe(false);
  });

  it("is not adopted in another format", async () => {
    const path = join(folder, "pool", "bytes");
    writeFileSync(path, randomBytes(4096));
    const before = shaOf(path);
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", join(folder, "pool", "image"), "4096"]);
    const { pool } = await place.host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name: "pool" });
    await place.host.call("STORAGE_POOL_REFRESH", { pool, flags: 0 });
    const news = { pool: "pool", adopt: true, capacity: 4096 / 1024 ** 3 };
    for (const [name, format] of [
      ["bytes", undefined],
      ["bytes", "qcow2"],
      ["image", "raw"],
    ] as const) {
      await expect(create("bytes", { ...news, name, ...(format ? { format } : {}) })).rejects.toThrow(
        /was not adopted: .* in format,/,
      );
    }
    expect(shaOf(path)).toBe(before);
    for (const [name, format] of [
      ["bytes", "raw"],
      ["image", "qcow2"],
    ] as const) {
      const made = await create(name, { ...news, name, format });
      await volume.delete(made.request, made.id, made.outputs);
    }
  });

  it("is named with its owner where the image is ours, finished and of another life", async () => {
    const made = await create("twice", { pool: "pool", name: "twice", capacity: 1 });
    await expect(create("other", { pool: "pool", name: "twice", capacity: 1 })).rejects.toThrow(
      /belongs to organization\/tests\/real::kvm:index:Volume::twice/,
    );
    await volume.delete(made.request, made.id, made.outputs);
  });

  it("one of twenty creators of a name wins, and nineteen hear why not", async () => {
    const all = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => create(`creator-${i}`, { pool: "pool", name: "race", capacity: 0.01 })),
    );
    const won = all.filter((one) => one.status === "fulfilled");
    const reasons = all.map((one) => (one.status === "rejected" ? String(one.reason) : "won"));
    expect(reasons.filter((reason) => !reason.includes("exists on the host already"))).toEqual(["won"]);
    const [winner] = won;
    execFileSync("qemu-img", ["check", fileOf(winner!.value.outputs)]);
    await volume.delete(winner!.value.request, winner!.value.id, winner!.value.outputs);
  });

  it("a folder is not adopted", async () => {
    mkdirSync(join(folder, "pool", "dir"));
    await expect(create("dir", { pool: "pool", name: "dir", capacity: 1, adopt: true, format: "raw" })).rejects.toThrow(
      /55|type "dir"/,
    );
    await expect(create("dir", { pool: "pool", name: "dir", capacity: 1, adopt: true, format: "raw" })).rejects.toThrow(
      /type "dir"/,
    );
    rmSync(join(folder, "pool", "dir"), { recursive: true });
  });
});

/** A place whose n-th act on a volume ends in an error, before or after it was done, and all later ones too. */
function dying(at: number, after: boolean): { place: Place; acts: () => number } {
  let count = 0;
  const guard = async (act: () => Promise<unknown>): Promise<unknown> => {
    count += 1;
    if (count > at || (count === at && !after)) throw new Error("power cut");
    const result = await act();
    if (count === at) throw new Error("power cut");
    return result;
  };
  const { host } = place;
  const cut = new Proxy(host, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      const bound = value.bind(target) as (...all: unknown[]) => unknown;
      if (key === "upload") return (...all: unknown[]) => guard(() => bound(...all) as Promise<unknown>);
      if (key !== "call") return bound;
      return (name: string, ...all: unknown[]) => {
        if (name === "STORAGE_VOL_DELETE" && count >= at) return Promise.reject(new Error("power cut"));
        const acts = name === "STORAGE_VOL_CREATE_XML" || name === "STORAGE_VOL_RESIZE";
        return acts ? guard(() => bound(name, ...all) as Promise<unknown>) : bound(name, ...all);
      };
    },
  });
  const copy = Object.create(place, { host: { value: cut } }) as Place;
  return { place: copy, acts: () => count };
}

/** A place on which another process removes a volume, each time when it is about to be resized, as often as asked for. */
function sharing(name: string, times: number): Place {
  const { host } = place;
  const call = host.call.bind(host) as (procedure: string, ...more: unknown[]) => Promise<unknown>;
  let left = times;
  const shared = Object.create(host, {
    call: {
      value: (procedure: string, ...more: unknown[]) => {
        if (procedure === "STORAGE_VOL_RESIZE" && left > 0) {
          left -= 1;
          execFileSync("virsh", ["-q", "vol-delete", "--pool", "pool", name]);
        }
        return call(procedure, ...more);
      },
    },
    upload: { value: host.upload.bind(host) },
    download: { value: host.download.bind(host) },
  }) as Place["host"];
  return Object.create(place, { host: { value: shared } }) as Place;
}

describe("another process that removes what is being made", () => {
  it("is outlived where it does so once, and named where it goes on", async () => {
    const source = image("removed.img", randomBytes(3 * MIB));
    const made = await create("removed", { pool: "pool", name: "removed", source }, { place: sharing("removed", 1) });
    expect(shaOf(fileOf(made.outputs))).toBe(shaOf(source));
    await volume.delete(made.request, made.id, made.outputs);
    const again = create("again", { pool: "pool", name: "again", source }, { place: sharing("again", 99) });
    await expect(again).rejects.toThrow(/create volume "again" in pool "pool": libvirt refused \(50, no storage vol\)/);
    expect(existsSync(join(folder, "pool/again"))).toBe(false);
  });
});

describe("a death at each step", () => {
  const source = () => join(folder, "death.img");
  beforeAll(() => image("death.img", randomBytes(20 * MIB), Buffer.alloc(4 * MIB), randomBytes(100)));

  it.each(["raw", "qcow2"])("of making a %s volume is mended by the next create", async (format) => {
    const news =
      format === "raw"
        ? { pool: "pool", name: "death", source: source() }
        : { pool: "pool", name: "death", capacity: 1 };
    const outcomes: string[] = [];
    for (let at = 1, more = true; more; at += 1) {
      for (const after of [false, true]) {
        const broken = dying(at, after);
        const first = await create("death", news, { place: broken.place }).catch((error: unknown) => error);
        more = broken.acts() >= at;
        if (!more) {
          await volume.delete(ask("death"), "pool/death", (first as { outputs: Values }).outputs);
          break;
        }
        const next = await create("death", news).catch((error: unknown) => error as Error);
        if (next instanceof Error) {
          // Only a volume that is whole may be refused.
          expect(next.message).toMatch(/exists on the host already/);
          outcomes.push("whole");
        } else outcomes.push("made again");
        const file = join(folder, "pool", "death");
        if (format === "raw") expect(shaOf(file)).toBe(shaOf(source()));
        else execFileSync("qemu-img", ["check", file]);
        // Another owner neither takes nor harms it.
        await expect(create("stranger", news)).rejects.toThrow(/exists on the host already/);
        const outputs = next instanceof Error ? { name: "death", pool: "pool" } : next.outputs;
        await volume.delete(ask("death"), "pool/death", outputs);
      }
    }
    expect(outcomes.filter((one) => one === "whole")).toHaveLength(1);
    expect(outcomes.length).toBeGreaterThanOrEqual(10);
    expect(outcomes.at(-1)).toBe("whole");
  });

  it.each(["raw", "qcow2", "tiny"])("of making a lost %s volume again is mended by the next update", async (kind) => {
    const tiny = image("tiny.img", randomBytes(5000));
    const from = kind === "tiny" ? tiny : source();
    const news = { pool: "pool", name: "relost", ...(kind === "qcow2" ? { capacity: 1 } : { source: from }) };
    let made = await create("relost", news);
    const file = fileOf(made.outputs);
    const mended: boolean[] = [];
    for (let at = 1, more = true; more; at += 1) {
      for (const after of [false, true]) {
        rmSync(file);
        const broken = dying(at, after);
        const request = ask("relost", { place: broken.place, oldInputs: made.inputs });
        // SIGKILL: no word of it reaches the state.
        await volume.update(request, made.id, made.outputs, made.inputs).catch(() => undefined);
        more = broken.acts() >= at;
        const refreshed = await volume.read(ask("relost", { oldInputs: made.inputs }), made.id, made.outputs);
        if (refreshed) made = { ...made, ...refreshed };
        const { diff, inputs, request: next } = await preview("relost", made, news);
        expect(diff.replaces).toEqual([]);
        mended.push(diff.changes);
        if (diff.changes) {
          const { outputs } = await volume.update(next, made.id, made.outputs, inputs);
          made = { ...made, inputs, outputs };
        }
        if (kind === "qcow2") execFileSync("qemu-img", ["check", file]);
        else expect(shaOf(file)).toBe(shaOf(from));
        expect((await preview("relost", made, news)).diff.changes).toBe(false);
      }
    }
    // All but the last steps, after which it is whole.
    expect(mended.filter((one) => !one).length).toBeLessThanOrEqual(3);
    expect(mended.length).toBeGreaterThanOrEqual(10);
    await volume.delete(made.request, made.id, made.outputs);
    expect(existsSync(file)).toBe(false);
  });

  it("leaves what an unfinished one is for its owner alone: another create refuses it", async () => {
    const broken = dying(4, false);
    const news = { pool: "pool", name: "half", source: source() };
    const failure = await create("half", news, { place: broken.place }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PartialFailure);
    const bytes = shaOf(join(folder, "pool", "half"));
    await expect(create("stranger", news)).rejects.toThrow(/exists on the host already/);
    expect(shaOf(join(folder, "pool", "half"))).toBe(bytes);
    const { id, outputs } = failure as PartialFailure;
    const { inputs } = await volume.check(ask("half"), undefined, news);
    const mended = await volume.update(ask("half", { oldInputs: inputs }), id, outputs, inputs);
    expect(mended.outputs["__unfinished"]).toBeUndefined();
    expect(shaOf(join(folder, "pool", "half"))).toBe(shaOf(source()));
    await volume.delete(ask("half"), id, mended.outputs);
  });

  it("a cancel ends an upload within a second", async () => {
    const controller = new AbortController();
    const big = image("big.img", randomBytes(64 * MIB));
    truncateSync(big, 8 * 1024 * MIB);
    let began = 0;
    const request = ask("cancel", {
      signal: controller.signal,
      progress: () => {
        if (began === 0) {
          began = Date.now();
          setTimeout(() => {
            controller.abort();
          }, 30);
        }
      },
    });
    // The digest of 8 GiB of holes takes its time; create needs it only to compare at the end.
    const inputs = { pool: "pool", name: "cancel", source: big, format: "raw", capacity: 8, __content: "sha256:00" };
    const failure = await volume.create(request, inputs).catch((error: unknown) => error);
    expect(Date.now() - began).toBeLessThan(1030);
    expect(failure).toBeInstanceOf(PartialFailure);
    const small = image("after.img", randomBytes(1000));
    const made = await create("cancel", { pool: "pool", name: "cancel", source: small });
    expect(shaOf(fileOf(made.outputs))).toBe(shaOf(small));
    await volume.delete(made.request, made.id, made.outputs);
  });
});

describe("a full pool", () => {
  it("is told before anything is sent, or leaves nothing, with the bytes needed and free", async () => {
    const path = join(folder, "full");
    mkdirSync(path);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "none", path]);
    await makePool("full", path);
    const big = image("big6.img", randomBytes(6 * MIB));
    await expect(create("full", { pool: "full", name: "v", source: big })).rejects.toThrow(
      /has 41\d{5} bytes free, and 6291456 are needed/,
    );
    expect(existsSync(join(path, "v"))).toBe(false);

    // The pool fills after the comparison: libvirt may answer that all went well.
    const fits = image("big3.img", randomBytes(3 * MIB));
    const request = ask("full", {
      progress: () => {
        writeFileSync(join(path, "other"), Buffer.alloc(4 * MIB - 300_000));
      },
    });
    const original = place.host.upload.bind(place.host);
    let uploads = 0;
    const spy = jest.spyOn(place.host, "upload").mockImplementation(async (...all) => {
      uploads += 1;
      if (uploads === 2)
        try {
          writeFileSync(join(path, "other"), Buffer.alloc(3 * MIB));
        } catch {
          /* as much as fits */
        }
      return original(...all);
    });
    const { inputs } = await volume.check(request, undefined, { pool: "full", name: "v", source: fits });
    await expect(volume.create(request, inputs)).rejects.toThrow(/bytes free, and 3145728 are needed.*removed/);
    spy.mockRestore();
    expect(existsSync(join(path, "v"))).toBe(false);
  });
});

describe("gone", () => {
  it("counts only while the pool is the same with its file system mounted", async () => {
    const path = join(folder, "mounted");
    mkdirSync(path);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m", "none", path]);
    const pool = await makePool("mounted", path);
    const news = { pool: "mounted", name: "v", capacity: 0.01 };
    const made = await create("gone", news);
    const other = await create("gone2", { ...news, name: "w" });

    rmSync(join(path, "w"));
    const lost = await preview("gone2", other, { ...news, name: "w" });
    expect(lost.diff.changes).toBe(true);
    expect(lost.request.heard.info.join()).toMatch(/gone from the host/);
    expect(await volume.read(ask("gone2"), other.id, other.outputs)).toBeUndefined();
    const again = await volume.update(lost.request, other.id, other.outputs, lost.inputs);
    expect(existsSync(join(path, "w"))).toBe(true);
    await volume.delete(ask("gone2"), other.id, again.outputs);

    execFileSync("umount", [path]);
    const request = ask("gone", { oldInputs: made.inputs });
    for (const act of [
      () => volume.diff(request, made.id, made.outputs, made.inputs),
      () => volume.read(request, made.id, made.outputs),
      () => volume.update(request, made.id, made.outputs, made.inputs),
      () => volume.delete(request, made.id, made.outputs),
    ]) {
      await expect(act()).rejects.toThrow(/is it mounted\? The volume is not taken for gone/);
    }
    expect(existsSync(join(path, "v"))).toBe(false);

    await place.host.call("STORAGE_POOL_DESTROY", { pool });
    const stopped = ask("gone", { oldInputs: made.inputs });
    expect((await volume.diff(stopped, made.id, made.outputs, made.inputs)).changes).toBe(false);
    expect(stopped.heard.warn.join()).toMatch(/pool "mounted" is not active; the state stands for it/);
    expect((await volume.read(stopped, made.id, made.outputs))?.outputs).toEqual(made.outputs);
    await expect(volume.delete(stopped, made.id, made.outputs)).rejects.toThrow(/not active/);

    await place.host.call("STORAGE_POOL_UNDEFINE", { pool });
    await expect(volume.delete(stopped, made.id, made.outputs)).rejects.toThrow(
      /cannot be deleted: pool "mounted" is not defined\. Define the pool again.*pulumi state delete/,
    );
    const twin = await makePool("mounted", path);
    writeFileSync(join(path, "v"), "another");
    await place.host.call("STORAGE_POOL_REFRESH", { pool: twin, flags: 0 });
    await volume.delete(stopped, made.id, made.outputs);
    expect(stopped.heard.warn.join()).toMatch(/was not deleted: pool "mounted" is another one now/);
    expect(stopped.heard.warn.join()).toMatch(
      /remove this one from the state \(pulumi state delete\) and set `adopt: true`/,
    );
    expect(readFileSync(join(path, "v"), "utf8")).toBe("another");
    await expect(volume.update(stopped, made.id, made.outputs, made.inputs)).rejects.toThrow(/is another one now/);
  });
});

describe("data", () => {
  const domainXml = (path: string, extra = "") =>
    `<domain type="qemu"><name>user</name><memory unit="MiB">32</memory><os><type arch="x86_64" machine="pc">hvm</type></os>
     <devices><disk type="file" device="disk"><driver name="qemu" type="raw"/><source file="${path}"/><target dev="vda" bus="virtio"/>${extra}</disk></devices></domain>`;

  it("of a guest goes only with allowDataLoss; what was never written goes", async () => {
    const news = { pool: "pool", name: "data", capacity: 0.01, format: "raw" };
    const made = await create("data", news);
    expect((await preview("data", made, { ...news, format: "qcow2" })).diff).toMatchObject({
      replaces: ["format"],
      deleteBeforeReplace: true,
    });
    const { vol } = await place.host.call("STORAGE_VOL_LOOKUP_BY_KEY", { key: String(made.outputs["key"]) });
    await place.host.upload(vol, { offset: 0n, length: 5n }, [Buffer.from("hello")]);
    await expect(preview("data", made, { ...news, format: "qcow2" })).rejects.toThrow(
      /"data" in pool "pool" would be replaced, and was written/,
    );
    expect((await preview("data", made, { ...news, format: "qcow2", allowDataLoss: true })).diff.replaces).toEqual([
      "format",
    ]);
    await volume.delete(made.request, made.id, made.outputs);
  });

  it("of a machine is not deleted; a running one sees its disk grow", async () => {
    const news = { pool: "pool", name: "used", capacity: 0.01, format: "raw" };
    const made = await create("used", news);
    const { dom } = await place.host.call("DOMAIN_DEFINE_XML_FLAGS", {
      xml: domainXml(fileOf(made.outputs)),
      flags: 0,
    });
    await expect(volume.delete(made.request, made.id, made.outputs)).rejects.toThrow(/used by the machine "user"/);
    await place.host.call("DOMAIN_CREATE_WITH_FLAGS", { dom, flags: 0 });
    await expect(volume.delete(made.request, made.id, made.outputs)).rejects.toThrow(
      /used by the running machine "user"/,
    );
    for (const allowDataLoss of [false, true]) {
      await expect(preview("used", made, { ...news, format: "qcow2", allowDataLoss })).rejects.toThrow(
        /"used" in pool "pool" has a given name and is used by the running machine "user": it cannot be replaced under/,
      );
    }
    await expect(preview("used", made, { ...news, name: "other", format: "qcow2" })).rejects.toThrow(
      /disk of the running machine "user"/,
    );
    const grown = await preview("used", made, { ...news, capacity: 0.02 });
    const updated = await volume.update(grown.request, made.id, made.outputs, grown.inputs);
    const { capacity } = await place.host.call("DOMAIN_GET_BLOCK_INFO", { dom, path: "vda", flags: 0 });
    expect(capacity).toBe(BigInt(Math.ceil((0.02 * 1024 ** 3) / 4096) * 4096));
    const after = { id: made.id, inputs: grown.inputs, outputs: updated.outputs };
    expect((await preview("used", after, { ...news, capacity: 0.02 })).diff.changes).toBe(false);
    await place.host.call("DOMAIN_DESTROY_FLAGS", { dom, flags: 0 });
    await place.host.call("DOMAIN_UNDEFINE_FLAGS", { dom, flags: 0 });
    await volume.delete(made.request, made.id, updated.outputs);
    expect(existsSync(fileOf(made.outputs))).toBe(false);
  });

  it("that a running machine has read-only is not grown under it in qcow2, as the preview says", async () => {
    const news = { pool: "pool", name: "read", capacity: 0.01, format: "qcow2" };
    const made = await create("read", news);
    const xml = domainXml(fileOf(made.outputs), "<readonly/>").replace('type="raw"', 'type="qcow2"');
    const { dom } = await place.host.call("DOMAIN_CREATE_XML", { xml_desc: xml, flags: 0 });
    const more = { ...news, capacity: 0.02 };
    await expect(preview("read", made, more)).rejects.toThrow(
      /"read" in pool "pool": the running machine "user" has it read-only, .*`capacity` .*power the machine off first/,
    );
    expect((await preview("read", made, news)).diff.changes).toBe(false);
    await place.host.call("DOMAIN_DESTROY_FLAGS", { dom, flags: 0 });
    const grown = await preview("read", made, more);
    const updated = await volume.update(grown.request, made.id, made.outputs, grown.inputs);
    await volume.delete(made.request, made.id, updated.outputs);
  });

  it("a grow that fails is told, and keeps what the state knows", async () => {
    const news = { pool: "pool", name: "fails", capacity: 0.01, format: "raw" };
    const made = await create("fails", news);
    const wish = await preview("fails", made, { ...news, capacity: 1_000_000 });
    const failure = await volume.update(wish.request, made.id, made.outputs, wish.inputs).catch((e: unknown) => e);
    expect(String(failure)).toMatch(
      /resize volume "fails" in pool "pool" from 0\.0100021 to 1000000 GiB: libvirt refused \(\d+, /,
    );
    const { outputs } = failure as PartialFailure;
    expect(outputs).toMatchObject({ __made: made.outputs["__made"], __written: made.outputs["__written"] });
    await volume.delete(made.request, made.id, outputs);
  });

  it("an adopted image whose grow failed is still the state's, and is deleted", async () => {
    const elsewhere = placeOf();
    const theirs = await create("maker", { pool: "pool", name: "grown", capacity: 0.01 }, { place: elsewhere });
    await elsewhere.host.close();
    const news = { pool: "pool", name: "grown", capacity: 1, adopt: true, format: "qcow2" };
    const broken = dying(1, false);
    const request = ask("adopter", { place: broken.place });
    const { inputs } = await volume.check(request, undefined, news);
    const failure = await volume.create(request, inputs).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PartialFailure);
    const { id, outputs } = failure as PartialFailure;
    const later = ask("adopter");
    await volume.delete(later, id, outputs);
    expect(later.heard.warn).toEqual([]);
    expect(existsSync(fileOf(theirs.outputs))).toBe(false);
  });

  it("a volume is imported by its id or path", async () => {
    const made = await create("import", { pool: "pool", name: "import", capacity: 0.5 });
    for (const id of [made.id, fileOf(made.outputs)]) {
      const back = await volume.read(ask("import"), id, {});
      expect(back).toMatchObject({
        id: "pool/import",
        inputs: { name: "import", pool: "pool", capacity: 0.5, format: "qcow2" },
      });
    }
    await volume.delete(made.request, made.id, made.outputs);
  });
});
