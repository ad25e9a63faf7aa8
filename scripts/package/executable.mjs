// The plugin as one executable that needs no Node on the machine: a copy of this Node with the plugin's one file inside.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { program } from "../bundle.mjs";
import { projectRoot } from "../places.mjs";
import { Stop, must } from "../shell.mjs";
import { licencesFile, nodeLicence } from "./licences.mjs";

// Node's documented name for the section, and the mark in its binary that says whether there is one
// (https://nodejs.org/docs/latest-v20.x/api/single-executable-applications.html).
const section = "NODE_SEA_BLOB";
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/** Writes the executable to `file`, and beside it the licences of what is in it. */
export async function executable(file) {
  mkdirSync(dirname(file), { recursive: true });
  const work = mkdtempSync(join(dirname(file), ".executable-"));
  try {
    if (!readFileSync(process.execPath).includes(fuse)) throw new Stop(withoutFuse());
    const blob = await blobIn(work);
    const fresh = join(work, "pulumi-resource-kvm");
    copyFileSync(process.execPath, fresh);
    chmodSync(fresh, 0o755);
    inject(fresh, blob);
    renameSync(fresh, file);
    renameSync(join(work, licencesFile), join(dirname(file), licencesFile));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return file;
}

/** The file of what Node reads from its own binary: the plugin's code, and the same compiled by this very Node. */
async function blobIn(folder) {
  const script = join(folder, "plugin.cjs");
  const { text, licences } = await program();
  writeFileSync(script, text);
  writeFileSync(join(folder, licencesFile), licences + nodeLicence());
  const settings = {
    main: script,
    output: join(folder, "plugin.blob"),
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
  };
  writeFileSync(join(folder, "sea.json"), JSON.stringify(settings));
  must([process.execPath, "--experimental-sea-config", join(folder, "sea.json")]);
  return settings.output;
}

/** In a process of its own: it prints warnings about sections that no loader reads. */
function inject(file, blob) {
  const postject = join(projectRoot, "node_modules/postject/dist/cli.js");
  must([process.execPath, postject, file, section, blob, "--sentinel-fuse", fuse]);
}

function withoutFuse() {
  return [
    `${process.execPath} cannot hold a program: it loads Node from a shared library, as some distributions build it.`,
    "Run this with a Node from https://nodejs.org.",
  ].join("\n");
}
