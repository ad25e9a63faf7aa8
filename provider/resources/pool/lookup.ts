import { flag, gibibytes, grammar, text } from "../../fields";
import { Code, isLibvirt, type StoragePool } from "../../rpc";
import { parseXml } from "../../xml";
import { lookup, missing, resultsIn } from "../lookup";
import type { Looking } from "../port";

const GIB = 1024 ** 3;

const described = {
  type: text({ required: true, xml: "@type", doc: "What it is made of: `dir`, `logical`, `rbd`, ..." }),
  path: text({ xml: "target/path", doc: "Where its volumes stand on the host." }),
};

/** One storage pool. */
export const getPool = lookup({
  token: "getPool",
  doc: "A storage pool of the host, whoever made it.",
  args: {
    name: text({ check: grammar.printable, doc: "Its name on the host." }),
    uuid: text({ check: grammar.uuidText, doc: "Its UUID." }),
  },
  ways: [["name"], ["uuid"]],
  results: {
    id: text({ required: true, doc: "Its UUID, for `StoragePool.get`." }),
    uuid: text({ required: true, doc: "Its UUID." }),
    name: text({ required: true, doc: "Its name on the host." }),
    ...described,
    active: flag({ required: true, doc: "Whether it runs." }),
    autostart: flag({ required: true, doc: "Started with the host." }),
    persistent: flag({ required: true, doc: "False: it is gone when it stops." }),
    capacity: gibibytes({ required: true, doc: "Size in GiB; 0 while it is stopped." }),
    allocation: gibibytes({ required: true, doc: "Space that is taken, in GiB; 0 while it is stopped." }),
    available: gibibytes({ required: true, doc: "Free space in GiB; 0 while it is stopped." }),
  },
  look: async (from, args) => {
    const { host } = from.place;
    const { signal } = from;
    const pool = await sought(from, args);
    const [{ xml }, { active }, { persistent }, { autostart }, info] = await Promise.all([
      host.call("STORAGE_POOL_GET_XML_DESC", { pool, flags: 0 }, { signal }),
      host.call("STORAGE_POOL_IS_ACTIVE", { pool }, { signal }),
      host.call("STORAGE_POOL_IS_PERSISTENT", { pool }, { signal }),
      host.call("STORAGE_POOL_GET_AUTOSTART", { pool }, { signal }),
      host.call("STORAGE_POOL_GET_INFO", { pool }, { signal }),
    ]);
    // libvirt goes on telling the size that a stopped pool had.
    const size = (bytes: bigint): number => (active === 1 ? Number(bytes) / GIB : 0);
    return {
      ...resultsIn(described, parseXml(xml)),
      id: pool.uuid,
      uuid: pool.uuid,
      name: pool.name,
      active: active === 1,
      autostart: autostart === 1,
      persistent: persistent === 1,
      capacity: size(info.capacity),
      allocation: size(info.allocation),
      available: size(info.available),
    };
  },
});

async function sought(
  from: Looking,
  { name = "", uuid }: { readonly name?: string | undefined; readonly uuid?: string | undefined },
): Promise<StoragePool> {
  const { host } = from.place;
  const { signal } = from;
  try {
    const { pool } = await (uuid === undefined
      ? host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name }, { signal })
      : host.call("STORAGE_POOL_LOOKUP_BY_UUID", { uuid }, { signal }));
    return pool;
  } catch (error) {
    if (!isLibvirt(error, Code.NO_STORAGE_POOL)) throw error;
    const how = uuid === undefined ? `named "${name}"` : `with UUID ${uuid}`;
    throw missing(from, { noun: "pool", how, code: Code.NO_STORAGE_POOL, next: "`pools` of `getHost` lists them" });
  }
}
