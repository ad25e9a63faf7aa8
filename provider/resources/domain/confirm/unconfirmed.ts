import { type AnyField, isRecord, type Values } from "../../../fields";
import type { Mark } from "../../mark";
import { domain as table } from "../fields";

/** A change that its guest has not confirmed yet, as the mark keeps it until then. */
export interface Unconfirmed {
  /** The changed properties as they stood before, in the program's terms; null: there was none. */
  readonly former: Values;
  /** Changed properties whose former values are secret, and are kept nowhere. */
  readonly lost: readonly string[];
  /** The guest was restarted for it. */
  readonly restart: boolean;
}

/** Reads it off a mark; undefined where nothing waits to be confirmed. */
export function unconfirmedIn(mark: Mark | undefined): Unconfirmed | undefined {
  if (mark?.unconfirmed === undefined) return undefined;
  const told = parsed(mark.unconfirmed);
  const { former, lost, restart } = isRecord(told) ? told : {};
  return {
    former: isRecord(former) ? former : {},
    lost: Array.isArray(lost) ? lost.map(String) : [],
    restart: restart === true,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Another hand wrote it: the change is not confirmed all the same.
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** A mark that says so. What an earlier change, not confirmed either, found is older: it stays. */
export function markUnconfirmed(mark: Mark, former: Values, restart: boolean): Mark {
  const earlier = unconfirmedIn(mark);
  const names = Object.keys(former).filter((name) => earlier === undefined || !(name in earlier.former));
  const kept = names.filter((name) => !earlier?.lost.includes(name));
  const secret = kept.filter((name) => holdsSecret(table[name as keyof typeof table], former[name]));
  const open = kept.filter((name) => !secret.includes(name)).map((name) => [name, former[name] ?? null] as const);
  const told: Unconfirmed = {
    former: { ...Object.fromEntries(open), ...earlier?.former },
    lost: [...(earlier?.lost ?? []), ...secret],
    restart: restart || earlier?.restart === true,
  };
  return { ...mark, unconfirmed: JSON.stringify(told) };
}

/** A password has no place in metadata, which everybody may read. */
function holdsSecret(field: AnyField | undefined, value: unknown): boolean {
  if (field === undefined || value === undefined || value === null) return false;
  if (field.secret === true) return true;
  if (field.kind !== "object" || !isRecord(value)) return false;
  return Object.entries(field.fields).some(([name, inner]) => holdsSecret(inner, value[name]));
}
