/** A property path: names and list positions, as Pulumi writes them (`disks[0].bus`). */
export type Path = readonly (string | number)[];

/** Writes a path as Pulumi does in check failures and detailed diffs; unusual names are quoted. */
export function printPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(step)) return `${text}["${step.replace(/["\\]/g, "\\$&")}"]`;
    return text === "" ? step : `${text}.${step}`;
  }, "");
}

/** A pattern of property paths, as `ignoreChanges` has them: `*` stands for any one step. */
export type PathPattern = readonly (string | number)[];

/** Reads a path as Pulumi writes it: `disks[0].bus`, `disks[*].bus`, `["a.b"].c`. */
export function parsePath(text: string): PathPattern {
  const steps = text.matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\[(\*)\]|([^.[\]]+)/g);
  return [...steps].map(([, index, quoted, any, name]) => {
    if (index !== undefined) return Number(index);
    return quoted?.replace(/\\(.)/g, "$1") ?? any ?? name ?? "";
  });
}

/** True where a path is the pattern's or lies below it. */
export function isBelow(path: Path, pattern: PathPattern): boolean {
  return pattern.length <= path.length && pattern.every((step, index) => step === "*" || step === path[index]);
}
