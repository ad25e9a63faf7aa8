/** What an image's first bytes show it to be; `raw` is whatever shows nothing. */
export type ImageFormat =
  | "qcow2"
  | "qcow"
  | "qed"
  | "vmdk"
  | "vhdx"
  | "vhd"
  | "vdi"
  | "luks"
  | "iso"
  | "gzip"
  | "xz"
  | "zstd"
  | "bzip2"
  | "lz4"
  | "zip"
  | "7z"
  | "tar"
  | "raw";

/** Bytes that probeFormat wants to see: the farthest magic, ISO 9660's, stands at 32,769. */
export const probeBytes = 64 * 1024;

interface Magic {
  format: ImageFormat;
  at: number;
  bytes: Buffer;
}

const hex = (digits: string): Buffer => Buffer.from(digits, "hex");
const text = (characters: string): Buffer => Buffer.from(characters, "latin1");

// A disk may carry "CD001" or "ustar" far inside, so what stands at the beginning is asked first.
const magics: readonly Magic[] = [
  { format: "qcow2", at: 0, bytes: hex("514649fb00000002") },
  { format: "qcow2", at: 0, bytes: hex("514649fb00000003") },
  { format: "qcow", at: 0, bytes: hex("514649fb00000001") },
  { format: "qed", at: 0, bytes: text("QED\0") },
  { format: "vmdk", at: 0, bytes: text("KDMV") },
  { format: "vmdk", at: 0, bytes: text("COWD") },
  { format: "vmdk", at: 0, bytes: text("# Disk DescriptorFile") },
  { format: "vhdx", at: 0, bytes: text("vhdxfile") },
  { format: "vhd", at: 0, bytes: text("conectix") },
  { format: "luks", at: 0, bytes: hex("4c554b53babe") },
  { format: "gzip", at: 0, bytes: hex("1f8b08") },
  { format: "xz", at: 0, bytes: hex("fd377a585a00") },
  { format: "zstd", at: 0, bytes: hex("28b52ffd") },
  { format: "bzip2", at: 0, bytes: text("BZh") },
  { format: "lz4", at: 0, bytes: hex("04224d18") },
  { format: "zip", at: 0, bytes: hex("504b0304") },
  { format: "7z", at: 0, bytes: hex("377abcaf271c") },
  { format: "vdi", at: 64, bytes: hex("7f10dabe") },
  { format: "tar", at: 257, bytes: text("ustar") },
  { format: "iso", at: 32_769, bytes: text("CD001") },
];

/** Tells an image's format from its first `probeBytes` bytes, or from all that there are. */
export function probeFormat(head: Buffer): ImageFormat {
  const found = magics.find(({ at, bytes }) => head.subarray(at, at + bytes.length).equals(bytes));
  return found?.format ?? "raw";
}
