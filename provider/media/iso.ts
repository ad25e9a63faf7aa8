import { directoryExtent, type IsoEntry } from "./isoDirectory";
import { MediaError } from "./error";
import { sectorBytes } from "./isoNumber";
import { pathTable, terminator, volumeDescriptor } from "./isoVolume";

/** One file in the root directory of an ISO image. */
export interface IsoFile {
  name: string;
  data: Buffer;
}

// Descriptors end at 18; a path table of one directory is 10 bytes, in both byte orders for both trees.
const pathTables = { isoLittle: 19, isoBig: 20, jolietLittle: 21, jolietBig: 22 } as const;
const firstDirectory = 23;
const maxImageBytes = 1024 * 1024 * 1024;

/**
 * A whole ISO 9660 image in memory: one root directory, readable by its plain 8.3 names, by Joliet and by Rock Ridge.
 * The same arguments give the same bytes. Names: 1 to 64 of letters, digits, blank and `._+-`; at most 1 GiB.
 */
export function isoImage(label: string, files: readonly IsoFile[]): Buffer {
  refuseLabel(label);
  refuseNames(files);
  const shape = layOut(files);
  const image = Buffer.alloc(shape.sectors * sectorBytes);
  const put = (sector: number, bytes: Buffer): number => bytes.copy(image, sector * sectorBytes);

  const isoTables = { little: pathTables.isoLittle, big: pathTables.isoBig };
  const jolietTables = { little: pathTables.jolietLittle, big: pathTables.jolietBig };
  put(16, volumeDescriptor({ kind: "iso", label, sectors: shape.sectors, tables: isoTables, root: shape.iso }));
  put(
    17,
    volumeDescriptor({ kind: "joliet", label, sectors: shape.sectors, tables: jolietTables, root: shape.joliet }),
  );
  put(18, terminator());
  put(pathTables.isoLittle, pathTable("little", shape.iso.sector));
  put(pathTables.isoBig, pathTable("big", shape.iso.sector));
  put(pathTables.jolietLittle, pathTable("little", shape.joliet.sector));
  put(pathTables.jolietBig, pathTable("big", shape.joliet.sector));
  put(shape.iso.sector, directoryExtent("iso", shape.iso.sector, shape.entries));
  put(shape.joliet.sector, directoryExtent("joliet", shape.joliet.sector, shape.entries));
  files.forEach((file, index) => put(shape.entries[index]?.sector ?? 0, file.data));
  return image;
}

interface Extent {
  sector: number;
  bytes: number;
}
interface Shape {
  iso: Extent;
  joliet: Extent;
  entries: IsoEntry[];
  sectors: number;
}

function layOut(files: readonly IsoFile[]): Shape {
  const unplaced = files.map(({ name, data }) => ({ name, bytes: data.length, sector: 0 }));
  // A directory's length does not depend on where it and its files lie.
  const iso = { sector: firstDirectory, bytes: directoryExtent("iso", 0, unplaced).length };
  const joliet = { sector: iso.sector + sectorsOf(iso.bytes), bytes: directoryExtent("joliet", 0, unplaced).length };
  let next = joliet.sector + sectorsOf(joliet.bytes);
  const entries = unplaced.map((entry) => {
    // An empty file has no extent, and ECMA-119 6.4.1 then wants its location to be nought.
    const sector = entry.bytes === 0 ? 0 : next;
    next += sectorsOf(entry.bytes);
    return { ...entry, sector };
  });
  if (next * sectorBytes > maxImageBytes)
    throw new MediaError(`the ISO image would be larger than ${maxImageBytes} bytes`);
  return { iso, joliet, entries, sectors: next };
}

function sectorsOf(bytes: number): number {
  return Math.ceil(bytes / sectorBytes);
}

function refuseLabel(label: string): void {
  // Joliet has room for 16 characters; both labels must read the same.
  if (!/^[A-Za-z0-9_-]{1,16}$/.test(label)) {
    throw new MediaError(`the label ${JSON.stringify(label)} is not 1 to 16 letters, digits, "_" or "-"`);
  }
}

function refuseNames(files: readonly IsoFile[]): void {
  const seen = new Set<string>();
  for (const { name } of files) {
    if (!/^[A-Za-z0-9._+ -]{1,64}$/.test(name) || name === "." || name === "..") {
      throw new MediaError(`the file name ${JSON.stringify(name)} is not 1 to 64 letters, digits, blanks or "._+-"`);
    }
    if (seen.has(name)) throw new MediaError(`the file ${JSON.stringify(name)} is there twice`);
    seen.add(name);
  }
}
