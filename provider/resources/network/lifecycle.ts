import { deepEqual, type Difference, differences, inWords, isRecord, readTable, type Values } from "../../fields";
import { Code, isLibvirt, type Network } from "../../rpc";
import { parseXml, printXml } from "../../xml";
import { doing, Explained, messageOf } from "../errors";
import { resource } from "../flow";
import { readMark, writeMark } from "../mark";
import { Refusal, type Request, unbound } from "../port";
import { isAdoption, refuseDropping } from "./adoption";
import { complaints, complete } from "./check";
import { announce, forbidUpdate, GOES_ON, REFUSED, restartText } from "./disruption";
import { network as table } from "./fields";
import { type Attached, attachedTo, namesOf, replug, type Wire } from "./guests";
import { entries, setAutostart, Side } from "./live";
import { bridgeOf, byId, byName, type FoundNetwork, INACTIVE } from "./observe";
import { plan, restartChanges, type Step, unplugs, wanted } from "./plan";
import { whileRacing } from "./racing";
import { definedAgain, type Former, restart } from "./restoring";
import { forgetBridge, start, stop } from "./starting";
import { type Act, updateAll } from "./updates";
import type { Definition, Goal } from "../definition";

/** The running network against the wish, beyond what the definition already shows, and whether it runs at all. */
async function differencesMore(request: Request, found: FoundNetwork, inputs: Values): Promise<readonly Difference[]> {
  const state: Difference[] = [];
  if (!found.active) state.push({ path: ["active"], kind: "update", cost: "live", before: false, after: true });
  if (!found.persistent) state.push({ path: ["persistent"], kind: "update", cost: "live", before: false, after: true });
  if (found.mark?.replug === true) state.push(LEFT_UNPLUGGED);
  if (!found.active) return state;
  const managed = request.oldInputs;
  await announce(request, found, inputs);
  return [...state, ...liveOnly(found, inputs, managed)];
}

const LEFT_UNPLUGGED: Difference = {
  path: ["cards"],
  kind: "update",
  cost: "live",
  before: "may be unplugged since a restart was broken off",
  after: "plugged in again",
};

function liveOnly(found: FoundNetwork, inputs: Values, managed: Values | undefined): Difference[] {
  const compare = (values: Values): Difference[] =>
    differences(table, values, inputs, { managed, situation: { before: values, after: inputs } });
  const shown = new Set(compare(found.values).map(({ path }) => path.join("/")));
  const live = { ...readTable(table, found.live), autostart: found.autostart };
  return compare(live).filter(({ path }) => !shown.has(path.join("/")));
}

async function reach(request: Request, found: FoundNetwork | undefined, goal: Goal): Promise<FoundNetwork> {
  if (found && isAdoption(found, goal)) refuseDropping(found, goal.inputs);
  const wire = found ? { name: found.name, bridge: bridgeOf(found) } : formerWire(goal);
  const attached = unplugs(found, goal) ? await attachedTo(request, goal.id, wire) : [];
  const steps = plan(found, goal, attached.length > 0);
  if (found && attached.length > 0 && steps.some(({ act }) => act === "restart")) {
    const goesOn = goal.inputs["disruptive"] === true;
    const fields = restartChanges(found, wanted(found, goal.inputs), goal.managed).map((one) => inWords(one, table));
    if (!goesOn) throw new Refusal(restartText(found, fields, attached, REFUSED));
    request.warn(restartText(found, fields, attached, GOES_ON));
  }
  await new Run(request, found, goal, attached).all(steps);
  const reached = await reachedBy(request, goal);
  refuseIgnored(reached, goal);
  return reached;
}

async function reachedBy(request: Request, goal: Goal): Promise<FoundNetwork> {
  const reached = await byId(request, goal.id);
  if (reached) return reached;
  throw new Explained(`network "${goal.name}" is gone right after it was made or changed: run up again`);
}

/** What the cards of a network that is gone still name; after a refresh nothing but those cards tells that there was one. */
function formerWire({ name, state }: Goal): Wire {
  const bridge = state?.["bridgeName"];
  return { name, bridge: typeof bridge === "string" && bridge !== "" ? bridge : undefined };
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

/** One way from what was found to the goal. */
class Run {
  private readonly net: Network;
  private readonly what: string;
  /** The definition before ours. */
  private former: string | undefined;

  constructor(
    private request: Request,
    private readonly found: FoundNetwork | undefined,
    private readonly goal: Goal,
    private readonly attached: readonly Attached[],
  ) {
    this.net = { name: goal.name, uuid: goal.id };
    this.what = `network "${goal.name}"`;
    this.former = found?.persistent ? printXml(found.inactive) : undefined;
  }

  async all(steps: readonly Step[]): Promise<void> {
    const entering = steps.filter(isEntry);
    for (const step of steps) {
      if (!isEntry(step)) await this.step(step);
      else if (step === entering[0]) await this.entries(entering);
    }
  }

  private async step(step: Exclude<Step, EntryStep>): Promise<void> {
    const { request, net, what, goal } = this;
    const { inputs } = goal;
    switch (step.act) {
      case "define":
        await this.inTurn("define", () => whileRacing(() => this.define(step)));
        return;
      case "start":
        await this.inTurn("start", (action) =>
          whileRacing(
            () => start(request, net, inputs, action),
            () => forgetBridge(request, net, inputs),
          ),
        );
        return;
      case "restart":
        await this.inTurn("restart", (action) => restart(request, net, goal, action, this.before()));
        return;
      case "replug":
        await this.replug();
        return;
      case "autostart":
        await doing(`set autostart of ${what}`, () => setAutostart(request.place, net, step.on, request.signal));
        return;
      case "seal":
        await this.inTurn("finish", () => whileRacing(() => seal(request, net, step)));
    }
  }

  /** One after the other: libvirt races for bridge names. The action names what is changed. */
  private inTurn(verb: string, act: (action: string) => Promise<unknown>): Promise<unknown> {
    const { request, what } = this;
    request.progress(`${verb} ${what}`);
    const changes = this.changes();
    const action = changes === "" ? `${verb} ${what}` : `${verb} ${what} for ${changes}`;
    return request.place.inTurn("network", () => doing(action, () => act(action)));
  }

  /** What is being changed, in words; nothing of a new one. */
  private changes(): string {
    const { found, goal } = this;
    if (!found) return "";
    const inputs = wanted(found, goal.inputs);
    const situation = { before: found.values, after: inputs };
    const defined = differences(table, found.values, inputs, { managed: goal.managed, situation });
    const live = found.active ? liveOnly(found, inputs, goal.managed) : [];
    return [...defined, ...live].map((one) => inWords(one, table)).join(", ");
  }

  private before(): Former {
    // A restart stands in no plan for what was not found.
    const found = this.found as FoundNetwork;
    return { found, xml: this.former, attached: this.attached };
  }

  private async define(step: Extract<Step, { act: "define" }>): Promise<void> {
    const { request, net, found, goal } = this;
    const { host } = request.place;
    const { signal } = request;
    let { xml } = step;
    if (found?.persistent) {
      // As it stands now: an entry that another program added since it was looked at stays.
      const { xml: now } = await host.call("NETWORK_GET_XML_DESC", { net, flags: INACTIVE }, { signal });
      const again = plan({ ...found, inactive: parseXml(now) }, goal, this.attached.length > 0);
      const same = again.find((one) => one.act === "define");
      [this.former, xml] = [now, same?.xml ?? now];
    }
    await host.call("NETWORK_DEFINE_XML", { xml }, { signal });
  }

  /** At once after the start: until then guests are without their network, whatever becomes of this run. */
  private async replug(): Promise<void> {
    this.request = unbound(this.request);
    const { request, goal, attached } = this;
    const home = { name: goal.name, bridge: bridgeOf(await reachedBy(request, goal)) };
    const left = await replug(request, goal.id, attached, home);
    if (left.length > 0) throw new Explained(`${this.what} runs as wanted, but: ${left.join("; ")}`);
  }

  private async entries(steps: readonly EntryStep[]): Promise<void> {
    const acts = steps.map(({ act, field, parentIndex, xml }): Act => {
      const flags = Side.LIVE;
      return { act: act === "enter" ? "add" : "delete", ...entries[field], parentIndex, xml, flags };
    });
    try {
      await updateAll(this.request, this.net, acts, `the running ${this.what}`);
    } catch (error) {
      const outcome = await definedAgain(this.request, this.goal, this.before());
      throw new Explained(`${messageOf(error)}; ${outcome}`, { cause: error });
    }
  }
}

type EntryStep = Extract<Step, { act: "enter" | "withdraw" }>;

function isEntry(step: Step): step is EntryStep {
  return step.act === "enter" || step.act === "withdraw";
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

/** A network does not go under running machines, whether it is deleted or makes place for another one. */
async function attachedText(request: Request, found: FoundNetwork, act: string): Promise<string | undefined> {
  if (!found.active) return undefined;
  const attached = await attachedTo(request, found.id, { name: found.name, bridge: bridgeOf(found) });
  if (attached.length === 0) return undefined;
  return (
    `${act} network "${found.name}": running machines are attached: ${namesOf(attached)}. ` +
    `Nothing was changed: stop or detach them first`
  );
}

async function remove(request: Request, found: FoundNetwork): Promise<void> {
  const net = { name: found.name, uuid: found.id };
  const what = `network "${found.name}"`;
  const refusal = await attachedText(request, found, "delete");
  if (refusal !== undefined) throw new Refusal(refusal);
  await doing(`stop ${what}`, () => request.place.inTurn("network", () => stop(request, net)));
  try {
    await request.place.host.call("NETWORK_UNDEFINE", { net }, { signal: request.signal });
  } catch (error) {
    // A network that nobody had defined went with its stop.
    if (isLibvirt(error, Code.NO_NETWORK)) return;
    await doing(`undefine ${what}`, () => Promise.reject(error as Error));
  }
}

/** A name that libvirt chose may be another one where the network has to be made again. */
function keepsBridge(olds: Values, news: Values): boolean {
  const { bridge } = news;
  const named = isRecord(bridge) && bridge["name"] !== undefined;
  return named && deepEqual(olds["bridge"], bridge) && deepEqual(olds["forward"], news["forward"]);
}

const definition: Definition<FoundNetwork> = {
  token: "Network",
  noun: "network",
  table,
  scope: "rest",
  stables: ["uuid"],
  follows: (olds, news) => (keepsBridge(olds, news) ? ["bridgeName"] : []),
  id: (uuid) => uuid,
  checkMore: (_, olds, inputs) => {
    const completed = complete(inputs, olds);
    return Promise.resolve({ inputs: completed, failures: complaints(inputs) });
  },
  observe: (request, id) => byId(request, id),
  occupant: (request, inputs) => byName(request, String(inputs["name"])),
  wanted,
  differencesMore,
  forbidUpdate: (request, found, _, inputs) => forbidUpdate(request, found, inputs),
  forbidReplace: (request, found) => attachedText(request, found, "replace"),
  reach,
  remove,
  outputs: (found) => ({ uuid: found.id, bridgeName: bridgeOf(found) ?? "", active: found.active }),
};

/** A virtual network of a host. */
export const network = resource(definition);
