// The plugin: how soon it serves; through the real engine, against the dynamic door over one resource that does nothing; and
// how long a preview of real machines keeps the CPU.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { projectRoot } from "../places.mjs";
import { must } from "../shell.mjs";
import { commands, cpuSecondsOf } from "./engine.mjs";
import { inTurn, median, medianRatio, seconds } from "./measure.mjs";
import { projectOf, yamlProjectOf } from "./program.mjs";

const count = 300;
const machineCount = 50;
const doorGoal = 1.3;
const previewGoalSeconds = 3;
const startGoalSeconds = 0.15;
const built = join(projectRoot, "dist/plugin");

export async function* plugin({ quick }) {
  const rounds = quick ? 1 : 5;
  yield* starts(4 * rounds);
  yield* doors(rounds);
  yield* machines(rounds);
}

/** Up to the line with the port, on which the engine waits; beside a Node that only loads what serving takes. */
async function* starts(rounds) {
  // It keeps its compiled code in its second second, and bench ends it before.
  await startSeconds([join(built, "pulumi-resource-kvm")], 3_000);
  const runs = await inTurn(rounds, {
    plugin: () => startSeconds([join(built, "pulumi-resource-kvm")]),
    node: () => startSeconds(["-e", 'require("node:http2"); console.log(1)']),
  });
  yield {
    what: `start of the plugin / ${startGoalSeconds} s`,
    ratio: median(runs.plugin) / startGoalSeconds,
    goal: 1,
  };
  yield { what: "start of the plugin / Node that loads HTTP/2", ratio: medianRatio(runs.plugin, runs.node) };
}

async function startSeconds(words, livesMs = 0) {
  let running;
  const taken = await seconds(() => {
    running = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
    return once(running.stdout, "data");
  });
  await sleep(livesMs);
  running.kill();
  await once(running, "exit");
  return taken;
}

async function* doors(rounds) {
  const sides = { plugin: doorProject("plugin"), dynamic: doorProject("dynamic") };
  try {
    for (const { folder, env } of Object.values(sides))
      must(["pulumi", "stack", "init", "bench"], { cwd: folder, env });
    const runs = await inTurn(rounds, { plugin: () => life(sides.plugin), dynamic: () => life(sides.dynamic) });
    for (const name of Object.keys(commands)) {
      const of = (cpu) => cpu[name];
      yield {
        what: `${name} of ${count} resources that do nothing, CPU / the dynamic door`,
        ratio: medianRatio(runs.plugin.map(of), runs.dynamic.map(of)),
        goal: doorGoal,
      };
    }
  } finally {
    for (const side of Object.values(sides)) side.close();
  }
}

function doorProject(door) {
  const folder = join(projectRoot, "scripts/bench/doors");
  return projectOf({
    source: `
const { ${door}: Nothing } = require("doors");
for (let index = 0; index < ${count}; index += 1) new Nothing("nothing-" + index, { name: "nothing-" + index, size: index });
`,
    packages: { doors: folder },
    ...(door === "plugin" ? { plugin: { name: "kvm", path: folder } } : {}),
  });
}

/** One life of a stack: the CPU seconds of each command. */
async function life({ folder, env }) {
  const cpu = {};
  for (const [name, words] of Object.entries(commands)) cpu[name] = await cpuSecondsOf(words, { cwd: folder, env });
  return cpu;
}

async function* machines(rounds) {
  const sides = { yaml: machinesInYaml(), node: machinesInNode() };
  try {
    for (const { folder, env } of Object.values(sides)) {
      must(["pulumi", "stack", "init", "bench"], { cwd: folder, env });
      await cpuSecondsOf(commands.up, { cwd: folder, env });
    }
    const preview = ({ folder, env }) => cpuSecondsOf(commands.preview, { cwd: folder, env });
    const runs = await inTurn(rounds, { yaml: () => preview(sides.yaml), node: () => preview(sides.node) });
    for (const { folder, env } of Object.values(sides)) await cpuSecondsOf(commands.destroy, { cwd: folder, env });
    const what = `preview of ${machineCount} machines, CPU / ${previewGoalSeconds} s`;
    yield { what, ratio: median(runs.yaml) / previewGoalSeconds, goal: 1 };
    yield { what: `${what}, from a program in Node`, ratio: median(runs.node) / previewGoalSeconds };
  } finally {
    for (const side of Object.values(sides)) side.close();
  }
}

const machinesPlugin = { name: "kvm", path: built };
const machine = (name) => ({ name, type: "qemu", memory: 96, powerState: "stopped" });
const machineNames = (side) => Array.from({ length: machineCount }, (_, index) => `bench-${side}-${index}`);

function machinesInYaml() {
  const entries = machineNames("yaml").map((name) => [name, { type: "kvm:Domain", properties: machine(name) }]);
  return yamlProjectOf({ resources: Object.fromEntries(entries), plugin: machinesPlugin });
}

function machinesInNode() {
  return projectOf({
    source: `
const { Domain } = require("pulumi-kvm/plugin");
for (const args of ${JSON.stringify(machineNames("node").map(machine))}) new Domain(args.name, args);
`,
    packages: { "pulumi-kvm": projectRoot },
    plugin: machinesPlugin,
  });
}
