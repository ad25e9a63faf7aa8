import type { Values } from "../fields";
import { UNFINISHED } from "./port";

/** Which outputs an update leaves as they are. */
export interface Steady {
  /** Those that never change. */
  readonly stables?: readonly string[];
  /** Those that follow from inputs alone, and stay from the one to the other. */
  follows?(olds: Values, news: Values): readonly string[];
}

/** The outputs that an update from this state to those inputs leaves as they are. One that was not finished knows its own no more. */
export function steadyOf(kind: Steady, olds: Values, news: Values): readonly string[] {
  const following = olds[UNFINISHED] === true ? [] : (kind.follows?.(olds, news) ?? []);
  return [...(kind.stables ?? []), ...following];
}
