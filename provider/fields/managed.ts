import { keyOf } from "./defaults";
import type { AnyField, ListField, ObjectField, Values } from "./vocabulary";
import { isRecord } from "./values";

/**
 * What the host says of a property, in as many words as the program used: what libvirt filled in beside, and what others
 * added to a shared list, would be taken for the program's own afterwards, and removed.
 */
export function foundAsManaged(field: AnyField, found: unknown, managed: unknown): unknown {
  if (field.kind === "object" && isRecord(found) && isRecord(managed)) return objectAs(field, found, managed);
  if (field.kind === "list" && Array.isArray(found) && Array.isArray(managed)) return listAs(field, found, managed);
  return found;
}

function objectAs({ fields, oneOf = [] }: ObjectField, found: Values, managed: Values): Values {
  // Of a variant the host may have another kind than the program.
  const variant = oneOf.some((name) => managed[name] !== undefined) ? oneOf : [];
  const said = Object.entries(fields).filter(
    ([name]) => found[name] !== undefined && (managed[name] !== undefined || variant.includes(name)),
  );
  return Object.fromEntries(said.map(([name, field]) => [name, foundAsManaged(field, found[name], managed[name])]));
}

function listAs(field: ListField, found: readonly unknown[], managed: readonly unknown[]): unknown[] {
  if (!field.key) return [...found];
  return found.flatMap((item) => {
    const key = isRecord(item) ? keyOf(field, item) : undefined;
    const same = managed.find((other) => isRecord(other) && key !== undefined && keyOf(field, other) === key);
    if (same !== undefined) return [foundAsManaged(field.item, item, same)];
    return field.shared ? [] : [item];
  });
}
