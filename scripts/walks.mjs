// walks.mjs [--walks N] [--steps N] [--seed S] [--replay FILE] [--table FILE]: changes every field of the tables on real
// objects, then walks small programs by random edits; each in a lab of its own. The seeds that are printed walk the same again.
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Stop, isProgram, main, say } from "./shell.mjs";
import { jest, labEnvironment, labs, runInLab, told } from "./test.mjs";

const options = {
  walks: { type: "string", default: "20" },
  steps: { type: "string", default: "20" },
  seed: { type: "string" },
  replay: { type: "string" },
  table: { type: "string", default: "walks.txt" },
};

async function walks(words) {
  const { values } = parseArgs({ args: words, options });
  const environment = await labEnvironment();
  if (values.replay !== undefined) return walk(environment, { replay: resolve(values.replay) });
  const [count, steps] = [whole(values.walks), whole(values.steps)];
  const first = values.seed === undefined ? randomInt(2 ** 31) : whole(values.seed);
  say(`${count} walks of ${steps} edits each, from seed ${first} on`);
  const table = resolve(values.table);
  const seeds = Array.from({ length: count }, (_, index) => first + index);
  const jobs = [
    () => matrix(environment, table),
    ...shares(seeds).map((some) => () => walk(environment, { seeds: some, steps })),
  ];
  const codes = await inLanes(jobs);
  say(`${readFileSync(table, "utf8")}seeds ${first} to ${first + count - 1}, ${steps} edits each`);
  return codes.some((code) => code !== 0) ? 1 : 0;
}

function whole(text) {
  if (!/^\d+$/.test(text)) throw new Stop(`"${text}" is no whole number`);
  return Number(text);
}

/** A lab is new for each ten walks: what one leaves behind is no other's burden. */
function shares(seeds) {
  return Array.from({ length: Math.ceil(seeds.length / 10) }, (_, index) => seeds.slice(index * 10, index * 10 + 10));
}

function matrix(environment, table) {
  return run("matrix", { ...environment, PULUMI_KVM_WALKS: "{}", PULUMI_KVM_WALKS_TABLE: table });
}

function walk(environment, asked) {
  return run("walks.test", { ...environment, PULUMI_KVM_WALKS: JSON.stringify(asked) });
}

function run(name, environment) {
  const command = [...jest, "--runInBand", "--forceExit", `test/real/walks/${name}`];
  return runInLab(command, environment).catch(told);
}

/** As many labs side by side as the machine bears. */
async function inLanes(jobs) {
  const codes = [];
  const lane = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) codes.push(await job());
  };
  await Promise.all(Array.from({ length: labs }, lane));
  return codes;
}

if (isProgram(import.meta)) await main(() => walks(process.argv.slice(2)));
