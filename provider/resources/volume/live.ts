import type { LiveKeys } from "../../fields";
import { doing, explain } from "../errors";
import { readPath } from "../../xml";
import { Refusal, type Request } from "../port";
import { printGibibytes, type volume, wholeBlocks } from "./fields";
import { bytesAt, type Here, look, onceFree, refreshPool } from "./find";
import { holderOf, runningMachines, type Target, type Writer, writersOf } from "./inUse";
import { named, shrinkFlag } from "./make";

/** One change of a volume in place. */
export interface LiveChange {
  readonly here: Here;
  readonly target: Target;
  readonly format: string;
  readonly fromBytes: bigint;
  readonly toBytes: bigint;
  readonly allowShrink: boolean;
}

type Act = (request: Request, change: LiveChange) => Promise<void>;

/** One act for each field that changes in place. */
export const live: Readonly<Record<LiveKeys<typeof volume>, Act>> = { capacity: resize };

const BLOCK_RESIZE_BYTES = 1;

/** Resizes a volume: through the guest that runs on it, which sees the new size at once, else in the pool. */
async function resize(request: Request, change: LiveChange): Promise<void> {
  const { here, target, fromBytes } = change;
  const toBytes = wholeBlocks(change.toBytes, change.format);
  const shrinks = toBytes < fromBytes;
  const [from, to] = [printGibibytes(fromBytes), printGibibytes(toBytes)];
  if (shrinks && !change.allowShrink) {
    throw new Refusal(
      `${named(target)} would shrink from ${from} to ${to} GiB; \`allowShrink: true\` does it in place`,
    );
  }
  const shown = readPath(here.root, "target/format/@type");
  if (change.format === "raw" && shown !== "raw" && shown !== "iso") {
    // libvirt would resize what the header says that it is, and a guest may have written that header.
    throw new Refusal(
      `${named(target)} is raw, but its first bytes look like ${shown ?? "another format"}: not resized`,
    );
  }
  try {
    const machines = await runningMachines(request);
    const [holder, writers] = [holderOf(machines, target), writersOf(machines, target)];
    if (shrinks && holder !== undefined) throw new Refusal(shrinkUnderText(holder, target));
    // The first of them grows the file, and each of the others still has to be told.
    for (const one of writers) await resizeOnline(request, one, toBytes);
    if (writers.length === 0)
      await onceFree(request, () => request.place.host.call("STORAGE_VOL_RESIZE", resizing(here, toBytes, shrinks)));
    await readAgain(request, here, toBytes);
  } catch (error) {
    throw explain(`resize ${named(target)} from ${from} to ${to} GiB`, error);
  }
  request.info(
    `${named(target)}: ${shrinks ? "shrunk in place, its end is lost" : "grown in place"}: ${from} -> ${to} GiB`,
  );
}

/** Why a volume must not become smaller now. */
export function shrinkUnderText(machine: string, target: Target): string {
  return `${named(target)} is a disk of the running machine "${machine}": stop it to shrink it`;
}

function resizing({ vol }: Here, capacity: bigint, shrinks: boolean) {
  return { vol, capacity, flags: shrinks ? shrinkFlag : 0 };
}

/** Tells the size to each running machine that may write the volume. */
export async function tellGuests(request: Request, target: Target, bytes: bigint): Promise<void> {
  for (const one of writersOf(await runningMachines(request), target))
    await doing(`tell the running machine "${one.domain.name}" the size of ${named(target)}`, () =>
      resizeOnline(request, one, bytes),
    );
}

async function resizeOnline(request: Request, { domain, disk }: Writer, size: bigint): Promise<void> {
  await request.place.host.call("DOMAIN_BLOCK_RESIZE", { dom: domain, disk, size, flags: BLOCK_RESIZE_BYTES });
}

/** libvirt takes some sizes and keeps others: what it shows afterwards counts. */
async function readAgain(request: Request, here: Here, toBytes: bigint): Promise<void> {
  const capacity = async (): Promise<bigint | undefined> => {
    const sight = await look(request, here.vol.pool, here.vol.name);
    return sight.kind === "here" ? bytesAt(sight.root, "capacity") : undefined;
  };
  if ((await capacity()) === toBytes) return;
  await refreshPool(request, here.pool);
  const shown = await capacity();
  if (shown === undefined || shown < toBytes) throw new Error(`libvirt shows ${shown ?? "no"} bytes afterwards`);
}
