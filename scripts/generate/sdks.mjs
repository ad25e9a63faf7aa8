// The SDKs under sdk/, written by Pulumi's own generators: Go modules pinned in scripts/pulumi/sdk.
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { cacheDir, projectRoot } from "../places.mjs";
import { compile, goProgram } from "../setup/golang.mjs";
import { Stop, must } from "../shell.mjs";

// Go's module file beside its package is kept by hand.
const folders = ["dotnet", "go/kvm", "java", "nodejs", "python"];
const sdkFolder = join(projectRoot, "sdk");
const sealFile = join(sdkFolder, "seal.json");
const schemaFile = join(projectRoot, "schema.json");

/** Each example as a program in each language, by resource; from a schema that needs to have no examples yet. */
export async function translated(schema, folder) {
  const program = await generator();
  const printed = withSchema(schema, (file) => must([program, "examples", file, folder]));
  return sorted(JSON.parse(printed));
}

/** Writes all SDKs anew from the text of schema.json. */
export async function writeSdks(schema) {
  const program = await generator();
  const made = mkdtempSync(join(sdkFolder, ".made-"));
  try {
    withSchema(schema, (file) => must([program, "packages", file, made]));
    for (const folder of folders) {
      rmSync(join(sdkFolder, folder), { recursive: true, force: true });
      mkdirSync(dirname(join(sdkFolder, folder)), { recursive: true });
      renameSync(join(made, folder), join(sdkFolder, folder));
    }
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  writeFileSync(sealFile, `${JSON.stringify(sealed(), undefined, 2)}\n`);
}

/** What is wrong with the SDKs as they lie there, in one line; undefined where they are as generated from this schema. */
export function sdkFault() {
  const [was, is] = [JSON.parse(readFileSync(sealFile, "utf8")), sealed()];
  if (was.schema !== is.schema) return "sdk/ was generated from another schema.json";
  if (was.files !== is.files) return "sdk/ is not as it was generated";
  return undefined;
}

/** Digests, so that the guard needs no Go: of the schema, and of all files that came of it. */
function sealed() {
  const digest = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");
  const files = folders.flatMap((folder) => filesIn(join(sdkFolder, folder))).sort();
  const listed = files.map((file) => `${relative(sdkFolder, file)} ${digest(readFileSync(file))}\n`);
  return { schema: digest(readFileSync(schemaFile)), files: digest(...listed) };
}

function filesIn(folder) {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** Go's own cache knows when nothing changed. */
async function generator() {
  const go = goProgram();
  if (go === undefined) {
    throw new Stop(
      "The SDKs are written by Pulumi's generators, which are Go: install Go 1.25 or later (https://go.dev/doc/install)",
    );
  }
  await compile(go, "sdk", { output: "sdk-generator", flags: "-s -w", main: "." }, cacheDir);
  return join(cacheDir, "sdk-generator");
}

function withSchema(text, act) {
  const folder = mkdtempSync(join(tmpdir(), "pulumi-kvm-schema-"));
  try {
    const file = join(folder, "schema.json");
    writeFileSync(file, text);
    return act(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function sorted(value) {
  if (typeof value !== "object") return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}
