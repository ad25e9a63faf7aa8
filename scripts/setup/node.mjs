// The project's own parts: its dependencies from the lock file, and the compiled provider.
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../places.mjs";
import { Stop, capture, show } from "../shell.mjs";

const at = (...parts) => join(projectRoot, ...parts);
const changedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

export const dependencies = {
  missing: () => (installed() ? [] : ["node_modules as package-lock.json has them (npm ci)"]),
  does: "npm ci, because node_modules is missing or not what package-lock.json says",
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
  missing: () =>
    changedMs(at("dist/index.js")) < newestSourceMs() ? ["the compiled provider in dist (npm run build)"] : [],
  does: "npm run build, because dist is missing or older than provider/",
  fix() {
    // Compiled beside and swapped in: a failed build leaves the old one, and no file of a removed source stays.
    const fresh = at(`.cache/dist-${process.pid}`);
    const compiler = at("node_modules/typescript/bin/tsc");
    const { code, out, err } = capture([process.execPath, compiler, "-p", "tsconfig.build.json", "--outDir", fresh], {
      cwd: projectRoot,
    });
    if (code !== 0) {
      rmSync(fresh, { recursive: true, force: true });
      throw new Stop(`${out}${err}npm run build failed.`);
    }
    rmSync(at("dist"), { recursive: true, force: true });
    renameSync(fresh, at("dist"));
  },
};

function newestSourceMs() {
  const sources = readdirSync(at("provider"), { recursive: true }).filter((name) => name.endsWith(".ts"));
  const paths = [...sources.map((name) => at("provider", name)), at("tsconfig.json"), at("tsconfig.build.json")];
  return Math.max(...paths.map(changedMs));
}
