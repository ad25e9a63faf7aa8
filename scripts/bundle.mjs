// bundle.mjs FILE: makes the provider plugin as one executable file for Node, and beside it the licences of what is in it.
import { createHash } from "node:crypto";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { licencesFile, licencesOf } from "./package/licences.mjs";
import { projectRoot } from "./places.mjs";
import { isProgram, main, say } from "./shell.mjs";

const settings = {
  bundle: true,
  // Names stay: stack traces and error classes are for people.
  minifyWhitespace: true,
  minifySyntax: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  loader: { ".json": "text" },
  legalComments: "none",
  // Loaded only by services of gRPC that nobody asks of this plugin, and a sixth of all that would be read at start; and what
  // makes ssh2 a little faster where it was compiled, which it does without.
  external: ["@grpc/proto-loader", "cpu-features", "*.node"],
  logLevel: "warning",
  write: false,
  metafile: true,
};

const words = "process.argv.slice(2)";
const entrance = "./provider/serving/plugin/entrance";

/** The plugin's whole program, with the licences of its packages: with schema.json inside, it needs nothing beside it. */
export function program() {
  return built(`
    import { opened } from "${entrance}";
    import schema from "./schema.json";
    const about = { version: ${JSON.stringify(version())}, schema };
    opened(${words}).then((entrance) => require("./provider/serving/plugin").main(about, ${words}, entrance));`);
}

/** What serves whoever comes through an entrance that is open already: its \`serve\`. */
function serving() {
  return built(`
    import { main } from "./provider/serving/plugin";
    import schema from "./schema.json";
    export const serve = (entrance) => main({ version: ${JSON.stringify(version())}, schema }, ${words}, entrance);`);
}

function version() {
  return JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")).version;
}

/** Writes the plugin as one executable file for Node: the head that starts it, and below it the program. */
export async function bundle(file) {
  const { text: body, licences } = await serving();
  const digest = createHash("sha256").update(body).digest("hex");
  const { text: head } = await built(`
    import { launched } from "./provider/serving/launch";
    import { opened } from "${entrance}";
    opened(${words}).then((entrance) => launched(__filename, ${JSON.stringify(digest)}, require).serve(entrance));`);
  // No line of the head begins like that: it has no comments.
  const lines = body.replace(/^/gm, "//");
  writeFileSync(file, `#!/usr/bin/env node\n${head}${lines}`);
  chmodSync(file, 0o755);
  writeFileSync(join(dirname(file), licencesFile), licences);
}

async function built(contents) {
  const stdin = { contents, resolveDir: projectRoot, loader: "ts" };
  const { outputFiles, metafile } = await build({ ...settings, stdin });
  return { text: outputFiles[0].text, licences: licencesOf(Object.keys(metafile.inputs)) };
}

if (isProgram(import.meta)) {
  await main(async () => {
    const [file] = process.argv.slice(2);
    await bundle(file);
    say(`${file}: ${statSync(file).size} bytes`);
    return 0;
  });
}
