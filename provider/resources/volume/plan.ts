import { sameBytes } from "./fields";

/** How a volume stands on the host, as far as a plan needs it. */
export interface Standing {
  readonly finished: boolean;
  readonly capacityBytes: bigint;
}

/** One step on the way to the volume that is wanted. */
export type Step =
  | { readonly act: "clear" }
  | { readonly act: "make" }
  | { readonly act: "resize"; readonly fromBytes: bigint; readonly toBytes: bigint }
  | { readonly act: "tell"; readonly bytes: bigint };

/**
 * The steps from what stands there to a volume of this size. What an interrupted create left is made again: no part of it is
 * known to be whole. Sizes that differ by less than a block are the same; where an update broke off, guests are told the size once
 * more: machines may share a volume, and the first of them grows it.
 */
export function plan(found: Standing | undefined, wantedBytes: bigint | undefined, brokeOff = false): readonly Step[] {
  if (!found) return [{ act: "make" }];
  if (!found.finished) return [{ act: "clear" }, { act: "make" }];
  const fromBytes = found.capacityBytes;
  if (wantedBytes === undefined) return [];
  if (!sameBytes(wantedBytes, fromBytes)) return [{ act: "resize", fromBytes, toBytes: wantedBytes }];
  return brokeOff ? [{ act: "tell", bytes: fromBytes }] : [];
}
