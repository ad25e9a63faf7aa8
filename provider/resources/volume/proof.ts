import { isZero } from "../../media";
import { ownedNumber, ownedUuid, type Owner } from "../owner";

/*
 * A volume has no place for an owner's mark, so an unfinished one proves itself by what only its owner can compute:
 *
 *   1 create, raw, sparse, of an odd size                 -> the size is the proof
 *   2 write the marker block over its first 512 bytes      -> from here the block is the proof
 *   3 resize to the exact length
 *   4 upload all but the first 512 bytes, read back the ends
 *   5 write the first 512 bytes                            -> finished
 *
 * Content of less than 16 KiB takes step 3 before step 2; between them it is a file of its length without one block.
 * The resize comes before the content: libvirt probes the format whenever a pool is refreshed, which each upload causes,
 * and for anything but raw a resize runs qemu-img on the host. One sector cannot be torn by the death of the daemon.
 */

/** Bytes of the marker block, the last thing that content replaces. */
export const MARKER_BYTES = 512;
const NUMBERS = 2 ** 22;

/** A volume's place, the only thing beside the owner that the proof is made of: inputs may change between two tries. */
export interface Spot {
  readonly pool: string;
  readonly name: string;
}

/** The size in bytes of an owner's volume that has no content yet: below 2 GiB, whatever it will hold. */
export function oddBytes(owner: Owner, { pool, name }: Spot): bigint {
  return 512n * BigInt(1 + ownedNumber(owner, { pool, name }, NUMBERS));
}

/** What stands in the first sector of an owner's volume until its content is complete; no image format begins like it. */
export function markerBlock(owner: Owner, { pool, name }: Spot): Buffer {
  const block = Buffer.alloc(MARKER_BYTES);
  block.write(`PULUMI-KVM unfinished volume ${ownedUuid(owner, { pool, name })}\n`, "latin1");
  return block;
}

/** Shorter content is resized before it is marked: libvirt shrinks no file below what its first block allocates. */
export const SMALL_BYTES = 16n * 1024n;

/** What a proof is read from. */
export interface Evidence {
  readonly fileBytes: bigint;
  readonly allocatedBytes: bigint;
  /** The first bytes, at least 512 if it has them. */
  readonly head: Buffer;
  /** Length of the content that this owner wants there. */
  readonly wantedBytes?: bigint | undefined;
}

/** True for a volume that an interrupted create of this owner left. */
export function isUnfinished(owner: Owner, spot: Spot, evidence: Evidence): boolean {
  const { fileBytes, allocatedBytes, head, wantedBytes } = evidence;
  const start = head.subarray(0, MARKER_BYTES);
  if (start.length > 0 && start.equals(markerBlock(owner, spot).subarray(0, start.length))) return true;
  if (!isZero(start)) return false;
  // Small content, resized and not yet marked: nobody has ever written a byte of it.
  const untouched = fileBytes === wantedBytes && fileBytes < SMALL_BYTES && allocatedBytes === 0n;
  return fileBytes === oddBytes(owner, spot) || untouched;
}
