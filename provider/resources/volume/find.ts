import { Code, isLibvirt, type StoragePool, type StorageVol } from "../../rpc";
import { parseXml, readPath, type XmlElement } from "../../xml";
import { doing, patiently } from "../errors";
import type { Looking, Request } from "../port";

/** A volume as libvirt shows it. */
export interface Here {
  readonly kind: "here";
  readonly pool: StoragePool;
  readonly poolBytes: bigint;
  readonly vol: StorageVol;
  readonly root: XmlElement;
}

/** What a look at a pool and a name in it can show. */
export type Sight =
  | Here
  | { readonly kind: "absent"; readonly pool: StoragePool; readonly poolBytes: bigint }
  | { readonly kind: "inactive"; readonly pool: StoragePool }
  | { readonly kind: "noPool" };

const RUNNING_STATE = 2;

/** Looks a volume up by its name; libvirt's list may be stale, so the volume itself is asked. */
export async function look(request: Looking, pool: string, name: string): Promise<Sight> {
  const { host } = request.place;
  const [xml, seen] = await Promise.all([
    absentAs(host.call("STORAGE_VOL_GET_XML_DESC", { vol: { pool, name, key: "" }, flags: 0 })),
    absentAs(poolInfo(request, pool)),
  ]);
  if (!seen) return { kind: "noPool" };
  if (!seen.active) return { kind: "inactive", pool: seen.pool };
  if (!xml) return { kind: "absent", pool: seen.pool, poolBytes: seen.capacity };
  const root = parseXml(xml.xml);
  const vol = { pool, name, key: readPath(root, "key") ?? "" };
  return { kind: "here", pool: seen.pool, poolBytes: seen.capacity, vol, root };
}

/** No pool (49), no volume (50), pool not active (55). */
async function absentAs<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isLibvirt(error, Code.NO_STORAGE_POOL, Code.NO_STORAGE_VOL, Code.OPERATION_INVALID)) return undefined;
    throw error;
  }
}

/** A pool with what it holds, in bytes. */
export interface PoolInfo {
  readonly pool: StoragePool;
  readonly active: boolean;
  readonly capacity: bigint;
  readonly available: bigint;
}

/** A pool by its name; throws 49 where there is none. */
export function poolInfo({ place }: Looking, name: string): Promise<PoolInfo> {
  return place.together(`pool ${name}`, async () => {
    const { pool } = await place.host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name });
    const { state, capacity, available } = await place.host.call("STORAGE_POOL_GET_INFO", { pool });
    return { pool, active: state >= RUNNING_STATE, capacity, available };
  });
}

/** A pool's type in libvirt's words: `dir`, `logical`, ... */
export async function poolType(request: Request, name: string): Promise<string> {
  return readPath(await poolXml(request, name), "@type") ?? "dir";
}

/** The folder in which a pool shows its volumes; absent for one of the network. */
export async function poolFolder(request: Request, name: string): Promise<string | undefined> {
  return readPath(await poolXml(request, name), "target/path");
}

function poolXml({ place }: Request, name: string): Promise<XmlElement> {
  return place.together(`definition of pool ${name}`, async () => {
    const { pool } = await place.host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name });
    const { xml } = await place.host.call("STORAGE_POOL_GET_XML_DESC", { pool, flags: 0 });
    return parseXml(xml);
  });
}

const PATIENCE_MS = 3000;

/** Makes libvirt read a pool anew, one refresh of a pool at a time; it refuses while volumes are being made (code 1). */
export async function refreshPool(request: Looking, pool: StoragePool): Promise<void> {
  const refresh = (): Promise<unknown> => request.place.host.call("STORAGE_POOL_REFRESH", { pool, flags: 0 });
  await request.place.inTurn(`pool/${pool.name}`, () =>
    doing(`refresh pool "${pool.name}"`, () =>
      patiently(request, { code: Code.INTERNAL_ERROR, forMs: PATIENCE_MS }, refresh),
    ),
  );
}

/** A volume that somebody else looks into is "in use" for that moment (55): writes and resizes are tried again. */
export async function onceFree<T>(request: Request, act: () => Promise<T>): Promise<T> {
  return patiently(request, { code: Code.OPERATION_INVALID, forMs: PATIENCE_MS }, act);
}

/** Reads bytes of a volume into memory: at most 1 MiB. */
export async function readBytes(request: Request, vol: StorageVol, offset: bigint, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  const parts: Buffer[] = [];
  const range = { offset, length: BigInt(length) };
  for await (const part of request.place.host.download(vol, range, { signal: request.signal })) parts.push(part);
  return Buffer.concat(parts);
}

/** A number of a volume's XML that has no unit or bytes. */
export function bytesAt(root: XmlElement, path: string): bigint | undefined {
  const text = readPath(root, path);
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : undefined;
}

/** The same, as far as this account and the pool let it. */
export async function refreshIfAllowed(request: Looking, pool: StoragePool): Promise<void> {
  try {
    await refreshPool(request, pool);
  } catch (error) {
    // A reader may not refresh; a pool whose folder is away stops, which the next look shows.
    if (!isLibvirt(error instanceof Error ? error.cause : undefined)) throw error;
  }
}
