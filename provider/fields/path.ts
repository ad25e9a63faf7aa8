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
