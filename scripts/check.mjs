// check.mjs: form, lint, types, generated files and the lock file. All are told, then one exit code.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { staleness } from "./generate.mjs";
import { projectRoot } from "./places.mjs";
import { setup } from "./setup.mjs";
import { isProgram, main, say, show } from "./shell.mjs";

const at = (...parts) => join(projectRoot, ...parts);
const tool =
  (path, ...args) =>
  () =>
    show([process.execPath, at("node_modules", path), ...args], { cwd: projectRoot }) === 0;

const checks = {
  "form (prettier)": tool("prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."),
  "lint (eslint)": tool("eslint/bin/eslint.js", "."),
  "types (tsc)": tool("typescript/bin/tsc", "--noEmit"),
  "generated files are those of the tables": generated,
  "the lock file pins what it names": locked,
};

function generated() {
  const fault = staleness();
  if (fault === undefined) return true;
  say(`${fault}. Run npm run generate and commit what it writes.`);
  return false;
}

function locked() {
  const { packages } = JSON.parse(readFileSync(at("package-lock.json"), "utf8"));
  const names = new Set(Object.keys(packages).map((path) => path.split("node_modules/").at(-1)));
  // An optional package that the author's registry did not have: npm ci refuses the file for its lack.
  const lacking = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {})
      .filter((name) => !names.has(name))
      .map((name) => `package-lock.json: ${path} wants ${name}, which is not in the file`),
  );
  const faults = [...lacking, ...Object.entries(packages).flatMap(([path, entry]) => lockFaults(path, entry))];
  for (const fault of faults) say(fault);
  return faults.length === 0;
}

function lockFaults(path, entry) {
  if (path === "" || entry.link === true || entry.inBundle === true) return [];
  const faults = [];
  if (entry.integrity === undefined) faults.push(`package-lock.json: ${path} has no integrity hash`);
  // A registry's host name would be the author's own, and npm uses the reader's without it.
  if (entry.resolved !== undefined) faults.push(`package-lock.json: ${path} names a registry`);
  return faults;
}

if (isProgram(import.meta)) {
  await main(async () => {
    await setup("check");
    const failed = Object.entries(checks).filter(([name, passes]) => {
      say(`check: ${name}`);
      return !passes();
    });
    for (const [name] of failed) say(`failed: ${name}`);
    if (failed.length === 0) say("All checks pass.");
    return failed.length === 0 ? 0 : 1;
  });
}
