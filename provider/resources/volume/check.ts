import { access } from "node:fs/promises";
import { DEFAULTS, type Failure, UNKNOWN, type Values } from "../../fields";
import { MediaError } from "../../media";
import { Code, isLibvirt } from "../../rpc";
import { identityValues } from "../owner";
import { isAway } from "../place";
import type { Request } from "../port";
import { bytesOf, gibibytesOf, printGibibytes, volume, wholeBlocks } from "./fields";
import { poolType } from "./find";
import { digestOf, grownHead, inspect, openImage, sourcePath } from "./image";
import { isFilled } from "../naming";

/** What the content asked for says about the volume. */
interface Asked {
  readonly content?: unknown;
  readonly format?: string;
  readonly capacity?: unknown;
}

type Checked = { readonly inputs: Values; readonly failures: Failure[] };

/** Pools that keep volumes as files, where a volume can be sparse and have any format. */
export const FILE_POOLS: ReadonlySet<string> = new Set(["dir", "fs", "netfs", "vstorage"]);

/** Completes and judges a volume's inputs: reads its source, fills format and capacity, and computes `__content`. */
export async function checkVolume(request: Request, olds: Values | undefined, given: Values): Promise<Checked> {
  const inputs: Values = Object.fromEntries(Object.entries(given).filter(([name]) => name !== "__content"));
  const wrong = contradictions(inputs);
  if (wrong.length > 0) return { inputs, failures: wrong };
  const property = inputs["source"] === undefined ? "content" : "source";
  try {
    const asked = await askedFor(inputs, olds);
    const filled = await fill(request, olds, inputs, asked);
    return { inputs: filled, failures: judge(olds, filled, asked) };
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    return { inputs, failures: [{ property, reason: error.message }] };
  }
}

function contradictions(inputs: Values): Failure[] {
  const failures: Failure[] = [];
  const given = (name: string): boolean => inputs[name] !== undefined;
  const add = (property: string, reason: string): void => void failures.push({ property, reason });
  const fromImage = given("source") || given("content");
  if (given("source") && given("content")) add("content", "is given beside `source`: set one of them");
  if (given("backing") && fromImage) add("backing", "a volume with `source` or `content` has no backing volume");
  if (given("backing") && given("format") && inputs["format"] !== "qcow2") add("format", "an overlay is qcow2");
  if (given("sha256") && !given("source")) add("sha256", "is the digest of `source`, which is not given");
  if (!fromImage && inputs["format"] === "iso") add("format", "an ISO volume needs `source` or `content`");
  if (!fromImage && !given("backing") && !given("capacity")) {
    add("capacity", "is required (in GiB) where there is no `source`, `content` or `backing`");
  }
  if (inputs["capacity"] === 0) add("capacity", "must be more than 0 (in GiB)");
  return failures;
}

async function askedFor(inputs: Values, olds: Values | undefined): Promise<Asked> {
  if (inputs["source"] === UNKNOWN || inputs["content"] === UNKNOWN) return { content: UNKNOWN };
  if (await vanished(inputs, olds)) {
    const format = olds?.["format"];
    return {
      content: olds?.["__content"],
      capacity: olds?.["capacity"],
      ...(typeof format === "string" ? { format } : {}),
    };
  }
  const image = await openImage(inputs);
  if (!image) return {};
  try {
    const facts = await inspect(image, inputs["format"] === "raw", () => digestOf(image, inputs));
    const { capacity } = inputs;
    if (facts.format === "qcow2" && typeof capacity === "number" && bytesOf(capacity) > facts.virtualBytes) {
      await grownHead(image, wholeBlocks(bytesOf(capacity), "qcow2"));
    }
    return { content: `sha256:${facts.sha256}`, format: facts.format, capacity: gibibytesOf(facts.virtualBytes) };
  } finally {
    await image.close();
  }
}

/** A source that was uploaded once may be gone from this machine: the volume is there, and nothing asks for another one. */
async function vanished(inputs: Values, olds: Values | undefined): Promise<boolean> {
  const { source } = inputs;
  if (typeof source !== "string" || olds?.["source"] !== source || olds["__content"] === undefined) return false;
  return access(sourcePath(source)).then(
    () => false,
    () => true,
  );
}

async function fill(request: Request, olds: Values | undefined, inputs: Values, asked: Asked): Promise<Values> {
  const values: Record<string, unknown> = { ...inputs };
  if (asked.content !== undefined) values["__content"] = asked.content;
  const listed = inputs[DEFAULTS];
  const filled: unknown[] = Array.isArray(listed) ? [...(listed as unknown[])] : [];
  const sameKind = olds?.["__content"] === values["__content"] && olds?.["backing"] === inputs["backing"];
  const put = async (name: "format" | "capacity", value: () => unknown): Promise<void> => {
    if (inputs[name] !== undefined) return;
    const kept = olds && sameKind && isFilled(olds, name) ? olds[name] : undefined;
    const chosen = kept ?? (await value());
    if (chosen === undefined) return;
    values[name] = chosen;
    filled.push(name);
  };
  const blank = asked.content === undefined;
  await put("format", () => (blank ? blankFormat(request, inputs) : (asked.format ?? UNKNOWN)));
  await put("capacity", () => asked.capacity);
  return filled.length > 0 ? { ...values, [DEFAULTS]: filled } : values;
}

/** qcow2 in pools of files, raw where a volume is a block device; a pool that cannot be asked is taken for one of files. */
async function blankFormat(request: Request, inputs: Values): Promise<string> {
  const { pool, backing } = inputs;
  if (backing !== undefined || typeof pool !== "string") return "qcow2";
  try {
    return FILE_POOLS.has(await poolType(request, pool)) ? "qcow2" : "raw";
  } catch (error) {
    if (isAway(error) || isLibvirt(error, Code.NO_STORAGE_POOL)) return "qcow2";
    throw error;
  }
}

function judge(olds: Values | undefined, inputs: Values, asked: Asked): Failure[] {
  const failures: Failure[] = [];
  const add = (property: string, reason: string): void => void failures.push({ property, reason });
  const { format, capacity, sha256, __content: content } = inputs;
  if (typeof sha256 === "string" && typeof content === "string" && content !== `sha256:${sha256.toLowerCase()}`) {
    add("sha256", `the source has the SHA-256 ${content.slice("sha256:".length)}`);
  }
  if (asked.format !== undefined && typeof format === "string" && asked.format !== format) {
    add("format", `the source is ${asked.format}, not ${format}`);
  }
  if (
    typeof capacity === "number" &&
    typeof asked.capacity === "number" &&
    bytesOf(capacity) < bytesOf(asked.capacity)
  ) {
    add("capacity", `${capacity} GiB are less than the ${printGibibytes(bytesOf(asked.capacity))} GiB of the source`);
  }
  const shrinks = shrinking(olds, inputs);
  if (shrinks !== undefined && inputs["allowShrink"] !== true) add("capacity", shrinks);
  return failures;
}

function shrinking(olds: Values | undefined, inputs: Values): string | undefined {
  const [before, after] = [olds?.["capacity"], inputs["capacity"]];
  // One of which the program says nothing keeps the size that it has.
  if (isFilled(inputs, "capacity")) return;
  if (!olds || typeof before !== "number" || typeof after !== "number" || bytesOf(after) >= bytesOf(before)) return;
  const replaced = JSON.stringify(identityValues(volume, olds)) !== JSON.stringify(identityValues(volume, inputs));
  const renamed = olds["name"] !== inputs["name"] && !isFilled(olds, "name");
  return replaced || renamed ? undefined : shrinkText(bytesOf(before), bytesOf(after));
}

/** Why a capacity must not become smaller. */
export function shrinkText(before: bigint, after: bigint): string {
  return (
    `would shrink from ${printGibibytes(before)} to ${printGibibytes(after)} GiB, which cuts off the end of the disk and what the guest keeps there; ` +
    `\`allowShrink: true\` does it in place`
  );
}
