import {
  type AnyField,
  deepEqual,
  type Difference,
  foundAsManaged,
  isRecord,
  keyOf,
  type ListField,
  type Path,
  type Table,
  type Values,
} from "../fields";
import { asked, compareSeen, given } from "./compare";
import type { Definition, Found } from "./definition";
import type { Request } from "./port";

/**
 * The inputs with the host's own values where `ignoreChanges` covers what differs: the preview left that out, so an update for
 * another property's sake must not undo it, nor what follows from it.
 */
export function ignoredAsFound<F extends Found>(
  kind: Definition<F>,
  request: Request,
  found: F,
  inputs: Values,
  managed: Values,
): Values {
  if (!request.ignores) return inputs;
  const { wanted, differences: all } = compareSeen(kind, found, inputs, managed);
  const shown = asked(request, all);
  const ignored = all.filter((one) => !shown.includes(one));
  if (ignored.length === 0) return inputs;
  const sides = { found: found.values, wanted };
  const kept = Object.keys(kind.table).reduce((values, name) => {
    const [out, left] = [ignored, shown].map((some) => some.filter(({ path }) => path[0] === name));
    return out && left && out.length > 0
      ? { ...values, [name]: asFound(kind.table, name, values, sides, out, left) }
      : values;
  }, inputs);
  return given(withFollowers(kind, found, kept, { wanted, managed, shown }));
}

/** Both sides of what an input stands for: on the host, and with the identities that follow from the program. */
interface Sides {
  readonly found: unknown;
  readonly wanted: unknown;
}

/** A property with the host's values where they are ignored. */
function asFound(
  table: Table,
  name: string,
  inputs: Values,
  { found, wanted }: { readonly found: Values; readonly wanted: Values },
  ignored: readonly Difference[],
  shown: readonly Difference[],
): unknown {
  const field = table[name];
  if (!field) return inputs[name];
  const whole = foundAsManaged(field, found[name], inputs[name]);
  if (shown.length === 0) return whole;
  // Of what stands outside the XML the host tells only whether it is the wanted one.
  if (!isRead(field)) return inputs[name];
  const sides = { found: found[name], wanted: wanted[name] };
  const taken = ignored.filter(({ kind, path }) => kind !== "update" && typeof path.at(-1) === "number");
  const edited = ignored
    .filter((one) => !taken.includes(one))
    .reduce((value, { path }) => putBack(field, value, sides, path.slice(1)), inputs[name]);
  // Positions hold until all else is put back; the last goes first.
  return [...taken]
    .sort(byPosition)
    .reduce((value, one) => putItemBack(field, value, sides, one.path.slice(1), one), edited);
}

function isRead(field: AnyField): boolean {
  return (
    field.kind === "map" ||
    field.xml !== undefined ||
    (field.kind === "object" && Object.values(field.fields).some(isRead))
  );
}

function byPosition({ path: one }: Difference, { path: other }: Difference): number {
  return Number(other.at(-1)) - Number(one.at(-1));
}

/** A value with what the host has at one path below it. */
function putBack(field: AnyField, value: unknown, { found, wanted }: Sides, path: Path): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return foundAsManaged(field, found, value);
  if (field.kind === "list" && Array.isArray(value) && typeof step === "number") {
    const sides = itemSides(field, { found, wanted }, step);
    return value.map((item: unknown, index) => (index === step ? putBack(field.item, item, sides, rest) : item));
  }
  if (field.kind === "map" && isRecord(value))
    return given({ ...value, [step]: isRecord(found) ? found[step] : undefined });
  const inner = field.kind === "object" ? field.fields[String(step)] : undefined;
  if (field.kind !== "object" || !inner || !isRecord(value) || !isRecord(found)) return value;
  // Of a variant the host may have another kind.
  const variant = rest.length === 0 && field.oneOf?.includes(String(step)) === true ? field.oneOf : [];
  if (variant.length > 0) {
    const others = Object.entries(value).filter(([name]) => !variant.includes(name));
    const own = variant.flatMap((name) => (found[name] === undefined ? [] : [[name, found[name]] as const]));
    return Object.fromEntries([...others, ...own]);
  }
  const sides = { found: found[step], wanted: isRecord(wanted) ? wanted[step] : undefined };
  return given({ ...value, [step]: putBack(inner, value[step], sides, rest) });
}

/** A value whose list is without an item that the host has not, or with one that only the host has. */
function putItemBack(field: AnyField, value: unknown, sides: Sides, path: Path, one: Difference): unknown {
  const [step, ...rest] = path;
  if (field.kind === "list" && Array.isArray(value) && typeof step === "number") {
    const items: readonly unknown[] = value;
    if (rest.length === 0)
      return one.kind === "add" ? items.filter((_, index) => index !== step) : [...items, one.before];
    const inner = itemSides(field, sides, step);
    return value.map((item: unknown, index) =>
      index === step ? putItemBack(field.item, item, inner, rest, one) : item,
    );
  }
  const inner = field.kind === "object" && step !== undefined ? field.fields[String(step)] : undefined;
  if (!inner || !isRecord(value) || step === undefined) return value;
  const below = {
    found: isRecord(sides.found) ? sides.found[step] : undefined,
    wanted: isRecord(sides.wanted) ? sides.wanted[step] : undefined,
  };
  return { ...value, [step]: putItemBack(inner, value[step], below, rest, one) };
}

/** The item at a position of the wanted list, and the host's of the same identity. */
function itemSides(field: ListField, { found, wanted }: Sides, index: number): Sides {
  const item: unknown = Array.isArray(wanted) ? wanted[index] : undefined;
  const key = isRecord(item) ? keyOf(field, item) : undefined;
  const others: readonly unknown[] = Array.isArray(found) ? found : [];
  const same = others.find((other) => isRecord(other) && key !== undefined && keyOf(field, other) === key);
  return { found: field.key ? same : others[index], wanted: item };
}

/** What follows from a value goes by the program's own, as the preview showed it, not by the host's that stands for it now. */
function withFollowers<F extends Found>(
  kind: Definition<F>,
  found: F,
  inputs: Values,
  before: { readonly wanted: Values; readonly managed: Values; readonly shown: readonly Difference[] },
): Values {
  const now = kind.wanted?.(found, inputs, before.managed) ?? inputs;
  const moved = Object.keys(kind.table).filter(
    (name) => inputs[name] === undefined && !deepEqual(now[name], before.wanted[name]),
  );
  const isShown = (name: string): boolean => before.shown.some(({ path }) => path[0] === name);
  const entries = moved.map((name) => [name, isShown(name) ? before.wanted[name] : found.values[name]] as const);
  return { ...inputs, ...Object.fromEntries(entries) };
}
