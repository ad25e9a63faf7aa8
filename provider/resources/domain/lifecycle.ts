import { type Difference, type Failure, isRecord, printPath, type Values } from "../../fields";
import { Code, isLibvirt } from "../../rpc";
import { printXml, parseXml, readPath, find } from "../../xml";
import { doing, explain } from "../errors";
import { type Definition, type Goal, resource } from "../flow";
import { bareMark, MARK_NAMESPACE, MARK_PREFIX } from "../mark";
import { isAway } from "../place";
import { Refusal, type Request } from "../port";
import { connectionOf } from "./connection";
import { domain as table } from "./fields";
import { describe, runLive } from "./live";
import { type FoundDomain, handleOf, macsOf, observe, resolveVolumes } from "./observe";
import { changesOf, pendingOf, type Plan, plan } from "./plan";
import { runPower, shutdownPolicy, stop } from "./power";
import { dropSeed, makeSeed } from "./seedVolume";
import { refuseType, typeComplaint } from "./template";
import { SEED_TARGET } from "./seed";
import { picture, type Picture, waitFor, waitOf } from "./waiting";
import { complete, itemsOf, volumesOf } from "./wanted";

// virDomainDefineFlags, virDomainModificationImpact, virDomainMetadataType, virDomainUndefineFlagsValues
const VALIDATE = 1;
const CONFIG = 2;
const METADATA_ELEMENT = 2;
/** Managed save, snapshot metadata, NVRAM, checkpoint metadata; TPM state where libvirt knows the flag (8.9). */
const UNDEFINE_FLAGS = [1 | 2 | 4 | 16 | 32, 1 | 2 | 4 | 16, 1 | 2, 0] as const;

const definition: Definition<FoundDomain> = {
  token: "Domain",
  noun: "domain",
  table,
  scope: "machines",
  stables: ["uuid", "macs", "name"],
  id: (uuid) => uuid,
  checkMore,
  observe,
  occupant,
  wanted: (found, inputs, managed) => complete(inputs, found.id, managed, found.facts),
  changes: changesOf,
  announce,
  reach,
  remove,
  outputs,
};

/** The machine: https://libvirt.org/formatdomain.html */
export const domain = resource(definition);

async function checkMore(
  request: Request,
  olds: Values | undefined,
  inputs: Values,
): Promise<{ inputs: Values; failures: Failure[] }> {
  const failures = [...checkIdentities(inputs), ...checkSeed(inputs), ...checkSizes(inputs)];
  // Only a new machine asks: an existing one runs already, and a host that is away fails no check.
  if (olds === undefined && failures.length === 0) {
    const complaint = await request.place.facts().then(
      (facts) => typeComplaint(inputs["type"], facts),
      (error: unknown) => {
        if (isAway(error)) return undefined;
        throw error;
      },
    );
    if (complaint !== undefined) failures.push({ property: "type", reason: complaint });
  }
  return { inputs, failures };
}

function checkIdentities(inputs: Values): Failure[] {
  const disks = itemsOf(inputs["disks"]);
  const cards = itemsOf(inputs["interfaces"]);
  const reason = "is required with more than one of them: it is the device's identity";
  return [
    ...disks.flatMap((disk, index) =>
      disks.length > 1 && disk["target"] === undefined
        ? [{ property: printPath(["disks", index, "target"]), reason }]
        : [],
    ),
    ...cards.flatMap((card, index) =>
      cards.length > 1 && card["mac"] === undefined && card["name"] === undefined
        ? [{ property: printPath(["interfaces", index, "name"]), reason: `${reason} (or give a mac)` }]
        : [],
    ),
  ];
}

function checkSeed(inputs: Values): Failure[] {
  if (inputs["cloudInit"] === undefined) return [];
  const index = itemsOf(inputs["disks"]).findIndex((disk) => disk["target"] === SEED_TARGET);
  if (index < 0) return [];
  return [
    { property: printPath(["disks", index, "target"]), reason: `"${SEED_TARGET}" is taken by the cloudInit seed` },
  ];
}

function checkSizes(inputs: Values): Failure[] {
  const over = (name: string, most: string): Failure[] => {
    const [value, limit] = [inputs[name], inputs[most]];
    const wrong = typeof value === "number" && typeof limit === "number" && value > limit;
    return wrong ? [{ property: name, reason: `must not be above ${most} (${limit})` }] : [];
  };
  return [...over("currentMemory", "memory"), ...over("onlineVcpus", "vcpus")];
}

/** A machine of any owner that has the wanted name. */
async function occupant(request: Request, inputs: Values): Promise<FoundDomain | undefined> {
  try {
    const { dom } = await request.place.host.call("DOMAIN_LOOKUP_BY_NAME", { name: String(inputs["name"]) });
    return await observe(request, dom.uuid, inputs);
  } catch (error) {
    if (isLibvirt(error, Code.NO_DOMAIN)) return undefined;
    throw error;
  }
}

/** Says in words what an up will do, and what of it a running guest gets now or at its next power cycle. */
function announce(request: Request, found: FoundDomain, changes: readonly Difference[]): void {
  const words = (costs: readonly string[]): string =>
    changes
      .filter(({ cost }) => costs.includes(cost))
      .map(describe)
      .join(", ");
  const spoken = found.live
    ? [["live", words(["live"])] as const, ["waits for a power cycle", words(["restart"])] as const]
    : [[`now ${found.power}`, words(["live", "restart"])] as const];
  const parts = spoken.flatMap(([title, text]) => (text === "" ? [] : [`${title}: ${text}`]));
  if (parts.length > 0) request.info(`${found.name}: ${parts.join("; ")}`);
}

/** observe -> ensure -> sync -> return. */
async function reach(request: Request, found: FoundDomain | undefined, goal: Goal): Promise<FoundDomain> {
  const facts = await request.place.facts();
  refuseType(goal.name, goal.inputs["type"], facts);
  const volumes = await resolveVolumes(request, volumesOf(goal.inputs));
  refuseMissing(goal, volumes);
  if (found) refuseLossyAdoption(found, goal);
  const seedPath = await makeSeed(request, goal, found);
  const planned = plan(found, goal, { facts, volumes, ...(seedPath === undefined ? {} : { seedPath }) });
  refuseRename(found, planned);
  const named = await rename(request, found, goal, planned);
  await apply(request, named, goal, planned).catch(async (error: unknown) => {
    // A seed without its machine would be nobody's.
    if (!found && !(await observe(request, goal.id, goal.inputs))) await dropSeed(request, seedPath, undefined);
    throw error;
  });
  await dropSeed(request, found?.seedPath, seedPath);
  await power(request, found, goal, planned);
  await finish(request, goal, planned);
  return returned(request, goal, planned);
}

function refuseMissing(goal: Goal, volumes: ReadonlyMap<string, unknown>): void {
  itemsOf(goal.inputs["disks"]).forEach((disk, index) => {
    const volume = disk["volume"];
    if (typeof volume !== "string" || volumes.has(volume)) return;
    throw new Refusal(
      `domain "${goal.name}": ${printPath(["disks", index, "volume"])}: there is no volume "${volume}" on the host, ` +
        `or its pool is stopped; give a Volume's id (pool/name)`,
    );
  });
}

/** A machine is taken over whole: what the program does not name would be taken out of it. */
function refuseLossyAdoption(found: FoundDomain, goal: Goal): void {
  if (goal.managed !== undefined || found.mark?.phase === "creating") return;
  const wanted = complete(goal.inputs, goal.id, undefined, found.facts);
  const lost = changesOf(found, wanted, undefined).filter(
    ({ kind, path }) => kind === "delete" && (path[0] === "disks" || path[0] === "interfaces"),
  );
  if (lost.length === 0) return;
  const names = lost.map(({ path, key }) => `${path[0] === "disks" ? "disk" : "interface"} ${key ?? ""}`).join(", ");
  throw new Refusal(
    `domain "${found.name}" was not adopted: it has ${names}, which the program does not name. ` +
      `Add them to disks and interfaces, or take them out of the machine first`,
  );
}

function refuseRename(found: FoundDomain | undefined, planned: Plan): void {
  if (!found || planned.rename === undefined) return;
  const advice = `stop it first (powerState: "stopped"), then change its name`;
  if (found.live)
    throw new Refusal(`domain "${found.name}" runs and cannot be renamed to "${planned.rename}": ${advice}`);
  const os = find(found.inactive, "os");
  const uefi = os?.attributes.get("firmware") === "efi" || readPath(found.inactive, "os/loader/@type") === "pflash";
  if (uefi && readPath(found.inactive, "os/nvram") === undefined) {
    throw new Refusal(`domain "${found.name}" has UEFI variables that a rename would lose; make a new machine instead`);
  }
}

async function rename(
  request: Request,
  found: FoundDomain | undefined,
  goal: Goal,
  planned: Plan,
): Promise<FoundDomain | undefined> {
  if (!found || planned.rename === undefined) return found;
  const new_name = planned.rename;
  await doing(`rename domain "${found.name}" to "${new_name}"`, () =>
    request.place.host.call("DOMAIN_RENAME", { dom: found.handle, new_name, flags: 0 }),
  );
  return observe(request, goal.id, goal.inputs);
}

/** Writes the definition, then changes the running guest; a change that the guest refuses first leaves the old definition. */
async function apply(request: Request, found: FoundDomain | undefined, goal: Goal, planned: Plan): Promise<void> {
  const { host } = request.place;
  if (planned.definition) {
    if (found) await refuseOtherHand(request, found);
    const renamed = planned.rename === undefined ? planned.definition : withName(planned.definition, planned.rename);
    const xml = printXml(renamed);
    const action = found ? `change the definition of domain "${goal.name}"` : `define domain "${goal.name}"`;
    await doing(action, () => host.call("DOMAIN_DEFINE_XML_FLAGS", { xml, flags: VALIDATE }));
  }
  if (planned.autostart !== undefined) {
    const autostart = planned.autostart ? 1 : 0;
    await doing(`set autostart of domain "${goal.name}"`, () =>
      host.call("DOMAIN_SET_AUTOSTART", { dom: handleOf(goal.id), autostart }),
    );
  }
  if (!found || planned.live.length === 0) return;
  const { xml } = await host.call("DOMAIN_GET_XML_DESC", { dom: handleOf(goal.id), flags: 3 });
  await runLive({ request, found, definition: parseXml(xml) }, planned.live);
}

function withName(root: Plan["definition"] & object, name: string): typeof root {
  const node = find(root, "name");
  if (node) node.children = [{ text: name }];
  return root;
}

/** The definition is re-read just before it is written: a change by another hand is not lost. */
async function refuseOtherHand(request: Request, found: FoundDomain): Promise<void> {
  const { xml } = await request.place.host.call("DOMAIN_GET_XML_DESC", { dom: found.handle, flags: 3 });
  if (xml === printXml(found.inactive) || printXml(parseXml(xml)) === printXml(found.inactive)) return;
  if (readPath(parseXml(xml), "name") !== found.name) return;
  throw new Refusal(`domain "${found.name}" was changed by another hand just now; nothing was done, run up again`);
}

async function power(request: Request, found: FoundDomain | undefined, goal: Goal, planned: Plan): Promise<void> {
  const starts = planned.power.includes("start");
  // A create that broke off while it waited goes on waiting: leases from before are unknown to it and count.
  const waits = starts || (found?.mark?.phase === "creating" && goal.inputs["powerState"] === "running");
  const wait = waits ? await waitOf(request, goal.inputs) : undefined;
  const macs = macsOf(complete(goal.inputs, goal.id, goal.managed, await request.place.facts()));
  const before: Picture = wait?.address
    ? await pictureFor(request, goal, macs, starts)
    : { networks: [], expiries: new Map() };
  for (const step of planned.power) {
    request.signal.throwIfAborted();
    await runPower(request, goal.name, goal.id, step, goal.inputs);
  }
  if (wait) await waitFor(request, goal.name, goal.id, wait, before, macs);
}

async function pictureFor(request: Request, goal: Goal, macs: readonly string[], starts: boolean): Promise<Picture> {
  const taken = await picture(request, goal.inputs, macs);
  return starts ? taken : { ...taken, expiries: new Map() };
}

/** The create's last step: from here on the machine is finished, and another create of it is refused. */
async function finish(request: Request, goal: Goal, planned: Plan): Promise<void> {
  if (goal.mark.phase === "ready") return;
  if (planned.definition && !hasPhase(planned.definition, "creating")) return;
  await doing(`mark domain "${goal.name}" as finished`, () =>
    request.place.host.call("DOMAIN_SET_METADATA", {
      dom: handleOf(goal.id),
      type: METADATA_ELEMENT,
      metadata: printXml(bareMark({ ...goal.mark, phase: "ready" })),
      key: MARK_PREFIX,
      uri: MARK_NAMESPACE,
      flags: CONFIG,
    }),
  );
}

function hasPhase(root: NonNullable<Plan["definition"]>, phase: string): boolean {
  return printXml(root).includes(` phase="${phase}"`);
}

/** Reads the machine back, and fails on what libvirt accepted but did not do. */
async function returned(request: Request, goal: Goal, planned: Plan): Promise<FoundDomain> {
  const found = await observe(request, goal.id, goal.inputs);
  if (!found) throw new Error(`domain "${goal.name}" is gone right after it was changed`);
  const wanted = complete(goal.inputs, goal.id, goal.managed, found.facts);
  // A balloon and a CPU move at the guest's pace.
  const slow = new Set(["currentMemory", "onlineVcpus", "powerState"]);
  const left = changesOf(found, wanted, goal.managed).filter(
    ({ path, cost }) => cost === "live" && planned.live.length > 0 && !slow.has(String(path[0])),
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

async function remove(request: Request, found: FoundDomain, olds: Values): Promise<void> {
  if (found.live || found.power === "crashed") {
    await stop(request, found.name, found.id, shutdownPolicy(olds, true));
  }
  await dropSeed(request, found.seedPath, undefined);
  await undefine(request, found);
}

async function undefine(request: Request, found: FoundDomain): Promise<void> {
  for (const flags of UNDEFINE_FLAGS) {
    try {
      await request.place.host.call("DOMAIN_UNDEFINE_FLAGS", { dom: found.handle, flags });
      return;
    } catch (error) {
      if (isLibvirt(error, Code.NO_DOMAIN)) return;
      // An older libvirt, or another driver, does not know a flag: the next set has fewer.
      if (!isLibvirt(error, Code.INVALID_ARG, Code.NO_SUPPORT, Code.ARGUMENT_UNSUPPORTED) || flags === 0) {
        throw explain(`undefine domain "${found.name}"`, error);
      }
    }
  }
}

function outputs(found: FoundDomain, inputs: Values): Values {
  const wish = complete(inputs, found.id, undefined, found.facts);
  const mine = macsOf(wish);
  const macs = mine.length > 0 ? mine : macsOf(found.values);
  const screens = connectionOf(found.live);
  return {
    uuid: found.id,
    addresses: found.addresses,
    macs,
    restartPending: pendingOf(found),
    ...(isRecord(screens) ? { connection: screens } : {}),
  };
}
