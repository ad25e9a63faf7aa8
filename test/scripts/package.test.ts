import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const script = pathToFileURL(join(__dirname, "../../scripts/package/archive.mjs")).href;
const { files, exports: doors } = JSON.parse(readFileSync(join(__dirname, "../../package.json"), "utf8")) as {
  files: readonly string[];
  exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
};

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kvm-archive-"))));
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** The scripts are ES modules, which jest does not load: a Node of their own runs them. */
function run(name: "archive" | "checksums", ...words: readonly unknown[]): string {
  const source = `import * as module from ${JSON.stringify(script)};
    process.stdout.write(await module.${name}(...JSON.parse(process.argv[1])));`;
  const args = ["--input-type=module", "-e", source, JSON.stringify(words)];
  return execFileSync(process.execPath, args, { encoding: "utf8", stdio: "pipe" });
}

const bytes = (name: string): Buffer => readFileSync(join(folder, name));

describe("an archive of a release", () => {
  it("has the same bytes whoever made its files, and whenever", () => {
    for (const [name, seconds, mode] of [
      ["one.tar.gz", 1_000_000_000, 0o600],
      ["two.tar.gz", 1_700_000_000, 0o664],
    ] as const) {
      rmSync(join(folder, "file"), { force: true });
      writeFileSync(join(folder, "file"), "content", { mode });
      utimesSync(join(folder, "file"), seconds, seconds);
      run("archive", join(folder, name), folder, ["file"]);
    }
    expect(bytes("one.tar.gz").equals(bytes("two.tar.gz"))).toBe(true);
  });

  it("has its files at the root, readable by all, and what runs runs", () => {
    writeFileSync(join(folder, "plugin"), "#!/bin/sh\n", { mode: 0o700 });
    writeFileSync(join(folder, "LICENSE"), "", { mode: 0o600 });
    const file = run("archive", join(folder, "a.tar.gz"), folder, ["plugin", "LICENSE"]);
    const listed = execFileSync("tar", ["-tvf", file], { encoding: "utf8" }).trimEnd().split("\n");
    expect(listed.map((line) => line.split(/\s+/).filter((_, index) => [0, 1, 5].includes(index)))).toEqual([
      ["-rwxr-xr-x", "0/0", "plugin"],
      ["-rw-r--r--", "0/0", "LICENSE"],
    ]);
  });

  it("leaves nothing beside it when a file is missing", () => {
    expect(() => run("archive", join(folder, "a.tar.gz"), folder, ["missing"])).toThrow(/missing/);
    expect(execFileSync("ls", ["-A", folder], { encoding: "utf8" })).toBe("");
  });

  it("is named with its SHA-256 as sha256sum does it", () => {
    writeFileSync(join(folder, "a.tar.gz"), "abc");
    run("checksums", folder, "sums.txt", [join(folder, "a.tar.gz")]);
    // FIPS 180-2, appendix B.1.
    const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(bytes("sums.txt").toString()).toBe(`${abc}  a.tar.gz\n`);
  });
});

describe("the npm package", () => {
  it("has a real folder for each of its doors", () => {
    const targets = Object.values(doors).flatMap((door) => (typeof door === "string" ? [] : Object.values(door)));
    const folders = targets.map((target) => target.split("/")[1] ?? "");
    expect(folders.filter((one) => !files.includes(one))).toEqual([]);
    expect(Object.keys(doors)).toEqual([".", "./dynamic", "./plugin", "./package.json"]);
  });

  it("says nothing of Pulumi: a program of the dynamic door would look for a plugin at each run", () => {
    const text = readFileSync(join(__dirname, "../../package.json"), "utf8");
    expect(Object.keys(JSON.parse(text) as object)).not.toContain("pulumi");
  });
});
