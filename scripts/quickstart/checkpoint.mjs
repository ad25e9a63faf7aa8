// State that a killed engine left half-written in its file backend, so that every later command ends with "EOF".
import { copyFileSync, existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isLocked } from "./locks.mjs";

/** Puts back what the last complete write left; true when anything was broken. A backend in use is left alone. */
export function mendState(state) {
  const folder = join(state, ".pulumi");
  if (!existsSync(folder) || isLocked(state)) return false;
  const broken = readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((file) => mends.some(({ of }) => of.test(file)) && !isJson(file));
  for (const file of broken) mends.find(({ of }) => of.test(file)).act(file);
  return broken.length > 0;
}

const mends = [
  // Written in place before the file itself is renamed to its name: the usual victim, and nothing needs it.
  { of: /\.attrs$/, act: (file) => rmSync(file) },
  // Renamed as a whole, so that only a power cut can truncate it; the backend keeps the one before beside it.
  { of: /\/stacks\/.*\.json$/, act: restore },
];

function restore(file) {
  const before = `${file}.bak`;
  if (existsSync(before) && isJson(before)) copyFileSync(before, file);
}

function isJson(file) {
  try {
    JSON.parse(readFileSync(file, "utf8"));
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
