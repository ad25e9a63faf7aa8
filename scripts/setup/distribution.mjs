// Which distribution this is, from the file that every Linux has for the question.
import { readFileSync } from "node:fs";

/** { family: "debian" | "ubuntu" | another id, name } of this machine. */
export function distribution() {
  if (process.platform !== "linux") return { family: process.platform, name: process.platform };
  const fields = osRelease();
  const ids = [fields.ID ?? "linux", ...(fields.ID_LIKE ?? "").split(" ")];
  const family = ["ubuntu", "debian"].find((known) => ids.includes(known)) ?? ids[0];
  return { family, name: fields.PRETTY_NAME ?? ids[0] };
}

function osRelease() {
  try {
    const lines = readFileSync("/etc/os-release", "utf8").split("\n");
    return Object.fromEntries(lines.flatMap((line) => field(line)));
  } catch (error) {
    if (error.code === "ENOENT") return {};
    throw error;
  }
}

function field(line) {
  const match = /^(\w+)="?(.*?)"?$/.exec(line);
  return match ? [[match[1], match[2]]] : [];
}
