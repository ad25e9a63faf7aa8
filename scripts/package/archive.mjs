// Archives for a release, the same bytes for the same content, and their checksums.
import { createHash } from "node:crypto";
import { createReadStream, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { must } from "../shell.mjs";

/** Packs files of a folder, each at the archive's root. */
export function archive(file, folder, names) {
  const tar = file.replace(/\.gz$/, "");
  const plain = ["--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--mode=u+rw,go=u,go-w", "--format=ustar"];
  try {
    must(["tar", ...plain, "-C", folder, "-cf", tar, ...names]);
    // -n: neither a name nor a time in the head.
    must(["gzip", "-n", "-f", tar]);
    if (`${tar}.gz` !== file) renameSync(`${tar}.gz`, file);
  } finally {
    rmSync(tar, { force: true });
  }
  return file;
}

/** Writes the file that `sha256sum --check` reads. */
export async function checksums(folder, name, files) {
  const lines = [];
  for (const file of files) lines.push(`${await sha256(file)}  ${basename(file)}\n`);
  const list = join(folder, name);
  writeFileSync(list, lines.join(""));
  return list;
}

async function sha256(file) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
