import { deepEqual, type Values } from "../fields";

/** Which outputs an update leaves as they are. */
export interface Steady {
  /** Those that never change. */
  readonly stables?: readonly string[];
  /** Those that follow from inputs alone, each with the inputs that it follows from. */
  readonly follows?: Readonly<Record<string, readonly string[]>>;
}

/** The outputs that an update from these values to those leaves as they are. */
export function steadyOf({ stables = [], follows = {} }: Steady, olds: Values, news: Values): readonly string[] {
  const same = (name: string): boolean => deepEqual(olds[name], news[name]);
  return [...stables, ...Object.keys(follows).filter((name) => follows[name]?.every(same))];
}
