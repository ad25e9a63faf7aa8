import { createHash, randomBytes } from "node:crypto";
import { hasUnknown, isRecord, type Table, type Values } from "../fields";

/** Who an object belongs to: one resource of one stack. The same in both doors. */
export interface Owner {
  readonly organization: string;
  readonly project: string;
  readonly stack: string;
  /** The URN's qualified type with its parents, dynamic types written as the plugin's. */
  readonly type: string;
  readonly name: string;
}

/** The owner in one line, as marks and messages carry it. */
export function printOwner(owner: Owner): string {
  return `${owner.organization}/${owner.project}/${owner.stack}::${owner.type}::${owner.name}`;
}

/** The replace-class values of a table: with the owner they make the identity, so that a replacement is another object. */
export function identityValues(table: Table, inputs: Values): Values {
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(table)) {
    if (field.change === "replace" && field.filled !== true && inputs[name] !== undefined) values[name] = inputs[name];
  }
  return values;
}

/** True while a value that makes the identity is not known yet. */
export function identityUnknown(values: Values): boolean {
  return hasUnknown(values);
}

function digest(owner: Owner, values: Values, purpose: string): Buffer {
  return createHash("sha256")
    .update(`${purpose}\n${printOwner(owner)}\n${stable(values)}`)
    .digest();
}

/** The UUID that an owner's object has before the first call (RFC 9562, version 8: made from a hash of ours). */
export function ownedUuid(owner: Owner, values: Values): string {
  const bytes = digest(owner, values, "uuid").subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The name of an object whose program gives none: the same on every run, another for each replacement. */
export function ownedName(owner: Owner, values: Values): string {
  const base = owner.name.replace(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return `${base.slice(0, 100) || "kvm"}-${digest(owner, values, "name").toString("hex").slice(0, 7)}`;
}

/** A number that only the owner can compute: marks what has no place for a mark. */
export function ownedNumber(owner: Owner, values: Values, below: number): number {
  return digest(owner, values, "number").readUIntBE(0, 6) % below;
}

/** A locally administered MAC in QEMU's range, made from a machine's UUID and the card's identity. */
export function ownedMac(uuid: string, key: string): string {
  const bytes = createHash("sha256").update(`mac\n${uuid}\n${key}`).digest();
  const tail = [...bytes.subarray(0, 3)].map((byte) => byte.toString(16).padStart(2, "0"));
  return ["52", "54", "00", ...tail].join(":");
}

/** A new life of an object: Delete and Update act on the host's object only where it is the state's. */
export function newIncarnation(): string {
  return randomBytes(8).toString("hex");
}

/** JSON with sorted keys. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
