import type { Difference } from "./differ";
import { printPath } from "./path";

/** A difference in words: `change memory from 2048 to 4096`, `add dns`; values of secrets and of whole objects are left out. */
export function inWords({ path, kind, before, after, secret }: Difference): string {
  const verb = { add: "add", update: "change", delete: "remove" }[kind];
  const plain = !secret && [before, after].every((value) => value === undefined || isPlain(value));
  if (!plain || kind === "delete") return `${verb} ${printPath(path)}`;
  const from = before === undefined ? "" : ` from ${String(before)}`;
  return after === undefined ? `${verb} ${printPath(path)}` : `${verb} ${printPath(path)}${from} to ${short(after)}`;
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function short(value: unknown): string {
  const text = isPlain(value) ? String(value) : "";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
