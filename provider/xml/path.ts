import { XmlError } from "./error";
import { isBlank, isElement, removeChild, textOf, type XmlElement, type XmlNode } from "./node";

/** Selects an element whose own path has that value; on creation it is written there. */
interface Predicate {
  path: string;
  value: string;
}
interface Step {
  name: string;
  predicates: Predicate[];
}
interface Path {
  steps: Step[];
  /** The attribute named at the end; absent: the element, or its text. */
  attribute?: string;
}

const name = "[^\\/\\[\\]@='\".\\s][^\\/\\[\\]@='\"\\s]*";
const stepPattern = new RegExp(`(${name})`, "y");
const predicatePattern = /\[([^[\]='"]+)=(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)")\]/y;
const attributePattern = new RegExp(`@(${name})$`, "y");

/** The value in quotes for a predicate, whatever it holds: `[@name=${quoted(value)}]`. */
export function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** The first element at `path` below `root`; "." is the root itself. */
export function find(root: XmlElement, path: string): XmlElement | undefined {
  return findAll(root, path)[0];
}

/** All elements at `path` below `root`, in document order. */
export function findAll(root: XmlElement, path: string): XmlElement[] {
  const { steps, attribute } = parsePath(path);
  if (attribute !== undefined) throw new XmlError(`path ${path} names an attribute, not an element`);
  return walk(root, steps);
}

/** The exact text or attribute at `path`: "vcpu/@current", "title", "@type", "."; undefined when absent. */
export function readPath(root: XmlElement, path: string): string | undefined {
  const { steps, attribute } = parsePath(path);
  const owners = walk(root, steps);
  if (attribute === undefined) return owners[0] && textOf(owners[0]);
  return owners.find((owner) => owner.attributes.has(attribute))?.attributes.get(attribute);
}

/**
 * Sets the text or attribute at `path`, making missing elements at the end of their parents; undefined removes it and
 * then every ancestor strictly below `root` that is left with no attribute, element or text. All else stays.
 */
export function writePath(root: XmlElement, path: string, value: string | undefined): void {
  const parsed = parsePath(path);
  if (value === undefined) remove(root, parsed);
  else set(ensure(root, parsed), parsed.attribute, value);
}

/** The first element at `path`, made at the end of its parents where it is missing. */
export function ensurePath(root: XmlElement, path: string): XmlElement {
  const parsed = parsePath(path);
  if (parsed.attribute !== undefined) throw new XmlError(`path ${path} names an attribute, not an element`);
  return ensure(root, parsed);
}

/** Adds a child after the last one, before the blank text that lays out the end tag. */
export function appendChild(parent: XmlElement, node: XmlNode): void {
  const last = parent.children.at(-1);
  parent.children.splice(last !== undefined && isBlank(last) ? -1 : parent.children.length, 0, node);
}

function walk(root: XmlElement, steps: readonly Step[]): XmlElement[] {
  let found = [root];
  for (const step of steps) {
    const next: XmlElement[] = [];
    for (const parent of found) collect(parent, step, next);
    found = next;
  }
  return found;
}

/** The busiest loop of a refresh: it makes no lists. */
function collect(parent: XmlElement, step: Step, into: XmlElement[]): void {
  for (const node of parent.children) {
    if (isElement(node) && node.name === step.name && matches(node, step)) into.push(node);
  }
}

function matches(node: XmlElement, step: Step): boolean {
  return step.predicates.every(({ path, value }) => readPath(node, path) === value);
}

function ensure(root: XmlElement, { steps, attribute }: Path): XmlElement {
  // The deepest part that is there is used, so that no second parent is made beside one that fits.
  const owner = attribute === undefined ? undefined : walk(root, steps).find((node) => node.attributes.has(attribute));
  if (owner !== undefined) return owner;
  let depth = steps.length;
  let node = walk(root, steps)[0];
  while (node === undefined) {
    depth -= 1;
    node = walk(root, steps.slice(0, depth))[0];
  }
  return steps.slice(depth).reduce(create, node);
}

function create(parent: XmlElement, step: Step): XmlElement {
  const made: XmlElement = { name: step.name, attributes: new Map(), children: [] };
  for (const { path, value } of step.predicates) writePath(made, path, value);
  appendChild(parent, made);
  return made;
}

function set(owner: XmlElement, attribute: string | undefined, value: string): void {
  if (attribute !== undefined) owner.attributes.set(attribute, value);
  else if (textOf(owner) !== value) setText(owner, value);
}

function setText(owner: XmlElement, value: string): void {
  const keepsLayout = owner.children.some(isElement);
  owner.children = owner.children.filter((node) => {
    if ("text" in node) return keepsLayout && isBlank(node);
    return !("cdata" in node);
  });
  if (value !== "") owner.children.unshift({ text: value });
}

function remove(root: XmlElement, { steps, attribute }: Path): void {
  const owner = walk(root, steps).find((node) => attribute === undefined || node.attributes.has(attribute));
  if (owner === undefined) return;
  const trail = trailTo(root, owner);
  if (attribute !== undefined) owner.attributes.delete(attribute);
  else if (owner === root) setText(root, "");
  else {
    trail.pop();
    removeChild(trail.at(-1) ?? root, owner);
  }
  prune(trail);
}

/** Takes out emptied elements from the deepest of the trail up, never its first, which is the caller's root. */
function prune(trail: readonly XmlElement[]): void {
  for (let index = trail.length - 1; index > 0; index -= 1) {
    const [parent, node] = [trail[index - 1], trail[index]];
    if (parent === undefined || node === undefined || !isEmpty(node)) return;
    removeChild(parent, node);
  }
}

function isEmpty(node: XmlElement): boolean {
  return node.attributes.size === 0 && node.children.every((inner) => "comment" in inner || isBlank(inner));
}

/** From the root down to the node, both included. */
function trailTo(root: XmlElement, node: XmlElement): XmlElement[] {
  if (root === node) return [root];
  for (const inner of root.children.filter(isElement)) {
    const trail = trailTo(inner, node);
    if (trail.length > 0) return [root, ...trail];
  }
  return [];
}

/** The tables ask with the same few hundred paths for ever; paths with a value in them come and go. */
const known = new Map<string, Path>();
const knownMaximum = 2000;

function parsePath(path: string): Path {
  const before = known.get(path);
  if (before !== undefined) return before;
  const parsed = parseNew(path);
  if (known.size >= knownMaximum) known.clear();
  known.set(path, parsed);
  return parsed;
}

function parseNew(path: string): Path {
  if (path === ".") return { steps: [] };
  const steps: Step[] = [];
  for (let at = 0; ; at += 1) {
    attributePattern.lastIndex = at;
    const attribute = attributePattern.exec(path)?.[1];
    if (attribute !== undefined) return { steps, attribute };
    const step = parseStep(path, at);
    steps.push(step.step);
    at = step.end;
    if (at === path.length) return { steps };
    if (path[at] !== "/") throw new XmlError(`path ${path} is malformed at ${at}`);
  }
}

function parseStep(path: string, at: number): { step: Step; end: number } {
  stepPattern.lastIndex = at;
  const name = stepPattern.exec(path)?.[1];
  if (name === undefined) throw new XmlError(`path ${path} is malformed at ${at}`);
  const predicates: Predicate[] = [];
  let end = at + name.length;
  while (path[end] === "[") {
    predicatePattern.lastIndex = end;
    const found = predicatePattern.exec(path);
    if (found === null) throw new XmlError(`path ${path} is malformed at ${end}`);
    predicates.push({ path: found[1] ?? "", value: unquote(found) });
    end = predicatePattern.lastIndex;
  }
  return { step: { name, predicates }, end };
}

function unquote([, , single, double]: RegExpExecArray): string {
  return single !== undefined ? single.replaceAll("''", "'") : (double ?? "").replaceAll('""', '"');
}
