// What all sections measure with.
import { readFileSync, writeFileSync } from "node:fs";
import { Stop, capture } from "../shell.mjs";

export function median(numbers) {
  const sorted = [...numbers].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs each side once in each round, in changing order, so that the machine's drift meets all sides. `sides` has a function
 * for each name; the answer has the list of its results. The first round warms up and is not counted.
 */
export async function inTurn(rounds, sides) {
  const names = Object.keys(sides);
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) {
      const result = await sides[name](round);
      if (round > 0) results[name].push(result);
    }
  }
  return results;
}

/** The median of the ratios of two lists of runs, pair by pair. */
export const medianRatio = (ours, theirs) => median(ours.map((value, index) => value / theirs[index]));

/** Seconds that a function takes. */
export async function seconds(run) {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

const ticksPerSecond = 100; // USER_HZ: the same on every Linux

/** CPU seconds, user and system, of all processes that ended below this one and were waited for. */
export function endedCpuSeconds() {
  const stat = readFileSync("/proc/self/stat", "utf8");
  // From the state on, which is field 3; the fields 16 and 17 are those of the children (man 5 proc).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}

/** The lab's daemon. */
export const libvirtd = () => readFileSync("/run/libvirt/libvirtd.pid", "utf8").trim();

/** On a busy machine both sides would wait for strangers, and by chance one longer: ask to be served before them. */
export function goFirst() {
  for (const pid of ["self", libvirtd()]) {
    try {
      writeFileSync(`/proc/${pid}/autogroup`, "-15");
    } catch (error) {
      // A kernel without such groups, or a container that may not: the medians have to do.
      if (!["ENOENT", "EACCES", "EPERM", "EROFS", "EAGAIN", "EIO"].includes(error.code)) throw error;
    }
  }
}

/** One number of /proc/PID/status in KiB (`VmHWM`, `VmRSS`), undefined when the process is gone. */
export function memoryKib(pid, key) {
  try {
    const match = new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return match ? Number(match[1]) : undefined;
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
    throw error;
  }
}

/** libvirt's own client, to set the table with other hands than ours. */
export function virsh(...words) {
  const { code, out, err } = capture(["virsh", "-q", "-c", "qemu:///system", ...words]);
  if (code !== 0) throw new Stop(`virsh ${words.join(" ")}: ${err.trim()}`);
  return out;
}

/** Runs a script of this folder in a Node of its own and returns the JSON that it prints last. */
export function child(script, ...args) {
  const file = new URL(script, import.meta.url).pathname;
  const { code, out, err } = capture([process.execPath, file, ...args]);
  if (code !== 0) throw new Stop(`${script} ended with ${code}:\n${out}${err}`.trimEnd());
  return JSON.parse(out.trim().split("\n").at(-1));
}
