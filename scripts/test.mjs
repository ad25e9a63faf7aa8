// test.mjs [PATH...] [JEST OPTIONS]: the tests, those on real machines in a lab. The last line sums up all runs.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, relative } from "node:path";
import { guest } from "./guest.mjs";
import { inLab } from "./lab.mjs";
import { projectRoot } from "./places.mjs";
import { setup } from "./setup.mjs";
import { engineFolder } from "./setup/engine.mjs";
import { languagesPath } from "./setup/languages.mjs";
import { Stop, isProgram, main, must, say } from "./shell.mjs";

const jest = [process.execPath, join(projectRoot, "node_modules/jest/bin/jest.js")];
const needsLab = (file) => /^test\/(real|e2e)\//.test(relative(projectRoot, file));

async function test(words) {
  const firstOption = words.findIndex((word) => word.startsWith("-"));
  const filters = firstOption < 0 ? words : words.slice(0, firstOption);
  const options = firstOption < 0 ? [] : words.slice(firstOption);
  await setup("unit");
  const files = testFiles(filters);
  const results = mkdtempSync(join(tmpdir(), "pulumi-kvm-test-"));
  try {
    const runs = [
      await counted(
        results,
        "units",
        files.filter((file) => !needsLab(file)),
        options,
        runHere,
      ),
      await counted(results, "lab", files.filter(needsLab), ["--runInBand", ...options], runInLab),
    ];
    return sumUp(runs);
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

function testFiles(filters) {
  const listed = must([...jest, "--listTests", ...filters], { cwd: projectRoot });
  return listed.split("\n").filter((line) => line !== "");
}

/** One jest run: { passed, failed }, where a file that could not be run at all is one failure. */
async function counted(results, name, files, options, run) {
  if (files.length === 0) return { passed: 0, failed: 0 };
  const file = join(results, `${name}.json`);
  const command = [...jest, "--json", "--outputFile", file, ...options, "--runTestsByPath", ...files];
  const code = await run(command).catch(told);
  const found = summary(file);
  // jest may fail for what is no test's fault, a coverage limit or a broken setting.
  if (code !== 0 && found.failed === 0) return { ...found, failed: 1 };
  return found;
}

function told(error) {
  if (!(error instanceof Stop)) throw error;
  process.stderr.write(`${error.message}\n`);
  return 1;
}

async function runHere(command) {
  // --json also prints the results on stdout, which nobody wants to read; the report for people goes to stderr.
  const [program, ...args] = command;
  return spawnSync(program, args, { cwd: projectRoot, stdio: ["ignore", "ignore", "inherit"] }).status ?? 143;
}

async function runInLab(command) {
  await setup("test");
  const { kernel, initrd } = guest();
  const quiet = ["bash", "-c", 'exec "$@" >/dev/null', "bash"];
  return inLab([...quiet, ...command], {
    PATH: [engineFolder(), languagesPath(), process.env.PATH].join(delimiter),
    PULUMI_KVM_GUEST_KERNEL: kernel,
    PULUMI_KVM_GUEST_INITRD: initrd,
  });
}

function summary(file) {
  try {
    const result = JSON.parse(readFileSync(file, "utf8"));
    return { passed: result.numPassedTests, failed: result.numFailedTests + result.numRuntimeErrorTestSuites };
  } catch (error) {
    if (error.code === "ENOENT") return { passed: 0, failed: 1 };
    throw error;
  }
}

function sumUp(runs) {
  const passed = runs.reduce((sum, run) => sum + run.passed, 0);
  const failed = runs.reduce((sum, run) => sum + run.failed, 0);
  if (passed + failed === 0) process.stderr.write("No test was run: nothing matches.\n");
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

if (isProgram(import.meta)) await main(() => test(process.argv.slice(2)));
