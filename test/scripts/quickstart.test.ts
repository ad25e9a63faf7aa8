import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const scripts = join(__dirname, "../../scripts/quickstart");

let state = "";
beforeEach(() => (state = mkdtempSync(join(tmpdir(), "kvm-state-"))));
afterEach(() => {
  rmSync(state, { recursive: true, force: true });
});

/** The scripts are ES modules, which jest does not load: a Node of their own runs them. */
function run(name: "clearDeadLocks" | "mendState"): unknown {
  const file = { clearDeadLocks: "locks.mjs", mendState: "checkpoint.mjs" }[name];
  const source = `import * as module from ${JSON.stringify(pathToFileURL(join(scripts, file)).href)};
    process.stdout.write(JSON.stringify(module.${name}(process.argv[1])));`;
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", source, state], { encoding: "utf8" }));
}

function put(name: string, text: string): string {
  const file = join(state, ".pulumi", name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const lockOf = (pid: number): string => JSON.stringify({ pid, hostname: hostname() });

/** A backend as Pulumi lays it out, after its second write. */
function backend(checkpoint = `{"version":3}`): string {
  put("meta.yaml", "version: 1\n");
  put("meta.yaml.attrs", "{}\n");
  put("stacks/kvm/dev.json.bak", `{"version":2}`);
  put("stacks/kvm/dev.json.bak.attrs", "{}\n");
  put("stacks/kvm/dev.json.attrs", "{}\n");
  return put("stacks/kvm/dev.json", checkpoint);
}

describe("the quickstart after a kill", () => {
  it("finds nothing to mend in a whole state, nor where there is none", () => {
    expect(run("mendState")).toBe(false);
    const file = backend();
    expect(run("mendState")).toBe(false);
    expect(readFileSync(file, "utf8")).toBe(`{"version":3}`);
  });

  it.each(["stacks/kvm/dev.json.attrs", "meta.yaml.attrs"])("drops a half-written %s, and keeps the state", (name) => {
    const file = backend();
    const attributes = put(name, "");
    expect(run("mendState")).toBe(true);
    expect(existsSync(attributes)).toBe(false);
    expect(readFileSync(file, "utf8")).toBe(`{"version":3}`);
    expect(run("mendState")).toBe(false);
  });

  it.each(["", `{"version":3,"check`])("puts the state before back where the state is %j", (text) => {
    const file = backend(text);
    expect(run("mendState")).toBe(true);
    expect(readFileSync(file, "utf8")).toBe(`{"version":2}`);
  });

  it("keeps its hands off a state that a living process has locked", () => {
    const file = backend("");
    const lock = put("locks/organization/kvm/dev/a.json", lockOf(process.pid));
    expect([run("clearDeadLocks"), run("mendState")]).toEqual([false, false]);
    expect(readFileSync(file, "utf8")).toBe("");
    expect(existsSync(lock)).toBe(true);
  });

  it("removes the lock of a process that is no more, and one that was never finished", () => {
    const dead = put("locks/organization/kvm/dev/a.json", lockOf(2 ** 30));
    const unfinished = put("locks/organization/kvm/dev/b.json.18d2.tmp", "");
    utimesSync(unfinished, new Date(0), new Date(0));
    const fresh = put("locks/organization/kvm/dev/c.json.18d3.tmp", "");
    expect(run("clearDeadLocks")).toBe(true);
    expect([dead, unfinished, fresh].map((file) => existsSync(file))).toEqual([false, false, true]);
  });
});
