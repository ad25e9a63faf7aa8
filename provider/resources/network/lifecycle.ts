import { deepEqual, type Difference, differences, isRecord, type Path, readTable, type Values } from "../../fields";
import { Code, isLibvirt, type Network } from "../../rpc";
import { parseXml, printXml, readPath, writePath } from "../../xml";
import { doing, explain, Explained } from "../errors";
import { type Definition, type Goal, resource } from "../flow";
import { readMark, writeMark } from "../mark";
import { Refusal, type Request } from "../port";
import { complaints, complete, ownBridge } from "./check";
import { network as table } from "./fields";
import { type Attached, attachedTo, namesOf, replug, type Wire } from "./guests";
import { acts, entryNames } from "./live";
import { byId, byName, INACTIVE } from "./observe";
import { type FoundNetwork, plan, restartFields, type Step, wanted } from "./plan";
import { whileRacing } from "./racing";

function bridgeOf(found: FoundNetwork): string | undefined {
  return readPath(found.live, "bridge/@name") ?? readPath(found.inactive, "bridge/@name");
}

/** The running network against the wish, beyond what the definition already shows, and whether it runs at all. */
async function differencesMore(request: Request, found: FoundNetwork, inputs: Values): Promise<readonly Difference[]> {
  const state: Difference[] = [];
  if (!found.active) state.push({ path: ["active"], kind: "update", cost: "live", before: false, after: true });
  if (!found.persistent) state.push({ path: ["persistent"], kind: "update", cost: "live", before: false, after: true });
  if (!found.active) return state;
  const managed = request.oldInputs;
  await announce(request, found, inputs);
  return [...state, ...liveOnly(found, inputs, managed)];
}

function liveOnly(found: FoundNetwork, inputs: Values, managed: Values | undefined): Difference[] {
  const compare = (values: Values): Difference[] =>
    differences(table, values, inputs, { managed, situation: { before: values, after: inputs } });
  const shown = new Set(compare(found.values).map(({ path }) => path.join("/")));
  const live = { ...readTable(table, found.live), autostart: found.autostart };
  return compare(live).filter(({ path }) => !shown.has(path.join("/")));
}

/** Says in the preview what a restart of the network would meet. */
async function announce(request: Request, found: FoundNetwork, inputs: Values): Promise<void> {
  const fields = restartFields(found, inputs, request.oldInputs);
  if (fields.length === 0) return;
  const attached = await attachedTo(request, { name: found.name, bridge: bridgeOf(found) });
  if (attached.length > 0) request.warn(restartText(found, fields, attached, inputs["disruptive"] === true));
}

function restartText(
  found: FoundNetwork,
  fields: readonly string[],
  attached: readonly Attached[],
  goesOn: boolean,
): string {
  const start = `network "${found.name}": ${fields.join(", ")} can change only with a restart of the network, and running machines are attached: ${namesOf(attached)}`;
  return goesOn
    ? `${start}. Their packets are lost meanwhile; their cards are plugged in again afterwards`
    : `${start}. An update refuses that: stop or detach them first, or set \`disruptive: true\` to restart it under them`;
}

async function reach(request: Request, found: FoundNetwork | undefined, goal: Goal): Promise<FoundNetwork> {
  if (found && isAdoption(found, goal)) refuseDropping(found, goal.inputs);
  const steps = plan(found, goal);
  const wire = found ? { name: found.name, bridge: bridgeOf(found) } : formerWire(goal);
  const attached = unplugs(steps, found?.values ?? goal.inputs) ? await attachedTo(request, wire) : [];
  const restart = steps.find((step) => step.act === "restart");
  if (found && restart && attached.length > 0) {
    const goesOn = goal.inputs["disruptive"] === true;
    const text = restartText(found, restart.fields, attached, goesOn);
    if (!goesOn) throw new Refusal(text);
    request.warn(text);
  }
  const net = { name: goal.name, uuid: goal.id };
  for (const step of steps) {
    await run(request, net, step, goal, found);
    // At once: what comes after may fail, and then no other run would know of the cards.
    if (attached.length > 0 && (step.act === "start" || step.act === "restart"))
      await replug(request, attached, { name: goal.name, bridge: bridgeOf(await reachedBy(request, goal)) });
  }
  const reached = await reachedBy(request, goal);
  refuseIgnored(reached, goal);
  return reached;
}

async function reachedBy(request: Request, goal: Goal): Promise<FoundNetwork> {
  const reached = await byId(request, goal.id);
  if (reached) return reached;
  throw new Explained(`network "${goal.name}" is gone right after it was made or changed: run up again`);
}

/** Cards lose their network by a restart, and have lost it where the bridge went with a stop; the host's own bridge stays. */
function unplugs(steps: readonly Step[], before: Values): boolean {
  const started = steps.some(({ act }) => act === "start") && ownBridge(before) !== false;
  return started || steps.some(({ act }) => act === "restart");
}

/** What the cards of a network that is gone still name; after a refresh nothing but those cards tells that there was one. */
function formerWire({ name, state }: Goal): Wire {
  const bridge = state?.["bridgeName"];
  return { name, bridge: typeof bridge === "string" && bridge !== "" ? bridge : undefined };
}

/** It is taken over, not gone on with after an interrupted create of its own. */
function isAdoption({ mark }: FoundNetwork, goal: Goal): boolean {
  return goal.managed === undefined && !(mark?.phase === "creating" && mark.owner === goal.mark.owner);
}

/** Adopting removes nothing: what stands there and the program does not name is somebody's. */
function refuseDropping(found: FoundNetwork, asked: Values): void {
  const inputs = wanted(found, asked);
  const dropped = differences(table, found.values, inputs, {
    situation: { before: found.values, after: inputs },
  }).flatMap(droppedBy);
  if (dropped.length === 0) return;
  throw new Refusal(
    `network "${found.name}" was not adopted: ${dropped.join(", ")} would be removed. Nothing was changed: ` +
      `name them in the program, or take them off the network by hand first`,
  );
}

/** What a change takes away, in words: an item of a list, or the items that another list has no more. */
function droppedBy({ path, kind, before, after }: Difference): string[] {
  if (kind === "delete") return [`${pathText(path.slice(0, -1))} ${JSON.stringify(before)}`];
  if (!Array.isArray(before)) return [];
  const kept: readonly unknown[] = Array.isArray(after) ? after : [];
  return before
    .filter((item: unknown) => !kept.some((other) => deepEqual(item, other)))
    .map((item: unknown) => `${pathText(path)} ${JSON.stringify(item)}`);
}

function pathText(path: Path): string {
  return path.filter((part) => typeof part === "string").join(".");
}

/** libvirt accepts some changes and does nothing: what is still different is an error. */
function refuseIgnored(reached: FoundNetwork, goal: Goal): void {
  const left = [
    ...differences(table, reached.values, goal.inputs, { situation: { before: reached.values, after: goal.inputs } }),
    ...(reached.active ? liveOnly(reached, goal.inputs, undefined) : []),
  ];
  if (left.length === 0) return;
  const names = [...new Set(left.map(({ path }) => path.join(".")))].join(", ");
  throw new Explained(`network "${goal.name}": libvirt accepted the change, but does not show it: ${names}`);
}

async function run(
  request: Request,
  net: Network,
  step: Step,
  goal: Goal,
  found: FoundNetwork | undefined,
): Promise<void> {
  const { place, signal } = request;
  const { inputs } = goal;
  const what = `network "${net.name}"`;
  // One after the other: libvirt races for bridge names.
  const inTurn = (action: string, act: () => Promise<unknown>): Promise<unknown> => {
    request.progress(`${action} ${what}`);
    return place.inTurn("network", () => doing(`${action} ${what}`, act));
  };
  switch (step.act) {
    case "define":
      await inTurn("define", () =>
        whileRacing(async () => {
          const xml = found?.persistent ? await patched(request, net, found, goal) : step.xml;
          await place.host.call("NETWORK_DEFINE_XML", { xml }, { signal });
        }),
      );
      return;
    case "start":
      await inTurn("start", () =>
        whileRacing(
          () => start(request, net, inputs),
          () => forgetBridge(request, net, inputs),
        ),
      );
      return;
    case "restart":
      await inTurn("restart", async () => {
        await stop(request, net);
        await start(request, net, inputs);
      });
      return;
    case "enter":
    case "withdraw": {
      const action = `${step.act === "enter" ? "add" : "remove"} the ${entryNames[step.field]} ${step.xml} ${step.act === "enter" ? "to" : "from"} ${what}`;
      await doing(action, () => acts[step.field](place, net, step, signal));
      return;
    }
    case "autostart":
      await doing(`set autostart of ${what}`, () => acts.autostart(place, net, step, signal));
      return;
    case "seal":
      await inTurn("finish", () => whileRacing(() => seal(request, net, step)));
  }
}

/** The definition as it stands now, patched: an entry that another program added since it was looked at stays. */
async function patched({ place, signal }: Request, net: Network, found: FoundNetwork, goal: Goal): Promise<string> {
  const { xml } = await place.host.call("NETWORK_GET_XML_DESC", { net, flags: INACTIVE }, { signal });
  const step = plan({ ...found, inactive: parseXml(xml) }, goal).find(({ act }) => act === "define");
  return step?.act === "define" ? step.xml : xml;
}

/** Lets libvirt choose the bridge's name again, where it chose it. */
async function forgetBridge({ place, signal }: Request, net: Network, { bridge }: Values): Promise<void> {
  if (isRecord(bridge) && bridge["name"] !== undefined) return;
  const { xml } = await place.host.call("NETWORK_GET_XML_DESC", { net, flags: INACTIVE }, { signal });
  const root = parseXml(xml);
  writePath(root, "bridge/@name", undefined);
  await whileRacing(() => place.host.call("NETWORK_DEFINE_XML", { xml: printXml(root) }, { signal }));
}

/** Starts it; one that runs already is what was wanted. */
async function start({ place, signal }: Request, net: Network, inputs: Values): Promise<void> {
  try {
    await place.host.call("NETWORK_CREATE", { net }, { signal });
  } catch (error) {
    if (isLibvirt(error, Code.OPERATION_INVALID)) return;
    throw isLibvirt(error, Code.INTERNAL_ERROR)
      ? withAddresses(explain(`start network "${net.name}"`, error), inputs)
      : error;
  }
}

/** libvirt has one code for whatever keeps a bridge from its addresses, most often that another one has them. */
function withAddresses(error: Error, { ips }: Values): Error {
  const list: readonly unknown[] = Array.isArray(ips) ? ips : [];
  const given = list.flatMap((ip, index) => (isRecord(ip) ? [`ips[${index}].address (${String(ip["address"])})`] : []));
  if (given.length === 0) return error;
  const advice = `where the host has such a network already, give ${given.join(", ")} a free one`;
  return new Explained(`${error.message}; ${advice}`, { cause: error });
}

/** Stops it; one that stands still or is gone is what was wanted. */
async function stop({ place, signal }: Request, net: Network): Promise<void> {
  try {
    await place.host.call("NETWORK_DESTROY", { net }, { signal });
  } catch (error) {
    if (!isLibvirt(error, Code.OPERATION_INVALID, Code.NO_NETWORK)) throw error;
  }
}

async function seal({ place, signal }: Request, net: Network, step: Extract<Step, { act: "seal" }>): Promise<void> {
  const { xml } = await place.host.call("NETWORK_GET_XML_DESC", { net, flags: INACTIVE }, { signal });
  const root = parseXml(xml);
  // A killed engine's provider may act on for a while: a run that took the network over since then must keep it.
  if (readMark(root)?.incarnation !== step.mark.incarnation)
    throw new Refusal(`network "${net.name}" was taken over by a later run, which goes on with it`);
  writeMark(root, step.mark);
  await place.host.call("NETWORK_DEFINE_XML", { xml: printXml(root) }, { signal });
}

async function remove(request: Request, found: FoundNetwork): Promise<void> {
  const net = { name: found.name, uuid: found.id };
  const what = `network "${found.name}"`;
  const attached = found.active ? await attachedTo(request, { name: found.name, bridge: bridgeOf(found) }) : [];
  if (attached.length > 0) {
    throw new Refusal(
      `delete ${what}: running machines are attached: ${namesOf(attached)}. Nothing was changed: stop or detach them first`,
    );
  }
  await doing(`stop ${what}`, () => request.place.inTurn("network", () => stop(request, net)));
  try {
    await request.place.host.call("NETWORK_UNDEFINE", { net }, { signal: request.signal });
  } catch (error) {
    // A network that nobody had defined went with its stop.
    if (isLibvirt(error, Code.NO_NETWORK)) return;
    await doing(`undefine ${what}`, () => Promise.reject(error as Error));
  }
}

const definition: Definition<FoundNetwork> = {
  token: "Network",
  noun: "network",
  table,
  scope: "rest",
  stables: ["uuid"],
  id: (uuid) => uuid,
  checkMore: (_, olds, inputs) => {
    const completed = complete(inputs, olds);
    return Promise.resolve({ inputs: completed, failures: complaints(inputs) });
  },
  observe: (request, id) => byId(request, id),
  occupant: (request, inputs) => byName(request, String(inputs["name"])),
  wanted,
  differencesMore,
  reach,
  remove,
  outputs: (found) => ({ uuid: found.id, bridgeName: bridgeOf(found) ?? "", active: found.active }),
};

/** A virtual network of a host. */
export const network = resource(definition);
