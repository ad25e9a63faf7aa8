import { setTimeout as sleep } from "node:timers/promises";
import { Code, codeName, isLibvirt, LibvirtError } from "../rpc";
import { Refusal, type Request } from "./port";

/**
 * Says what was done to what when an error came: `start domain "web": libvirt refused (1, internal error): ...`. A refusal of
 * ours and an error that was explained already keep their words.
 */
export function explain(action: string, error: unknown): Error {
  if (error instanceof Refusal || error instanceof Explained) return error;
  if (error instanceof LibvirtError) {
    const remedy = remedies[error.code];
    const told = `${action}: ${refused(error)}`;
    return new Explained(remedy === undefined ? told : `${told}; ${remedy}`, { cause: error });
  }
  return new Explained(`${action}: ${messageOf(error)}`, { cause: error });
}

/** libvirt's word: `libvirt refused (1, internal error): ...`. */
export function refused(error: LibvirtError): string {
  return `libvirt refused${saidBy(error)}`;
}

/** Its code and message, to be put behind what was refused: ` (1, internal error): ...`. */
export function saidBy({ code, message }: LibvirtError): string {
  return ` (${code}, ${codeName(code)}): ${message}`;
}

/** The answer of a look-up; undefined where there is none: gone is what libvirt itself calls gone. */
export async function unlessGone<T>(answer: Promise<T>, code: number): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isLibvirt(error, code)) return undefined;
    throw error;
  }
}

/** The text of an error, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const remedies: Readonly<Record<number, string>> = {
  [Code.OPERATION_DENIED]:
    "this account may only look at the host: add it to the group libvirt there (`sudo usermod -aG libvirt USER`, then log in anew)",
  [Code.ACCESS_DENIED]:
    "the host has access rules (access_drivers in its libvirtd.conf): allow the org.libvirt.api action to the user who connects by a rule in /etc/polkit-1/rules.d there",
};

/** True where the account may look at the host, but not so far. */
export function isForbidden(error: unknown): boolean {
  return isLibvirt(error, Code.OPERATION_DENIED, Code.ACCESS_DENIED);
}

/** An error that says what was being done. */
export class Explained extends Error {
  override readonly name = "Explained";
}

/** Runs an act; its error says what was being done. */
export async function doing<T>(action: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw explain(action, error);
  }
}

const FIRST_WAIT_MS = 25;
const LONGEST_WAIT_MS = 1600;

/** Tries an act again, at growing intervals for about `forMs`, while libvirt refuses it with a code that passes. */
export async function patiently<T>(
  { signal }: Pick<Request, "signal">,
  { code, forMs }: { readonly code: number; readonly forMs: number },
  act: () => Promise<T>,
): Promise<T> {
  let waitMs = FIRST_WAIT_MS;
  for (let waitedMs = 0; ; waitedMs += waitMs, waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    try {
      return await act();
    } catch (error) {
      if (!isLibvirt(error, code) || waitedMs >= forMs) throw error;
    }
    await sleep(waitMs * (0.75 + Math.random() / 2), undefined, { signal });
  }
}
