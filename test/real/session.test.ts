// A session's daemon, started as libvirt's own client does it. Needs the lab, whose processes end with it.
import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const describeInLab = process.env["PULUMI_KVM_LAB"] === "1" ? describe : describe.skip;
const root = resolve(__dirname, "../..");
// Root has no session: its daemon is the system's.
const nobody = 65_534;

/** Asks three times at once who answers; prints the answers, or the first failure. */
const asking = `
  import { Host } from "./provider/rpc";
  import { parseUri } from "./provider/transport";
  const hosts = [1, 2, 3].map(() => Host.at(parseUri("qemu:///session")));
  Promise.all(hosts.map((host) => host.call("CONNECT_GET_URI", {})))
    .then((answers) => answers.map(({ uri }) => uri).join(" "), (error) => error.message)
    .then((text) => console.log(text))
    .then(() => Promise.all(hosts.map((host) => host.close())));`;

jest.setTimeout(60_000);

describeInLab("qemu:///session where no daemon runs", () => {
  let folder = "";
  const pidFile = (): string => join(folder, "libvirt/libvirtd.pid");

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "session-"));
    chownSync(folder, nobody, nobody);
    // In one file: another user may not read the checkout.
    mkdirSync(join(root, ".cache"), { recursive: true });
    const source = join(root, `.cache/session-${process.pid}.ts`);
    writeFileSync(source, asking.replaceAll("./provider", "../provider"));
    const words = ["--bundle", "--platform=node", `--outfile=${join(folder, "asking.js")}`, "--log-level=error"];
    execFileSync(join(root, "node_modules/.bin/esbuild"), [source, ...words, "--external:*.node"]);
    rmSync(source);
  });
  afterEach(() => {
    if (existsSync(pidFile())) process.kill(Number(readFileSync(pidFile(), "utf8")), "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a user hears who has no rights and no home but the folder. */
  function heard(more: NodeJS.ProcessEnv = {}): string {
    const places = { HOME: folder, XDG_RUNTIME_DIR: folder, XDG_CACHE_HOME: join(folder, "cache") };
    const { stdout, stderr } = spawnSync(process.execPath, [join(folder, "asking.js")], {
      cwd: folder,
      env: { ...process.env, ...places, XDG_CONFIG_HOME: join(folder, "config"), ...more },
      uid: nobody,
      gid: nobody,
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    return stdout.trim();
  }

  it("starts one for all who ask at once, which stays", () => {
    expect(heard()).toBe("qemu:///session qemu:///session qemu:///session");
    const pid = readFileSync(pidFile(), "utf8").trim();
    expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).toMatch(/libvirtd\0--timeout=120\0$/);
    expect(heard()).toBe("qemu:///session qemu:///session qemu:///session");
    expect(readFileSync(pidFile(), "utf8").trim()).toBe(pid);
  });

  it("starts none where LIBVIRT_AUTOSTART forbids it, and says so", () => {
    expect(heard({ LIBVIRT_AUTOSTART: "0" })).toContain(
      "(ENOENT); the session's daemon does not run, and LIBVIRT_AUTOSTART=0 forbids to start one: install libvirt's daemon here, or start it by hand",
    );
    expect(existsSync(pidFile())).toBe(false);
  });

  it("says what became of one that does not come up", () => {
    expect(heard({ XDG_RUNTIME_DIR: "/proc/nowhere" })).toMatch(/libvirtd ended with \d+: install/);
  });
});
