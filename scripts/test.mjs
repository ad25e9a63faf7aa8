// test.mjs [PATH...] [JEST OPTIONS]: the tests, those on real machines in labs. The last line sums up all runs.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { basename, delimiter, join, relative } from "node:path";
import { guest } from "./guest.mjs";
import { guestWithAgent } from "./guest/agent.mjs";
import { inLab } from "./lab.mjs";
import { projectRoot } from "./places.mjs";
import { setup } from "./setup.mjs";
import { engineFolder } from "./setup/engine.mjs";
import { languagesPath } from "./setup/languages.mjs";
import { stripVTControlCharacters } from "node:util";
import { Interrupted, Stop, isProgram, main, must, say } from "./shell.mjs";

/** The command of the tests. */
const jest = [process.execPath, join(projectRoot, "node_modules/jest/bin/jest.js")];
const inFolder = (file, folder) => relative(projectRoot, file).startsWith(`test/${folder}/`);
const needsLab = (file) => inFolder(file, "real") || inFolder(file, "e2e");
// Of a failed test, told again at the end.
const [toldLines, toldColumns] = [24, 400];
// A lab with an engine and guests in it wants this much memory. Most of the time it waits for them, so two share a CPU.
const labBytes = 3 * 2 ** 30;
const labsPerCpu = 2;
// So many files that failed are looked at again; more are no accident of a busy machine.
const mostAgain = 4;
/** Labs that this machine bears side by side. */
export const labs = Math.max(1, Math.min(labsPerCpu * availableParallelism(), Math.floor(totalmem() / labBytes)));

async function test(words) {
  const firstOption = words.findIndex((word) => word.startsWith("-"));
  const filters = firstOption < 0 ? words : words.slice(0, firstOption);
  const options = firstOption < 0 ? [] : words.slice(firstOption);
  await setup("unit");
  const files = testFiles(filters);
  const results = mkdtempSync(join(tmpdir(), "pulumi-kvm-test-"));
  try {
    const units = files.filter((file) => !needsLab(file));
    const runs = [await counted(results, "units", units, options, runHere)];
    const others = files.filter(needsLab);
    if (others.length > 0) runs.push(...(await inLabs(results, others, options)));
    return sumUp(runs);
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

function testFiles(filters) {
  const listed = must([...jest, "--listTests", ...filters], { cwd: projectRoot });
  return listed.split("\n").filter((line) => line !== "");
}

/** Each file has a lab of its own, as many side by side as the machine bears; whichever is free takes the next file. */
async function inLabs(results, files, options) {
  const environment = await labEnvironment().catch((error) => void told(error));
  if (environment === undefined) return [{ ...none, failed: 1 }];
  const waiting = [...files];
  const runs = new Map();
  const run = (command) => runInLab(command, environment);
  // What a test left open in its own process (a socket to an agent that never answers) ends with the lab.
  const jestOptions = ["--runInBand", "--forceExit", ...options];
  const one = (file, time) => counted(results, `lab-${time}-${basename(file)}`, [file], jestOptions, run);
  const lane = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) runs.set(file, await one(file, 1));
  };
  await Promise.all(Array.from({ length: labs }, lane));
  const failed = [...runs.keys()].filter((file) => runs.get(file).failed > 0);
  if (labs > 1 && failed.length <= mostAgain) {
    for (const file of failed) runs.set(file, secondOf(runs.get(file), await one(file, 2)));
  }
  return [...runs.values()];
}

/** A test may fail for want of a CPU that another lab has: alone it must pass, and it is told that it did not at first. */
function secondOf(first, second) {
  return second.failed > 0 ? second : { ...second, shaky: first.failures };
}

/** One jest run: { passed, failed, failures }, where a file that could not be run at all is one failure. */
export async function counted(results, name, files, options, run) {
  if (files.length === 0) return none;
  const file = join(results, `${name}.json`);
  const command = [...jest, "--json", "--outputFile", file, ...options, "--runTestsByPath", ...files];
  const code = await run(command).catch(told);
  const found = summary(file);
  // jest may fail for what is no test's fault, a coverage limit or a broken setting.
  if (code !== 0 && found.failed === 0) return { ...found, failed: 1 };
  return found;
}

/** Tells why a run could not begin, as a failed one. */
function told(error) {
  if (!(error instanceof Stop) || error instanceof Interrupted) throw error;
  process.stderr.write(`${error.message}\n`);
  return 1;
}

async function runHere(command) {
  // --json also prints the results on stdout, which nobody wants to read; the report for people goes to stderr.
  const [program, ...args] = command;
  return spawnSync(program, args, { cwd: projectRoot, stdio: ["ignore", "ignore", "inherit"] }).status ?? 143;
}

/** What tests in a lab find in their environment. */
export async function labEnvironment() {
  await setup("test");
  const { kernel, initrd } = guest();
  return {
    PATH: [engineFolder(), languagesPath(), process.env.PATH].join(delimiter),
    PULUMI_KVM_GUEST_KERNEL: kernel,
    PULUMI_KVM_GUEST_INITRD: initrd,
    PULUMI_KVM_AGENT_INITRD: guestWithAgent(),
  };
}

// Processes of two labs have the same numbers, by which jest names what it is about to put into its cache.
const caches = Array.from({ length: labs }, (_, number) => join(tmpdir(), `pulumi-kvm-jest-${number}`));

/** Runs jest in a lab of its own and resolves to its exit code; what it reports is seen. */
export async function runInLab(command, environment) {
  // Through a pipe: labs side by side share the terminal, where jest would move the cursor.
  const quiet = ["bash", "-c", 'set -o pipefail; "$@" 2>&1 >/dev/null | cat >&2', "bash"];
  const cache = caches.shift();
  try {
    return await inLab([...quiet, ...command, "--cacheDirectory", cache], environment);
  } finally {
    caches.push(cache);
  }
}

const none = { passed: 0, failed: 0, failures: [] };

function summary(file) {
  try {
    const result = JSON.parse(readFileSync(file, "utf8"));
    const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
    return { passed: result.numPassedTests, failed, failures: result.testResults.flatMap(failuresOf) };
  } catch (error) {
    if (error.code === "ENOENT") return { ...none, failed: 1 };
    throw error;
  }
}

/** How each failed test of a file failed, in a few lines: its name, and what was said first. */
function failuresOf({ name, message, assertionResults }) {
  const failed = assertionResults.filter(({ status }) => status === "failed");
  const told = failed.map((test) => headOf(`${test.fullName}\n${test.failureMessages.join("\n")}`));
  if (told.length === 0 && message !== "") told.push(headOf(message));
  return told.map((text) => `${relative(projectRoot, name)}: ${text}`);
}

// Frames of the test runner tell nothing.
const isOurs = (line) => !/^\s*at .*node_modules/.test(line);

function headOf(text) {
  const lines = stripVTControlCharacters(text).replaceAll(projectRoot, ".").split("\n").filter(isOurs);
  return lines
    .slice(0, toldLines)
    .map((line) => line.slice(0, toldColumns))
    .join("\n    ");
}

function sumUp(runs) {
  const passed = runs.reduce((sum, run) => sum + run.passed, 0);
  const failed = runs.reduce((sum, run) => sum + run.failed, 0);
  if (passed + failed === 0) process.stderr.write("No test was run: nothing matches.\n");
  // Again at the end, where a reader of a long log looks first.
  const shaky = runs.flatMap((run) => run.shaky ?? []);
  if (shaky.length > 0) say(`Failed beside other tests, and passed alone:\n${shaky.join("\n")}`);
  const failures = runs.flatMap((run) => run.failures);
  if (failures.length > 0) say(`Failed:\n${failures.join("\n")}`);
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

if (isProgram(import.meta)) await main(() => test(process.argv.slice(2)));
