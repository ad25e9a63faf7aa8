import { type Difference, differences, type Values } from "../../fields";
import { readPath } from "../../xml";
import { costsInWords } from "../compare";
import { isFilled } from "../naming";
import type { Request } from "../port";
import { bytesOf, volume as table } from "./fields";
import type { FoundVolume } from "./observe";

/** The differences of the table; other content is told where people wrote it, not as a hidden digest. */
export function changesOf(found: FoundVolume, asked: Values, managed: Values | undefined): Difference[] {
  const wanted = keepsSize(found, asked, managed) ? { ...asked, capacity: found.values["capacity"] } : asked;
  return changesBetween(found.values, wanted, managed);
}

function changesBetween(before: Values, wanted: Values, managed: Values | undefined): Difference[] {
  const all = differences(table, before, wanted, { managed, situation: { before, after: wanted } });
  const property = ["source", "content"].find((name) => (wanted[name] ?? managed?.[name]) !== undefined) ?? "source";
  return all.map((change) => (change.path[0] === "__content" ? { ...change, path: [property] } : change));
}

/** Says what an update would do, and that a smaller volume loses its end: `live` alone sounds harmless. */
export function announce(request: Request, found: FoundVolume, all: readonly Difference[]): void {
  if (all.length === 0) return;
  const shrinks = ({ path, cost, before, after }: Difference): boolean =>
    path[0] === "capacity" && cost === "live" && isLess(after, before);
  const inPlace = all.every(({ cost }) => cost !== "replace");
  const lost = inPlace && all.some(shrinks) ? "; its end is cut off, and what the guest keeps there is lost" : "";
  request.info(`${found.name}: ${costsInWords(all, table)}${lost}`);
}

/** Of a size that is still unknown in a preview nothing can be said. */
function isLess(one: unknown, other: unknown): boolean {
  return typeof one === "number" && typeof other === "number" && one < other;
}

/** What makes a volume that is gone come back as another one: an update would make the new name under the old id. */
export function lostOf(olds: Values, news: Values): Difference[] {
  return changesBetween(olds, news, olds).filter(({ cost }) => cost === "replace");
}

/**
 * A volume that is larger than its content, where the program says nothing of its size, was grown by other hands for a reason.
 * A block device is larger than any wish: it has whole extents of its pool.
 */
export function keepsSize(found: FoundVolume, inputs: Values, managed: Values | undefined): boolean {
  const { finished, here, capacityBytes } = found;
  const { capacity, allowShrink } = inputs;
  if (!finished || !here || typeof capacity !== "number" || capacityBytes <= bytesOf(capacity)) return false;
  const block = readPath(here.root, "@type") === "block";
  if (block && (managed?.["capacity"] ?? capacity) === capacity) return true;
  return allowShrink !== true && (block || isFilled(inputs, "capacity"));
}

/** What a making left half-way is made again, though all that can be seen of it may be as wanted. */
export function unfinishedOf({ finished }: FoundVolume): Difference[] {
  return finished ? [] : [{ path: ["finished"], kind: "update", cost: "live", before: false, after: true }];
}
