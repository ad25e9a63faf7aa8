import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeInLab, Program } from "./engine";
import { Hosts, type LabHost } from "./hosts";

// A host with sshd and libvirt and nothing else, and a client with Node and Pulumi and nothing else.
const absent = ["virsh", "ssh", "qemu-img", "nc", "genisoimage", "python3"];
const examples = join(__dirname, "../../examples");
const source = readFileSync(join(examples, "quickstart/index.ts"), "utf8");
const kernel = process.env["PULUMI_KVM_GUEST_KERNEL"] ?? "";
const initrd = process.env["PULUMI_KVM_GUEST_INITRD"] ?? "";

/** Covers programs in the lab's own mounts, which end with it. */
function cover(name: string): void {
  execFileSync("bash", ["-c", `for p in $(type -aP ${name}); do mount --bind /dev/null "$(readlink -f "$p")"; done`]);
}

/** The page that a guest serves, as its host sees it. */
async function pageOn({ name }: LabHost, url: string): Promise<string> {
  const ask = `fetch(process.argv[1]).then((answer) => answer.text()).then(console.log, () => console.log(""))`;
  for (let tries = 0; tries < 120; tries += 1) {
    const text = execFileSync("nsenter", [`--net=/run/netns/${name}`, process.execPath, "-e", ask, url], {
      encoding: "utf8",
    });
    if (text.trim() !== "") return text;
    await sleep(500);
  }
  return "";
}

describeInLab("a host that nobody prepared", () => {
  let hosts: Hosts;
  let host: LabHost;
  let program: Program;
  beforeAll(async () => {
    hosts = await Hosts.start(1, "bare");
    [host] = hosts.all as [LabHost];
    for (const name of absent) cover(name);
    const config = { kernel, initrd, "kvm:uri": host.uri };
    program = new Program({ source, language: "typescript", project: "quickstart", config });
  }, 120_000);
  afterAll(async () => {
    program.close();
    await hosts.close();
  }, 120_000);

  it("runs the quickstart: a guest boots, reads its seed and serves a page", async () => {
    for (const name of absent) expect(() => execFileSync(name, ["--version"], { stdio: "pipe" })).toThrow();
    program.upped();
    expect(await pageOn(host, String(program.outputs()["url"]))).toContain("Hello from my seed");
    expect(program.preview().steps).toEqual([]);
    expect(program.refresh()).toMatchObject({ code: 0 });
    expect(program.preview().steps).toEqual([]);
  }, 300_000);

  it("grows a disk, changes memory and loses everything again", () => {
    // libvirt itself calls qemu-img to grow a qcow2 that no guest has.
    const disk = `\nconst disk = new kvm.Volume("disk", { pool: pool.name, capacity: SIZE, format: "raw" });\n`;
    program.write(source + disk.replace("SIZE", "0.1"));
    program.upped();
    program.write(source.replace("? 256 : 1024", "? 320 : 1024") + disk.replace("SIZE", "0.2"));
    program.upped();
    expect(program.preview().steps).toEqual([]);
    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(program.state()).toEqual([]);
  }, 300_000);

  it("runs no-downtime: a machine is edited while its guest serves", async () => {
    const folder = join(examples, "no-downtime");
    const edited = new Program({
      source: readFileSync(join(folder, "index.ts"), "utf8"),
      language: "typescript",
      project: "no-downtime",
      config: { kernel, initrd, "kvm:uri": host.uri },
      environment: { PULUMI_NODEJS_TRANSPILE_ONLY: "true" },
    });
    try {
      for (const file of ["edits.ts", "counter.sh", "tsconfig.json"])
        copyFileSync(join(folder, file), join(edited.folder, file));
      edited.upped();
      const url = String(edited.outputs()["url"]);
      const counted = async (): Promise<number> => Number.parseInt(await pageOn(host, url));
      const first = await counted();
      const text = readFileSync(join(folder, "edits.ts"), "utf8");
      const names = [...text.matchAll(/^ {2}"([\w-]+)",$/gm)].map(([, name]) => String(name));
      expect(names).toHaveLength(13);
      for (const name of names) edited.upped("-c", `edit=${name}`);
      expect(await counted()).toBe(first + 1);
      expect(edited.outputs()["restartPending"]).toEqual(["os.machine"]);
      expect(edited.run("preview", "--expect-no-changes")).toMatchObject({ code: 0 });
      expect(edited.destroy()).toMatchObject({ code: 0 });
    } finally {
      edited.close();
    }
  }, 300_000);
});
