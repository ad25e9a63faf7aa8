import { type Difference, hasUnknown, itemsOf, printPath, type Values } from "../../fields";
import { Code, isLibvirt } from "../../rpc";
import { find, readPath } from "../../xml";
import { Refusal, type Request } from "../port";
import type { FoundDomain } from "./observe";
import { changesOf } from "./changes";
import { refuseUncontrolled } from "./parts/controllers";
import { diskSources } from "./parts/disks";
import { refuseVlans } from "./parts/vlans";
import { complete } from "./wanted";
import { tell } from "./words";
import type { Goal } from "../definition";

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
      `Write its disks, interfaces, memoryDevices and cloudInit as they are on the host, or take them out of the machine first`,
  );
}

/** The device that a change would take out, or whose image it would change. */
function lostDevice({ kind, path, key }: Difference): string[] {
  if (path[0] === "interfaces" && kind === "delete") return [`interface ${key ?? ""}`];
  if (path[0] === "memoryDevices" && kind === "delete") return [`memory device ${key ?? ""}`];
  if (path[0] !== "disks") return [];
  const source = diskSources.some((name) => name === path[2]);
  return source || (kind === "delete" && path.length === 2) ? [`disk ${key ?? ""}`] : [];
}

/** Why a machine cannot have a new name, or nothing. One that runs is renamed between its stop and its start. */
export function renameComplaint(found: FoundDomain, name: string, wanted: Values): string | undefined {
  if (found.name === name) return undefined;
  const os = find(found.inactive, "os");
  const uefi = os?.attributes.get("firmware") === "efi" || readPath(found.inactive, "os/loader/@type") === "pflash";
  if (uefi && readPath(found.inactive, "os/nvram") === undefined) {
    return `domain "${found.name}" has UEFI variables that a rename would lose; make a new machine instead`;
  }
  if (!found.live || wanted["powerState"] === "stopped" || wanted["whenRestartNeeded"] === "restart") return undefined;
  return (
    `domain "${found.name}" runs and cannot be renamed to "${name}": stop it first (powerState: "stopped"), then change ` +
    `its name, or set whenRestartNeeded: "restart"`
  );
}

/** A guest is not stopped, and a machine not changed, for a name that it cannot have. */
export async function refuseTakenName({ place }: Request, found: FoundDomain, wanted: Values): Promise<void> {
  const name = wanted["name"];
  if (typeof name !== "string" || name === found.name) return;
  try {
    const { dom } = await place.host.call("DOMAIN_LOOKUP_BY_NAME", { name });
    throw new Refusal(
      `domain "${found.name}" cannot be renamed to "${name}": the domain ${dom.uuid} has that name. Nothing was touched`,
    );
  } catch (error) {
    if (!isLibvirt(error, Code.NO_DOMAIN)) throw error;
  }
}

/** Why an update must not happen: it would stop a guest that the program wants undisturbed. */
export function forbidUpdate(found: FoundDomain, changes: readonly Difference[], wanted: Values): string | undefined {
  const costly = changes.filter(({ cost, after }) => cost === "restart" && !hasUnknown(after));
  if (found.live && costly.length > 0 && wanted["whenRestartNeeded"] === "fail" && wanted["powerState"] !== "stopped") {
    return (
      `domain "${found.name}" runs, and ${costly.map(tell).join(", ")} needs a power cycle, which whenRestartNeeded: "fail" ` +
      `forbids. Set it to "defer" or "restart", or stop the machine first (powerState: "stopped")`
    );
  }
  const name = changes.some(({ path }) => path[0] === "name") ? wanted["name"] : undefined;
  return typeof name === "string" ? renameComplaint(found, name, wanted) : undefined;
}

/** Refuses what this host can surely not do, while nothing was touched. */
export async function refuseUnable(
  request: Request,
  found: FoundDomain,
  wanted: Values,
  changes: readonly Difference[],
): Promise<void> {
  await refuseUncontrolled(request, found, changes);
  await refuseVlans(request, found.name, wanted, found);
  await refuseTakenName(request, found, wanted);
}
