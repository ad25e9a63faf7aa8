// Acts that need root: as root directly, else through sudo, which is asked for first where somebody can answer.
import { readSync } from "node:fs";
import { Stop, capture, say, which } from "../shell.mjs";

export const isRoot = () => process.getuid?.() === 0;

let allowed = false;

/** The same command, to be run with root's rights. Stops where there is no way to them. */
export function asRoot(command, { keepEnvironment = false } = {}) {
  if (isRoot()) return command;
  allow(command);
  // sudo resets PATH even with -E, and the tools of a user's Node or Pulumi may stand on it.
  const environment = keepEnvironment ? ["-E", "env", `PATH=${process.env.PATH}`] : [];
  return ["sudo", ...environment, ...command];
}

function allow(command) {
  if (allowed) return;
  const byHand = `Run as root:\n  ${command.join(" ")}`;
  if (which("sudo") === undefined) throw new Stop(`This needs root, and there is no sudo here. ${byHand}`);
  const silent = process.env.CI !== undefined || !process.stdin.isTTY;
  if (silent && capture(["sudo", "-n", "true"]).code !== 0) {
    throw new Stop(`This needs root, sudo wants a password, and nobody can be asked. ${byHand}`);
  }
  if (!silent && !agreed(command)) throw new Stop(`Not done. ${byHand}`);
  allowed = true;
}

function agreed(command) {
  say(`This needs root: ${command.join(" ")}`);
  process.stdout.write("Use sudo for it, and for the further steps of this run? [y/N] ");
  const answer = Buffer.alloc(64);
  const length = readSync(0, answer, 0, answer.length, null);
  return /^y(es)?\s*$/i.test(answer.toString("utf8", 0, length));
}
