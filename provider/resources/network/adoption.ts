import { deepEqual, type Difference, differences, type Path, type Values } from "../../fields";
import { Refusal } from "../port";
import { network as table } from "./fields";
import { wanted } from "./plan";
import type { Goal } from "../definition";
import type { FoundNetwork } from "./observe";

/** It is taken over, not gone on with after an interrupted create of its own. */
export function isAdoption({ mark }: FoundNetwork, goal: Goal): boolean {
  return goal.managed === undefined && !(mark?.phase === "creating" && mark.owner === goal.mark.owner);
}

/** Adopting removes nothing: what stands there and the program does not name is somebody's. */
export function refuseDropping(found: FoundNetwork, asked: Values): void {
  const inputs = wanted(found, asked);
  const dropped = differences(table, found.values, inputs, {
    situation: { before: found.values, after: inputs },
  }).flatMap(droppedBy);
  if (dropped.length === 0) return;
  throw new Refusal(
    `network "${found.name}" was not adopted: ${dropped.join(", ")} would be removed. Nothing was changed: ` +
      `name them in the program, or take them off the network by hand first`,
  );
}

/** What a change takes away, in words: an item of a list, or the items that another list has no more. */
function droppedBy({ path, kind, before, after }: Difference): string[] {
  if (kind === "delete") return [`${pathText(path.slice(0, -1))} ${JSON.stringify(before)}`];
  if (!Array.isArray(before)) return [];
  const kept: readonly unknown[] = Array.isArray(after) ? after : [];
  return before
    .filter((item: unknown) => !kept.some((other) => deepEqual(item, other)))
    .map((item: unknown) => `${pathText(path)} ${JSON.stringify(item)}`);
}

function pathText(path: Path): string {
  return path.filter((part) => typeof part === "string").join(".");
}
