// The plugin's door through the real engine: against the dynamic door over one resource that does nothing, and how long a
// preview of real machines keeps the CPU.
import { join } from "node:path";
import { projectRoot } from "../places.mjs";
import { must } from "../shell.mjs";
import { commands, pulumi } from "./engine.mjs";
import { endedCpuSeconds, inTurn, median, medianRatio } from "./measure.mjs";
import { projectOf } from "./program.mjs";

const count = 300;
const machineCount = 50;
const doorGoal = 1.3;
const previewGoalSeconds = 3;

export async function* plugin({ quick }) {
  const rounds = quick ? 1 : 5;
  yield* doors(rounds);
  yield* machines(rounds);
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
  for (const [name, words] of Object.entries(commands)) cpu[name] = await cpuSeconds(words, { cwd: folder, env });
  return cpu;
}

async function cpuSeconds(words, options) {
  const before = endedCpuSeconds();
  await pulumi(words, options);
  return endedCpuSeconds() - before;
}

async function* machines(rounds) {
  const { folder, env, close } = machinesProject();
  const options = { cwd: folder, env };
  try {
    must(["pulumi", "stack", "init", "bench"], options);
    await pulumi(commands.up, options);
    const { preview } = await inTurn(rounds, { preview: () => cpuSeconds(commands.preview, options) });
    await pulumi(commands.destroy, options);
    yield {
      what: `preview of ${machineCount} machines, CPU / ${previewGoalSeconds} s`,
      ratio: median(preview) / previewGoalSeconds,
      goal: 1,
    };
  } finally {
    close();
  }
}

function machinesProject() {
  return projectOf({
    source: `
const { Domain } = require("pulumi-kvm/plugin");
for (let index = 0; index < ${machineCount}; index += 1) {
  new Domain("machine-" + index, { name: "bench-plugin-" + index, type: "qemu", memory: 96, powerState: "stopped" });
}
`,
    packages: { "pulumi-kvm": projectRoot },
    plugin: { name: "kvm", path: join(projectRoot, "dist/plugin") },
  });
}
