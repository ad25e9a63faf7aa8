import { DEFAULTS } from "./defaults";
import type { Table, Values } from "./vocabulary";

/** The program's properties among values that may hold outputs too, with the list of those that were filled for it. */
export function ownInputs(table: Table, values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => isInput(table, name)));
}

function isInput(table: Table, name: string): boolean {
  if (name === DEFAULTS) return true;
  const field = Object.hasOwn(table, name) ? table[name] : undefined;
  return field !== undefined && !field.output;
}
