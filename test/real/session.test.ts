// A session's daemon, started as libvirt's own client does it. Needs the lab, whose processes end with it.
import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describeInLab } from "../e2e/engine";

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

/** Makes what a session has without a word about it, and prints what came of it. */
const making = `
  import { load } from "./provider/resources";
  import { Driven } from "./test/real/driven";
  import { placeOf } from "./test/real/request";
  const place = placeOf("qemu:///session");
  const [pool, volume, web] = ["StoragePool", "Volume", "Domain"].map((name) => new Driven(load(name as "Domain"), place, name.toLowerCase()));
  const args = { type: "qemu", memory: 64, interfaces: [{}], shutdown: { timeout: 0 } };
  const told: unknown[] = [];
  const tell = async () => {
    await pool.up({});
    const disk = { pool: pool.outputs["name"], capacity: 0.01 };
    await volume.up(disk);
    const machine = { ...args, disks: [{ volume: volume.id }] };
    await web.up(machine);
    const { xml } = await place.host.call("DOMAIN_GET_XML_DESC", { dom: { name: "-", uuid: web.id, id: -1 }, flags: 0 });
    told.push({ pool: pool.outputs, volume: volume.outputs, xml, identity: await place.identity("machines") });
    for (const [one, wish] of [[pool, {}], [volume, disk], [web, machine]] as const) told.push(await one.preview(wish));
    const moved = { ...machine, interfaces: [{ user: { address: "10.0.9.0/24" } }] };
    told.push(await web.preview(moved), (await web.up(moved))?.changes, await web.preview(moved));
    for (const one of [web, volume, pool]) await one.destroy();
  };
  tell()
    .catch((error) => told.push(error.stack))
    .then(() => console.log(JSON.stringify(told)))
    .then(() => place.host.close());`;

jest.setTimeout(60_000);

describeInLab("qemu:///session where no daemon runs", () => {
  let folder = "";
  const pidFile = (): string => join(folder, "libvirt/libvirtd.pid");

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "session-"));
    chownSync(folder, nobody, nobody);
    bundled("asking", asking);
  });
  afterEach(() => {
    if (existsSync(pidFile())) process.kill(Number(readFileSync(pidFile(), "utf8")), "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  /** A program in one file: another user may not read the checkout. */
  function bundled(name: string, program: string): void {
    mkdirSync(join(root, ".cache"), { recursive: true });
    const source = join(root, `.cache/session-${process.pid}.ts`);
    writeFileSync(source, program.replaceAll('"./', '"../'));
    const words = ["--bundle", "--platform=node", `--outfile=${join(folder, `${name}.js`)}`, "--log-level=error"];
    execFileSync(join(root, "node_modules/.bin/esbuild"), [source, ...words, "--external:*.node"]);
    rmSync(source);
  }

  /** What a user hears who has no rights and no home but the folder. */
  function heard(more: NodeJS.ProcessEnv = {}, program = "asking"): string {
    const places = { HOME: folder, XDG_RUNTIME_DIR: folder, XDG_CACHE_HOME: join(folder, "cache") };
    const { stdout, stderr } = spawnSync(process.execPath, [join(folder, `${program}.js`)], {
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

  it("gives machines QEMU's own network and pools the user's own folder, where the program names none", () => {
    bundled("making", making);
    const told = JSON.parse(heard({ XDG_DATA_HOME: "" }, "making")) as readonly unknown[];
    const [made, ...previews] = told;
    const path: unknown = expect.stringMatching(
      new RegExp(`^${folder}/.local/share/libvirt/images/storagepool-[0-9a-f]{7}$`),
    );
    expect(made).toMatchObject({
      pool: { path },
      xml: expect.stringContaining("<interface type='user'>") as string,
      identity: expect.stringMatching(/session:65534\/qemu$/) as string,
    });
    const none = { differences: [], changes: false };
    const moved = { differences: [{ path: ["interfaces", 0, "user", "address"], cost: "restart" }] };
    expect(previews).toMatchObject([none, none, none, moved, true, none]);
    expect(existsSync(join(folder, ".local/share/libvirt/images"))).toBe(true);
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
