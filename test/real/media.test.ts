import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isoImage, qcow2Image, readQcow2, seedImage } from "../../provider/media";

jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "media-"));
const at = (name: string): string => join(folder, name);
const run = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: "utf8" });
afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Info {
  format: string;
  "virtual-size": number;
  "full-backing-filename"?: string;
  "backing-filename-format"?: string;
  "format-specific"?: { data: { compat: string; "refcount-bits": number; corrupt: boolean } };
}
// qemu-img's own JSON: the test asserts each field that it uses.
const info = (path: string): Info => JSON.parse(run("qemu-img", "info", "--output=json", path)) as Info;

describe("qemu-img", () => {
  it.each([
    ["1 MiB", 1n << 20n],
    ["512 MiB and a sector", (512n << 20n) + 512n],
    ["10 GiB", 10n << 30n],
    ["16 TiB", 16n << 40n],
    ["1 PiB", 1n << 50n],
  ])("finds nothing wrong with an empty image of %s", (_, virtualSize) => {
    const path = at("empty.qcow2");
    writeFileSync(path, qcow2Image({ virtualSize, mark: "owner" }));
    expect(run("qemu-img", "check", "-f", "qcow2", path)).toContain("No errors were found on the image.");
    expect(info(path)).toMatchObject({
      format: "qcow2",
      "virtual-size": Number(virtualSize),
      "format-specific": { data: { compat: "1.1", "refcount-bits": 16, corrupt: false } },
    });
  });

  it.each(["raw", "qcow2"] as const)("sees the %s backing file and its content through it", (format) => {
    const base = at(`base.${format}`);
    writeFileSync(at("content"), Buffer.alloc(1 << 20, 0x5a));
    run("qemu-img", "convert", "-f", "raw", "-O", format, at("content"), base);
    const path = at("overlay.qcow2");
    writeFileSync(path, qcow2Image({ virtualSize: 2n << 20n, backing: { path: base, format }, mark: "owner" }));
    expect(run("qemu-img", "check", path)).toContain("No errors were found on the image.");
    expect(info(path)).toMatchObject({ "full-backing-filename": base, "backing-filename-format": format });
    run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, at("flat"));
    expect(readFileSync(at("flat")).equals(Buffer.concat([Buffer.alloc(1 << 20, 0x5a), Buffer.alloc(1 << 20)]))).toBe(
      true,
    );
  });

  it("keeps the mark when it writes, grows, snapshots, rebases and amends", () => {
    const base = at("base.raw");
    writeFileSync(base, Buffer.alloc(1 << 20, 1));
    const path = at("marked.qcow2");
    writeFileSync(
      path,
      qcow2Image({ virtualSize: 1n << 30n, backing: { path: base, format: "raw" }, mark: "owner é" }),
    );
    run("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 10M", path);
    run("qemu-img", "resize", "-f", "qcow2", path, "3G");
    run("qemu-img", "snapshot", "-c", "first", path);
    run("qemu-img", "rebase", "-f", "qcow2", "-b", "", path);
    run("qemu-img", "amend", "-f", "qcow2", "-o", "lazy_refcounts=on", path);
    expect(run("qemu-img", "check", "-f", "qcow2", path)).toContain("No errors were found on the image.");
    const found = readQcow2(readFileSync(path).subarray(0, 65536));
    expect(found).toMatchObject({ mark: "owner é", virtualSize: 3n << 30n });
    expect(found?.backing).toBeUndefined();
  });

  it("writes headers that we read", () => {
    const path = at("theirs.qcow2");
    run(
      "qemu-img",
      "create",
      "-q",
      "-f",
      "qcow2",
      "-o",
      "cluster_size=4k",
      "-b",
      at("base.raw"),
      "-F",
      "raw",
      path,
      "5G",
    );
    expect(readQcow2(readFileSync(path).subarray(0, 65536))).toEqual({
      version: 3,
      virtualSize: 5n << 30n,
      clusterSize: 4096,
      backing: { path: at("base.raw"), format: "raw" },
      externalData: false,
      encrypted: false,
    });
    run("qemu-img", "create", "-q", "-f", "qcow2", "-o", `data_file=${at("data")}`, path, "1M");
    expect(readQcow2(readFileSync(path).subarray(0, 65536))?.externalData).toBe(true);
    run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=0.10", path, "1M");
    expect(readQcow2(readFileSync(path).subarray(0, 65536))).toMatchObject({ version: 2, virtualSize: 1n << 20n });
  });
});

// genisoimage's reader is no part of the set-up; the layout itself is held by test/media/iso.test.ts.
const isoinfo = spawnSync("isoinfo", ["-version"]).error === undefined;
if (!isoinfo) console.warn("isoinfo is not installed: the ISO image is read by our own test's reader alone");

(isoinfo ? describe : describe.skip)("isoinfo", () => {
  it.each(["-R", "-J"])("reads a seed by %s", (tree) => {
    const path = at("seed.iso");
    writeFileSync(path, seedImage({ userData: "#cloud-config\n", metaData: "instance-id: a\n", networkConfig: "n" }));
    expect(run("isoinfo", "-d", "-i", path)).toContain("Volume id: cidata");
    expect(run("isoinfo", "-f", tree, "-i", path)).toBe("/meta-data\n/network-config\n/user-data\n");
    expect(run("isoinfo", tree, "-i", path, "-x", "/meta-data")).toBe("instance-id: a\n");
  });

  it.each(["-R", "-J"])("finds each of 1,500 files by %s", (tree) => {
    const path = at("many.iso");
    const files = Array.from({ length: 1500 }, (_, n) => ({ name: `a file ${n}.text`, data: Buffer.from(String(n)) }));
    writeFileSync(path, isoImage("MANY", files));
    expect(new Set(run("isoinfo", "-f", tree, "-i", path).trim().split("\n")).size).toBe(1500);
    expect(run("isoinfo", tree, "-i", path, "-x", "/a file 1234.text")).toBe("1234");
  });
});
