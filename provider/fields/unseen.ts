import type { Table, Values } from "./vocabulary";
import { isRecord } from "./values";

/** What was found, with the secrets that the host keeps from this account as they are known to be; no secret stands in a list. */
export function withKnownSecrets(table: Table, found: Values, known: Values): Values {
  const seen = { ...found };
  for (const [name, field] of Object.entries(table)) {
    const [here, there] = [found[name], known[name]];
    if (field.kind === "object" && isRecord(here) && isRecord(there))
      seen[name] = withKnownSecrets(field.fields, here, there);
    else if (field.secret && here === undefined && there !== undefined) seen[name] = there;
  }
  return seen;
}
