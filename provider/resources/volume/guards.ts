import type { Difference, Values } from "../../fields";
import { Code, isLibvirt } from "../../rpc";
import { isFilled } from "../naming";
import type { Replacement } from "../definition";
import type { Request } from "../port";
import { FILE_POOLS, shrinkText } from "./check";
import { bytesOf, sameBytes, spotIn } from "./fields";
import { type Here, poolFolder, poolType } from "./find";
import {
  holderOf,
  overlayOn,
  type Overlying,
  readerOf,
  runningMachines,
  type Target,
  usersOf,
  usersOfVolume,
  type Writer,
  writerOf,
} from "./inUse";
import { shrinkUnderText } from "./live";
import { named, targetAt } from "./make";
import { type FoundVolume, hidden, isVolume, writtenAt } from "./observe";

/**
 * A guest that runs keeps the bytes of a volume that was deleted under it, until its next power cycle: a new one in its place
 * would hide that. Who only reads misses nothing that the program's own content makes again.
 */
export async function forbidMaking(request: Request, id: string, inputs: Values): Promise<string | undefined> {
  if (inputs["allowDataLoss"] === true) return undefined;
  const target = await targetOf(request, id);
  if (!target) return undefined;
  const machines = await runningMachines(request);
  const writer = writerOf(machines, target);
  const reader = inputs["__content"] === undefined ? readerOf(machines, target) : undefined;
  const holder = writer?.domain.name ?? reader;
  if (holder === undefined) return undefined;
  const copy = writer
    ? copyBack(writer, target, inputs)
    : `virsh blockcopy "${holder}" DISK FILE --transient-job --wait --finish`;
  return (
    `${named(target)} was deleted under the running machine "${holder}", which alone still has its bytes: they are lost when it ` +
    `powers off. ${writer ? "This brings it back while the machine runs" : "This saves a disk of it while the machine runs"}: \`${copy}\`. ` +
    `To have a new volume all the same, power the machine off or set \`allowDataLoss: true\``
  );
}

/** The deleted file's place is free: a copy of what the guest has can take it, and the guest goes on with that. */
function copyBack({ domain, disk }: Writer, { path }: Target, { format, backing }: Values): string {
  const shallow = backing === undefined ? "" : " --shallow";
  return `virsh blockcopy "${domain.name}" ${disk} "${path}" --format ${format === "qcow2" ? "qcow2" : "raw"}${shallow} --transient-job --wait --pivot`;
}

/** Where a volume of this id would stand; undefined where its pool is not there, or has no folder. */
async function targetOf(request: Request, id: string): Promise<Target | undefined> {
  const { pool, name } = spotIn(id);
  try {
    const folder = await poolFolder(request, pool);
    return folder === undefined ? undefined : { pool, name, path: `${folder}/${name}` };
  } catch (error) {
    if (isLibvirt(error, Code.NO_STORAGE_POOL)) return undefined;
    throw error;
  }
}

function forbidShrink({ vol }: Here, foundBytes: bigint, { capacity, allowShrink }: Values): string | undefined {
  if (typeof capacity !== "number" || allowShrink === true || foundBytes < bytesOf(capacity)) return undefined;
  if (sameBytes(foundBytes, bytesOf(capacity))) return undefined;
  return `${named(vol)}: \`capacity\` ${shrinkText(foundBytes, bytesOf(capacity))}`;
}

/**
 * A volume shrinks only where the program allows it, and under no guest. libvirt grows no disk that is read only, QEMU keeps everybody else from a
 * qcow2 image that it holds, and a guest that writes into a snapshot sees nothing of what grows below that.
 */
export async function forbidUpdate(
  request: Request,
  { here, finished, capacityBytes }: FoundVolume,
  changes: readonly Difference[],
  wanted: Values,
): Promise<string | undefined> {
  if (!here || !finished || !changes.some(({ path }) => path[0] === "capacity")) return undefined;
  const shrinks = forbidShrink(here, capacityBytes, wanted);
  if (shrinks !== undefined) return shrinks;
  const type = await poolType(request, here.pool.name);
  if (!FILE_POOLS.has(type)) {
    return (
      `${named(here.vol)}: libvirt resizes no volume of a pool of type "${type}": resize it on the host to the \`capacity\` of the ` +
      `program, or take the change back`
    );
  }
  const [machines, target] = [await runningMachines(request), targetAt(here)];
  const above = overlayOn(machines, target);
  // A Volume that lies over another one has a size of its own.
  if (above && !(await isVolume(request, above.path))) return snapshotText(above, target);
  const holder = isSmaller(wanted["capacity"], capacityBytes) ? holderOf(machines, target) : undefined;
  if (holder !== undefined) return shrinkUnderText(holder, target);
  const reader = wanted["format"] === "qcow2" ? readerOf(machines, target) : undefined;
  if (reader === undefined) return undefined;
  return (
    `${named(target)}: the running machine "${reader}" has it read-only, and so nobody can change the \`capacity\` of a ` +
    `qcow2 image: power the machine off first`
  );
}

function isSmaller(capacity: unknown, foundBytes: bigint): boolean {
  return typeof capacity === "number" && bytesOf(capacity) < foundBytes;
}

function snapshotText({ domain, disk, path }: Overlying, target: Target): string {
  return (
    `${named(target)}: the running machine "${domain.name}" writes into an overlay of it, the snapshot ${path}, which keeps its size. ` +
    `Merge it first: \`virsh blockcommit "${domain.name}" ${disk} --base "${target.path}" --active --wait --pivot\``
  );
}

/** Under a given name the old one must go first, which its users forbid: better told in the preview than half-way. */
export async function forbidUnderUsers(
  request: Request,
  { here }: FoundVolume,
  { olds, inputs }: Replacement,
): Promise<string | undefined> {
  if (!here || inputs["name"] !== olds["name"] || isFilled(inputs, "name")) return undefined;
  const users = usersOfVolume(await usersOf(request), targetAt(here));
  if (users.length === 0) return undefined;
  return (
    `${named(here.vol)} has a given name and is used by ${users.join(", ")}: it cannot be replaced under them. ` +
    `Give it another name, or none, and the new one stands beside it before they move`
  );
}

/** Bytes that a guest has written go only with `allowDataLoss`. */
export async function forbidDataLoss(
  request: Request,
  found: FoundVolume,
  { olds, inputs }: Replacement,
): Promise<string | undefined> {
  if (inputs["allowDataLoss"] === true || !found.finished) return undefined;
  const remedy = "set `allowDataLoss: true` and run up to replace it all the same";
  if (!found.here)
    return `${String(olds["name"])} would be replaced, but cannot be seen: ${found.unseen ?? "?"}; ${remedy}`;
  const what = named(found.here.vol);
  const writer = writerOf(await runningMachines(request), targetAt(found.here));
  if (writer) {
    return `${what} would be replaced, and is a disk of the running machine "${writer.domain.name}", whose data would be lost; ${remedy}`;
  }
  const written = olds[hidden.written];
  if (written !== undefined && written === writtenAt(found.here)) return undefined;
  const why = writtenAt(found.here) === undefined ? "may have been written" : "was written";
  return `${what} would be replaced, and ${why} since it was made: its data would be lost; ${remedy}`;
}
