import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describeInLab, Program, until, virsh } from "./engine";

// examples/no-downtime as it stands: another process asks its counter while the edits are made.
const example = join(__dirname, "../../examples/no-downtime");
const kernel = process.env["PULUMI_KVM_GUEST_KERNEL"] ?? "";
const initrd = process.env["PULUMI_KVM_GUEST_INITRD"] ?? "";

interface Edit {
  readonly edit: string;
  /** All that the preview says: the steps, and the lines of machines and volumes. */
  readonly says: readonly unknown[];
  /** Where the edit is seen, by other eyes than ours, and what is seen there. */
  readonly where: () => string | Promise<string>;
  readonly seen: RegExp;
}

const update = "update Domain counter";
let address = "";
const machine = (): string => virsh("list", "--name");
const inGuest = (): Promise<string> => fetch(`http://${address}/status`).then((answer) => answer.text());
const onHost =
  (command: string, ...words: readonly string[]) =>
  (): string =>
    virsh(command, machine(), ...words);
const entries = (): string => {
  const names = virsh("net-list", "--name")
    .split("\n")
    .map((name) => name.trim());
  return virsh("net-dumpxml", names.find((name) => name.startsWith("back-")) ?? "");
};
const link = (): string => virsh("domif-getlink", machine(), virsh("domiflist", machine()).split(/\s+/)[0] ?? "");

const linkTurns = (turn: string): unknown =>
  expect.stringMatching(new RegExp(`^live: link\\.state of interface [0-9a-f:]{17} ${turn}$`));
const edits: readonly Edit[] = [
  { edit: "vcpus", says: [update, "live: onlineVcpus 1 -> 2"], where: inGuest, seen: /^cpus: 0-1$/m },
  {
    edit: "memory",
    says: [update, "live: currentMemory 256 -> 192 MiB"],
    where: inGuest,
    // It had 223 MB for itself.
    seen: /^memory-kib: 1\d{5}$/m,
  },
  {
    edit: "disk",
    says: ["create Volume more", update, "live: disk vdb attached"],
    where: inGuest,
    seen: /^disk: vdb 67108864$/m,
  },
  {
    edit: "grow",
    says: ["update Volume more", "live: capacity 0.0625 -> 0.125 GiB"],
    where: inGuest,
    seen: /^disk: vdb 134217728$/m,
  },
  {
    edit: "cd",
    says: [update, expect.stringMatching(/^live: volume of disk sda set to no-downtime-\w+\/new-cd-\w+$/)],
    where: onHost("domblklist"),
    seen: /sda +\S+\/new-cd-/,
  },
  {
    edit: "card",
    says: [update, "live: interface 52:54:00:21:01:0a attached"],
    where: inGuest,
    seen: /^card: eth1 52:54:00:21:01:0a 10\.21\.1\.\d+$/m,
  },
  {
    edit: "dhcp-host",
    says: ["create DhcpHost back"],
    where: entries,
    seen: /<host mac='52:54:00:21:01:0a' ip='10\.21\.1\.10'\/>/,
  },
  {
    edit: "link-down",
    says: [update, linkTurns("up -> down")],
    where: link,
    seen: / down$/,
  },
  { edit: "link-up", says: [update, linkTurns("down -> up")], where: link, seen: / up$/ },
  {
    edit: "io-limit",
    says: [update, "live: iotune.totalIopsSec of disk vda set to 200"],
    where: onHost("blkdeviotune", "vda"),
    seen: /^total_iops_sec *: 200$/m,
  },
  {
    edit: "password",
    says: [update, "live: graphics.vnc.password changed"],
    where: onHost("dumpxml", "--security-info"),
    seen: / passwd='twelve'/,
  },
  {
    edit: "metadata",
    says: [update, 'live: metadata["example.com/edits"] set to twelve'],
    where: onHost("metadata", "--uri", "urn:pulumi-kvm:metadata:1"),
    seen: /<entry key="team" value="counters"\/>\s*<entry key="example\.com\/edits" value="twelve"\/>/,
  },
];

/** What a preview of the CLI says of our resources: each step and each line, in the order of the steps. */
function saidIn(text: string): string[] {
  const steps = text.matchAll(/^ [-+~]+ +pulumi-nodejs:dynamic\/kvm:(\w+) (\S+) (create|update|replace|delete)\b/gm);
  const lines = text.matchAll(/^ +(?:domain|volume) "\w+": [\w-]+: (.+?) *$/gm);
  const said = [...steps].map(([, type, name, step]) => `${String(step)} ${String(type)} ${String(name)}`);
  return [...said, ...[...lines].map(([, line]) => String(line))];
}

/** What ask.mjs said last. */
interface Heard {
  readonly counter: number;
  readonly answers: number;
  readonly lost: number;
  readonly resets: number;
  readonly boots: number;
}

describeInLab("a guest that is asked all the time", () => {
  let program: Program;
  let asking: ChildProcess | undefined;
  let log = "";
  let run = "";

  const lines = (): string[] => readFileSync(log, "utf8").split("\n").slice(0, -1);
  const heard = (): Heard => {
    const number = (name: string): number => Number(new RegExp(`${name} (\\d+)`).exec(lines().at(-1) ?? "")?.[1] ?? 0);
    const [counter, answers] = [number("counter"), number("answers")];
    return { counter, answers, lost: number("lost"), resets: number("resets"), boots: number("boots") };
  };
  /** It was asked and answered since then, each answer was one more than the one before, and the guest never restarted. */
  const goesOn = async (since: Heard): Promise<void> => {
    expect(await until(() => heard().answers > since.answers, 60_000)).toBe(true);
    const now = heard();
    expect(now).toEqual({ counter: now.answers, answers: now.answers, lost: 0, resets: 0, boots: 1 });
    expect(virsh("domid", machine())).toBe(run);
  };

  beforeAll(async () => {
    const source = readFileSync(join(example, "index.ts"), "utf8");
    const config = { kernel, initrd };
    // It is compiled once, not at each of the engine's runs.
    const environment = { PULUMI_NODEJS_TRANSPILE_ONLY: "true" };
    program = new Program({ source, language: "typescript", project: "no-downtime", config, environment });
    for (const file of ["edits.ts", "counter.sh", "tsconfig.json"])
      copyFileSync(join(example, file), join(program.folder, file));
    program.upped();
    const url = String(program.outputs()["url"]);
    address = new URL(url).hostname;
    run = virsh("domid", machine());
    log = join(program.folder, "ask.log");
    const ask = [join(example, "ask.mjs"), url];
    asking = spawn(process.execPath, ask, { stdio: ["ignore", openSync(log, "w"), "inherit"] });
    expect(await until(() => lines().length > 0 && heard().answers > 0)).toBe(true);
  }, 240_000);
  afterAll(() => {
    asking?.kill();
    program.close();
  }, 120_000);

  it("is a program that compiles", () => {
    const compiler = join(program.folder, "node_modules/typescript/bin/tsc");
    execFileSync(process.execPath, [compiler, "--noEmit", "-p", program.folder], { stdio: "inherit" });
  }, 60_000);

  // That a preview says no more than its own edit proves that the one before left nothing open.
  it.each(edits)(
    "answers on through the edit $edit, which the preview calls by its name",
    async ({ edit, says, where, seen }) => {
      const before = heard();
      const ran = program.run("up", "--yes", "-c", `edit=${edit}`);
      expect(ran).toMatchObject({ code: 0 });
      expect(saidIn(ran.text.slice(0, ran.text.indexOf("Updating (")))).toEqual(says);
      for (let tries = 0; tries < 50 && !seen.test(await where()); tries++) await sleep(100);
      expect(await where()).toMatch(seen);
      if (edit !== "link-down") await goesOn(before);
    },
    120_000,
  );

  it("answers on with another version of the machine type, which waits for a power cycle", async () => {
    const before = heard();
    const ran = program.run("up", "--yes", "-c", "edit=machine-type");
    expect(ran).toMatchObject({ code: 0 });
    const [step, line] = saidIn(ran.text.slice(0, ran.text.indexOf("Updating (")));
    expect(step).toBe(update);
    expect(line).toMatch(/^waits for a power cycle: os\.machine pc-q35-\S+ -> pc-q35-\S+$/);
    expect(program.outputs()["restartPending"]).toEqual(["os.machine"]);
    expect(program.run("preview", "--expect-no-changes")).toMatchObject({ code: 0 });
    await goesOn(before);
  }, 120_000);

  it("would have been heard to restart, which pays what waits", async () => {
    const wanted = /machine='([^']+)'/.exec(virsh("dumpxml", machine(), "--inactive"))?.[1];
    const name = machine();
    // Between two questions: an answer that is under way is waited for, as the unplugged cable needs it.
    asking?.kill("SIGSTOP");
    await sleep(1000);
    virsh("destroy", name);
    virsh("start", name);
    asking?.kill("SIGCONT");
    expect(await until(() => heard().boots === 2, 90_000)).toBe(true);
    expect(heard()).toMatchObject({ resets: 1, boots: 2 });
    expect(virsh("dumpxml", name)).toContain(`machine='${String(wanted)}'`);
    process.stdout.write(`      ${lines().at(-1) ?? ""}\n`);
  }, 120_000);
});
