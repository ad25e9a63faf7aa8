// bench.mjs [--quick] [SECTION...]: how fast and how small we are, beside others that do the same work in the same minute.
// Everything happens in a lab of its own. What is printed are ratios: a slow machine is slow for both sides.
import { delimiter } from "node:path";
import { goFirst } from "./bench/measure.mjs";
import { inLab } from "./lab.mjs";
import { setup } from "./setup.mjs";
import { engineFolder } from "./setup/engine.mjs";
import { languagesPath } from "./setup/languages.mjs";
import { Stop, isProgram, main, say } from "./shell.mjs";

/** Each yields rows: { what, ratio, goal? }, where goal is the largest ratio that is good, or { least }. */
const sections = {
  rpc: async () => (await import("./bench/rpc.mjs")).rpc,
  ssh: async () => (await import("./bench/ssh.mjs")).ssh,
  start: async () => (await import("./bench/start.mjs")).start,
  engine: async () => (await import("./bench/engine.mjs")).engine,
  plugin: async () => (await import("./bench/plugin.mjs")).plugin,
  hosts: async () => (await import("./bench/hosts.mjs")).hosts,
  upload: async () => (await import("./bench/upload.mjs")).upload,
};

async function bench(words) {
  const { wanted } = understood(words);
  if (process.env.PULUMI_KVM_LAB === "1") return measure(words);
  // "test" has all that a lab needs.
  await setup("test");
  say(
    `Ratios: medians of runs in turn${["engine", "plugin", "hosts"].some((name) => wanted.includes(name)) ? "; the engine takes some minutes" : ""}.`,
  );
  return inLab([process.execPath, process.argv[1], ...words], {
    PATH: [engineFolder(), languagesPath(), process.env.PATH].join(delimiter),
  });
}

function understood(words) {
  const named = words.filter((word) => word !== "--quick");
  if (named.some((name) => sections[name] === undefined)) {
    throw new Stop(`usage: npm run bench [-- [--quick] ${Object.keys(sections).join(" | ")}]`);
  }
  return { quick: words.includes("--quick"), wanted: named.length > 0 ? named : Object.keys(sections) };
}

async function measure(words) {
  const { quick, wanted } = understood(words);
  goFirst();
  let unmeasured = 0;
  for (const name of wanted) {
    const section = await sections[name]();
    try {
      for await (const row of section({ quick })) print(name, row);
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      process.stderr.write(`${name}: could not be measured: ${error.message}\n`);
      unmeasured += 1;
    }
  }
  return unmeasured === 0 ? 0 : 1;
}

function print(section, { what, ratio, goal }) {
  const least = goal?.least;
  const bound = least ?? goal;
  const aim = bound === undefined ? "" : `goal ${least === undefined ? "<=" : ">="} ${bound.toFixed(2)}`;
  const good = least === undefined ? ratio <= bound : ratio >= least;
  const verdict = bound === undefined ? "" : good ? "ok" : "MISSED";
  say(
    `${section.padEnd(7)} ${what.padEnd(76)} ${ratio.toFixed(2).padStart(6)}  ${aim.padEnd(13)} ${verdict}`.trimEnd(),
  );
}

if (isProgram(import.meta)) await main(() => bench(process.argv.slice(2)));
