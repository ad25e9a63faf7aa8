import { type Failure, isRecord, type Values } from "../../fields";

/** What each type of pool is made from, and whether libvirt can make that. */
interface Kind {
  /** Properties without which libvirt cannot find the storage. */
  readonly needs: readonly string[];
  /** Properties of `source` likewise. */
  readonly source: readonly string[];
  /** `directory`: libvirt makes the mount point; `format`: it writes a label or a file system. */
  readonly builds: readonly ("directory" | "format")[];
}

/** https://libvirt.org/storage.html */
export const kinds: Readonly<Record<string, Kind>> = {
  dir: { needs: ["path"], source: [], builds: ["directory"] },
  fs: { needs: ["path"], source: ["devices"], builds: ["directory", "format"] },
  netfs: { needs: ["path"], source: ["hosts", "dir"], builds: ["directory"] },
  vstorage: { needs: ["path"], source: ["name"], builds: ["directory"] },
  logical: { needs: [], source: [], builds: ["format"] },
  disk: { needs: [], source: ["devices"], builds: ["format"] },
  zfs: { needs: [], source: ["name"], builds: ["format"] },
  iscsi: { needs: [], source: ["hosts", "devices"], builds: [] },
  "iscsi-direct": { needs: [], source: ["hosts", "devices", "initiator"], builds: [] },
  scsi: { needs: [], source: ["adapter"], builds: [] },
  mpath: { needs: [], source: [], builds: [] },
  rbd: { needs: [], source: ["name"], builds: [] },
  gluster: { needs: [], source: ["hosts", "name"], builds: [] },
};

/** What is wrong with a pool as a whole; a value that is not known yet counts as given. */
export function complaints(inputs: Values): Failure[] {
  const type = inputs["type"];
  const kind = typeof type === "string" ? kinds[type] : undefined;
  if (kind === undefined) return [];
  const source = inputs["source"] ?? {};
  const given = isRecord(source) ? source : undefined;
  const missing = [
    ...kind.needs.filter((name) => inputs[name] === undefined),
    ...(given ? kind.source.filter((name) => isNothing(given[name])).map((name) => `source.${name}`) : []),
  ];
  const failures = missing.map((property) => ({ property, reason: `is required for type "${String(type)}"` }));
  // An import reads libvirt's empty element as an object that says nothing.
  const saysNothing = given !== undefined && Object.keys(given).length === 0;
  if (type === "dir" && !saysNothing) {
    failures.push({ property: "source", reason: 'has no meaning for type "dir": its source is `path`' });
  }
  if (inputs["build"] !== undefined && kind.builds.length === 0) {
    failures.push({ property: "build", reason: `libvirt cannot build a pool of type "${String(type)}"` });
  }
  return failures;
}

function isNothing(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}
