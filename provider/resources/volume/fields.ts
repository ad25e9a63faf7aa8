import { flag, gibibytes, grammar, opaque, text } from "../../fields";

const GIB = 1024 ** 3;

/** Bytes of a capacity in GiB. */
export function bytesOf(gibibytes: number): bigint {
  return BigInt(Math.round(gibibytes * GIB));
}

/** A capacity in GiB, exactly. */
export function gibibytesOf(bytes: bigint): number {
  return Number(bytes) / GIB;
}

/** A size in GiB for people. */
export function printGibibytes(bytes: bigint): string {
  return String(Number(gibibytesOf(bytes).toPrecision(6)));
}

const SECTOR = 512n;
/** Where a raw image ends in the middle of its host's block, QEMU takes it neither shared nor past the host's cache. */
const BLOCK = 4096n;

/** The size of an image that is to hold these bytes. */
export function wholeBlocks(bytes: bigint, format: unknown): bigint {
  const unit = format === "qcow2" ? SECTOR : BLOCK;
  return ((bytes + unit - 1n) / unit) * unit;
}

/** Images count in blocks, so less than one is no difference. */
export function sameBytes(one: bigint, other: bigint): boolean {
  return one - other < BLOCK && other - one < BLOCK;
}

function sameCapacity(wanted: number, found: number): boolean {
  return sameBytes(bytesOf(wanted), bytesOf(found));
}

/** libvirt probes a raw volume that holds a CD as `iso`: the same bytes. */
function sameFormat(wanted: string, found: string): boolean {
  const kind = (format: string): string => (format === "iso" ? "raw" : format);
  return kind(wanted) === kind(found);
}

/** The pool and the name in a volume's id. */
export function spotIn(id: string): { readonly pool: string; readonly name: string } {
  const cut = id.indexOf("/");
  return { pool: id.slice(0, cut), name: id.slice(cut + 1) };
}

/** A volume's id in its own words. */
export const volumeId = (value: string): string | undefined =>
  /^[^/]+\/[^/]+$/.test(value) ? undefined : 'must be a volume\'s id, "pool/name"';

const digest = (value: string): string | undefined =>
  /^[0-9a-f]{64}$/i.test(value) ? undefined : "must be the 64 hexadecimal digits of a SHA-256";

/** A volume. https://libvirt.org/formatstorage.html#storage-volume-xml */
export const volume = {
  name: text({
    filled: true,
    change: "replace",
    check: grammar.objectName,
    doc: "The volume's name in its pool; default `<logical name>-<7 hex>`, another for other content.",
  }),
  pool: text({ required: true, change: "replace", most: 255, doc: "The name of the pool." }),
  capacity: gibibytes({
    change: "live",
    same: sameCapacity,
    doc: "Size that the guest sees, in GiB, fractions allowed, rounded to the byte; default: the source's. Grows in place, also under a running guest; shrinking needs `allowShrink`.",
  }),
  format: text({
    values: ["raw", "qcow2", "iso"],
    change: "replace",
    same: sameFormat,
    doc: "Default: the source's own; without one `qcow2`, in pools of block devices `raw`. `raw` stores a source's bytes as they are, also compressed ones (an initrd).",
  }),
  source: text({
    doc: "An image on the machine that runs Pulumi, uploaded at create: an absolute path, or one relative to the program's folder. Its content counts, not its path.",
  }),
  content: opaque({ doc: "The content as a Pulumi asset (text or file) of at most 16 MiB, in place of `source`." }),
  sha256: text({ check: digest, doc: "The SHA-256 that the source must have, in hex; another one fails in preview." }),
  backing: text({
    change: "replace",
    check: volumeId,
    doc: "The id (`pool/name`) of the volume whose content shows through; makes a qcow2 overlay.",
  }),
  allowShrink: flag({ doc: "Allows a smaller `capacity`: the tail is cut off and its bytes are lost. Default false." }),
  allowDataLoss: flag({ doc: "Allows a replacement that destroys what a guest has written. Default false." }),
  deletionProtection: flag({ doc: "Refuses to delete or replace the volume. Default false." }),
  adopt: flag({ doc: "Takes over a volume of this name that exists already, with its content. Default false." }),
  /** The digest of the content asked for, `sha256:...`: hidden, so that another content is another volume. */
  __content: text({ change: "replace", doc: "Set by the provider." }),
  /** Format, backing and content that the volume was made with: the host cannot tell them reliably. */
  __made: text({ output: true, doc: "Set by the provider." }),
  path: text({ output: true, doc: "Its path on the host." }),
  key: text({ output: true, doc: "libvirt's key of the volume." }),
};
