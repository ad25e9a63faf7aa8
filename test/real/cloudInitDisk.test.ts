import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UNKNOWN, type Values } from "../../provider/fields";
import { cloudInitDisk } from "../../provider/resources/cloudInitDisk/lifecycle";
import { ensureContentVolume } from "../../provider/resources/volume/make";
import { placeOf, requestFor } from "./request";

jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "seed-test-"));
const place = placeOf();
const news = { pool: "seeds", userData: "#cloud-config\npassword: canary-77\n", networkConfig: "version: 2\n" };

const ask = (name: string, oldInputs?: Values) =>
  requestFor(name, place, { token: "CloudInitDisk", ...(oldInputs ? { oldInputs } : {}) });

beforeAll(async () => {
  const path = join(folder, "seeds");
  mkdirSync(path);
  const xml = `<pool type="dir"><name>seeds</name><target><path>${path}</path></target></pool>`;
  const { pool } = await place.host.call("STORAGE_POOL_DEFINE_XML", { xml, flags: 0 });
  await place.host.call("STORAGE_POOL_CREATE", { pool, flags: 0 });
});

afterAll(async () => {
  const { pool } = await place.host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name: "seeds" });
  await place.host.call("STORAGE_POOL_DESTROY", { pool });
  await place.host.call("STORAGE_POOL_UNDEFINE", { pool });
  await place.host.close();
  rmSync(folder, { recursive: true, force: true });
});

it("is a seed that cloud-init reads, the same on every run, another for other data", async () => {
  const request = ask("seed_1");
  const { inputs } = await cloudInitDisk.check(request, undefined, news);
  const { id, outputs } = await cloudInitDisk.create(request, inputs);
  const file = String(outputs["path"]);
  expect(id).toMatch(/^seeds\/seed_1-[0-9a-f]{7}$/);
  expect(readFileSync(file).includes("local-hostname: seed-1\n")).toBe(true);
  expect(readFileSync(file).includes("password: canary-77")).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(execFileSync("blkid", ["-o", "export", file]).toString()).toMatch(/LABEL=cidata/i);

  const again = ask("seed_1", inputs);
  const same = await cloudInitDisk.check(again, inputs, news);
  expect(same.inputs).toEqual(inputs);
  expect((await cloudInitDisk.diff(again, id, outputs, same.inputs)).changes).toBe(false);

  const other = await cloudInitDisk.check(again, inputs, { ...news, userData: "#cloud-config\n" });
  const diff = await cloudInitDisk.diff(again, id, outputs, other.inputs);
  expect(diff).toMatchObject({ replaces: ["name", "userData"], deleteBeforeReplace: false });
  expect(other.inputs["name"]).not.toBe(inputs["name"]);
  expect(JSON.stringify([request.heard, again.heard])).not.toContain("canary-77");

  await cloudInitDisk.delete(request, id, outputs);
  await cloudInitDisk.delete(request, id, outputs);
  expect(existsSync(file)).toBe(false);
});

it("has no name yet while its content is not known", async () => {
  const { inputs, failures } = await cloudInitDisk.check(ask("later"), undefined, { ...news, userData: UNKNOWN });
  expect(failures).toEqual([]);
  expect(inputs["name"]).toBe(UNKNOWN);
});

it("shares its making with the seeds of machines", async () => {
  const spot = { pool: "seeds", name: "own.iso" };
  const first = await ensureContentVolume(ask("seed"), { ...spot, bytes: Buffer.from("seed") });
  expect(first.path).toBe(join(folder, "seeds", "own.iso"));
  expect(await ensureContentVolume(ask("seed"), { ...spot, bytes: Buffer.from("seed") })).toEqual(first);
  const other = ensureContentVolume(ask("seed"), { ...spot, bytes: Buffer.from("other") });
  await expect(other).rejects.toThrow(/does not hold what is wanted. It was not touched/);
});
