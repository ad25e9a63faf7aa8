// The most memory that each process of an engine run ever had.
import { readFileSync, readdirSync } from "node:fs";
import { memoryKib } from "./measure.mjs";

/** By the command line; the shell and `node -e` that look for the provider's script are none of them. */
const roles = {
  "provider process": /^node\0\S*cmd\/dynamic-provider/,
  "program's process": /cmd\/run\b/,
  engine: /^(\S*\/)?pulumi\0/,
};

/** Looks at what runs below a process; the kernel keeps each one's peak, so a look just before its end is enough. */
export class Peaks {
  /** KiB for each role. */
  kib = Object.fromEntries(Object.keys(roles).map((role) => [role, 0]));
  #roleOf = new Map();

  /** How many processes had that role. */
  processes(role) {
    return [...this.#roleOf.values()].filter((other) => other === role).length;
  }

  watch(root) {
    return setInterval(() => this.#look(root), 50);
  }

  #look(root) {
    for (const pid of below(root)) {
      const role = this.#roleOf.get(pid) ?? roleOf(pid);
      if (role === undefined) continue;
      this.#roleOf.set(pid, role);
      this.kib[role] = Math.max(this.kib[role], memoryKib(pid, "VmHWM") ?? 0);
    }
  }
}

function roleOf(pid) {
  const command = read(`/proc/${pid}/cmdline`);
  return Object.keys(roles).find((role) => roles[role].test(command));
}

/** All processes below this one. */
function below(root) {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => [pid, /\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1]]);
  const known = new Set([String(root)]);
  // A child may have a smaller number than its parent, when the numbers have wrapped: look until nothing is new.
  for (let size = 0; size !== known.size;) {
    size = known.size;
    for (const [pid, parent] of parents) if (known.has(parent)) known.add(pid);
  }
  return known;
}

function read(file) {
  try {
    return readFileSync(file, "latin1");
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ESRCH") return "";
    throw error;
  }
}
