import { type Table, UNKNOWN, type Values } from "../../fields";

/**
 * Outputs as far as they are known before the act: inputs as they are, what an update does not change as in the state, and
 * whatever else the provider sets as unknown.
 */
export function previewed(table: Table, inputs: Values, state: Values = {}, stables: readonly string[] = []): Values {
  const computed = Object.entries(table).filter(([name, field]) => field.output && !name.startsWith("__"));
  const outputs = computed.map(([name]) => {
    const stays = stables.includes(name) && state[name] !== undefined;
    return [name, stays ? state[name] : UNKNOWN] as const;
  });
  return { ...inputs, ...Object.fromEntries(outputs) };
}
