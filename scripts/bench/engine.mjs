// The whole way through the real engine: our resources against ones that do nothing. CPU seconds of the engine and of all
// processes below it; libvirtd is not among them. The same runs tell the peak of each process and the size of the state.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { Stop, must } from "../shell.mjs";
import { endedCpuSeconds, inTurn, median, medianRatio, virsh } from "./measure.mjs";
import { Peaks } from "./peaks.mjs";
import { count, pool, project } from "./program.mjs";

const goal = 1.3;
export const commands = {
  up: ["up", "--yes", "--skip-preview"],
  preview: ["preview", "--expect-no-changes"],
  refresh: ["refresh", "--yes", "--skip-preview"],
  destroy: ["destroy", "--yes", "--skip-preview"],
};

export async function* engine({ quick }) {
  makePool();
  const projects = [project("pulumi-kvm"), project("nothing")];
  try {
    for (const { folder, env } of projects) must(["pulumi", "stack", "init", "bench"], { cwd: folder, env });
    const [ours, theirs] = projects.map((one) => () => cycle(one));
    const runs = await inTurn(quick ? 1 : 5, { ours, theirs });
    yield* rows(runs);
  } finally {
    for (const one of projects) one.close();
  }
}

function* rows({ ours, theirs }) {
  const compared = (of) => medianRatio(ours.map(of), theirs.map(of));
  const program = `${count / 2} volumes and ${count / 2} machines`;
  for (const name of Object.keys(commands)) {
    yield {
      what: `${name} of ${program}, CPU / resources that do nothing`,
      ratio: compared((run) => run.cpu[name]),
      goal,
    };
  }
  const bytes = median(ours.map(({ state }) => state));
  yield { what: `state, ${Math.round(bytes)} bytes a resource / same`, ratio: compared(({ state }) => state) };
  for (const role of Object.keys(ours[0].peaks)) {
    yield { what: `peak memory of the ${role} / same`, ratio: compared(({ peaks }) => peaks[role]) };
  }
}

function makePool() {
  const path = "/var/lib/libvirt/images/bench";
  mkdirSync(path, { recursive: true });
  virsh("pool-define-as", pool, "dir", "--target", path);
  virsh("pool-start", pool);
}

/** One life of a stack. */
async function cycle({ folder, env }) {
  const cpu = {};
  const peaks = new Peaks();
  let state;
  for (const [name, words] of Object.entries(commands)) {
    cpu[name] = await cpuSecondsOf(words, { cwd: folder, env }, peaks);
    if (name === "up") state = bytesOf(must(["pulumi", "stack", "export"], { cwd: folder, env })) / count;
  }
  return { cpu, state, peaks: peaks.kib };
}

/** The CPU seconds of a command of the CLI, with all processes below it. */
export async function cpuSecondsOf(words, options, peaks = new Peaks()) {
  const before = endedCpuSeconds();
  await pulumi(words, options, peaks);
  return endedCpuSeconds() - before;
}

/**
 * In a PID namespace of its own: when the engine ends, what it left behind ends too and is waited for, so that the CPU time
 * of every process below is counted, of those also that the engine never waits for.
 */
async function pulumi(words, options, peaks) {
  const isolated = ["--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", '"$@"; exit $?', "bash"];
  const command = ["pulumi", ...words, "--non-interactive", "--color", "never"];
  const running = spawn("unshare", [...isolated, ...command], { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [running.stdout, running.stderr]) stream.on("data", (chunk) => (text += chunk));
  const watch = peaks.watch(running.pid);
  const code = await new Promise((resolve, reject) => running.on("error", reject).on("close", resolve));
  clearInterval(watch);
  if (code !== 0) throw new Stop(`pulumi ${words[0]} ended with ${code}:\n${text.slice(-4000)}`);
}

/** Bytes of the resources that are neither stack nor provider. */
function bytesOf(exported) {
  const { resources } = JSON.parse(exported).deployment;
  const counted = resources.filter(({ type }) => type.startsWith("pulumi-nodejs:dynamic/"));
  if (counted.length !== count) throw new Stop(`the state has ${counted.length} resources, not ${count}`);
  return counted.reduce((sum, resource) => sum + Buffer.byteLength(JSON.stringify(resource)), 0);
}
