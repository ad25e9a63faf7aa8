import { readTable, type Values } from "../../fields";
import { Code, isLibvirt, type StoragePool } from "../../rpc";
import { parseXml, type XmlElement } from "../../xml";
import type { Found } from "../definition";
import type { Request } from "../port";
import { pool as table } from "./fields";
import { unlessGone } from "../errors";

/** A pool as it stands on the host. */
export interface FoundPool extends Found {
  readonly active: boolean;
  /** False: it runs, but nobody defined it, so it ends with its stop. */
  readonly persistent: boolean;
  readonly autostart: boolean;
  readonly inactive: XmlElement;
  /** What runs: a definition whose restart did not come about differs from it. */
  readonly live: XmlElement;
  /** In GiB; 0 where it does not run. */
  readonly capacity: number;
  readonly available: number;
  /** The directory was made by our create, so it goes with the pool where it is empty then. */
  readonly madeDirectory: boolean;
  /** It ran at some time of its life in the state: whatever is in its source now may be somebody's data. */
  readonly ran: boolean;
}

/** virStorageXMLFlags */
const INACTIVE = 1;
const GIB = 1024 ** 3;
/** Hidden output: the directory did not exist before our create. */
export const MADE = "__madeDirectory";
/** Hidden output: it ran once. */
export const RAN = "__ran";

/** A pool by its UUID; undefined where libvirt says that there is none. */
export async function byId(request: Request, uuid: string, inputs: Values): Promise<FoundPool | undefined> {
  const { signal } = request;
  const answer = await unlessGone(
    request.place.host.call("STORAGE_POOL_LOOKUP_BY_UUID", { uuid }, { signal }),
    Code.NO_STORAGE_POOL,
  );
  return answer && picture(request, answer.pool, inputs);
}

/** A pool by its name, of whomsoever. */
export async function byName(request: Request, inputs: Values): Promise<FoundPool | undefined> {
  const { signal } = request;
  const name = String(inputs["name"]);
  const answer = await unlessGone(
    request.place.host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name }, { signal }),
    Code.NO_STORAGE_POOL,
  );
  return answer && picture(request, answer.pool, inputs);
}

/** All that the host says of a pool; undefined where it went away between two calls. */
async function picture(
  { place: { host }, signal }: Request,
  pool: StoragePool,
  inputs: Values,
): Promise<FoundPool | undefined> {
  try {
    const [{ xml }, running, { active }, { persistent }, info] = await Promise.all([
      host.call("STORAGE_POOL_GET_XML_DESC", { pool, flags: INACTIVE }, { signal }),
      host.call("STORAGE_POOL_GET_XML_DESC", { pool, flags: 0 }, { signal }),
      host.call("STORAGE_POOL_IS_ACTIVE", { pool }, { signal }),
      host.call("STORAGE_POOL_IS_PERSISTENT", { pool }, { signal }),
      host.call("STORAGE_POOL_GET_INFO", { pool }, { signal }),
    ]);
    const { autostart } = await host.call("STORAGE_POOL_GET_AUTOSTART", { pool }, { signal });
    const inactive = parseXml(xml);
    const on = autostart === 1;
    return {
      id: pool.uuid,
      name: pool.name,
      values: { ...readTable(table, inactive), autostart: on },
      // Autostart is a create's last step, so it proves the end; without it only a pool that runs does.
      finished: persistent === 1 && (inputs["autostart"] === false ? active === 1 : on),
      active: active === 1,
      persistent: persistent === 1,
      autostart: on,
      inactive,
      live: parseXml(running.xml),
      capacity: active === 1 ? Number(info.capacity) / GIB : 0,
      available: active === 1 ? Number(info.available) / GIB : 0,
      madeDirectory: inputs[MADE] === true,
      ran: inputs[RAN] === true || active === 1,
    };
  } catch (error) {
    if (isLibvirt(error, Code.NO_STORAGE_POOL)) return undefined;
    throw error;
  }
}
