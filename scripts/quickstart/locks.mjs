// Locks of the file backend: a run that was killed leaves its own, and every later run refuses.
import { readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

// A lock is written in a moment: one that is unreadable for longer was never finished.
const writingMs = 5_000;

/** Removes locks whose process is no more on this machine; true when there were any. */
export function clearDeadLocks(state) {
  const dead = lockFiles(state).filter(isDead);
  for (const file of dead) rmSync(file);
  return dead.length > 0;
}

/** True while a process that may be alive holds a lock. */
export function isLocked(state) {
  return !lockFiles(state).every(isDead);
}

function lockFiles(state) {
  const folder = join(state, ".pulumi/locks");
  try {
    const names = readdirSync(folder, { recursive: true });
    return names.filter((name) => /\.(json|tmp)$/.test(name)).map((name) => join(folder, name));
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

function isDead(file) {
  const lock = contentOf(file);
  if (lock === undefined) return Date.now() - statSync(file).mtimeMs > writingMs;
  if (lock.hostname !== hostname()) return false;
  try {
    process.kill(lock.pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

function contentOf(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
