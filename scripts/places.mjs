// Where things lie: the project's root, and a cache that outlives clones and builds.
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

export const cacheDir = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pulumi-kvm");
