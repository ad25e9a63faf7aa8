import { type Difference, differences, type Values } from "../../fields";
import { isFilled } from "../naming";
import { bytesOf, volume as table } from "./fields";
import type { FoundVolume } from "./observe";

/** The differences of the table; other content is told where people wrote it, not as a hidden digest. */
export function changesOf(found: FoundVolume, asked: Values, managed: Values | undefined): Difference[] {
  const wanted = keepsSize(found, asked) ? { ...asked, capacity: found.values["capacity"] } : asked;
  return changesBetween(found.values, wanted, managed);
}

function changesBetween(before: Values, wanted: Values, managed: Values | undefined): Difference[] {
  const all = differences(table, before, wanted, { managed, situation: { before, after: wanted } });
  const property = ["source", "content"].find((name) => (wanted[name] ?? managed?.[name]) !== undefined) ?? "source";
  return all.map((change) => (change.path[0] === "__content" ? { ...change, path: [property] } : change));
}

/** What makes a volume that is gone come back as another one: an update would make the new name under the old id. */
export function lostOf(olds: Values, news: Values): Difference[] {
  return changesBetween(olds, news, olds).filter(({ cost }) => cost === "replace");
}

/** A volume that is larger than its content, where the program says nothing of its size, was grown by other hands for a reason. */
export function keepsSize({ finished, here, capacityBytes }: FoundVolume, inputs: Values): boolean {
  const { capacity, allowShrink } = inputs;
  if (!finished || !here || typeof capacity !== "number" || allowShrink === true) return false;
  return isFilled(inputs, "capacity") && capacityBytes > bytesOf(capacity);
}

/** What a making left half-way is made again, though all that can be seen of it may be as wanted. */
export function unfinishedOf({ finished }: FoundVolume): Difference[] {
  return finished ? [] : [{ path: ["finished"], kind: "update", cost: "live", before: false, after: true }];
}
