// package.mjs [--built] [FOLDER]: makes what a release consists of in packages/: the npm package, the plugin's archive for
// `pulumi plugin install` on this kind of machine, and their checksums. --built takes dist/ as it is.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { archive, checksums } from "./package/archive.mjs";
import { executable } from "./package/executable.mjs";
import { licencesFile } from "./package/licences.mjs";
import { projectRoot } from "./places.mjs";
import { Stop, isProgram, main, must, say } from "./shell.mjs";

const { name, version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));

/** Pulumi's names for machines, where they differ from Node's. */
const machines = { x64: "amd64", arm64: "arm64" };

/** Makes all in `folder`; resolves to the files. */
async function release(folder, { built }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = [npmPackage(folder, built), await pluginArchive(folder)];
  // The name that Pulumi's own packages use.
  return [...files, await checksums(folder, `${name}_${version}_checksums.txt`, files)];
}

/** npm builds dist/ first, by `prepack`, unless it is told not to. */
function npmPackage(folder, built) {
  must(["npm", "pack", "--pack-destination", folder, ...(built ? ["--ignore-scripts"] : [])], { cwd: projectRoot });
  return join(folder, `${name}-${version}.tgz`);
}

/** Under the name by which the engine looks for it in a release. */
async function pluginArchive(folder) {
  const machine = machines[process.arch];
  if (process.platform !== "linux" || machine === undefined) {
    throw new Stop(
      `the plugin's executable is made on Linux, x64 or arm64, not on ${process.platform} ${process.arch}`,
    );
  }
  const work = mkdtempSync(join(folder, ".plugin-"));
  try {
    await executable(join(work, "pulumi-resource-kvm"));
    copyFileSync(join(projectRoot, "LICENSE"), join(work, "LICENSE"));
    const file = join(folder, `pulumi-resource-kvm-v${version}-linux-${machine}.tar.gz`);
    return archive(file, work, ["pulumi-resource-kvm", "LICENSE", licencesFile]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (isProgram(import.meta)) {
  await main(async () => {
    const words = process.argv.slice(2);
    const folder = words.find((word) => !word.startsWith("-")) ?? join(projectRoot, "packages");
    for (const file of await release(resolve(folder), { built: words.includes("--built") })) {
      say(`${file}: ${statSync(file).size} bytes`);
    }
    return 0;
  });
}
