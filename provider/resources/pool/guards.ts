import type { Difference } from "../../fields";
import { readPath } from "../../xml";
import type { Request } from "../port";
import { holdersIn, runningMachines } from "../volume/inUse";
import type { FoundPool } from "./observe";

/** Pools that show a file system of their own in their folder. */
const MOUNTS: ReadonlySet<unknown> = new Set(["fs", "netfs", "vstorage"]);
/** Pools whose stop takes their storage from the host. */
const TAKES: ReadonlySet<unknown> = new Set([...MOUNTS, "logical", "iscsi"]);

/** A restart does not pull a pool's storage away under running machines; those that only show what is there harm nobody. */
export async function forbidUpdate(
  request: Request,
  found: FoundPool,
  changes: readonly Difference[],
): Promise<string | undefined> {
  const { type } = found.values;
  const restarting = changes.filter(({ cost }) => cost === "restart");
  if (!found.active || restarting.length === 0) return undefined;
  if (MOUNTS.has(type) && restarting.some(({ path }) => path[0] === "permissions")) {
    return (
      `pool "${found.name}": libvirt sets the \`permissions\` of directories alone, and the file system of this pool has its own: ` +
      `change them on the host and refresh the pool (virsh pool-refresh), or take them out of the program`
    );
  }
  return forbidStop(request, found);
}

/** Why a pool must not be stopped now, whether it is changed, replaced or deleted. */
export async function forbidStop(request: Request, found: FoundPool): Promise<string | undefined> {
  const folder = readPath(found.live, "target/path");
  if (!found.active || !TAKES.has(found.values["type"]) || folder === undefined) return undefined;
  const machines = holdersIn(await runningMachines(request), { name: found.name, folder, part: partOf(found) });
  if (machines.length === 0) return undefined;
  const names = machines.map((name) => `"${name}"`).join(", ");
  return (
    `pool "${found.name}" has to be stopped for that, and running machines have disks in it: ${names}: ` +
    `power them off first. Nothing was changed`
  );
}

/** iSCSI pools share one folder, where each path has its target's name. */
function partOf({ values, live }: FoundPool): string {
  const target = values["type"] === "iscsi" ? readPath(live, "source/device/@path") : undefined;
  return target ?? "";
}
