// bundle.mjs FILE: makes the provider plugin as one executable file for Node.
import { chmodSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { projectRoot } from "./places.mjs";
import { isProgram, main, say } from "./shell.mjs";

/** Writes the plugin from the sources: with schema.json and all packages inside, it needs nothing beside it. */
export async function bundle(file) {
  const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  const contents = `
    import { main } from "./provider/serving/plugin";
    import schema from "./schema.json";
    void main({ version: ${JSON.stringify(version)}, schema }, process.argv.slice(2));`;
  await build({
    stdin: { contents, resolveDir: projectRoot, loader: "ts" },
    outfile: file,
    bundle: true,
    // Names stay: stack traces and error classes are for people.
    minifyWhitespace: true,
    minifySyntax: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    loader: { ".json": "text" },
    banner: { js: "#!/usr/bin/env node" },
    legalComments: "none",
    // Loaded only by services of gRPC that nobody asks of this plugin, and a sixth of all that would be read at start.
    external: ["@grpc/proto-loader"],
    logLevel: "warning",
  });
  chmodSync(file, 0o755);
  return file;
}

if (isProgram(import.meta)) {
  await main(async () => {
    const file = await bundle(process.argv[2]);
    say(`${file}: ${statSync(file).size} bytes`);
    return 0;
  });
}
