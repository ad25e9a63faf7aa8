// Programs, started without a shell in between: arguments are passed as they are.
import { spawnSync } from "node:child_process";
import { accessSync, constants, realpathSync } from "node:fs";
import { constants as system } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A failure whose message is all that the user needs: no stack is printed. */
export class Stop extends Error {
  code = 1;
}

/** Somebody wants the program to end: nothing more is begun. */
export class Interrupted extends Stop {
  constructor(signal) {
    super(`ended by ${signal}`);
    this.code = 128 + system.signals[signal];
  }
}

export function say(line) {
  process.stdout.write(`${line}\n`);
}

/** Path of a program on PATH, or undefined. */
export function which(name, path = process.env.PATH ?? "") {
  const places = path.split(delimiter).filter((place) => place !== "");
  return places.map((place) => join(place, name)).find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch (error) {
    if (["ENOENT", "EACCES", "ENOTDIR"].includes(error.code)) return false;
    throw error;
  }
}

const ignore = () => undefined;

/** Runs a program with its output shown and returns its exit code (128 + n for signal n's kind, as a shell does). */
export function show(command, options = {}) {
  const [program, ...args] = command;
  // Ctrl-C reaches the program too: who waits for it must not be gone before.
  process.on("SIGINT", ignore);
  const result = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"], ...options });
  process.off("SIGINT", ignore);
  if (result.error) throw new Stop(`${program} could not be started: ${result.error.message}`);
  return result.status ?? 143;
}

/** Runs a program silently; its whole output is in the answer. */
export function capture(command, options = {}) {
  const [program, ...args] = command;
  const result = spawnSync(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
    ...options,
  });
  const failed = result.error?.message ?? "";
  return { code: result.status ?? 127, out: result.stdout ?? "", err: (result.stderr ?? "") + failed };
}

/** Runs a program silently and returns its output; a failure stops with what it printed. */
export function must(command, options = {}) {
  const { code, out, err } = capture(command, options);
  if (code !== 0) throw new Stop(`${command.join(" ")} failed (${code}):\n${out}${err}`.trimEnd());
  return out;
}

/** Runs the main function of a script: a Stop is told without a stack, anything else is a bug and keeps its own. */
export async function main(run) {
  try {
    process.exitCode = (await run()) ?? 0;
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.code;
  }
}

/** True when this module is the program that Node was started with. */
export function isProgram(meta) {
  return process.argv[1] !== undefined && fileURLToPath(meta.url) === realpathSync(process.argv[1]);
}
