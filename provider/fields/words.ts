import type { Difference } from "./differ";
import { printPath } from "./path";

/** A difference in words: `change memory from 2048 to 4096`, `add dns`; values of secrets and of whole objects are left out. */
export function inWords({ path, kind, before, after, secret }: Difference): string {
  const verb = { add: "add", update: "change", delete: "remove" }[kind];
  const what = `${verb} ${printPath(path)}`;
  if (secret || kind === "delete" || !isPlain(after)) return what;
  if (before === undefined) return `${what} to ${short(after)}`;
  return isPlain(before) ? `${what} from ${short(before)} to ${short(after)}` : what;
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function short(value: string | number | boolean): string {
  const text = String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
