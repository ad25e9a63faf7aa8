import { dirname } from "node:path";
import { type Difference, itemsOf, pick, type Values, without } from "../../../fields";
import { Code, isLibvirt } from "../../../rpc";
import { find, findAll, parseXml, readPath, type XmlElement } from "../../../xml";
import { type Looking, Refusal, type Request } from "../../port";
import { refreshIfAllowed } from "../../volume/find";
import { diskChains, diskSources } from "./disks";
import type { FoundDomain } from "../observe";
import { imageWanted, type Resolved } from "../sources";

type Chains = ReadonlyMap<string, readonly string[]>;

/** The images that each disk rests on, by target, the active one first. */
export interface Resting {
  readonly chains: Chains;
  /** Images by target of which libvirt cannot tell whether they are overlays of what the program names. */
  readonly unclear: ReadonlyMap<string, string>;
}

/**
 * The chains, with those looked up that a definition does not tell: libvirt writes a snapshot of a machine that is off without
 * what it rests on. Only a disk that is not on its wanted source, or is wanted no more, is looked at.
 */
export async function restingOf(
  request: Looking,
  disks: readonly Values[],
  sources: ReadonlyMap<string, Resolved>,
  [inactive, live]: readonly [XmlElement, XmlElement | undefined],
  known: Chains,
): Promise<Resting> {
  const running = live ? diskChains(live) : new Map<string, readonly string[]>();
  const [chains, unclear] = [new Map(known), new Map<string, string>()];
  for (const [target, wanted] of [...offWanted(disks, sources, known), ...leaving(disks, sources, known)]) {
    const chain = known.get(target) ?? [];
    const [top = ""] = chain;
    // QEMU knows the whole chain of its disk.
    if (running.get(target)?.[0] === top || isToldWhole(inactive, target)) continue;
    const { images, whole } = await imagesBelow(request, chain, wanted);
    chains.set(target, images);
    if (!whole) unclear.set(target, top);
  }
  return { chains, unclear };
}

type Sought = readonly [target: string, images: readonly string[]];

/** Disks that are on another image than the wanted one, as far as that is known. */
function offWanted(disks: readonly Values[], sources: ReadonlyMap<string, Resolved>, known: Chains): Sought[] {
  return disks.flatMap((disk): Sought[] => {
    const target = String(disk["target"]);
    const chain = known.get(target) ?? [];
    const wanted = imageWanted(disk, sources);
    return chain.length === 0 || wanted === undefined || chain.includes(wanted) ? [] : [[target, [wanted]]];
  });
}

/** Disks that the wish has no more, with the images that come in at new targets: one of them may be moving there. */
function leaving(disks: readonly Values[], sources: ReadonlyMap<string, Resolved>, known: Chains): Sought[] {
  const stays = new Set(disks.map(({ target }) => String(target)));
  const coming = disks.flatMap((disk) => (known.has(String(disk["target"])) ? [] : (imageWanted(disk, sources) ?? [])));
  return [...known].flatMap(([target, chain]): Sought[] =>
    coming.length === 0 || chain.length === 0 || stays.has(target) || coming.includes(chain[0] ?? "")
      ? []
      : [[target, coming]],
  );
}

/** True where a definition tells the last image of a disk: a raw one has none below, and `<backingStore/>` says so. */
function isToldWhole(root: XmlElement, target: string): boolean {
  const disk = findAll(root, "devices/disk").find((node) => readPath(node, "target/@dev") === target);
  return disk !== undefined && endsIn(disk, readPath(disk, "driver/@type"));
}

function endsIn(image: XmlElement, format: string | undefined): boolean {
  const below = find(image, "backingStore");
  if (!below) return format === "raw";
  return find(below, "source") === undefined || endsIn(below, readPath(below, "format/@type"));
}

/** Images and those below them, down to a wanted one or the last; not whole where libvirt does not see one of them. */
async function imagesBelow(
  request: Looking,
  known: readonly string[],
  wanted: readonly string[],
): Promise<{ readonly images: readonly string[]; readonly whole: boolean }> {
  const images = [...known];
  for (let at = known.at(-1) ?? ""; !wanted.includes(at);) {
    const root = await volumeAt(request, at);
    if (!root) return { images, whole: false };
    const below = readPath(root, "backingStore/path");
    if (below === undefined) return { images, whole: true };
    if (images.includes(below)) return { images, whole: false };
    images.push(below);
    // A guest may write any header into a raw image.
    if (readPath(root, "backingStore/format/@type") === "raw") return { images, whole: true };
    at = below;
  }
  return { images, whole: true };
}

/** An image as its pool shows it, which is asked to look anew first: it knows no file that came meanwhile. */
async function volumeAt(request: Looking, path: string): Promise<XmlElement | undefined> {
  const { host } = request.place;
  try {
    const { pool } = await host.call("STORAGE_POOL_LOOKUP_BY_TARGET_PATH", { path: dirname(path) });
    await refreshIfAllowed(request, pool);
    const { vol } = await host.call("STORAGE_VOL_LOOKUP_BY_PATH", { path });
    return parseXml((await host.call("STORAGE_VOL_GET_XML_DESC", { vol, flags: 0 })).xml);
  } catch (error) {
    if (isLibvirt(error, Code.NO_STORAGE_POOL, Code.NO_STORAGE_VOL, Code.NO_SUPPORT)) return undefined;
    throw error;
  }
}

/** The machine as if those disks of which libvirt cannot tell were on what they were on when they were left. */
export function recalled(found: FoundDomain, known: Values): FoundDomain {
  if (found.unclear.size === 0) return found;
  const disks = itemsOf(found.values["disks"]).map((disk) => {
    const left = itemsOf(known["disks"]).find(({ target }) => target === disk["target"]);
    const isUnclear = found.unclear.has(String(disk["target"]));
    return isUnclear && left
      ? { ...without(disk, [...diskSources, "format"]), ...pick(left, [...diskSources, "format"]) }
      : disk;
  });
  return { ...found, values: { ...found.values, disks } };
}

/** Refuses what would take a disk off an image that may be an overlay; a program that names another image means it. */
export function refuseUnclear(
  request: Request,
  { name, unclear, chains, volumes }: FoundDomain,
  wanted: Values,
  changes: readonly Difference[],
): void {
  for (const [target, file] of unclear) {
    const index = itemsOf(wanted["disks"]).findIndex((disk) => disk["target"] === target);
    const disk = itemsOf(wanted["disks"])[index] ?? {};
    const path = imageWanted(disk, volumes);
    const isOn = path !== undefined && chains.get(target)?.includes(path) === true;
    const isIgnored = diskSources.some(
      (one) => disk[one] !== undefined && request.ignores?.(["disks", index, one]) === true,
    );
    const isMeant = changes.some((one) => one.path[0] === "disks" && one.key === target && takesImage(one));
    if (isOn || isIgnored || isMeant) continue;
    throw new Refusal(
      `domain "${name}": disk ${target} is on ${file} now, not on what the program names. If that is an overlay (of a snapshot, ` +
        `a backup), going back would take all that was written to it out of the guest's sight, and libvirt cannot tell: the ` +
        `file lies in no active pool. Nothing was touched. Let libvirt see it (a StoragePool with path ` +
        `"${dirname(file)}"), or name it in the program (file: "${file}")`,
    );
  }
}

/**
 * Refuses to move an image to another target while its disk writes into an overlay: what was written since would stay behind.
 * An overlay that the program itself names is no such one.
 */
export function refuseMoved(
  request: Request,
  { name, chains, unclear, volumes }: FoundDomain,
  wanted: Values,
  changes: readonly Difference[],
  managed: Values = {},
): void {
  for (const { kind, path, key = "" } of changes) {
    if (path[0] !== "disks" || path.length !== 2 || kind !== "delete" || request.ignores?.(path) === true) continue;
    const [top, ...below] = chains.get(key) ?? [];
    const former = itemsOf(managed["disks"]).find(({ target }) => target === key) ?? {};
    const image = imageWanted(former, volumes);
    if (top === undefined || image === undefined || image === top) continue;
    if (!below.includes(image) && !unclear.has(key)) continue;
    const taker = itemsOf(wanted["disks"]).find(
      (disk) => imageWanted(disk, volumes) === image && !chains.has(String(disk["target"])),
    );
    if (!taker) continue;
    throw new Refusal(
      `domain "${name}": disks: disk ${key} writes to ${top} now, above the image that ${String(taker["target"])} is to have: ` +
        `without it the guest would not see what was written since. Nothing was touched. ${waysOut(name, key, top)}`,
    );
  }
}

/** Why a new machine must not take the place of this one: it would start below the overlays that this one writes to. */
export function forbidLoss({ name, chains, volumes }: FoundDomain, wanted: Values): string | undefined {
  for (const disk of itemsOf(wanted["disks"])) {
    const [target, image] = [String(disk["target"]), imageWanted(disk, volumes)];
    const [top, ...below] = chains.get(target) ?? [];
    if (top === undefined || image === undefined || !below.includes(image)) continue;
    return (
      `domain "${name}": disk ${target} writes to ${top} now, above the image that the program names: a new machine would not ` +
      `see what was written since. Nothing was touched. ${waysOut(name, target, top)}`
    );
  }
  return undefined;
}

function waysOut(name: string, target: string, top: string): string {
  return (
    `Merge the two while the machine runs (virsh blockcommit "${name}" ${target} --active --pivot), or name the overlay in the ` +
    `program (file: "${top}"), or take the disk out with an up of its own first`
  );
}

/** True for a change that gives a disk another image in the same words, or takes it out. */
function takesImage({ path, kind }: Difference): boolean {
  if (path.length === 2) return kind === "delete";
  return kind === "update" && diskSources.some((one) => one === path[2]);
}
