import {
  CheckFailure,
  CheckRequest,
  CheckResponse,
  CreateResponse,
  DiffResponse,
  PropertyDiff,
  ReadResponse,
  UpdateResponse,
} from "@pulumi/pulumi/proto/provider_pb";
import type * as rpc from "@pulumi/pulumi/proto/provider_pb";
import type { Failure, Table, Values } from "../../fields";
import { type ReadBack, type Request, type Resource, UNFINISHED } from "../../resources/port";
import { steadyOf } from "../../resources/steady";
import { withoutHidden } from "../hidden";
import { printed } from "../printed";
import { type Change, shown, type Shown } from "./diff";
import { type Door, Unhealthy } from "./door";
import { previewed } from "./preview";
import { inAnyOrder, type Mask, maskOf, open, type Opened, seal, tableSecrets } from "./secrets";

const { Mode } = CheckRequest.AutonamingOptions;
const { Kind } = PropertyDiff;
const { DiffChanges } = DiffResponse;

/** Completes and judges the inputs of a resource. */
export async function check(door: Door, asked: rpc.CheckRequest): Promise<CheckResponse> {
  const [olds, news] = [open(asked.getOlds()), open(asked.getNews())];
  const autonaming = autonamingOf(asked.getAutonaming());
  const call = { urn: asked.getUrn(), given: [olds, news], autonaming, preview: false };
  return door.run(call, async (resource, request) => {
    const former = withoutHidden(olds.values);
    const given = withoutHidden(news.values);
    const { inputs, failures } = await resource.check(request, isEmpty(former) ? undefined : former, given);
    const all = [...failures, ...nameFailures(asked.getAutonaming(), resource.table, former, given)];
    const mask = maskOf(resource.table, call.given);
    const answer = new CheckResponse();
    answer.setInputs(seal(resource.table, inputs, news.secrets));
    const secrets = new Set([...tableSecrets(resource.table), ...news.secrets].map(([name]) => name));
    answer.setFailuresList(all.map((one) => failureOf(one, mask, secrets.has(one.property))));
    return answer;
  });
}

/** The engine sends a name only where the project's `pulumi:autonaming` asks for one, so a proposed one counts as well. */
function autonamingOf(asked: CheckRequest.AutonamingOptions | undefined): Request["autonaming"] {
  const proposed = asked?.getProposedName() ?? "";
  return proposed === "" ? undefined : proposed;
}

/** `pulumi:autonaming` may forbid names that nobody wrote; those that stand in the state stay. */
function nameFailures(
  asked: CheckRequest.AutonamingOptions | undefined,
  table: Table,
  olds: Values,
  news: Values,
): Failure[] {
  if (asked?.getMode() !== Mode.DISABLE || table["name"]?.filled !== true) return [];
  if (news["name"] !== undefined || olds["name"] !== undefined) return [];
  return [{ property: "name", reason: "is required: `pulumi:autonaming` forbids automatic names" }];
}

/** A failure as the engine takes it. It prints the whole value beside a property, so a value not to be seen has none. */
export function failureOf({ property, reason }: Failure, mask: Mask, hides: boolean): CheckFailure {
  const failure = new CheckFailure();
  failure.setProperty(hides ? "" : property);
  failure.setReason(printed(mask(hides ? `${property}: ${reason}` : reason)));
  return failure;
}

/** Says what an update would change. */
export async function diff(door: Door, asked: rpc.DiffRequest): Promise<DiffResponse> {
  const [olds, oldInputs, news] = [open(asked.getOlds()), open(asked.getOldInputs()), open(asked.getNews())];
  const sides = {
    olds: withoutHidden(olds.values),
    oldInputs: withoutHidden(oldInputs.values),
    news: withoutHidden(news.values),
  };
  const call = {
    urn: asked.getUrn(),
    given: [olds, oldInputs, news],
    oldInputs: sides.oldInputs,
    ignoreChanges: asked.getIgnorechangesList(),
    preview: true,
  };
  return door.run(call, async (resource, request) => {
    const found = await resource.diff(request, asked.getId(), sides.olds, sides.news);
    return diffOf(shown(resource.table, found, sides));
  });
}

/** A diff as the engine takes it. */
export function diffOf(found: Shown): DiffResponse {
  const answer = new DiffResponse();
  answer.setChanges(found.changes ? DiffChanges.DIFF_SOME : DiffChanges.DIFF_NONE);
  answer.setDiffsList([...found.diffs]);
  answer.setReplacesList([...found.replaces]);
  answer.setStablesList([...found.stables]);
  answer.setDeletebeforereplace(found.deleteBeforeReplace);
  answer.setHasdetaileddiff(true);
  for (const [path, change] of found.detailed) {
    const property = new PropertyDiff();
    property.setKind(kindOf(change));
    property.setInputdiff(change.inputDiff);
    answer.getDetaileddiffMap().set(path, property);
  }
  return answer;
}

function kindOf({ kind, replaces }: Change): PropertyDiff.Kind {
  const kinds = {
    add: [Kind.ADD, Kind.ADD_REPLACE],
    delete: [Kind.DELETE, Kind.DELETE_REPLACE],
    update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
  } as const;
  return kinds[kind][replaces ? 1 : 0];
}

/** Makes an object; a preview says what will be known of it. */
export async function create(door: Door, asked: rpc.CreateRequest): Promise<CreateResponse> {
  const inputs = open(asked.getProperties());
  const bounds = { timeoutMs: millisecondsOf(asked.getTimeout()), preview: asked.getPreview() };
  return door.run({ urn: asked.getUrn(), given: [inputs], ...bounds }, async (resource, request) => {
    const wanted = withoutHidden(inputs.values);
    const answer = new CreateResponse();
    if (request.preview) {
      answer.setProperties(seal(resource.table, previewed(resource.table, wanted), inputs.secrets));
      return answer;
    }
    const { id, outputs } = await resource.create(request, wanted);
    answer.setId(id);
    answer.setProperties(seal(resource.table, outputs, inputs.secrets));
    return answer;
  });
}

/** Changes an object; a preview says what will be known of it. */
export async function update(door: Door, asked: rpc.UpdateRequest): Promise<UpdateResponse> {
  const [olds, oldInputs, news] = [open(asked.getOlds()), open(asked.getOldInputs()), open(asked.getNews())];
  const call = {
    urn: asked.getUrn(),
    given: [news, olds, oldInputs],
    oldInputs: withoutHidden(oldInputs.values),
    timeoutMs: millisecondsOf(asked.getTimeout()),
    ignoreChanges: asked.getIgnorechangesList(),
    preview: asked.getPreview(),
  };
  return door.run(call, async (resource, request) => {
    const [state, wanted] = [withoutHidden(olds.values), withoutHidden(news.values)];
    const outputs = request.preview
      ? previewed(resource.table, wanted, state, steadyOf(resource, state, wanted))
      : (await resource.update(request, asked.getId(), state, wanted)).outputs;
    const answer = new UpdateResponse();
    answer.setProperties(seal(resource.table, outputs, news.secrets));
    return answer;
  });
}

/** Reads an object for a refresh, or by its id or name for an import. An empty id: it is gone. */
export async function read(door: Door, asked: rpc.ReadRequest): Promise<ReadResponse> {
  const state = open(asked.getProperties());
  const inputs = asked.hasInputs() ? open(asked.getInputs()) : undefined;
  const given = inputs ? [state, inputs] : [state];
  const olds = withoutHidden(state.values);
  const oldInputs = inputs && withoutHidden(inputs.values);
  return door.run({ urn: asked.getUrn(), given, oldInputs }, async (resource, request) => {
    const found = await lookedUp(request, asked.getId(), { olds, state, inputs }, resource);
    const answer = new ReadResponse();
    if (!found) return answer;
    const secrets = inAnyOrder(given.flatMap((one) => one.secrets));
    answer.setId(found.id);
    answer.setProperties(seal(resource.table, found.outputs, secrets));
    answer.setInputs(seal(resource.table, found.inputs, secrets));
    answer.setRefreshBeforeUpdate(found.outputs[UNFINISHED] === true);
    return answer;
  });
}

interface Known {
  readonly olds: Values;
  readonly state: Opened;
  readonly inputs: Opened | undefined;
}

/** One object that cannot be read must not end the refresh of all others; an import has nothing to go back to. */
async function lookedUp(
  request: Request,
  id: string,
  { olds, state, inputs }: Known,
  resource: Resource,
): Promise<ReadBack | undefined> {
  try {
    return await resource.read(request, id, olds);
  } catch (error) {
    if (isEmpty(state.values) || request.signal.aborted) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new Unhealthy(id, state, inputs, `${message}; the state stays as it was`);
  }
}

/** Takes an object away. */
export async function remove(door: Door, asked: rpc.DeleteRequest): Promise<void> {
  const [olds, oldInputs] = [open(asked.getProperties()), open(asked.getOldInputs())];
  const call = {
    urn: asked.getUrn(),
    given: [olds, oldInputs],
    oldInputs: withoutHidden(oldInputs.values),
    timeoutMs: millisecondsOf(asked.getTimeout()),
  };
  await door.run(call, (resource, request) => resource.delete(request, asked.getId(), withoutHidden(olds.values)));
}

/** `customTimeouts` come in seconds; 0 is none. */
function millisecondsOf(seconds: number): number | undefined {
  return seconds > 0 ? seconds * 1000 : undefined;
}

function isEmpty(values: Values): boolean {
  return Object.keys(values).length === 0;
}
