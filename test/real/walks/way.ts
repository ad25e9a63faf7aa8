// How a walked program reaches the host: through the port of the resources, or through the engine.
import type { Program } from "./program";

export interface Way {
  /** Makes all of it; `answers`: until the guest does. */
  build(program: Program, guest: "answers" | "unseen"): Promise<void>;
  /** False for a program that check refuses. */
  isWritten(program: Program): Promise<boolean>;
  /** Previews and updates; what is not as announced, in words. */
  up(program: Program): Promise<string[]>;
  /** A power cycle by hand, after which nothing waits and nothing changes. */
  cycle(program: Program): Promise<string[]>;
  destroy(): Promise<void>;
}
