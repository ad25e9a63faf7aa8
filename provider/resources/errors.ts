import { codeName, LibvirtError } from "../rpc";
import { Refusal } from "./port";

/**
 * Says what was done to what when an error came: `start domain "web": libvirt refused (1, internal error): ...`. A refusal of
 * ours and an error that was explained already keep their words.
 */
export function explain(action: string, error: unknown): Error {
  if (error instanceof Refusal || error instanceof Explained) return error;
  if (error instanceof LibvirtError) {
    return new Explained(`${action}: libvirt refused (${error.code}, ${codeName(error.code)}): ${error.message}`, {
      cause: error,
    });
  }
  return new Explained(`${action}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
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
