import type { Values } from "../../fields";
import { readQcow2 } from "../../media";
import { Code, isLibvirt } from "../../rpc";
import { readPath } from "../../xml";
import { given } from "../compare";
import { isForbidden } from "../errors";
import type { Mark } from "../mark";
import { Refusal, type Request, UNFINISHED } from "../port";
import { bytesOf, gibibytesOf, spotIn } from "./fields";
import { bytesAt, type Here, look, readBytes, refreshIfAllowed, type Sight } from "./find";
import { named, placeOf, readProof } from "./make";
import type { Found } from "../definition";

/** A volume as it stands, or what is known of one that cannot be seen now. */
export interface FoundVolume extends Found {
  /** Absent: it cannot be seen, and `unseen` says why. */
  readonly here?: Here;
  readonly unseen?: string;
  /** True where the pool of this name is not the one that the volume was made in: nothing is to be touched. */
  readonly stranger: boolean;
  readonly capacityBytes: bigint;
  /** Hidden outputs, and where it is. */
  readonly outputs: Values;
}

/** What the state keeps of a volume beside its inputs. */
export const hidden = {
  /** UUID of the pool: with the name, the proof that the volume is the state's. */
  pool: "__pool",
  /** Bytes of the pool's file system: another number says that another one is mounted there. */
  poolBytes: "__poolBytes",
  /** The volume's time of change when we were done with it: QEMU changes it only when a guest writes. */
  written: "__written",
  made: "__made",
} as const;

/**
 * Finds a volume by its id. Undefined only where libvirt says that there is none and the pool proves to be the one that it
 * was made in, with the same file system: an unmounted pool answers the same for everything in it. A pool that is not
 * active or not defined hides its volumes and loses none: the state then stands for them, with a warning.
 */
export async function observe(request: Request, id: string, inputs: Values): Promise<FoundVolume | undefined> {
  const spot = await spotOf(request, id);
  if (!spot) return undefined;
  const known = typeof inputs[hidden.pool] === "string";
  const sight = await sightOf(request, spot, known);
  if (sight.kind === "inactive" || sight.kind === "noPool") {
    const why = sight.kind === "noPool" ? "is not defined" : "is not active";
    return known ? unseen(request, id, inputs, `pool "${spot.pool}" ${why}`, false) : undefined;
  }
  if (known && sight.pool.uuid !== inputs[hidden.pool]) {
    const why = `pool "${spot.pool}" is another one now (${sight.pool.uuid}, not ${textOr(inputs[hidden.pool], "?")})`;
    return unseen(request, id, inputs, why, true);
  }
  if (sight.kind === "here") return seen(request, id, sight, inputs);
  if (known) refuseOtherFileSystem(inputs, sight.poolBytes, named(spot));
  return undefined;
}

/** `pool/name`, or for import a path or key. */
async function spotOf(request: Request, id: string): Promise<{ pool: string; name: string } | undefined> {
  if (id.indexOf("/") > 0) return spotIn(id);
  try {
    const { vol } = await request.place.host.call("STORAGE_VOL_LOOKUP_BY_PATH", { path: id });
    return vol;
  } catch (error) {
    if (isLibvirt(error, Code.NO_STORAGE_VOL)) return undefined;
    throw error;
  }
}

/** A volume that the state knows and libvirt does not is looked for once more after a refresh of the pool. */
async function sightOf(request: Request, spot: { pool: string; name: string }, known: boolean): Promise<Sight> {
  const sight = await look(request, spot.pool, spot.name);
  if (sight.kind !== "absent" || !known) return sight;
  await refreshIfAllowed(request, sight.pool);
  return look(request, spot.pool, spot.name);
}

function refuseOtherFileSystem(inputs: Values, poolBytes: bigint, what: string): void {
  const recorded = inputs[hidden.poolBytes];
  if (recorded === undefined || recorded === String(poolBytes)) return;
  throw new Refusal(
    `${what} is not there, but the pool's file system has ${poolBytes} bytes now and had ${textOr(recorded, "?")}: ` +
      `is it mounted? The volume is not taken for gone. Mount it, or, if the volume is really lost, ` +
      `remove it from the state (pulumi state delete)`,
  );
}

function unseen(request: Request, id: string, inputs: Values, why: string, stranger: boolean): FoundVolume {
  const next =
    "to have the one of this name there, remove this one from the state (pulumi state delete) and set `adopt: true`";
  request.warn(`volume "${id}" cannot be seen: ${why}; the state stands for it${stranger ? `; ${next}` : ""}`);
  const kept = ["path", "key", ...Object.values(hidden)].filter((name) => inputs[name] !== undefined);
  return {
    id,
    name: textOr(inputs["name"], id),
    values: request.oldInputs ?? inputs,
    finished: true,
    unseen: why,
    stranger,
    capacityBytes: 0n,
    outputs: Object.fromEntries(kept.map((name) => [name, inputs[name]])),
  };
}

/** The volume's time of change on the host; absent for a block device, whose node keeps its time while it is written. */
export function writtenAt({ root }: Pick<Here, "root">): string | undefined {
  if (readPath(root, "@type") === "block") return undefined;
  return readPath(root, "target/timestamps/mtime");
}

/** What a volume of these inputs is made as: its format, backing and content in one line. */
export function madeOf(inputs: Values): string {
  return [inputs["format"], inputs["backing"], inputs["__content"]].map((part) => textOr(part, "-")).join(" ");
}

/** A volume that can be seen; whether a making of it got to its end is read from it where the state does not say so. */
async function seen(request: Request, givenId: string, here: Here, inputs: Values): Promise<FoundVolume> {
  const proof = isPlain(here) && isDoubtful(here, inputs) ? await proofOf(request, here, inputs) : undefined;
  const id = givenId.startsWith("/") ? `${here.vol.pool}/${here.vol.name}` : givenId;
  // A life that the state knows is the volume's: an adopted image keeps its maker's mark.
  const mark = proof && isStateless(inputs) ? markOf(proof.head) : undefined;
  return { ...picture(id, here, inputs, proof?.unfinished === true), ...(mark ? { mark } : {}) };
}

function isStateless(inputs: Values): boolean {
  return inputs["__incarnation"] === undefined;
}

/** A process that dies while it makes a volume again writes no state: any time but the one that we left it at is in doubt. */
function isDoubtful(here: Here, inputs: Values): boolean {
  const changed = writtenAt(here);
  const untouched = changed !== undefined && changed === inputs[hidden.written];
  return isStateless(inputs) || inputs[UNFINISHED] === true || !untouched;
}

async function proofOf(request: Request, here: Here, inputs: Values): ReturnType<typeof readProof> {
  try {
    return await readProof(request, here, wantedBytes(inputs));
  } catch (error) {
    // Who may only look at a host sees drift all the same.
    if (!isForbidden(error) || isStateless(inputs)) throw error;
    return { unfinished: false, head: Buffer.alloc(0) };
  }
}

/** What a volume in sight is, in the program's terms. */
export function picture(id: string, here: Here, inputs: Values, unfinished: boolean): FoundVolume {
  const made = textOr(inputs[hidden.made], "");
  const capacityBytes = shownBytes(here, inputs, made);
  const values = valuesOf(here, inputs, made, capacityBytes);
  return {
    id,
    name: here.vol.name,
    // The size of a torn one is that of a step on the way, which nobody asked for.
    values: unfinished ? { ...values, ...given({ capacity: inputs["capacity"] }) } : values,
    finished: !unfinished,
    here,
    stranger: false,
    capacityBytes,
    outputs: outputsOf(here, inputs),
  };
}

/** The length of raw content that is wanted. */
function wantedBytes({ capacity, __content: content }: Values): bigint | undefined {
  return content !== undefined && typeof capacity === "number" ? bytesOf(capacity) : undefined;
}

/** Files and block devices; folders and network volumes of gluster and the like are never written by us. */
export function isPlain({ root }: Pick<Here, "root">): boolean {
  const type = readPath(root, "@type") ?? "file";
  return type === "file" || type === "block";
}

/** A guest can write any header into a raw volume, and libvirt then shows what the header says. */
function shownBytes({ root }: Here, inputs: Values, made: string): bigint {
  const format = readPath(root, "target/format/@type");
  const disguised = made.startsWith("raw ") && format !== "raw" && format !== "iso";
  const shown = disguised ? (bytesAt(root, "physical") ?? 0n) : (bytesAt(root, "capacity") ?? 0n);
  return made.startsWith("iso ") && inputs["capacity"] === undefined ? (bytesAt(root, "physical") ?? shown) : shown;
}

function valuesOf(here: Here, inputs: Values, made: string, capacityBytes: bigint): Values {
  const host = { name: here.vol.name, pool: here.vol.pool, capacity: gibibytesOf(capacityBytes) };
  if (made === "") {
    // Adopted or imported: what the host cannot tell is taken as the program says.
    const shown = readPath(here.root, "target/format/@type");
    const format = shown === "qcow2" || shown === "iso" ? shown : "raw";
    return given({ ...host, format, backing: inputs["backing"], __content: inputs["__content"] });
  }
  const [format, backing, content] = made.split(" ").map((part) => (part === "-" ? undefined : part));
  return given({ ...host, format, backing, __content: content });
}

function outputsOf(here: Here, inputs: Values): Values {
  return given({
    ...placeOf(here),
    [hidden.pool]: here.pool.uuid,
    [hidden.poolBytes]: String(here.poolBytes),
    [hidden.written]: inputs[hidden.written],
    [hidden.made]: inputs[hidden.made],
  });
}

/** True for an overlay that a program made as a Volume: its header says so. */
export async function isVolume(request: Request, path: string): Promise<boolean> {
  try {
    const { vol } = await request.place.host.call("STORAGE_VOL_LOOKUP_BY_PATH", { path });
    return markOf(await readBytes(request, vol, 0n, HEAD_BYTES)) !== undefined;
  } catch (error) {
    if (isLibvirt(error, Code.NO_STORAGE_VOL)) return false;
    throw error;
  }
}

const HEAD_BYTES = 4096;

/** The owner that our empty images name in their header; it is told, and decides nothing. */
function markOf(head: Buffer): Mark | undefined {
  const text = qcow2Mark(head);
  const cut = text?.lastIndexOf(" ") ?? -1;
  if (text === undefined || cut < 0) return undefined;
  return { owner: text.slice(0, cut), incarnation: text.slice(cut + 1), phase: "ready", deferred: [] };
}

function qcow2Mark(head: Buffer): string | undefined {
  try {
    return readQcow2(head)?.mark;
  } catch {
    // A stranger's image may have any header: it is somebody else's then.
    return undefined;
  }
}

function textOr(value: unknown, other: string): string {
  return typeof value === "string" ? value : other;
}
