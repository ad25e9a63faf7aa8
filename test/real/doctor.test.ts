import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Finding } from "../../provider/resources/host/lacks";
import { loadLookup } from "../../provider/resources";
import { placeOf } from "./request";

jest.setTimeout(120_000);

const root = join(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "doctor-"));
const cli = join(folder, "dist/serving/cli.js");

interface Told {
  readonly canRunMachines: boolean;
  readonly findings: readonly Finding[];
  readonly lacks: readonly unknown[];
}

/** Runs the compiled command as a user does, as an account of that number. */
function doctor(words: readonly string[], uid = 0): { code: number | null; out: string; err: string } {
  const env = { ...process.env, XDG_RUNTIME_DIR: folder, LIBVIRT_AUTOSTART: "0" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, "doctor", ...words], {
    uid,
    gid: uid,
    env,
    encoding: "utf8",
  });
  return { code: status, out: stdout, err: stderr };
}

/** A package and all that it needs, as they lie in node_modules. */
function closureOf(name: string, known = new Set<string>()): Set<string> {
  if (known.has(name)) return known;
  known.add(name);
  const text = readFileSync(join(root, "node_modules", name, "package.json"), "utf8");
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
  for (const one of Object.keys(dependencies)) closureOf(one, known);
  return known;
}

function stateOf({ findings }: Told): Record<string, string> {
  return Object.fromEntries(findings.map(({ what, state }) => [what, state]));
}

beforeAll(() => {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", join(folder, "dist")]);
  execFileSync("cp", [join(root, "package.json"), folder]);
  // Another account may not read the checkout.
  execFileSync("mkdir", [join(folder, "node_modules")]);
  for (const name of closureOf("fast-xml-parser")) {
    const place = join(folder, "node_modules", name);
    execFileSync("mkdir", ["-p", dirname(place)]);
    execFileSync("cp", ["-r", join(root, "node_modules", name), place]);
  }
  execFileSync("chmod", ["-R", "a+rX", folder]);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("pulumi-kvm doctor", () => {
  it("finds a host that can run machines, with the lacks of getHost", async () => {
    const { code, out, err } = doctor(["--json"]);
    const told = JSON.parse(out) as Told;
    expect([code, err, told.canRunMachines]).toEqual([0, "", true]);
    expect(stateOf(told)).toMatchObject({
      connection: "ok",
      account: "ok",
      changes: "ok",
      emulator: "ok",
      libvirt: "ok",
      freeMemory: "ok",
      // The lab is unconfined and has nothing on it.
      confinement: "lacks",
      network: "lacks",
      pool: "lacks",
      dnsmasq: "unclear",
    });
    const place = placeOf();
    const host = await loadLookup("getHost").look({ place, signal: new AbortController().signal }, {});
    await place.host.close();
    expect(told.lacks).toEqual(host["lacks"]);
  });

  it("says it to people", () => {
    const { code, out } = doctor(["--uri", "qemu:///system"]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^pulumi-kvm \S+: qemu:\/\/\/system\n\nlink\n {2}ok {11}connection +a socket of this machine, a call/,
    );
    expect(out).toMatch(/\n {2}lacks {8}storage pools +it has no storage pool\n +remedy: make one: a StoragePool/);
    process.stdout.write(out);
  });

  it("finds an account that may only look", () => {
    const { code, out } = doctor(["--json", "--uri", "qemu:///system?socket=/run/libvirt/libvirt-sock-ro"]);
    const told = JSON.parse(out) as Told;
    expect([code, told.canRunMachines]).toEqual([1, false]);
    expect(stateOf(told)).toMatchObject({ connection: "ok", changes: "lacks", tpm: "unclear" });
  });

  it("says what was tried where a socket is closed to the account, and what opens it", async () => {
    const path = join(folder, "closed-sock");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    execFileSync("chmod", ["700", path]);
    const { code, out } = doctor(["--uri", `qemu:///system?socket=${path}`], 65534);
    server.close();
    expect(code).toBe(1);
    expect(out).toContain(`tried ${path} (EACCES); this user may not use the socket: add it to the group libvirt`);
    expect(out).toMatch(/account +nobody \(65534\)/);
    expect(out).toContain("The host was not reached.");
  });

  it("says which sockets were tried where no daemon runs", () => {
    const { code, out } = doctor(["--uri", "qemu:///session"], 65534);
    expect(code).toBe(1);
    expect(out).toMatch(
      /tried \S+\/libvirt-sock \(ENOENT\), \S+\/virtqemud-sock \(ENOENT\); the session's daemon does not run, and LIBVIRT_AUTOSTART=0 forbids/,
    );
  });
});
