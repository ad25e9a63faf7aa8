import { itemsOf, pick, type Values, without } from "../../fields";
import { diskSources } from "./parts/disks";
import { initialDisk } from "./wanted";

/** Where a volume's bytes are on the host. */
export interface Resolved {
  readonly type: "file" | "block";
  readonly path: string;
  readonly format: string;
}

/** The volumes that a program's disks name, where they are known. */
export function volumesOf(inputs: Values): readonly string[] {
  return itemsOf(inputs["disks"]).flatMap((disk) => (typeof disk["volume"] === "string" ? [disk["volume"]] : []));
}

type Chains = ReadonlyMap<string, readonly string[]>;

/** True when the disk of that target rests on the wanted source already, itself or below an overlay. */
function met(item: Values, volumes: ReadonlyMap<string, Resolved>, chains: Chains): boolean {
  const path = imageWanted(item, volumes);
  return path !== undefined && (chains.get(String(item["target"])) ?? []).includes(path);
}

/** True when an overlay stands between the disk of that target and the wanted source. */
function overlaid(item: Values, volumes: ReadonlyMap<string, Resolved>, chains: Chains): boolean {
  return (chains.get(String(item["target"])) ?? [])[0] !== imageWanted(item, volumes);
}

/** Where a disk's wanted source is, as far as that is known. */
export function imageWanted(item: Values, volumes: ReadonlyMap<string, Resolved>): string | undefined {
  const direct = item["file"] ?? item["block"];
  if (typeof direct === "string") return direct;
  return typeof item["volume"] === "string" ? volumes.get(item["volume"])?.path : undefined;
}

/** The host's disks in the program's own words: `volume` where the wish names one and the disk's chain rests on it. */
export function express(
  found: unknown,
  wanted: unknown,
  volumes: ReadonlyMap<string, Resolved>,
  chains: Chains,
): unknown {
  return itemsOf(found).map((disk) => {
    const wish = itemsOf(wanted).find((item) => item["target"] === disk["target"]);
    if (!wish || !met(wish, volumes, chains)) return disk;
    const own = Object.fromEntries(
      diskSources.flatMap((name) => (wish[name] === undefined ? [] : [[name, wish[name]]])),
    );
    // The format of an overlay is not that of the volume below it.
    const hidden = overlaid(wish, volumes, chains) && wish["format"] !== undefined;
    const format = hidden ? { format: wish["format"] } : {};
    return { ...without(disk, diskSources), ...own, ...format };
  });
}

/** The wish in libvirt's words: volumes as files or block devices; what the chain meets already is not written. */
export function lower(wanted: Values, volumes: ReadonlyMap<string, Resolved>, chains: Chains): Values {
  const disks = itemsOf(wanted["disks"]).map((item) => lowerDisk(item, volumes, chains));
  return { ...wanted, disks };
}

function lowerDisk(item: Values, volumes: ReadonlyMap<string, Resolved>, chains: Chains): Values {
  const plain = without(item, diskSources);
  const target = String(item["target"]);
  // What an overlay says of its format is the overlay's own.
  if (met(item, volumes, chains)) return overlaid(item, volumes, chains) ? without(plain, ["format"]) : plain;
  const resolved = typeof item["volume"] === "string" ? volumes.get(item["volume"]) : undefined;
  const source = resolved ? { [resolved.type]: resolved.path } : pick(item, ["file", "block"]);
  return {
    ...(chains.has(target) ? {} : initialDisk(item)),
    ...(Object.keys(source).length > 0 ? { format: resolved?.format ?? "raw" } : {}),
    ...plain,
    ...source,
  };
}

/** What was managed before, in libvirt's words: a drive that lost its medium loses whatever source the host has. */
export function lowerManaged(managed: Values, wanted: Values, found: Values): Values {
  const disks = itemsOf(managed["disks"]).map((item) => {
    const wish = itemsOf(wanted["disks"]).find((other) => other["target"] === item["target"]);
    const emptied = wish !== undefined && diskSources.every((name) => wish[name] === undefined);
    const there = itemsOf(found["disks"]).find((other) => other["target"] === item["target"]);
    // A format is never taken away: libvirt would read the image as raw.
    return {
      ...without(item, [...diskSources, "format"]),
      ...(emptied && there ? pick(there, ["file", "block"]) : {}),
    };
  });
  return { ...managed, disks };
}
