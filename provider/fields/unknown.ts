import { isRecord } from "./values";

/** A value that the engine will only know when the program runs; stands for Pulumi's marker inside the provider. */
export const UNKNOWN: unique symbol = Symbol("unknown");

/** True when the value, or anything inside it, is not known yet. */
export function hasUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isRecord(value) && Object.values(value).some(hasUnknown);
}
