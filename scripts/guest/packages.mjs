// Packages of the distribution, downloaded and unpacked without being installed.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { capture, must } from "../shell.mjs";

/** What a package needs, by apt's lists. */
export function depends(name) {
  const lines = capture(["apt-cache", "depends", "--no-recommends", "--no-suggests", name]).out.split("\n");
  return lines.flatMap((line) => /Depends: (\S+)/.exec(line)?.[1] ?? []);
}

/** Downloads packages into a folder and unpacks them below it; the path of the root that they make. */
export function unpacked(folder, names) {
  // As root apt would drop to a user who may not write here, and warn about it.
  must(["apt-get", "-o", "APT::Sandbox::User=root", "download", ...names], { cwd: folder });
  const root = join(folder, "root");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".deb"))) {
    must(["dpkg-deb", "-x", join(folder, file), root]);
  }
  return root;
}
