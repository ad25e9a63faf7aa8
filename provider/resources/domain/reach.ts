import type { Goal } from "../definition";
import { messageOf } from "../errors";
import { Refusal, type Request, unbound, UNFINISHED } from "../port";
import { apply, rename } from "./apply";
import { changesOf } from "./changes";
import { backTo, gated, gateOf, passes, type WayBack } from "./confirm/confirm";
import { finish, settle } from "./confirm/marking";
import { forbidUpdate, refuseLossyAdoption, refuseMissing, refuseUnable } from "./guards";
import { type FoundDomain, macsOf, observe } from "./observe";
import { isDeviceList } from "./parts/devices";
import { recalled, refuseMoved, refuseUnclear } from "./parts/overlays";
import { dropFormerSeed, dropSeed, makeSeed } from "./parts/seedVolume";
import { refuseType } from "./parts/template";
import { refuseVlans } from "./parts/vlans";
import { resolveVolumes } from "./parts/volumes";
import { pendingOf } from "./pending";
import { type Plan, plan } from "./plan";
import { runPower } from "./power/power";
import { NO_PICTURE, picture, type Picture, waitFor, waitOf } from "./power/waiting";
import { volumesOf } from "./sources";
import { complete } from "./wanted";
import { describe } from "./words";

/** observe -> ensure -> sync -> return. */
export async function reach(request: Request, found: FoundDomain | undefined, goal: Goal): Promise<FoundDomain> {
  const facts = await request.place.facts();
  refuseType(goal.name, goal.inputs["type"], facts);
  const volumes = await resolveVolumes(request, volumesOf(goal.inputs));
  refuseMissing(goal, volumes);
  if (found) {
    const wanted = complete(goal.inputs, goal.id, goal.managed, facts);
    const since = changesOf(recalled(found, goal.managed ?? goal.inputs), wanted, goal.managed);
    refuseUnclear(request, found, wanted, since);
    refuseMoved(request, found, wanted, since, goal.managed);
    refuseLossyAdoption(found, goal);
    const changes = changesOf(found, wanted, goal.managed);
    const reason = forbidUpdate(found, changes, wanted);
    if (reason !== undefined) throw new Refusal(reason);
    await refuseUnable(request, found, wanted, changes);
  } else await refuseVlans(request, goal.name, complete(goal.inputs, goal.id, undefined, facts), undefined);
  const seedPath = await makeSeed(request, goal, found);
  const seed = seedPath === undefined ? {} : { seedPath };
  const made = plan(found, goal, { facts, volumes, ...seed, now: new Date().toISOString() });
  const gate = found && goal.managed ? gateOf(goal.inputs, found, made) : undefined;
  const planned = found && gate ? gated(made, found, goal) : made;
  // The definition that is written names it no more.
  if (found) await dropFormerSeed(request, found, seedPath);
  await apply(request, found, goal, planned).catch(async (error: unknown) => {
    // A seed that no definition names would be nobody's.
    const left = await observe(request, goal.id, goal.inputs);
    if (left?.seedPath !== seedPath && left?.liveSeedPath !== seedPath) await dropSeed(request, seedPath, undefined);
    throw error;
  });
  const arrived = await power(request, found, goal, planned).catch(async (error: unknown) => {
    throw await afterPower(request, found, goal, planned, error);
  });
  // A guest has let its former seed go by now; a saved image brings its own back, and the mark names it.
  if (found?.saved !== true || found.mark?.formerSeed !== undefined) await dropSeed(request, found?.seedPath, seedPath);
  await dropSeed(request, found?.liveSeedPath, seedPath);
  if (gate && found && goal.managed && !(await passes(request, goal, gate))) {
    const why = `the change was not confirmed: ${gate.by} did not answer within ${gate.withinMs / 1000} s`;
    throw await undone(unbound(request), goal, backTo(goal, found, goal.managed, planned), why);
  }
  if (gate) await settle(request, goal.id, "unconfirmed");
  await arrived();
  const reached = await returned(request, goal, planned);
  await finish(request, found, goal, planned);
  return reached;
}

/** Brings a change back that its guest did not confirm or did not start with, and says what became of it. */
async function undone(request: Request, goal: Goal, back: WayBack, why: string): Promise<Error> {
  const said = `domain "${goal.name}": ${why}`;
  request.warn(`${said}; the former definition comes back`);
  try {
    await reach(request, await observe(request, goal.id, back.inputs), back);
  } catch (error) {
    return new Error(`${said}. The former definition could not be brought back whole: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const lost = back.lost.length > 0 ? ` but for ${back.lost.join(", ")}, whose former value is known no more` : "";
  return new Error(`${said}. The former definition is back${lost}, and the next preview shows the change as open`);
}

/** Takes the power steps; the answer waits until the guest has what the program waits for. */
async function power(
  request: Request,
  found: FoundDomain | undefined,
  goal: Goal,
  planned: Plan,
): Promise<() => Promise<void>> {
  const starts = planned.power.includes("start");
  // A create that broke off while it waited goes on waiting: leases from before are unknown to it and count.
  const broken = found?.mark?.phase === "creating" || goal.state?.[UNFINISHED] === true;
  const waits = starts || (broken && goal.inputs["powerState"] === "running");
  const wait = waits ? await waitOf(request, goal.inputs) : undefined;
  const macs = macsOf(complete(goal.inputs, goal.id, goal.managed, await request.place.facts()));
  const before: Picture = wait?.address ? await pictureFor(request, goal, macs, starts) : NO_PICTURE;
  request.signal.throwIfAborted();
  if (planned.restarts) request.info(`domain "${goal.name}" is restarted for ${planned.deferred.join(", ")}`);
  // A guest that was asked to stop may do so at any time: it is started again, also where its `up` was cancelled meanwhile.
  const at = planned.restarts ? unbound(request) : request;
  const tellWhy = (): void => {
    request.info(`domain "${goal.name}" was asked to stop, and is started again first`);
  };
  if (planned.restarts) request.signal.addEventListener("abort", tellWhy, { once: true });
  try {
    for (const step of planned.power) {
      at.signal.throwIfAborted();
      await runPower(at, goal.name, goal.id, step, goal.inputs, found?.power);
      if (step === "stop" && found) await rename(request, found, planned);
    }
  } finally {
    request.signal.removeEventListener("abort", tellWhy);
  }
  // Before whatever may fail from here on: who stops the guest later means it.
  if (planned.restarts || found?.mark?.restarting !== undefined) await settle(at, goal.id, "restarting");
  return async () => (wait ? waitFor(request, goal.name, goal.id, wait, before, macs) : undefined);
}

/** What to say of a power step that failed; a guest that was stopped for a change and does not start goes back to what it was. */
async function afterPower(
  request: Request,
  found: FoundDomain | undefined,
  goal: Goal,
  planned: Plan,
  error: unknown,
): Promise<unknown> {
  const text = messageOf(error);
  if (planned.restarts && found && goal.managed) {
    const free = unbound(request);
    const left = await observe(free, goal.id, goal.inputs);
    if (left && !left.live) {
      const why = `the guest was stopped for ${planned.deferred.join(", ")} and did not start again: ${text}`;
      return undone(free, goal, backTo(goal, found, goal.managed, planned), why);
    }
    // It never went off.
    await settle(free, goal.id, "restarting");
  }
  if (!planned.restarts && !planned.definition && planned.live.length === 0) return error;
  // No refusal: the machine was changed before.
  const waiting =
    planned.deferred.length > 0 ? `; ${planned.deferred.join(", ")} will hold from its next start on` : "";
  return new Error(`${text}. Its definition is written already${waiting}`, { cause: error });
}

async function pictureFor(request: Request, goal: Goal, macs: readonly string[], starts: boolean): Promise<Picture> {
  const taken = await picture(request, goal.id, goal.inputs, macs);
  return starts ? taken : { ...NO_PICTURE, networks: taken.networks };
}

/** Reads the machine back, and fails on what libvirt accepted but did not do. */
async function returned(request: Request, goal: Goal, planned: Plan): Promise<FoundDomain> {
  const found = await observe(request, goal.id, goal.inputs);
  if (!found) throw new Error(`domain "${goal.name}" is gone right after it was changed`);
  const wanted = complete(goal.inputs, goal.id, goal.managed, found.facts);
  // A balloon and a CPU move at the guest's pace.
  const slow = new Set(["currentMemory", "onlineVcpus", "powerState"]);
  const left = changesOf(found, wanted, goal.managed).filter(
    ({ path, cost, kind }) =>
      cost === "live" &&
      planned.live.length > 0 &&
      !slow.has(String(path[0])) &&
      // What libvirt goes back to by itself may stand there still.
      (kind !== "delete" || isDeviceList(path[0])),
  );
  if (left.length > 0) {
    throw new Error(`domain "${goal.name}": libvirt accepted, but did not do: ${left.map(describe).join(", ")}`);
  }
  const waiting = pendingOf(found);
  if (waiting.length > 0 && planned.definition) {
    request.warn(
      `domain "${goal.name}": ${waiting.join(", ")} ${waiting.length > 1 ? "wait" : "waits"} until it is powered off and started; ` +
        `a reboot inside the guest does not apply ${waiting.length > 1 ? "them" : "it"}`,
    );
  }
  return found;
}
