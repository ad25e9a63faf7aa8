import { XmlError } from "./error";

/** An element with its attributes in document order and all its children, blank text and comments included. */
export interface XmlElement {
  name: string;
  attributes: Map<string, string>;
  children: XmlNode[];
}
/** Character data, decoded: `&lt;` stands here as `<`. */
export interface XmlText {
  text: string;
}
/** A comment's own text, without its delimiters. */
export interface XmlComment {
  comment: string;
}
/** A CDATA section's own text, without its delimiters. */
export interface XmlCdata {
  cdata: string;
}
/** Whatever may stand inside an element. */
export type XmlNode = XmlElement | XmlText | XmlComment | XmlCdata;

/** Deepest nesting that is read or written; libvirt's own parser stops at the same depth. */
export const maxDepth = 256;

/** Tells an element from text, comment and CDATA. */
export function isElement(node: XmlNode): node is XmlElement {
  return "name" in node;
}

/** True for text that is only XML white space: layout, not content. */
export function isBlank(node: XmlNode): node is XmlText {
  return "text" in node && !/[^ \t\r\n]/.test(node.text);
}

/** Makes an element; a string child is text, and is escaped when printed. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (XmlElement | string)[]
): XmlElement {
  return {
    name,
    attributes: new Map(Object.entries(attributes)),
    children: children.map((child) => (typeof child === "string" ? { text: child } : child)),
  };
}

/** A deep copy that shares nothing with the original. */
export function cloneXml(source: XmlElement): XmlElement {
  return cloneAt(source, 1);
}

/** The element children, in order. */
export function elementsOf(parent: XmlElement): XmlElement[] {
  return parent.children.filter(isElement);
}

/** The element children of that name, in order. */
export function childrenOf(parent: XmlElement, name: string): XmlElement[] {
  return elementsOf(parent).filter((node) => node.name === name);
}

/** The first element child of that name. */
export function child(parent: XmlElement, name: string): XmlElement | undefined {
  return elementsOf(parent).find((node) => node.name === name);
}

/** The element's own text and CDATA, exactly as decoded, without that of its child elements. */
export function textOf(parent: XmlElement): string {
  return parent.children.map(ownText).join("");
}

/** Takes all children of a name out. */
export function removeChildren(parent: XmlElement, name: string): void {
  for (const node of childrenOf(parent, name)) removeChild(parent, node);
}

/** Takes a child out, with the blank text before it, so that the layout stays tidy; a stranger is left alone. */
export function removeChild(parent: XmlElement, node: XmlNode): void {
  const index = parent.children.indexOf(node);
  if (index < 0) return;
  const before = parent.children[index - 1];
  const from = before !== undefined && isBlank(before) ? index - 1 : index;
  parent.children.splice(from, index - from + 1);
}

/** Same meaning: blank text, comments, the order of attributes and the way text is quoted do not count. */
export function equalXml(left: XmlElement, right: XmlElement): boolean {
  return equalAt(left, right, 1);
}

/** Throws on nesting that no parser of libvirt would take, and on a tree that contains itself. */
export function refuseDepth(node: XmlElement, depth: number): void {
  if (depth > maxDepth) throw new XmlError(`<${node.name}> is nested more than ${maxDepth} deep`);
}

// The depth stays out of the exported signatures: `list.map(cloneXml)` would pass an index for it.
function cloneAt(source: XmlElement, depth: number): XmlElement {
  refuseDepth(source, depth);
  return {
    name: source.name,
    attributes: new Map(source.attributes),
    children: source.children.map((node) => (isElement(node) ? cloneAt(node, depth + 1) : { ...node })),
  };
}

function equalAt(left: XmlElement, right: XmlElement, depth: number): boolean {
  refuseDepth(left, depth);
  if (left.name !== right.name || !sameAttributes(left.attributes, right.attributes)) return false;
  const mine = contentOf(left);
  const theirs = contentOf(right);
  return mine.length === theirs.length && mine.every((node, index) => sameContent(node, theirs[index], depth));
}

function ownText(node: XmlNode): string {
  if ("text" in node) return node.text;
  return "cdata" in node ? node.cdata : "";
}

function sameAttributes(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): boolean {
  return left.size === right.size && [...left].every(([name, value]) => right.get(name) === value);
}

function sameContent(left: XmlElement | string, right: XmlElement | string | undefined, depth: number): boolean {
  if (typeof left === "string" || typeof right === "string") return left === right;
  return right !== undefined && equalAt(left, right, depth + 1);
}

/** Elements, and between them the joined text where it is not blank. */
function contentOf(parent: XmlElement): (XmlElement | string)[] {
  const content: (XmlElement | string)[] = [];
  let text = "";
  const flush = (): void => {
    if (/[^ \t\r\n]/.test(text)) content.push(text);
    text = "";
  };
  for (const node of parent.children) {
    if (!isElement(node)) text += ownText(node);
    else {
      flush();
      content.push(node);
    }
  }
  flush();
  return content;
}
