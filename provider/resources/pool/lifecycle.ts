import type { Difference, Values } from "../../fields";
import { Code, isLibvirt, type LibvirtError, type StoragePool } from "../../rpc";
import { printXml } from "../../xml";
import { doing, Explained, messageOf, patiently } from "../errors";
import { resource } from "../flow";
import { identityValues, ownedUuid } from "../owner";
import { Refusal, type Request, UNFINISHED } from "../port";
import { withPath } from "./path";
import { complaints } from "./check";
import { pool as table } from "./fields";
import { forbidStop, forbidUpdate } from "./guards";
import { acts } from "./live";
import { Build, changesOf, plan, type Step } from "./plan";
import type { Definition, Goal } from "../definition";
import { byId, byName, type FoundPool, MADE, RAN } from "./observe";

const ENOENT = 2;
function differencesMore(_: Request, found: FoundPool): Promise<readonly Difference[]> {
  const missing = (name: string): Difference => ({
    path: [name],
    kind: "update",
    cost: "live",
    before: false,
    after: true,
  });
  return Promise.resolve([
    ...(found.active ? [] : [missing("active")]),
    ...(found.persistent ? [] : [missing("persistent")]),
  ]);
}

async function reach(request: Request, found: FoundPool | undefined, goal: Goal): Promise<FoundPool> {
  const own = goal.id === ownedUuid(request.owner, identityValues(table, goal.inputs));
  const fresh = own && found?.finished !== true && (goal.managed === undefined || isUnmade(found, goal));
  let made = found?.madeDirectory ?? false;
  const go = async (from: FoundPool | undefined, asNew: boolean): Promise<void> => {
    made = (await runAll(request, from, goal, asNew)) || made;
  };
  await go(found, fresh);
  let reached = await byId(request, goal.id, goal.inputs);
  if ((fresh || !found) && reached?.active && reached.values["type"] === "dir") {
    // A directory that was there already has permissions of its own until then.
    await go(reached, false);
    reached = await byId(request, goal.id, goal.inputs);
  }
  if (!reached) throw new Explained(`pool "${goal.name}" is gone right after it was made or changed: run up again`);
  return { ...reached, madeDirectory: made, ran: reached.ran || found?.ran === true };
}

/** Takes the steps to the goal; true where they made the pool's directory. */
async function runAll(request: Request, found: FoundPool | undefined, goal: Goal, fresh: boolean): Promise<boolean> {
  const pool = { name: goal.name, uuid: goal.id };
  let made = false;
  for (const step of plan(found, goal, fresh, (path) => request.ignores?.(path) === true)) {
    try {
      if (await run(request, pool, step, goal.inputs)) made = true;
    } catch (error) {
      throw found?.active && RESTARTING.has(step.act) ? await asBefore(request, pool, found, error) : error;
    }
  }
  return made;
}

const RESTARTING: ReadonlySet<Step["act"]> = new Set(["stop", "build", "start"]);

/** A pool that ran, and cannot be stopped or does not start as wanted, goes on as it was. */
async function asBefore({ place }: Request, pool: StoragePool, found: FoundPool, error: unknown): Promise<Explained> {
  const what = messageOf(error);
  try {
    // Without the request's signal: also after a cancel.
    await place.host.call("STORAGE_POOL_DEFINE_XML", { xml: printXml(found.live), flags: 0 });
    const { active } = await place.host.call("STORAGE_POOL_IS_ACTIVE", { pool });
    if (active === 0) await place.host.call("STORAGE_POOL_CREATE", { pool, flags: 0 });
  } catch (second) {
    return new Explained(`${what}; nor could it be brought back as it was (${messageOf(second)})`, { cause: error });
  }
  return new Explained(`${what}; it runs as before, with its former definition`, { cause: error });
}

/** An update that goes on with a create whose pool has never run. */
function isUnmade(found: FoundPool | undefined, { state }: Goal): boolean {
  return state?.[UNFINISHED] === true && found?.ran !== true && state[RAN] !== true;
}

/** Runs a step; true where it made the pool's directory. */
async function run(request: Request, pool: StoragePool, step: Step, inputs: Values): Promise<boolean> {
  const { place, signal } = request;
  const what = `pool "${pool.name}"`;
  request.progress(`${step.act} ${what}`);
  switch (step.act) {
    case "define":
      await doing(`define ${what}`, () =>
        place.host.call("STORAGE_POOL_DEFINE_XML", { xml: step.xml, flags: 0 }, { signal }),
      );
      return false;
    case "stop":
      await stop(request, pool);
      return false;
    case "build":
      await build(request, pool, step.flags);
      return false;
    case "start":
      return start(request, pool, step.builds, inputs);
    case "autostart":
      await doing(`set autostart of ${what}`, () => acts.autostart(place, pool, step.on, signal));
      return false;
  }
}

/**
 * Starts it. libvirt says "no such file" of a directory pool whose directory is missing: only then is it made by us. Build
 * alone would not tell, as it succeeds on a directory that exists too.
 */
async function start(request: Request, pool: StoragePool, builds: readonly number[], inputs: Values): Promise<boolean> {
  const directory = inputs["type"] === "dir";
  let refusal = await tryStart(request, pool);
  const missing = isLibvirt(refusal, Code.SYSTEM_ERROR) && refusal.int1 === ENOENT;
  let last: number | undefined;
  for (const flags of directory && !missing ? [] : builds) {
    if (!refusal) break;
    await build(request, pool, flags);
    last = flags;
    refusal = await tryStart(request, pool);
  }
  if (refusal) return doing(`start pool "${pool.name}"`, () => Promise.reject(refusal));
  if (builds.includes(Build.OVERWRITE) && last !== Build.OVERWRITE)
    request.info(`pool "${pool.name}": its source is such a pool already, and was not formatted`);
  return directory && last !== undefined;
}

/** What libvirt has against the start, or nothing; a pool that runs already is what was wanted. */
async function tryStart({ place, signal }: Request, pool: StoragePool): Promise<LibvirtError | undefined> {
  try {
    await place.host.call("STORAGE_POOL_CREATE", { pool, flags: 0 }, { signal });
  } catch (error) {
    if (!isLibvirt(error)) throw error;
    if (!isLibvirt(error, Code.OPERATION_INVALID)) return error;
  }
  return undefined;
}

async function build({ place, signal }: Request, pool: StoragePool, flags: number): Promise<void> {
  await doing(`build pool "${pool.name}"`, () => place.host.call("STORAGE_POOL_BUILD", { pool, flags }, { signal }));
}

/** Stops it; one that stands still or is gone is what was wanted. */
async function stop(request: Request, pool: StoragePool): Promise<void> {
  const { place, signal } = request;
  await doing(`stop pool "${pool.name}"`, () =>
    patiently(request, OTHERS_AT_WORK, async () => {
      try {
        await place.host.call("STORAGE_POOL_DESTROY", { pool }, { signal });
      } catch (error) {
        if (!isLibvirt(error, Code.OPERATION_INVALID, Code.NO_STORAGE_POOL)) throw error;
      }
    }),
  );
}

/** Others' uploads and refreshes in the pool; libvirt has no code of its own for them: 1 is "internal error". */
const OTHERS_AT_WORK = { code: Code.INTERNAL_ERROR, forMs: 30_000 };

/** Stops and undefines it. Its content stays; a directory that we made and that is empty goes. */
async function remove(request: Request, found: FoundPool): Promise<void> {
  const { place, signal } = request;
  const pool = { name: found.name, uuid: found.id };
  const refusal = await forbidStop(request, found);
  if (refusal !== undefined) throw new Refusal(refusal);
  await stop(request, pool);
  if (!found.persistent) return;
  if (found.madeDirectory && found.values["type"] === "dir") await removeDirectory(request, pool, found.values["path"]);
  await doing(`undefine pool "${pool.name}"`, () =>
    patiently(request, OTHERS_AT_WORK, async () => {
      try {
        await place.host.call("STORAGE_POOL_UNDEFINE", { pool }, { signal });
      } catch (error) {
        if (!isLibvirt(error, Code.NO_STORAGE_POOL)) throw error;
      }
    }),
  );
}

/** libvirt's delete of a directory pool is rmdir, which takes an empty directory only. */
async function removeDirectory(request: Request, pool: StoragePool, path: unknown): Promise<void> {
  try {
    await request.place.host.call("STORAGE_POOL_DELETE", { pool, flags: 0 }, { signal: request.signal });
  } catch (error) {
    if (!isLibvirt(error)) throw error;
    request.info(`pool "${pool.name}": its directory ${String(path)} stays on the host: ${error.message}`);
  }
}

const definition: Definition<FoundPool> = {
  token: "StoragePool",
  noun: "pool",
  table,
  scope: "rest",
  stables: ["uuid"],
  id: (uuid) => uuid,
  checkMore: (request, olds, given) => {
    const inputs = withPath(request, olds, given);
    return Promise.resolve({ inputs, failures: complaints(inputs) });
  },
  observe: byId,
  occupant: byName,
  changes: changesOf,
  differencesMore,
  forbidUpdate,
  forbidReplace: forbidStop,
  reach,
  remove,
  outputs: (found) => ({
    uuid: found.id,
    capacity: found.capacity,
    available: found.available,
    active: found.active,
    ...(found.madeDirectory ? { [MADE]: true } : {}),
    ...(found.ran ? { [RAN]: true } : {}),
  }),
};

/** A storage pool of a host. */
export const pool = resource(definition);
