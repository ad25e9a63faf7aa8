import { UNKNOWN, type Values } from "../fields";

// Pulumi's marker for a value that is not known yet (sdk/go/common/resource/plugin, UnknownStringValue).
export const UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Values as the engine sends them: its marker becomes UNKNOWN; null is absent, as everywhere in Pulumi. */
export function fromWire(values: Values): Values {
  return incoming(values) as Values; // an object stays an object
}

/** Values as the engine can carry them: nothing undefined, no bigint, no date; UNKNOWN becomes its marker. */
export function toWire(values: Values): Record<string, unknown> {
  return outgoing(values) as Record<string, unknown>; // an object stays an object
}

function incoming(value: unknown): unknown {
  if (value === UNKNOWN_TEXT) return UNKNOWN;
  if (Array.isArray(value)) return value.map(incoming);
  return typeof value === "object" && value !== null ? mapped(value, incoming) : value;
}

function outgoing(value: unknown): unknown {
  if (value === UNKNOWN) return UNKNOWN_TEXT;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "number" && !Number.isFinite(value)) return null;
  if (Array.isArray(value)) return value.map((item) => outgoing(item) ?? null);
  return typeof value === "object" && value !== null ? mapped(value, outgoing) : value;
}

function mapped(value: object, convert: (inner: unknown) => unknown): Record<string, unknown> {
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined && inner !== null);
  return Object.fromEntries(entries.map(([name, inner]) => [name, convert(inner)]));
}
