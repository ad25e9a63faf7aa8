import { type Difference, differences, UNKNOWN, type Values } from "../../fields";
import { ImageSource } from "../../media";
import { resource } from "../flow";
import type { Request } from "../port";
import { unfinishedOf } from "../volume/changes";
import { forbidUnderUsers } from "../volume/guards";
import { reach, removeFound } from "../volume/lifecycle";
import type { Content } from "../volume/make";
import { type FoundVolume, observe } from "../volume/observe";
import { cloudInitDisk as table } from "./fields";
import { CONTENT, contentOf, seedOf } from "./seed";
import type { Definition, Goal } from "../definition";

/** A seed is a raw volume of bytes made in memory: it is found, made and removed as a Volume is. */
export const definition: Definition<FoundVolume> = {
  token: "CloudInitDisk",
  noun: "cloud-init disk",
  table,
  scope: "rest",
  stables: ["path", "key"],
  id: (_, inputs) => `${String(inputs["pool"])}/${String(inputs["name"])}`,
  checkMore: (request, _, given) => completed(request, given),
  observe: async (request, id, inputs) => observe(request, id, { ...inputs, format: "raw" }),
  occupant: () => Promise.resolve(undefined),
  changes: (found, wanted, managed) => changesBetween(found.values, wanted, managed),
  differencesMore: (_, found) => Promise.resolve(unfinishedOf(found)),
  lost: (_, __, olds, news) => Promise.resolve(lostOf(olds, news)),
  forbidReplace: forbidUnderUsers,
  reach: (request, found, goal) => reach(request, found, { ...goal, inputs: { ...goal.inputs, format: "raw" } }, seed),
  remove: removeFound,
  outputs: (found) => found.outputs,
};

export const cloudInitDisk = resource(definition);

/** The differences of the table; other content is told at the properties that people write, not as a hidden digest. */
function changesBetween(before: Values, wanted: Values, managed: Values | undefined): Difference[] {
  const all = differences(table, before, wanted, { managed, situation: { before, after: wanted } });
  const written = CONTENT.filter((name) => managed === undefined || wanted[name] !== managed[name]);
  return all.flatMap((change) => {
    if (change.path[0] !== "__content") return [change];
    // Digests say nothing to people.
    const told = { ...change, before: undefined, after: change.after === UNKNOWN ? UNKNOWN : undefined };
    return (written.length > 0 ? written : ["userData"]).map((name) => ({ ...told, path: [name] }));
  });
}

/** What makes one that is gone come back as another one: its name follows its content. */
function lostOf(olds: Values, news: Values): Difference[] {
  return changesBetween(olds, news, olds).filter(({ cost }) => cost === "replace");
}

async function completed(request: Request, given: Values): Promise<{ inputs: Values; failures: [] }> {
  return { inputs: { ...given, __content: await contentOf(request.name, given) }, failures: [] };
}

function seed(request: Request, goal: Goal): Promise<{ content: Content; capacityBytes: bigint }> {
  const image = ImageSource.of(seedOf(request.name, goal.inputs));
  return Promise.resolve({ content: { image }, capacityBytes: BigInt(image.length) });
}
