/*
 * A qcow2 header (QEMU docs/interop/qcow2.txt), numbers high byte first:
 *     0 "QFI\xfb" | 4 version | 8 backing name at (8) | 16 its length | 20 cluster bits | 24 virtual size (8)
 *    32 encryption | 36 L1 entries | 40 L1 at (8) | 48 refcount table at (8) | 56 its clusters | 60 snapshots
 *    64 snapshots at (8) | version 3: 72 incompatible (8) | 80 compatible (8) | 88 autoclear (8)
 *    96 refcount order | 100 header length | extensions: type, length, data padded to 8; type 0 ends them
 */
/** Where each field of the header stands. */
export const headerAt = {
  magic: 0,
  version: 4,
  backingOffset: 8,
  backingBytes: 16,
  clusterBits: 20,
  virtualSize: 24,
  encryption: 32,
  l1Entries: 36,
  l1Offset: 40,
  refcountTableOffset: 48,
  refcountTableClusters: 56,
  incompatible: 72,
  refcountOrder: 96,
  headerBytes: 100,
} as const;

/** "QFI\xfb". */
export const qcow2Magic = 0x514649fb;
/** Bytes of the fixed header of each version. */
export const fixedHeaderBytes = { 2: 72, 3: 104 } as const;
/** Bit of the incompatible features that puts the data into another file. */
export const externalDataBit = 0x4n;
/** Longest name of a backing file that QEMU takes, in bytes. */
export const maxBackingBytes = 1023;

/** Types of header extensions. */
export const extensions = {
  end: 0,
  backingFormat: 0xe2792aca,
  externalData: 0x44415441,
  /** "PKVM", ours: whose image this is. QEMU keeps an extension that it does not know when it rewrites a header. */
  mark: 0x504b564d,
} as const;
