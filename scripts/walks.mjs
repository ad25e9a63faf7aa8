// walks.mjs [--walks N] [--engine N] [--steps N] [--seed S] [--replay FILE] [--table FILE] [--no-matrix]: changes every field of
// the tables on real objects, then walks small programs by random edits, through the resources and through the engine; each in
// a lab of its own. The seeds that are printed walk the same again.
import { randomInt } from "node:crypto";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "./places.mjs";
import { Stop, isProgram, main, say } from "./shell.mjs";
import { counted, labEnvironment, labs, runInLab } from "./test.mjs";

export const options = {
  walks: { type: "string", default: "1000" },
  engine: { type: "string", default: "30" },
  steps: { type: "string", default: "20" },
  seed: { type: "string" },
  replay: { type: "string" },
  table: { type: "string", default: "walks.txt" },
  "no-matrix": { type: "boolean", default: false },
};
/** A lab is new for each few walks: what one leaves behind is no other's burden. */
const ofOneLab = { walks: 10, engineWalks: 2 };

/** Seconds of one lab where guests are emulated: of all fields, of an edit of a walk, of an edit through the engine. */
const lasts = { matrix: 500, edit: 2, engineEdit: 22 };

/** About how long it takes, in words for people. */
export function howLong({ walks, engine, steps }, lanes) {
  const minutes = (lasts.matrix + steps * (walks * lasts.edit + engine * lasts.engineEdit)) / 60 / lanes;
  return minutes < 90 ? `${Math.ceil(minutes / 5) * 5} minutes` : `${Math.round(minutes / 60)} hours`;
}

async function walks(words) {
  const { values } = parseArgs({ args: words, options });
  const environment = await labEnvironment();
  const folder = mkdtempSync(join(tmpdir(), "pulumi-kvm-walks-"));
  const run = (name, asked, more = {}) => runOne(folder, name, { ...environment, ...more }, asked);
  try {
    if (values.replay !== undefined) return failed([await run("walks", { replay: resolve(values.replay) })]);
    return await all(values, run);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function all(values, run) {
  const [count, engine, steps] = [values.walks, values.engine, values.steps].map(whole);
  const first = values.seed === undefined ? randomInt(2 ** 31) : whole(values.seed);
  const what = `${count} walks and ${engine} through the engine, of ${steps} edits each, from seed ${first} on`;
  const lanes = `${labs} ${labs > 1 ? "labs side by side" : "lab"}`;
  say(`${what}: about ${howLong({ walks: count, engine, steps }, labs)} in ${lanes}, where guests are emulated.`);
  say("Fewer: npm run walks -- --walks 20 --engine 2; a walk that fails is told at once.");
  const table = resolve(values.table);
  const jobs = [
    ...(values["no-matrix"] ? [] : [["matrix", () => run("matrix", {}, { PULUMI_KVM_WALKS_TABLE: table })]]),
    ...shares("engineWalks", first, engine).map((seeds) => ["engineWalks", () => run("engineWalks", { seeds, steps })]),
    ...shares("walks", first, count).map((seeds) => ["walks", () => run("walks", { seeds, steps })]),
  ];
  const results = await inLanes(jobs);
  const walked = (name) => results.filter((one) => one.name === name).reduce((sum, { passed }) => sum + passed, 0);
  const told = `${what}: ${walked("walks")} and ${walked("engineWalks")} were as announced\n`;
  appendFileSync(table, told);
  say(readFileSync(table, "utf8"));
  return failed(results);
}

const failed = (results) => (results.some((result) => result.failed > 0) ? 1 : 0);

function whole(text) {
  if (!/^\d+$/.test(text)) throw new Stop(`"${text}" is no whole number`);
  return Number(text);
}

function shares(name, first, count) {
  const size = ofOneLab[name];
  const seeds = Array.from({ length: count }, (_, index) => first + index);
  return Array.from({ length: Math.ceil(count / size) }, (_, index) => seeds.slice(index * size, (index + 1) * size));
}

let runs = 0;

/** One file of test/real/walks in a lab of its own. */
function runOne(folder, name, environment, asked) {
  const file = join(projectRoot, `test/real/walks/${name}.test.ts`);
  const run = (command) => runInLab(command, { ...environment, PULUMI_KVM_WALKS: JSON.stringify(asked) });
  return counted(folder, `${name}-${(runs += 1)}`, [file], ["--runInBand", "--forceExit"], run);
}

/** As many labs side by side as the machine bears. */
async function inLanes(jobs) {
  const results = [];
  const lane = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const [name, run] = job;
      results.push({ name, ...(await run()) });
    }
  };
  await Promise.all(Array.from({ length: labs }, lane));
  return results;
}

if (isProgram(import.meta)) await main(() => walks(process.argv.slice(2)));
