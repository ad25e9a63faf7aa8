import type { Values } from "../../fields";
import { ImageSource, qcow2Image } from "../../media";
import { readPath } from "../../xml";
import { explain } from "../errors";
import { resource } from "../flow";
import { printOwner } from "../owner";
import { Refusal, type Request, UNFINISHED } from "../port";
import { announce, changesOf, keepsSize, lostOf, unfinishedOf } from "./changes";
import { checkVolume } from "./check";
import { bytesOf, spotIn, volume as table, wholeBlocks } from "./fields";
import { bytesAt, type Here, look } from "./find";
import { forbidDataLoss, forbidMaking, forbidUnderUsers, forbidUpdate } from "./guards";
import { grownHead, isKnown, openImage, type VolumeFormat } from "./image";
import { onlyHeld, runningMachines, usersLookedFor, usersOf, writerOf } from "./inUse";
import { live, tellGuests } from "./live";
import { type Content, deleteVolume, makeVolume, named, placeOf, targetAt } from "./make";
import { type FoundVolume, hidden, isPlain, madeOf, observe, picture, writtenAt } from "./observe";
import { plan, type Step } from "./plan";
import type { Definition, Goal } from "../definition";

/** A volume of a pool. https://libvirt.org/html/libvirt-libvirt-storage.html */
export const definition: Definition<FoundVolume> = {
  token: "Volume",
  noun: "volume",
  table,
  scope: "rest",
  stables: ["path", "key"],
  id: (_, inputs) => `${String(inputs["pool"])}/${String(inputs["name"])}`,
  checkMore: checkVolume,
  observe,
  // The id is pool and name: whatever stands there was observed already.
  occupant: () => Promise.resolve(undefined),
  changes: changesOf,
  differencesMore: (_, found) => Promise.resolve(unfinishedOf(found)),
  lost: (_, __, olds, news) => Promise.resolve(lostOf(olds, news)),
  announce,
  forbidMaking,
  forbidReplace: forbidUnderUsers,
  forbidLoss: forbidDataLoss,
  forbidUpdate,
  reach: (request, found, goal) => reach(request, found, goal, contentOf),
  remove: removeFound,
  outputs: (found) => found.outputs,
};

export const volume = resource(definition);

function formatOf(value: unknown): string {
  return typeof value === "string" ? value : "raw";
}

/** Opens the content that inputs ask for; absent for a raw volume of zeros. */
export type ContentOf = (request: Request, goal: Goal) => Promise<{ content?: Content; capacityBytes: bigint }>;

/** One flow for create, update and adoption: look, plan, do, look again. */
export async function reach(
  request: Request,
  found: FoundVolume | undefined,
  goal: Goal,
  contentFor: ContentOf,
): Promise<FoundVolume> {
  refuseUntouchable(found, goal);
  const { capacity } = goal.inputs;
  const kept = found !== undefined && keepsSize(found, goal.inputs, goal.managed);
  const wanted = typeof capacity === "number" && !kept ? bytesOf(capacity) : undefined;
  const before = found?.here && writtenAt(found.here);
  let here = found?.here;
  const steps = plan(found, wanted, goal.state?.[UNFINISHED] === true);
  for (const step of steps) here = await take(request, step, here, goal, contentFor);
  const [made, resized] = ["make", "resize"].map((act) => steps.some((step) => step.act === act));
  const untouched = before !== undefined && before === found?.outputs[hidden.written];
  // A making ends with a look; whatever else was done is looked at now.
  const now = made && here ? here : await lookAgain(request, goal);
  // A time of change is ours only where no guest can have written at the same time.
  const ours = made || (resized && untouched && !writerOf(await runningMachines(request), targetAt(now)));
  return finish(goal, now, ours ? writtenAt(now) : found?.outputs[hidden.written]);
}

async function take(
  request: Request,
  step: Step,
  here: Here | undefined,
  goal: Goal,
  contentFor: ContentOf,
): Promise<Here | undefined> {
  if (step.act === "clear") {
    if (here) await deleteVolume(request, here.vol);
    return undefined;
  }
  if (step.act === "make") return make(request, goal, contentFor);
  if (!here) return here;
  if (step.act === "tell") {
    await tellGuests(request, targetAt(here), step.bytes);
    return here;
  }
  const format = formatOf(goal.inputs["format"]);
  const allowShrink = goal.inputs["allowShrink"] === true;
  const { fromBytes, toBytes } = step;
  await live.capacity(request, { here, target: targetAt(here), format, fromBytes, toBytes, allowShrink });
  return here;
}

function refuseUntouchable(found: FoundVolume | undefined, goal: Goal): void {
  if (!found) return;
  if (!found.here) throw new Refusal(`volume "${goal.id}" cannot be changed: ${found.unseen ?? "it cannot be seen"}`);
  if (!isPlain(found.here)) {
    const type = readPath(found.here.root, "@type") ?? "unknown";
    throw new Refusal(`${named(found.here.vol)} is of type "${type}"; only files and block devices can be managed`);
  }
  const disguised = goal.inputs["format"] === "raw" && readPath(found.here.root, "target/format/@type") === "qcow2";
  if (disguised && goal.managed === undefined) {
    throw new Refusal(`${named(found.here.vol)} is qcow2, and \`format\` says raw`);
  }
}

async function make(request: Request, goal: Goal, contentFor: ContentOf): Promise<Here> {
  const spot = { pool: String(goal.inputs["pool"]), name: goal.name };
  const { content, capacityBytes } = await contentFor(request, goal).catch((error: unknown) => {
    throw explain(`create ${named(spot)}`, error);
  });
  try {
    const format = (goal.inputs["format"] ?? "raw") as VolumeFormat; // one of the table's values
    return await makeVolume(request, { ...spot, format, capacityBytes, ...(content ? { content } : {}) });
  } finally {
    await content?.image.close();
  }
}

/** The content of a Volume: its source, or an empty qcow2 image of ours, or nothing. */
async function contentOf(request: Request, goal: Goal): Promise<{ content?: Content; capacityBytes: bigint }> {
  const { inputs } = goal;
  const asked = typeof inputs["capacity"] === "number" ? bytesOf(inputs["capacity"]) : undefined;
  const image = await openImage(inputs);
  if (image) return { content: await uploadOf(image, inputs, asked), capacityBytes: sizeOf(image, inputs, asked) };
  const backing = typeof inputs["backing"] === "string" ? await backingOf(request, inputs["backing"]) : undefined;
  const capacityBytes = asked ?? backing?.bytes ?? 0n;
  const virtualSize = wholeBlocks(capacityBytes, inputs["format"]);
  if (inputs["format"] !== "qcow2") return { capacityBytes: virtualSize };
  const mark = `${printOwner(request.owner)} ${goal.mark.incarnation}`;
  const bytes = qcow2Image({ virtualSize, mark, ...(backing ? { backing: backing.image } : {}) });
  return { content: { image: ImageSource.of(bytes) }, capacityBytes: virtualSize };
}

/** A raw image that is not grown keeps its size to the byte. */
function sizeOf(image: ImageSource, { format }: Values, asked: bigint | undefined): bigint {
  const bytes = BigInt(image.length);
  return asked === undefined || (format !== "qcow2" && asked <= bytes) ? bytes : wholeBlocks(asked, format);
}

async function uploadOf(image: ImageSource, inputs: Values, asked: bigint | undefined): Promise<Content> {
  const sha256 = String(inputs["__content"]).slice("sha256:".length);
  const promise = { sha256, holds: () => isKnown(inputs, sha256) };
  if (inputs["format"] !== "qcow2" || asked === undefined) return { image, promise };
  return { image, promise, head: await grownHead(image, wholeBlocks(asked, "qcow2")) };
}

/** The volume that shows through an overlay. */
async function backingOf(
  request: Request,
  id: string,
): Promise<{ bytes: bigint; image: { path: string; format: "raw" | "qcow2" } }> {
  const { pool, name } = spotIn(id);
  const sight = await look(request, pool, name);
  if (sight.kind !== "here") throw new Error(`the backing volume "${id}" is not there`);
  const format = readPath(sight.root, "target/format/@type") ?? "raw";
  if (format !== "raw" && format !== "iso" && format !== "qcow2") {
    throw new Error(`the backing volume "${id}" is ${format}; only raw and qcow2 can show through`);
  }
  const bytes = bytesAt(sight.root, "capacity") ?? 0n;
  return { bytes, image: { path: placeOf(sight).path, format: format === "qcow2" ? "qcow2" : "raw" } };
}

async function lookAgain(request: Request, goal: Goal): Promise<Here> {
  const sight = await look(request, String(goal.inputs["pool"]), goal.name);
  if (sight.kind !== "here") throw new Error(`volume "${goal.id}" vanished while it was made`);
  return sight;
}

/** Records what only this moment knows: how it was made, and when we were done with it. */
function finish(goal: Goal, here: Here, written: unknown): FoundVolume {
  const known = { ...goal.inputs, [hidden.made]: madeOf(goal.inputs), [hidden.written]: written };
  return picture(goal.id, here, known, false);
}

/** Deletes a volume that nothing refers to any more; where another pool has its pool's name, nothing there is its own. */
export async function removeFound(request: Request, found: FoundVolume): Promise<void> {
  if (!found.here) {
    const why = found.unseen ?? "it cannot be seen";
    if (!found.stranger) {
      throw new Refusal(
        `volume "${found.id}" cannot be deleted: ${why}. Define the pool again and start it, or, if the volume is to stay ` +
          `where it is, remove it from the state (pulumi state delete)`,
      );
    }
    request.warn(`volume "${found.id}" was not deleted: ${why}`);
    return;
  }
  const users = await usersLookedFor(request, found.here.pool, targetAt(found.here));
  if (users.length > 0) {
    const holding = onlyHeld(await usersOf(request), targetAt(found.here));
    const remedy = holding ? `: power-cycle what waits for that (pulumi-kvm pending), and run up again` : "";
    throw new Refusal(`${named(found.here.vol)} was not deleted: it is used by ${users.join(", ")}${remedy}`);
  }
  await deleteVolume(request, found.here.vol);
}
