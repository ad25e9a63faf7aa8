import type { Values } from "../../fields";
import { ImageSource } from "../../media";
import { type Definition, type Goal, resource } from "../flow";
import type { Request } from "../port";
import { reach, removeFound } from "../volume/lifecycle";
import type { Content } from "../volume/make";
import { type FoundVolume, observe } from "../volume/observe";
import { cloudInitDisk as table } from "./fields";
import { contentOf, seedOf } from "./seed";

/** A seed is a raw volume of bytes made in memory: it is found, made and removed as a Volume is. */
export const definition: Definition<FoundVolume> = {
  token: "CloudInitDisk",
  noun: "cloud-init disk",
  table,
  scope: "rest",
  stables: ["path", "key"],
  id: (_, inputs) => `${String(inputs["pool"])}/${String(inputs["name"])}`,
  checkMore: (request, _, given) => Promise.resolve(completed(request, given)),
  observe: async (request, id, inputs) => observe(request, id, { ...inputs, format: "raw" }),
  occupant: () => Promise.resolve(undefined),
  reach: (request, found, goal) => reach(request, found, { ...goal, inputs: { ...goal.inputs, format: "raw" } }, seed),
  remove: removeFound,
  outputs: (found) => found.outputs,
};

export const cloudInitDisk = resource(definition);

function completed(request: Request, given: Values): { inputs: Values; failures: [] } {
  return { inputs: { ...given, __content: contentOf(request.name, given) }, failures: [] };
}

function seed(request: Request, goal: Goal): Promise<{ content: Content; capacityBytes: bigint }> {
  const image = ImageSource.of(seedOf(request.name, goal.inputs));
  return Promise.resolve({ content: { image }, capacityBytes: BigInt(image.length) });
}
