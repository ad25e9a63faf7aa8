import { setTimeout as sleep } from "node:timers/promises";
import { isRecord, type Values } from "../../../fields";
import { Code, isLibvirt } from "../../../rpc";
import { doing, refused } from "../../errors";
import { type Request, Refusal } from "../../port";
import { isLimited, proveLimits, startRemedy } from "../parts/controllers";
import { handleOf, hasSavedState, type Power } from "../observe";
import { stayOff } from "./stayOff";
import { Create } from "../flags";
import { SHUTDOWN_SECONDS } from "../wishes";

// virDomainShutdownFlagValues, virDomainState
const SHUTDOWN_ACPI = 1;
const SHUTDOWN_AGENT = 2;
const RUNNING = 1;
const PAUSED = 3;
const SHUTOFF = 5;
const CRASHED = 6;
const PM_SUSPENDED = 7;

/** What is done to a machine's power, in words that people know. */
export type PowerStep = "start" | "start paused" | "stop" | "pause" | "resume";

const PRESS_AGAIN_MS = 8000;
/** libvirt itself waits for an agent for a minute; a call that goes on keeps its connection. */
const AGENT_GIVEN_UP_MS = 70_000;

/** How long a guest may take to stop, and whether it is turned off then. */
export interface ShutdownPolicy {
  readonly timeoutMs: number;
  readonly thenForce: boolean;
}

/** The program's policy; `force` is what holds where the program says nothing. */
export function shutdownPolicy(inputs: Values, force: boolean): ShutdownPolicy {
  const wish = isRecord(inputs["shutdown"]) ? inputs["shutdown"] : {};
  const seconds = typeof wish["timeout"] === "number" ? wish["timeout"] : SHUTDOWN_SECONDS;
  return { timeoutMs: seconds * 1000, thenForce: typeof wish["thenForce"] === "boolean" ? wish["thenForce"] : force };
}

/** Runs one power step; whether it worked is libvirt's word, read back. `was`: how the guest was found, before all steps. */
export async function runPower(
  request: Request,
  name: string,
  uuid: string,
  step: PowerStep,
  inputs: Values,
  was?: Power,
): Promise<void> {
  const { host } = request.place;
  const dom = handleOf(uuid);
  switch (step) {
    case "start":
    case "start paused":
      await warnOfSavedState(request, name, uuid);
      await doing(`start domain "${name}"`, () => start(request, uuid, step, inputs));
      return;
    case "pause":
      await doing(`pause domain "${name}"`, () =>
        orAlready(host.call("DOMAIN_SUSPEND", { dom }), request, uuid, [PAUSED]),
      );
      return;
    case "resume":
      await doing(`resume domain "${name}"`, () => orAlready(resume(request, uuid), request, uuid, [RUNNING]));
      return;
    case "stop":
      await (was === "paused" ? stopPaused : stop)(request, name, uuid, shutdownPolicy(inputs, false));
      return;
  }
}

/** Stops a guest that was resumed to hear it; one that goes on is paused again. */
async function stopPaused(request: Request, name: string, uuid: string, policy: ShutdownPolicy): Promise<void> {
  const { host } = request.place;
  try {
    await stop(request, name, uuid, policy, "is paused again, as it was");
  } catch (error) {
    if (await isOff(request, uuid)) return;
    await host.call("DOMAIN_SUSPEND", { dom: handleOf(uuid) }).catch(unlessOff);
    throw error;
  }
}

/** What libvirt starts without a word, and without the limits that it cannot set, runs no instruction. */
async function start(request: Request, uuid: string, step: "start" | "start paused", inputs: Values): Promise<void> {
  const { host } = request.place;
  const dom = handleOf(uuid);
  const limited = isLimited(inputs);
  const flags = step === "start" && !limited ? 0 : Create.PAUSED;
  const asked = host.call("DOMAIN_CREATE_WITH_FLAGS", { dom, flags }, { signal: request.signal });
  const wanted = step === "start paused" ? [PAUSED] : limited ? [PAUSED, RUNNING] : [RUNNING];
  const started = asked.then(() => true).catch(startRefused(inputs));
  const ours = (await orAlready(started, request, uuid, wanted)) === true;
  if (!limited) return;
  await proveLimits(request, dom, inputs).catch(async (error: unknown) => {
    // What another start brought about may have run already.
    if (ours) await host.call("DOMAIN_DESTROY_FLAGS", { dom, flags: 0 }).catch(unlessOff);
    throw error;
  });
  if (step === "start") await orAlready(resume(request, uuid), request, uuid, [RUNNING]);
}

/** libvirt's refusal of a start, with what the machine has that not every host can do. */
function startRefused(inputs: Values): (error: unknown) => never {
  return (error) => {
    const remedy = startRemedy(inputs);
    const unable = isLibvirt(error, Code.CONFIG_UNSUPPORTED, Code.SYSTEM_ERROR, Code.INTERNAL_ERROR);
    if (remedy === undefined || !unable) throw error;
    throw new Error(`${refused(error)}; ${remedy}`, {
      cause: error,
    });
  };
}

/** A start goes on in libvirt when its client dies: what it brings about in the meantime is as good as ours. */
async function orAlready<T>(
  act: Promise<T>,
  request: Request,
  uuid: string,
  wanted: readonly number[],
): Promise<T | undefined> {
  try {
    return await act;
  } catch (error) {
    if (!isLibvirt(error, Code.OPERATION_INVALID)) throw error;
    const { state } = await request.place.host.call("DOMAIN_GET_STATE", { dom: handleOf(uuid), flags: 0 });
    if (!wanted.includes(state)) throw error;
    return undefined;
  }
}

async function resume(request: Request, uuid: string): Promise<void> {
  const { host } = request.place;
  const dom = handleOf(uuid);
  const { state } = await host.call("DOMAIN_GET_STATE", { dom, flags: 0 });
  if (state === PM_SUSPENDED) await host.call("DOMAIN_PM_WAKEUP", { dom, flags: 0 });
  else await host.call("DOMAIN_RESUME", { dom });
}

async function warnOfSavedState(request: Request, name: string, uuid: string): Promise<void> {
  if (!(await hasSavedState(request, uuid))) return;
  request.warn(`domain "${name}" goes on from its saved state, with the definition that it was saved with`);
}

/** Asks the guest to stop, by its agent and then by ACPI, and turns it off where the policy says so. */
export async function stop(
  request: Request,
  name: string,
  uuid: string,
  policy: ShutdownPolicy,
  left = "was left as it is",
): Promise<void> {
  const { host } = request.place;
  const dom = handleOf(uuid);
  const { state } = await host.call("DOMAIN_GET_STATE", { dom, flags: 0 });
  if (state === SHUTOFF) return;
  // A guest that does not run cannot answer.
  const able = state !== CRASHED && state !== PAUSED && policy.timeoutMs > 0;
  const end = performance.now() + policy.timeoutMs;
  const obeyed = able ? await askToStop(request, uuid, end, name) : undefined;
  if (obeyed === true) return;
  // What crashed runs no more: turning it off loses nothing.
  if (!policy.thenForce && state !== CRASHED) {
    const why =
      obeyed !== undefined
        ? `did not stop within ${policy.timeoutMs / 1000} s`
        : "cannot be asked to stop (it is paused, or takes no ACPI)";
    const yet = obeyed === undefined ? "" : " (it was asked, and may stop yet)";
    throw new Refusal(
      `domain "${name}" ${why} and ${left}${yet}: stop it by hand, or set shutdown.thenForce to turn it off`,
    );
  }
  request.info(`domain "${name}" did not stop by itself and is turned off`);
  await doing(`turn off domain "${name}"`, async () => {
    await host.call("DOMAIN_DESTROY_FLAGS", { dom, flags: 0 }).catch(unlessOff);
  });
}

/** Asks the guest and waits for it: whether it is off then, undefined where it cannot be asked. */
async function askToStop(request: Request, uuid: string, end: number, name: string): Promise<boolean | undefined> {
  const takeBack = await stayOff(request, uuid);
  let off = false;
  try {
    const asked = await ask(request, uuid, end);
    off = asked !== undefined && (await stopped(request, uuid, end, name, asked));
    return asked === undefined ? undefined : off;
  } finally {
    if (!off) await takeBack();
  }
}

/** Asks the guest, and says by which way; undefined where there is none. A hanging agent has half of the time. */
async function ask(request: Request, uuid: string, end: number): Promise<number | undefined> {
  for (const flags of [SHUTDOWN_AGENT, SHUTDOWN_ACPI]) {
    const leftMs = end - performance.now();
    if (await askedBy(request, uuid, flags, Math.max(1000, flags === SHUTDOWN_AGENT ? leftMs / 2 : leftMs)))
      return flags;
  }
  return undefined;
}

async function askedBy(request: Request, uuid: string, flags: number, patienceMs: number): Promise<boolean> {
  const patience = AbortSignal.timeout(Math.ceil(patienceMs));
  const options = { deadlineMs: AGENT_GIVEN_UP_MS, signal: AbortSignal.any([request.signal, patience]) };
  try {
    await request.place.host.call("DOMAIN_SHUTDOWN_FLAGS", { dom: handleOf(uuid), flags }, options);
    return true;
  } catch (error) {
    request.signal.throwIfAborted();
    // No agent, or one that does not answer; a driver without this way; already off.
    if (isLibvirt(error, ...NOT_THIS_WAY) || patience.aborted) return false;
    throw error;
  }
}

const NOT_THIS_WAY = [
  Code.AGENT_UNRESPONSIVE,
  Code.AGENT_UNSYNCED,
  Code.AGENT_COMMAND_TIMEOUT,
  Code.AGENT_COMMAND_FAILED,
  Code.ARGUMENT_UNSUPPORTED,
  Code.OPERATION_UNSUPPORTED,
  Code.OPERATION_INVALID,
  Code.NO_SUPPORT,
  Code.INVALID_ARG,
  Code.INTERNAL_ERROR,
];

/**
 * Waits until the guest is off. A guest that boots does not hear its power button yet, and one whose agent does nothing may:
 * it is pressed again.
 */
async function stopped(request: Request, uuid: string, end: number, name: string, asked: number): Promise<boolean> {
  let told = performance.now();
  let again = told + (asked === SHUTDOWN_AGENT ? (end - told) / 2 : PRESS_AGAIN_MS);
  while (performance.now() < end) {
    request.signal.throwIfAborted();
    if (await isOff(request, uuid)) return true;
    if (performance.now() > again) {
      again = performance.now() + PRESS_AGAIN_MS;
      await askedBy(request, uuid, SHUTDOWN_ACPI, PRESS_AGAIN_MS);
    }
    if (performance.now() - told > 5000) {
      told = performance.now();
      request.progress(`waiting for domain "${name}" to stop (${Math.round((end - told) / 1000)} s left)`);
    }
    await sleep(Math.min(200, Math.max(0, end - performance.now())));
  }
  return isOff(request, uuid);
}

async function isOff(request: Request, uuid: string): Promise<boolean> {
  try {
    const { state } = await request.place.host.call("DOMAIN_GET_STATE", { dom: handleOf(uuid), flags: 0 });
    return state === SHUTOFF;
  } catch (error) {
    // A transient machine is gone when it stops.
    if (isLibvirt(error, Code.NO_DOMAIN)) return true;
    throw error;
  }
}

function unlessOff(error: unknown): void {
  if (!isLibvirt(error, Code.OPERATION_INVALID, Code.NO_DOMAIN)) throw error;
}
