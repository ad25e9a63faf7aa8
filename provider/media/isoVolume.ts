import { bigEndianText, rootRecord, type IsoTree } from "./isoDirectory";
import { bothEndian16, bothEndian32, sectorBytes } from "./isoNumber";

const pathTableBytes = 10;

interface Volume {
  kind: IsoTree;
  label: string;
  sectors: number;
  /** Sectors of the path tables in each byte order. */
  tables: { little: number; big: number };
  root: { sector: number; bytes: number };
}

/*
 * A volume descriptor (ECMA-119 8.4, 8.5):
 *   0 type (1 primary, 2 supplementary) | 1 "CD001" | 6 version | 8 system[32] | 40 label[32] | 80 sectors LE,BE
 *   88 escape sequences[32] | 120 set size | 124 sequence number | 128 sector size | 132 path table size LE,BE
 *   140 L table LE | 144 - | 148 M table BE | 152 - | 156 root record[34] | 190 texts[623] | 813 dates[4 x 17] | 881 1
 */
export function volumeDescriptor(volume: Volume): Buffer {
  const joliet = volume.kind === "joliet";
  const bytes = descriptor(joliet ? 2 : 1);
  // Texts are padded with blanks of the tree's own character set.
  const text = (value: string, at: number, length: number): void => {
    const padded = joliet ? bigEndianText(value.padEnd(length / 2)) : Buffer.from(value.padEnd(length), "latin1");
    padded.copy(bytes, at, 0, length);
  };
  text("", 8, 32);
  text(volume.label, 40, 32);
  bothEndian32(bytes, 80, volume.sectors);
  // "%/E": UCS-2 level 3.
  if (joliet) bytes.write("%/E", 88, "latin1");
  bothEndian16(bytes, 120, 1);
  bothEndian16(bytes, 124, 1);
  bothEndian16(bytes, 128, sectorBytes);
  bothEndian32(bytes, 132, pathTableBytes);
  bytes.writeUInt32LE(volume.tables.little, 140);
  bytes.writeUInt32BE(volume.tables.big, 148);
  rootRecord(volume.root.sector, volume.root.bytes).copy(bytes, 156);
  for (const [at, length] of texts) text("", at, length);
  // Created and changed at a fixed time; expiry and effect are unset: sixteen "0" and a zero offset from UTC.
  for (const at of [813, 830]) bytes.write("2000010100000000", at, "latin1");
  for (const at of [847, 864]) bytes.write("0000000000000000", at, "latin1");
  bytes[881] = 1;
  return bytes;
}

/** Volume set, publisher, preparer, application, and the names of three files: all left blank. */
const texts: readonly (readonly [at: number, length: number])[] = [
  [190, 128],
  [318, 128],
  [446, 128],
  [574, 128],
  [702, 37],
  [739, 37],
  [776, 37],
];

/** The descriptor that ends the set (ECMA-119 8.3). */
export function terminator(): Buffer {
  return descriptor(255);
}

/** A path table of the root alone (ECMA-119 9.4). */
export function pathTable(order: "little" | "big", rootSector: number): Buffer {
  const bytes = Buffer.alloc(pathTableBytes);
  bytes[0] = 1;
  if (order === "little") {
    bytes.writeUInt32LE(rootSector, 2);
    bytes.writeUInt16LE(1, 6);
  } else {
    bytes.writeUInt32BE(rootSector, 2);
    bytes.writeUInt16BE(1, 6);
  }
  return bytes;
}

function descriptor(type: number): Buffer {
  const bytes = Buffer.alloc(sectorBytes);
  bytes[0] = type;
  bytes.write("CD001", 1, "latin1");
  bytes[6] = 1;
  return bytes;
}
