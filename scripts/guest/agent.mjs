// The guest with QEMU's own guest agent in it: the distribution's package and the libraries that it needs, behind the guest's
// archive, as the kernel takes one after the other. No root is needed.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { guest } from "../guest.mjs";
import { cacheDir, projectRoot } from "../places.mjs";
import { Stop, must, say } from "../shell.mjs";
import { ensureLists } from "../setup/packages.mjs";
import { cpio } from "./bytes.mjs";
import { depends, unpacked } from "./packages.mjs";

const agent = "qemu-guest-agent";

/** Absolute path of an initrd that has the agent. */
export function guestWithAgent() {
  const { initrd } = guest();
  const hash = createHash("sha256").update(initrd);
  for (const name of ["agent.mjs", "agent.sh"]) hash.update(readFileSync(join(projectRoot, "scripts/guest", name)));
  const file = join(cacheDir, `agent-${hash.digest("hex").slice(0, 12)}`);
  if (!existsSync(file)) make(initrd, file);
  return file;
}

function make(initrd, file) {
  say(`guest: adding the distribution's ${agent} to it, for tests (once)`);
  mkdirSync(cacheDir, { recursive: true });
  const work = mkdtempSync(join(cacheDir, ".agent-"));
  try {
    ensureLists(agent);
    const root = unpacked(work, withLibraries(agent));
    const plain = readFileSync(initrd);
    // Each archive begins at a multiple of four. This one is not packed: under emulation to unpack takes longer than to read.
    const gap = Buffer.alloc((4 - (plain.length % 4)) % 4);
    writeFileSync(join(work, "initrd"), Buffer.concat([plain, gap, archive(root)]));
    renameSync(join(work, "initrd"), file);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A package and the libraries that it stands on, each once. */
function withLibraries(name, done = new Set()) {
  if (done.has(name)) return done;
  done.add(name);
  for (const need of depends(name).filter((one) => /^(lib|zlib)/.test(one))) withLibraries(need, done);
  return done;
}

function archive(root) {
  const program = join(root, "usr/sbin/qemu-ga");
  const loader = find(root, /^ld-linux.*\.so\.\d$/);
  const folders = libraryFolders(root);
  // The package's own loader tells what it would load.
  const listed = must([loader, "--library-path", folders.join(":"), "--list", program]);
  const libraries = [...listed.matchAll(/=> (\S+) \(/g)].map(([, path]) => path);
  const interpreter = /ld-linux-x86-64/.test(loader) ? "lib64" : "lib";
  const file = (name, data) => ({ name, mode: 0o100755, data });
  const names = ["lib", ...(interpreter === "lib" ? [] : [interpreter]), "sbin", "usr", "usr/sbin", "late"];
  return cpio([
    ...names.map((name) => ({ name, mode: 0o040755, data: Buffer.alloc(0) })),
    file("usr/sbin/qemu-ga", readFileSync(program)),
    file(`${interpreter}/${basename(loader)}`, readFileSync(loader)),
    ...libraries.map((path) => file(`lib/${basename(path)}`, readFileSync(path))),
    file("late/agent.sh", readFileSync(join(projectRoot, "scripts/guest/agent.sh"))),
    // What the agent runs when it is told to stop the machine.
    file("sbin/shutdown", Buffer.from("#!/bin/sh\nsync\nexec /bin/poweroff -f\n")),
  ]);
}

function filesIn(root) {
  return readdirSync(root, { recursive: true }).map((path) => join(root, path));
}

function find(root, pattern) {
  const found = filesIn(root).find((path) => pattern.test(basename(path)));
  if (found === undefined) throw new Stop(`guest: the packages of ${agent} have no ${pattern}.`);
  return found;
}

function libraryFolders(root) {
  const libraries = filesIn(root).filter((path) => /\.so(\.\d+)*$/.test(path));
  return [...new Set(libraries.map((path) => path.slice(0, path.lastIndexOf("/"))))].filter(
    (folder) => !/gconv|audit/.test(folder),
  );
}
