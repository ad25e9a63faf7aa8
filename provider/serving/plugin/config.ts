import { checkValues, deepEqual, type Failure, hasUnknown, type Table, type Values } from "../../fields";
import { type Configuration, uriComplaint } from "../settings";

/** What stands beside the settings, for the engine itself. */
const ENGINES = ["version", "pluginDownloadURL", "parameterization"];

/** The settings of a provider, as the engine hands them over. */
export function settingsOf(table: Table, given: Values): Values {
  const own = Object.entries(given).filter(([name]) => !name.startsWith("__") && !ENGINES.includes(name));
  return Object.fromEntries(own.map(([name, value]) => [name, decoded(table, name, value)]));
}

/** Generated SDKs and the stack's configuration hand over as JSON text what is no text. */
function decoded(table: Table, name: string, value: unknown): unknown {
  const field = Object.hasOwn(table, name) ? table[name] : undefined;
  if (typeof value !== "string" || field === undefined || field.kind === "text") return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    // Check then says what it should be.
    return value;
  }
}

/** The reader of settings that both doors share: keys as in the stack's configuration. */
export function configurationOf(settings: Values): Configuration {
  return (key) => settings[key.slice("kvm:".length)];
}

/** What is wrong with a provider's settings; each failure names its key, none repeats a value that may hold a secret. */
export function checkSettings(table: Table, settings: Values): Failure[] {
  const failures = checkValues(table, settings);
  // A URI that is not known yet, or no text, has been dealt with.
  if (hasUnknown([settings["uri"], settings["allowPlainTcp"]]) || failures.some(({ property }) => property === "uri"))
    return failures;
  const complaint = uriComplaint(configurationOf(settings));
  return complaint === undefined ? failures : [...failures, { property: "uri", reason: complaint }];
}

/** The settings that differ. None ever replaces: each resource compares the host that answers with its own. */
export function changedSettings(olds: Values, news: Values): string[] {
  const names = [...new Set([...Object.keys(olds), ...Object.keys(news)])];
  return names.filter((name) => !hasUnknown(news[name]) && !deepEqual(olds[name], news[name]));
}
