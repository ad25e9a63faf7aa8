import { asText, type Difference, differences, grammar, hasUnknown, readTable, type Values } from "../../fields";
import { Code, isLibvirt, type Network } from "../../rpc";
import { printXml } from "../../xml";
import { Explained } from "../errors";
import { resource } from "../flow";
import { missing } from "../lookup";
import { byId, byName, type FoundNetwork } from "../network/observe";
import { inLine, type Step, updateAll } from "../network/updates";
import { printOwner } from "../owner";
import { Refusal, type Request, type Resource } from "../port";
import { claim, release } from "./claims";
import { type Kind, sidesOf, type Standing } from "./kind";
import { plan, removal } from "./plan";
import type { Definition, Found, Goal } from "../definition";

/** An entry as it stands on the host, on one side at least. */
interface FoundEntry extends Found {
  readonly network: Network;
  readonly standing: readonly Standing[];
}

/** `NETWORK/KEY`: the network is its UUID, or its name where a user wrote the id. */
function parseId(kind: Kind, id: string): { network: string; key: string } {
  const cut = id.indexOf("/");
  if (cut > 0 && cut < id.length - 1) return { network: id.slice(0, cut), key: kind.keyIn(id.slice(cut + 1)) };
  throw new Refusal(
    `"${id}" is no id of a ${kind.noun}: give NETWORK/KEY, the network's name or UUID and the entry's key`,
  );
}

function networkOf(request: Request, network: string): Promise<FoundNetwork | undefined> {
  return grammar.uuidText(network) === undefined ? byId(request, network) : byName(request, network);
}

async function observe(kind: Kind, request: Request, id: string, inputs: Values): Promise<FoundEntry | undefined> {
  const { network, key } = parseId(kind, id);
  const net = await networkOf(request, network);
  return net && entryIn(kind, net, key, inputs);
}

/** The entry of a key in a network; undefined where it stands on no side. */
function entryIn(kind: Kind, net: FoundNetwork, key: string, inputs: Values): FoundEntry | undefined {
  const standing = standingOf(kind, net, key);
  const known = standing.flatMap(({ entry }) => (entry ? [valuesIn(kind, net.name, entry.node)] : []));
  const [values] = known;
  if (!values) return undefined;
  return {
    id: `${net.id}/${key}`,
    name: key,
    values,
    // No entry carries a mark: one that says just what is wanted is taken for what an interrupted create left.
    finished: !known.every((one) => isSame(kind, one, inputs)),
    network: { name: net.name, uuid: net.id },
    standing,
  };
}

function standingOf(kind: Kind, net: FoundNetwork, key: string): Standing[] {
  return sidesOf(net).map((side) => {
    const entry = kind.entries(side.root).find(({ node }) => kind.key(readTable(kind.table, node)) === key);
    return { ...side, entry };
  });
}

function valuesIn(kind: Kind, network: string, node: Standing["root"]): Values {
  return { network, ...readTable(kind.table, node) };
}

function isSame(kind: Kind, found: Values, inputs: Values): boolean {
  return (
    Object.keys(found).every((name) => inputs[name] !== undefined) &&
    differences(kind.table, found, inputs, { situation: { before: found, after: inputs } }).length === 0
  );
}

/** A side that has other values, or has no entry at all, differs as well. */
function differencesMore(kind: Kind, request: Request, found: FoundEntry, inputs: Values): Difference[] {
  claim(request, found.id);
  const managed = request.oldInputs;
  const on = (values: Values): Difference[] =>
    differences(kind.table, values, inputs, { managed, situation: { before: values, after: inputs } });
  const shown = new Set(on(found.values).map(({ path }) => path.join("/")));
  const more = new Map<string, Difference>();
  for (const { entry } of found.standing) {
    // What is missing on one side is added there: its key is no other one.
    const all = entry
      ? on(valuesIn(kind, found.network.name, entry.node))
      : on({}).filter(({ cost }) => cost !== "replace");
    for (const one of all) {
      const path = one.path.join("/");
      if (!shown.has(path)) more.set(path, one);
    }
  }
  if (shown.size + more.size > 0) warnOfMisfits(kind, request, found, inputs);
  return [...more.values()];
}

/** What an update would refuse; the same up may give the network a place for it before. */
function warnOfMisfits(kind: Kind, request: Request, found: FoundEntry, inputs: Values): void {
  if (hasUnknown(inputs)) return;
  const { key } = parseId(kind, found.id);
  const texts = misfitsIn(kind, found.network.name, found.standing, inputs, key);
  if (texts.length === 0) return;
  request.warn(
    `${kind.noun} "${found.name}": ${texts.join("; ")}; an update refuses that, unless the network changes before`,
  );
}

function keyOf(kind: Kind, inputs: Values): string {
  return kind.key(inputs) ?? "?";
}

async function locate(kind: Kind, request: Request, inputs: Values): Promise<string> {
  const name = String(inputs["network"]);
  const net = await byName(request, name);
  if (net) return `${net.id}/${keyOf(kind, inputs)}`;
  const next = "give the name of one that is there, or make it first";
  throw missing(request, { noun: "network", how: `named "${name}"`, code: Code.NO_NETWORK, next });
}

/** Another key, another network, or another network of the same name in the place of one that is gone: another id. */
async function lost(kind: Kind, request: Request, id: string, olds: Values, news: Values): Promise<Difference[]> {
  const situation = { before: olds, after: news };
  const all = differences(kind.table, olds, news, { managed: olds, situation });
  const replacing = all.filter(({ cost }) => cost === "replace");
  const { network } = parseId(kind, id);
  if (replacing.length > 0 || (await networkOf(request, network))) return replacing;
  const name = asText(news["network"]);
  const other = name === undefined ? undefined : await byName(request, name);
  return other ? [{ path: ["network"], kind: "update", cost: "replace", before: name, after: name }] : [];
}

function inTurn<T>(request: Request, network: string, act: () => Promise<T>): Promise<T> {
  return request.place.inTurn(`entries of network ${network}`, act);
}

function reach(kind: Kind, request: Request, goal: Goal, found: FoundEntry | undefined): Promise<FoundEntry> {
  const { network, key } = parseId(kind, goal.id);
  const { inputs, managed } = goal;
  // One after the other: each looks at the entries of the others.
  return inTurn(request, network, async () => {
    const net = await networkOf(request, network);
    if (!net) throw new Refusal(await goneText(kind, request, inputs));
    const standing = standingOf(kind, net, key);
    if (!found && managed === undefined) refuseLatecomer(kind, net, standing, inputs);
    refuseMisfits(kind, net, standing, inputs, key);
    refuseTwin(kind, request, goal);
    const handle = { name: net.name, uuid: net.id };
    try {
      await runAll(request, kind, handle, plan(kind, standing, inputs, managed));
    } catch (error) {
      // libvirt's word for an entry that is there already: another program's, since this one looked.
      const refused = isLibvirt(error instanceof Error ? error.cause : error, Code.OPERATION_INVALID);
      const now = refused && !found && managed === undefined ? await networkOf(request, network) : undefined;
      if (now) refuseLatecomer(kind, now, standingOf(kind, now, key), inputs);
      throw error;
    }
    return arrived(kind, request, goal);
  });
}

async function goneText(kind: Kind, request: Request, inputs: Values): Promise<string> {
  const name = String(inputs["network"]);
  const what = `${kind.noun} "${keyOf(kind, inputs)}"`;
  const other = await byName(request, name);
  if (other)
    return `${what}: network "${name}" is another one now (${other.id}): run up again, which makes the entry there`;
  return `${what}: network "${name}" is gone from the host: make it again first`;
}

/** Somebody made one since this create looked. */
function refuseLatecomer(kind: Kind, net: FoundNetwork, standing: readonly Standing[], inputs: Values): void {
  const other = standing.find(({ entry }) => entry)?.entry;
  if (!other || isSame(kind, valuesIn(kind, net.name, other.node), inputs)) return;
  throw new Refusal(
    `${kind.noun} "${keyOf(kind, inputs)}" was made in network "${net.name}" by somebody else a moment ago: ` +
      `${inLine(printXml(other.node))}. It was not touched; to manage it from this program set \`adopt: true\` for one up`,
  );
}

function refuseMisfits(
  kind: Kind,
  net: FoundNetwork,
  standing: readonly Standing[],
  inputs: Values,
  key: string,
): void {
  const texts = misfitsIn(kind, net.name, standing, inputs, key);
  if (texts.length === 0) return;
  throw new Refusal(`${kind.noun} "${key}": ${texts.join("; ")}. Nothing was changed`);
}

/** What a network has against an entry, on either side. */
function misfitsIn(kind: Kind, network: string, standing: readonly Standing[], inputs: Values, key: string): string[] {
  const all = standing.flatMap(({ root }) => kind.misfits(root, network, inputs, key));
  return [...new Set(all.map(({ property, reason }) => `${property}: ${reason}`))];
}

/** One entry has one resource: what this run knows of another one is all that tells, as entries carry no owner. */
function refuseTwin(kind: Kind, request: Request, { id, managed }: Goal): void {
  const holder = claim(request, id);
  if (managed !== undefined || holder === printOwner(request.owner)) return;
  throw new Refusal(`${kind.noun} ${id} belongs to ${holder} already: two resources cannot have one entry`);
}

/** libvirt accepts some changes and does nothing: what is still different is an error. */
async function arrived(kind: Kind, request: Request, { id, inputs, name }: Goal): Promise<FoundEntry> {
  const reached = await observe(kind, request, id, inputs);
  const complete = reached?.standing.every(
    ({ entry }) => entry && differencesAt(kind, valuesIn(kind, reached.network.name, entry.node), inputs).length === 0,
  );
  if (reached && complete) return reached;
  throw new Explained(`${kind.noun} "${name}": libvirt accepted the change, but does not show it: run up again`);
}

function differencesAt(kind: Kind, values: Values, inputs: Values): Difference[] {
  return differences(kind.table, values, inputs, { situation: { before: values, after: inputs } });
}

function runAll(request: Request, kind: Kind, net: Network, steps: readonly Step[]): Promise<void> {
  const { section, noun } = kind;
  return updateAll(
    request,
    net,
    steps.map((step) => ({ ...step, section, noun })),
    "the entry",
  );
}

async function remove(kind: Kind, request: Request, { id }: FoundEntry): Promise<void> {
  const { network, key } = parseId(kind, id);
  await inTurn(request, network, async () => {
    const net = await networkOf(request, network);
    if (!net) return;
    const handle = { name: net.name, uuid: net.id };
    try {
      await runAll(request, kind, handle, removal(standingOf(kind, net, key)));
    } catch (error) {
      const left = await networkOf(request, network);
      if (left && standingOf(kind, left, key).some(({ entry }) => entry)) throw error;
    }
  });
  release(request, id);
}

/** Makes the resource of one kind of entry. */
export function entryResource(kind: Kind): Resource {
  const definition: Definition<FoundEntry> = {
    token: kind.token,
    noun: kind.noun,
    table: kind.table,
    scope: "rest",
    stables: [],
    single: true,
    id: (_, inputs) => `${String(inputs["network"])}/${keyOf(kind, inputs)}`,
    locate: (request, inputs) => locate(kind, request, inputs),
    called: (values) => keyOf(kind, values),
    checkMore: (_, __, inputs) => Promise.resolve({ inputs, failures: kind.complaints(inputs) }),
    observe: (request, id, inputs) => observe(kind, request, id, inputs),
    occupant: () => Promise.resolve(undefined),
    differencesMore: (request, found, inputs) => Promise.resolve(differencesMore(kind, request, found, inputs)),
    lost: (request, id, olds, news) => lost(kind, request, id, olds, news),
    reach: (request, found, goal) => reach(kind, request, goal, found),
    remove: (request, found) => remove(kind, request, found),
    outputs: () => ({}),
  };
  return resource(definition);
}
