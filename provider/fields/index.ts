export { checkValues, type Failure } from "./check";
export { DEFAULTS, fillDefaults, keyOf } from "./defaults";
export { deepEqual, type Difference, differences, equalValues } from "./differ";
export * as grammar from "./grammar";
export { type Path, printPath } from "./path";
export { hasUnknown, isRecord, UNKNOWN } from "./unknown";
export * from "./vocabulary";
export { readItem, readTable, unitBytes } from "./xmlIn";
export { writeItem, writeTable } from "./xmlOut";
