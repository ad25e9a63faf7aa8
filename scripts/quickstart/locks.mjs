// Locks of the file backend: a run that was killed leaves its own, and every later run refuses.
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

/** Removes locks whose process is no more on this machine; true when there were any. */
export function clearDeadLocks(state) {
  const folder = join(state, ".pulumi/locks");
  const dead = lockFiles(folder).filter((file) => isDead(JSON.parse(readFileSync(file, "utf8"))));
  for (const file of dead) rmSync(file);
  return dead.length > 0;
}

function lockFiles(folder) {
  try {
    const names = readdirSync(folder, { recursive: true });
    return names.filter((name) => name.endsWith(".json")).map((name) => join(folder, name));
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

function isDead(lock) {
  if (lock.hostname !== hostname()) return false;
  try {
    process.kill(lock.pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}
