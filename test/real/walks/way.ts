// How a walked program reaches the host: through the port of the resources, or through the engine.
import type { Program } from "./program";

/** Whether somebody waits for the guest until it answers. */
export type Guest = "answers" | "unseen";

export interface Way {
  /** Makes all of it. */
  build(program: Program, guest: Guest): Promise<void>;
  /** False for a program that check refuses. */
  isWritten(program: Program): Promise<boolean>;
  /** Previews and updates; what is not as announced, in words. */
  up(program: Program): Promise<string[]>;
  /** A power cycle by hand, after which nothing waits and nothing changes. */
  cycle(program: Program, guest: Guest): Promise<string[]>;
  destroy(): Promise<void>;
}
