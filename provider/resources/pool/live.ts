import type { StoragePool } from "../../rpc";
import type { Place } from "../place";
import type { LiveField } from "./fields";

/** What changes while the pool runs, and how. */
export const acts: Readonly<
  Record<LiveField, (place: Place, pool: StoragePool, value: boolean, signal: AbortSignal) => Promise<void>>
> = {
  autostart: async ({ host }, pool, value, signal) => {
    await host.call("STORAGE_POOL_SET_AUTOSTART", { pool, autostart: value ? 1 : 0 }, { signal });
  },
};
