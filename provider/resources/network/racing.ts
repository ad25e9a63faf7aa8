import { setTimeout as sleep } from "node:timers/promises";
import { Code, isLibvirt } from "../../rpc";
import { Explained } from "../errors";

const RACES = 10;

/**
 * Programs that run side by side race in libvirt for a bridge's name: two networks get one. The first to start keeps it, the
 * other gives it up by `yielding`, which the first one only has to wait for.
 */
export async function whileRacing(act: () => Promise<unknown>, yielding?: () => Promise<unknown>): Promise<void> {
  for (let race = 1; ; race += 1) {
    try {
      await act();
      return;
    } catch (error) {
      if (race === RACES || !isBridgeTaken(error)) throw error;
    }
    await sleep(100 * race * (0.75 + Math.random() / 2));
    await yielding?.();
  }
}

/** libvirt has no code of its own for it. */
function isBridgeTaken(error: unknown): boolean {
  const cause = error instanceof Explained ? error.cause : error;
  if (!isLibvirt(cause, Code.INTERNAL_ERROR, Code.OPERATION_FAILED, Code.SYSTEM_ERROR)) return false;
  return /bridge name '[^']*' already in use|bridge (interface )?\S+: File exists|in use by interface/.test(
    cause.message,
  );
}
