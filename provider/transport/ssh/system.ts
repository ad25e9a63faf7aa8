import { readdirSync, readFileSync, statSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { join, resolve } from "node:path";
import type { Files } from "./config";
import { fits } from "./pattern";
import { ConfigError } from "./words";

/** The machine and the user that connect, as far as SSH's files ask. */
export interface System {
  readonly home: string;
  readonly localUser: string;
  readonly uid: number;
  readonly localHost: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly files: Files;
}

/** This process's own machine. */
export function thisSystem(): System {
  const home = process.env["HOME"] ?? homedir();
  const files: Files = {
    read: (path) => readConfig(path, home),
    find: (pattern, user) => found(fromHome(pattern, home), user ? join(home, ".ssh") : "/etc/ssh"),
  };
  const uid = process.getuid?.() ?? 0;
  return { home, localUser: localUser(uid), uid, localHost: hostname(), environment: process.env, files };
}

/** A user without an entry in passwd, as in containers, goes by the environment. */
function localUser(uid: number): string {
  try {
    return userInfo().username;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SYSTEM_ERROR") throw error;
    return process.env["USER"] ?? process.env["LOGNAME"] ?? String(uid);
  }
}

export function fromHome(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : path;
}

const absences = new Set(["ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EPERM"]);

/** The text of a file, or the system's code where it cannot be read. */
export function textOf(path: string): { readonly text: string } | { readonly code: string } {
  try {
    return { text: readFileSync(path, "utf8") };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !absences.has(code)) throw error;
    return { code };
  }
}

function readConfig(path: string, home: string): string | undefined {
  const outcome = textOf(path);
  if (!("text" in outcome)) return undefined;
  const { mode, uid } = statSync(path);
  // Whoever writes there decides to which host the name leads, and with which keys.
  const strange = uid !== 0 && uid !== process.getuid?.();
  if (path.startsWith(join(home, ".ssh/")) && (strange || (mode & 0o022) !== 0)) {
    throw new ConfigError(`${path}: others may write to it: run \`chmod 600 ${path}\`, and let it be your own`);
  }
  return outcome.text;
}

/** The files that a pattern names, sorted, as glob(7) does. */
function found(pattern: string, folder: string): string[] {
  let paths = ["/"];
  for (const step of resolve(folder, pattern).split("/").filter(Boolean)) {
    paths = /[*?]/.test(step)
      ? paths.flatMap((path) => entries(path, step).map((name) => join(path, name)))
      : paths.map((path) => join(path, step));
  }
  return paths;
}

function entries(folder: string, pattern: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => fits(name, pattern));
    return names.filter((name) => !name.startsWith(".") || pattern.startsWith(".")).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !absences.has(code)) throw error;
    return [];
  }
}
