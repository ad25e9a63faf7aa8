import { type Difference, printPath } from "../../fields";
import { find, readPath } from "../../xml";
import type { Goal } from "../flow";
import { Refusal } from "../port";
import type { FoundDomain } from "./observe";
import { changesOf } from "./plan";
import { complete, itemsOf } from "./wanted";

/** Refuses what names a volume that is not there: the machine could not start. */
export function refuseMissing(goal: Goal, volumes: ReadonlyMap<string, unknown>): void {
  itemsOf(goal.inputs["disks"]).forEach((disk, index) => {
    const volume = disk["volume"];
    if (typeof volume !== "string" || volumes.has(volume)) return;
    throw new Refusal(
      `domain "${goal.name}": ${printPath(["disks", index, "volume"])}: there is no volume "${volume}" on the host, ` +
        `or its pool is stopped; give a Volume's id (pool/name)`,
    );
  });
}

/** A machine is taken over whole: what the program does not name would be taken out of it. */
export function refuseLossyAdoption(found: FoundDomain, goal: Goal): void {
  if (goal.managed !== undefined || found.mark?.phase === "creating") return;
  const wanted = complete(goal.inputs, goal.id, undefined, found.facts);
  const names = changesOf(found, wanted, undefined).flatMap(lostDevice);
  if (found.seedPath !== undefined && goal.inputs["cloudInit"] === undefined) names.push("a cloud-init seed");
  if (names.length === 0) return;
  throw new Refusal(
    `domain "${found.name}" was not adopted: it has ${[...new Set(names)].join(", ")}, which the program does not name. ` +
      `Write its disks, interfaces and cloudInit as they are on the host, or take them out of the machine first`,
  );
}

/** The device that a change would take out, or whose image it would change. */
function lostDevice({ kind, path, key }: Difference): string[] {
  if (path[0] === "interfaces" && kind === "delete") return [`interface ${key ?? ""}`];
  if (path[0] !== "disks") return [];
  const source = ["volume", "file", "block"].includes(String(path[2]));
  return source || (kind === "delete" && path.length === 2) ? [`disk ${key ?? ""}`] : [];
}

/** Refuses a new name for a machine that runs, or that would lose its UEFI variables by it. */
export function refuseRename(found: FoundDomain, name: string): void {
  if (found.name === name) return;
  const advice = `stop it first (powerState: "stopped"), then change its name`;
  if (found.live) throw new Refusal(`domain "${found.name}" runs and cannot be renamed to "${name}": ${advice}`);
  const os = find(found.inactive, "os");
  const uefi = os?.attributes.get("firmware") === "efi" || readPath(found.inactive, "os/loader/@type") === "pflash";
  if (uefi && readPath(found.inactive, "os/nvram") === undefined) {
    throw new Refusal(`domain "${found.name}" has UEFI variables that a rename would lose; make a new machine instead`);
  }
}
