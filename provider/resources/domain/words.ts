import { type Difference, inWords, isRecord, printPath, type Values } from "../../fields";
import { domain as table } from "./fields";

/** What a new power state means for the machine: the act, and how it is told. */
const POWER_WORDS: Readonly<Record<string, readonly [act: string, told: string]>> = {
  running: ["start it", "started"],
  stopped: ["stop it", "stopped"],
  paused: ["pause it", "paused"],
};
const NOUNS: Readonly<Record<string, string>> = {
  disks: "disk",
  interfaces: "interface",
  memoryDevices: "memory device",
};

/** A change as an act: `attach disk vdb`, `start it`, `change onlineVcpus 2 -> 4`. */
export function describe(change: Difference): string {
  const device = deviceOf(change);
  if (device && change.path.length === 2) return `${change.kind === "delete" ? "detach" : "attach"} ${device}`;
  const power = powerWords(change)?.[0];
  return power ?? `change ${tell(change).replace(/ (changed|added|removed)$/, "")}`;
}

/** A change as a person would tell it: `disk vdb attached`, `started`, `onlineVcpus 2 -> 4`. */
export function tell(change: Difference): string {
  const device = deviceOf(change);
  if (device && change.path.length === 2) return `${device} ${change.kind === "delete" ? "detached" : "attached"}`;
  if (!device) return powerWords(change)?.[1] ?? inWords(change, table);
  return inWords(change, table, (path) => `${printPath(path.slice(2))} of ${device}`);
}

function powerWords({ path, after }: Difference): readonly [string, string] | undefined {
  return path[0] === "powerState" && typeof after === "string" ? POWER_WORDS[after] : undefined;
}

/** The device of a list that a change is about: `disk vdb`. */
function deviceOf({ path, key, before, after }: Difference): string | undefined {
  const [name, index] = path;
  const noun = NOUNS[String(name)];
  if (noun === undefined || typeof index !== "number") return undefined;
  const device = isRecord(after) ? after : isRecord(before) ? before : {};
  return `${noun} ${key ?? keyText(device)}`;
}

function keyText(device: Values): string {
  const key = device["target"] ?? device["mac"] ?? device["name"];
  return typeof key === "string" ? key : "";
}
