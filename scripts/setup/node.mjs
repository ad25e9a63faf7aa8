// The project's own parts: its dependencies from the lock file, and the compiled provider.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../places.mjs";
import { Stop, show } from "../shell.mjs";

const at = (...parts) => join(projectRoot, ...parts);
const changedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

export const dependencies = {
  missing: () => (installed() ? [] : ["node_modules"]),
  does: "npm ci, because this is missing or not what package-lock.json says",
  fix() {
    // No package of ours needs its install script, and none gets to run one.
    const code = show(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: projectRoot,
    });
    if (code !== 0) throw new Stop("npm ci failed.");
  },
};

/** Compared by content: a checkout gives the lock file a new time without a change. */
function installed() {
  const note = at("node_modules/.package-lock.json");
  if (!existsSync(note)) return false;
  const [found, wanted] = [note, at("package-lock.json")].map(
    (file) => JSON.parse(readFileSync(file, "utf8")).packages,
  );
  const paths = Object.keys({ ...found, ...wanted }).filter((path) => path !== "");
  // Optional packages of other machines are in the lock file only.
  return paths.every(
    (path) => found[path]?.version === wanted[path]?.version || (found[path] === undefined && wanted[path]?.optional),
  );
}

export const build = {
  missing: () => (changedMs(at("dist/index.js")) < newestSourceMs() ? ["dist"] : []),
  does: "npm run build, because this is missing or older than its sources",
  fix: async () => (await import("../build.mjs")).build(),
};

function newestSourceMs() {
  const sources = ["provider", "sdk/nodejs"].flatMap((folder) =>
    readdirSync(at(folder), { recursive: true }).map((name) => at(folder, name)),
  );
  const settings = ["schema.json", "tsconfig.json", "tsconfig.build.json", "tsconfig.sdk.json"].map((name) => at(name));
  return Math.max(...[...sources.filter((name) => name.endsWith(".ts")), ...settings].map(changedMs));
}
