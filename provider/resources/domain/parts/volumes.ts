import { basename } from "node:path";
import type { Values } from "../../../fields";
import { Code, isLibvirt } from "../../../rpc";
import { parseXml, readPath } from "../../../xml";
import type { Looking } from "../../port";
import type { Resolved } from "../sources";
import { spotIn } from "../../volume/fields";

/** Where the named volumes are; what does not exist (yet) is left out. */
export async function resolveVolumes(request: Looking, ids: readonly string[]): Promise<ReadonlyMap<string, Resolved>> {
  const found = await Promise.all(ids.map(async (id) => [id, await resolveVolume(request, id)] as const));
  return new Map(found.flatMap(([id, resolved]) => (resolved ? [[id, resolved] as const] : [])));
}

async function resolveVolume(request: Looking, id: string): Promise<Resolved | undefined> {
  const { pool, name } = spotIn(id);
  try {
    // The daemon finds a volume by its pool and name; the key only has to be there.
    const { xml } = await request.place.host.call("STORAGE_VOL_GET_XML_DESC", {
      vol: { pool, name, key: name },
      flags: 0,
    });
    const root = parseXml(xml);
    const path = readPath(root, "target/path");
    if (path === undefined) return undefined;
    const format = readPath(root, "target/format/@type");
    return {
      type: root.attributes.get("type") === "block" ? "block" : "file",
      path,
      format: format === "qcow2" ? "qcow2" : "raw",
    };
  } catch (error) {
    if (isLibvirt(error, Code.NO_STORAGE_VOL, Code.NO_STORAGE_POOL, Code.OPERATION_INVALID)) return undefined;
    throw error;
  }
}

/**
 * Volumes that cannot be seen now, as their pool is stopped or they are gone, where a disk stands on the path that is theirs:
 * that their pool has to be started is no change of the machine.
 */
export async function lastSeen(
  request: Looking,
  disks: readonly Values[],
  seen: ReadonlyMap<string, Resolved>,
  chains: ReadonlyMap<string, readonly string[]>,
): Promise<readonly (readonly [string, Resolved])[]> {
  const all = disks.map(async ({ volume, target }): Promise<readonly (readonly [string, Resolved])[]> => {
    if (typeof volume !== "string" || seen.has(volume)) return [];
    const { pool, name } = spotIn(volume);
    const chain = chains.get(String(target)) ?? [];
    if (chain.length === 0) return [];
    const folder = await folderOf(request, pool);
    const path = chain.find((one) => (folder === undefined ? basename(one) === name : one === `${folder}/${name}`));
    return path === undefined ? [] : [[volume, { type: "file", path, format: "raw" }]];
  });
  return (await Promise.all(all)).flat();
}

/** Where a pool has its volumes; undefined where there is no such pool, or none with a folder. */
async function folderOf({ place }: Looking, name: string): Promise<string | undefined> {
  try {
    const { pool } = await place.host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name });
    const { xml } = await place.host.call("STORAGE_POOL_GET_XML_DESC", { pool, flags: 0 });
    return readPath(parseXml(xml), "target/path");
  } catch (error) {
    if (isLibvirt(error, Code.NO_STORAGE_POOL)) return undefined;
    throw error;
  }
}
