import { execFileSync } from "node:child_process";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { Driven } from "./driven";

export const virsh = (...args: string[]): string =>
  execFileSync("virsh", ["-q", "-c", "qemu:///system", ...args], { encoding: "utf8" });

/** A machine whose firmware finds nothing to boot: it hears nothing, and is turned off at once. */
export const deaf: Values = {
  type: "qemu",
  memory: 64,
  os: { machine: "q35" },
  waitFor: {},
  shutdown: { timeout: 0, thenForce: true },
};

/** The smallest machine of all: no program turns it off by force unless it says so. */
export const small = {
  type: "qemu",
  memory: 64,
  os: { machine: "q35" },
  waitFor: {},
  shutdown: { timeout: 0 },
};

/** Makes a machine. */
export async function machineAt(place: Place, name: string, args: Values): Promise<Driven> {
  const made = new Driven(domain, place, name);
  await made.up(args);
  return made;
}

/** Takes all machines of the lab away. */
export function clear(): void {
  for (const name of virsh("list", "--all", "--name").split("\n").filter(Boolean)) {
    if (virsh("domstate", name).trim() !== "shut off") virsh("destroy", name);
    virsh("undefine", name);
  }
}

/** Path and cost of each change that a preview shows. */
export async function costs(machine: Driven, after: Values): Promise<string[]> {
  return (await machine.preview(after)).differences.map(({ path, cost }) => `${path.join(".")} ${cost}`);
}

/** Previews and applies a change: all of it live, in the same run of the guest, in both definitions, and nothing is left. */
export async function changesLive(machine: Driven, after: Values): Promise<{ live: string; inactive: string }> {
  const id = machine.id ?? "";
  const run = virsh("domid", id);
  const diff = await machine.preview(after);
  expect(new Set(diff.differences.map(({ cost }) => cost))).toEqual(new Set(["live"]));
  await machine.up(after);
  expect(virsh("domid", id)).toBe(run);
  expect(machine.outputs["restartPending"]).toEqual([]);
  expect((await machine.preview(after)).differences).toEqual([]);
  return {
    live: virsh("dumpxml", id, "--security-info"),
    inactive: virsh("dumpxml", id, "--inactive", "--security-info"),
  };
}
