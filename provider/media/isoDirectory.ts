import { bothEndian16, bothEndian32, sectorBytes } from "./isoNumber";

/** A file's place in the image. */
export interface IsoEntry {
  name: string;
  sector: number;
  bytes: number;
}
/** The two trees that name the same extents: ISO 9660 with Rock Ridge, and Joliet. */
export type IsoTree = "iso" | "joliet";

// 2000-01-01 00:00:00 UTC for everything, so that the same input gives the same image.
const recordedAt = Buffer.from([100, 1, 1, 0, 0, 0, 0]);
const flags = { file: 0x00, directory: 0x02 } as const;
// Rock Ridge's st_mode. Only root reads what may be a password.
const modes = { file: 0o100400, directory: 0o040555 } as const;
const self = Buffer.from([0]);
const parent = Buffer.from([1]);

interface DirectoryRecord {
  sector: number;
  bytes: number;
  flags: number;
  identifier: Buffer;
  systemUse: Buffer;
}

/** The root directory's record as volume descriptors hold it: without system use fields, 34 bytes. */
export function rootRecord(sector: number, bytes: number): Buffer {
  return record({ sector, bytes, flags: flags.directory, identifier: self, systemUse: Buffer.alloc(0) });
}

/** The root directory of one tree in whole sectors: itself, its parent (itself again), then the files in order. */
export function directoryExtent(tree: IsoTree, sector: number, entries: readonly IsoEntry[]): Buffer {
  const files = fileRecords(tree, entries);
  // The first two records hold the directory's own length: it is found with the length still unknown.
  const draft = pack([...dotRecords(tree, sector, 0), ...files]);
  return pack([...dotRecords(tree, sector, draft.length), ...files]);
}

function dotRecords(tree: IsoTree, sector: number, bytes: number): Buffer[] {
  const common = { sector, bytes, flags: flags.directory };
  const [first, second] =
    tree === "iso"
      ? [
          Buffer.concat([sharingProtocol, ...attributes(modes.directory, 2), rockRidge]),
          Buffer.concat(attributes(modes.directory, 2)),
        ]
      : [Buffer.alloc(0), Buffer.alloc(0)];
  return [
    record({ ...common, identifier: self, systemUse: first }),
    record({ ...common, identifier: parent, systemUse: second }),
  ];
}

function fileRecords(tree: IsoTree, entries: readonly IsoEntry[]): Buffer[] {
  const shortNames = tree === "iso" ? shortNamesOf(entries.map((entry) => entry.name)) : [];
  return entries
    .map((entry, index) => {
      const identifier =
        tree === "iso" ? Buffer.from(`${shortNames[index] ?? ""};1`, "latin1") : bigEndianText(entry.name);
      const systemUse =
        tree === "iso" ? Buffer.concat([...attributes(modes.file, 1), alternateName(entry.name)]) : Buffer.alloc(0);
      return { sector: entry.sector, bytes: entry.bytes, flags: flags.file, identifier, systemUse };
    })
    .sort((left, right) => Buffer.compare(left.identifier, right.identifier))
    .map(record);
}

/** Lays records into sectors, none across a boundary. */
function pack(records: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  const pad = (bytes: number): void => {
    parts.push(Buffer.alloc(bytes));
    at += bytes;
  };
  for (const bytes of records) {
    const room = sectorBytes - (at % sectorBytes);
    if (bytes.length > room) pad(room);
    parts.push(bytes);
    at += bytes.length;
  }
  pad((sectorBytes - (at % sectorBytes)) % sectorBytes);
  return Buffer.concat(parts);
}

/*
 * A directory record (ECMA-119 9.1):
 *   0 length | 1 - | 2 extent LE,BE | 10 bytes LE,BE | 18 date[7] | 25 flags | 26 - | 27 - | 28 volume LE,BE
 *   32 identifier length | 33 identifier | pad to even | system use
 */
function record(fields: DirectoryRecord): Buffer {
  const identifierEnd = 33 + fields.identifier.length;
  const systemUseAt = identifierEnd + (identifierEnd % 2);
  const used = systemUseAt + fields.systemUse.length;
  const bytes = Buffer.alloc(used + (used % 2));
  bytes[0] = bytes.length;
  bothEndian32(bytes, 2, fields.sector);
  bothEndian32(bytes, 10, fields.bytes);
  recordedAt.copy(bytes, 18);
  bytes[25] = fields.flags;
  bothEndian16(bytes, 28, 1);
  bytes[32] = fields.identifier.length;
  fields.identifier.copy(bytes, 33);
  fields.systemUse.copy(bytes, systemUseAt);
  return bytes;
}

/** SP (SUSP 5.3): the first field of the root, by which a reader knows that system use fields follow. */
const sharingProtocol = Buffer.from([...Buffer.from("SP"), 7, 1, 0xbe, 0xef, 0]);

/** ER (SUSP 5.5): names Rock Ridge; its description and source may be empty, so no continuation area is needed. */
const rockRidge = Buffer.concat([Buffer.from("ER"), Buffer.from([18, 1, 10, 0, 0, 1]), Buffer.from("RRIP_1991A")]);

/** PX and TF (RRIP 4.1.1, 4.1.6): mode, links, owner 0:0; times of change, access and attributes. */
function attributes(mode: number, links: number): Buffer[] {
  const posix = Buffer.alloc(36);
  posix.write("PX", "latin1");
  posix[2] = posix.length;
  posix[3] = 1;
  bothEndian32(posix, 4, mode);
  bothEndian32(posix, 12, links);
  const times = Buffer.concat([Buffer.from("TF"), Buffer.from([26, 1, 0x0e]), recordedAt, recordedAt, recordedAt]);
  return [posix, times];
}

/** NM (RRIP 4.1.4): the name in full. */
function alternateName(name: string): Buffer {
  return Buffer.concat([Buffer.from("NM"), Buffer.from([5 + name.length, 1, 0]), Buffer.from(name, "latin1")]);
}

/** Joliet's text: UCS-2, high byte first. */
export function bigEndianText(text: string): Buffer {
  return Buffer.from(text, "utf16le").swap16();
}

/** 8.3 names of ISO 9660 level 1, each once: a name that is taken gets a number at the end of its stem. */
function shortNamesOf(names: readonly string[]): string[] {
  // For each name taken, the number to try next: a thousand alike must not each count from one.
  const taken = new Map<string, number>();
  return names.map((name) => {
    const [stem, extension] = shortParts(name);
    const wanted = `${stem}.${extension}`;
    let short = wanted;
    let count = taken.get(wanted) ?? 1;
    for (; taken.has(short); count += 1) {
      short = `${stem.slice(0, 8 - String(count).length)}${count}.${extension}`;
    }
    taken.set(short, 1);
    taken.set(wanted, count);
    return short;
  });
}

function shortParts(name: string): [stem: string, extension: string] {
  const dot = name.lastIndexOf(".");
  const plain = (text: string): string => text.toUpperCase().replace(/[^A-Z0-9]/g, "_");
  if (dot <= 0) return [plain(name).slice(0, 8), ""];
  return [plain(name.slice(0, dot)).slice(0, 8), plain(name.slice(dot + 1)).slice(0, 3)];
}
