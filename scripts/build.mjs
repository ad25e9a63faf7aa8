// build.mjs: compiles all that programs load into dist/: the provider, the plugin's SDK for Node, the plugin itself.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "./places.mjs";
import { Stop, capture, isProgram, main } from "./shell.mjs";

const at = (...parts) => join(projectRoot, ...parts);

/** Compiled beside and swapped in: a failed build leaves the old one, and no file of a removed source stays. */
export async function build() {
  const fresh = at(`.cache/dist-${process.pid}`);
  try {
    compile("tsconfig.build.json", fresh);
    compile("tsconfig.sdk.json", join(fresh, "sdk"));
    // The generated code reads its version from there.
    const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
    writeFileSync(join(fresh, "sdk/package.json"), `${JSON.stringify({ version })}\n`);
    mkdirSync(join(fresh, "plugin"));
    // What only builds must load only then: this script runs before `npm ci` too.
    const { bundle } = await import("./bundle.mjs");
    await bundle(join(fresh, "plugin/pulumi-resource-kvm"));
    rmSync(at("dist"), { recursive: true, force: true });
    renameSync(fresh, at("dist"));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** The compiled provider alone, in place: the SDKs and the plugin's schema are made from it. */
export function buildProvider() {
  compile("tsconfig.build.json", at("dist"));
}

function compile(project, folder) {
  const compiler = at("node_modules/typescript/bin/tsc");
  const { code, out, err } = capture([process.execPath, compiler, "-p", project, "--outDir", folder], {
    cwd: projectRoot,
  });
  if (code !== 0) throw new Stop(`${out}${err}npm run build failed.`);
}

if (isProgram(import.meta)) {
  await main(async () => {
    await build();
    return 0;
  });
}
