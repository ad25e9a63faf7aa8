import { gibibytes, text } from "../../fields";
import { Code } from "../../rpc";
import { Explained } from "../errors";
import { lookup, missing, resultsIn } from "../lookup";
import type { Looking } from "../port";
import { volumeId } from "./fields";
import { type Here, look, type Sight } from "./find";

const described = {
  type: text({ xml: "@type", doc: "`file`, `block`, `dir`, `network`, ..." }),
  path: text({ xml: "target/path", doc: "Its path on the host." }),
  key: text({ xml: "key", doc: "libvirt's key of the volume." }),
  format: text({ xml: "target/format/@type", doc: "Its format as libvirt sees it: `qcow2`, `raw`, `iso`, ..." }),
  capacity: gibibytes({ required: true, xml: "capacity", doc: "Size that a guest sees, in GiB." }),
  allocation: gibibytes({ xml: "allocation", doc: "Space that it takes in its pool, in GiB." }),
  backingPath: text({ xml: "backingStore/path", doc: "Path of the volume whose content shows through." }),
};

/** One volume. */
export const getVolume = lookup({
  token: "getVolume",
  doc: "A volume in a storage pool of the host, whoever made it.",
  args: {
    id: text({ check: volumeId, doc: "`pool/name`, a Volume's `id`." }),
    pool: text({ most: 255, doc: "The name of its pool." }),
    name: text({ most: 255, doc: "Its name in the pool." }),
  },
  ways: [["id"], ["pool", "name"]],
  results: {
    id: text({ required: true, doc: "`pool/name`, for `Volume.get` and for a disk's `volume`." }),
    pool: text({ required: true, doc: "The name of its pool." }),
    name: text({ required: true, doc: "Its name in the pool." }),
    ...described,
  },
  look: async (from, args) => {
    const cut = args.id?.indexOf("/") ?? -1;
    const pool = args.id?.slice(0, cut) ?? args.pool ?? "";
    const name = args.id?.slice(cut + 1) ?? args.name ?? "";
    const { root } = here(from, await look(from, pool, name), pool, name);
    return { ...resultsIn(described, root), id: `${pool}/${name}`, pool, name };
  },
});

function here(from: Looking, sight: Sight, pool: string, name: string): Here {
  const lack = (noun: string, how: string, code: number, next: string): Explained =>
    missing(from, { noun, how, code, next });
  switch (sight.kind) {
    case "here":
      return sight;
    case "noPool":
      throw lack("pool", `named "${pool}"`, Code.NO_STORAGE_POOL, "`pools` of `getHost` lists them");
    case "inactive":
      throw new Explained(
        `${from.place.uri.text}: pool "${pool}" is stopped, so its volumes cannot be seen: start it (a StoragePool does with the next up)`,
      );
    case "absent":
      // libvirt sees a file that somebody else made only after a refresh of the pool, which a function must not do.
      throw lack(
        "volume",
        `named "${name}" in pool "${pool}"`,
        Code.NO_STORAGE_VOL,
        "look at its name; where it was not made through libvirt, refresh the pool",
      );
  }
}
