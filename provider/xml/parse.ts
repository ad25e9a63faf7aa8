import { XMLParser } from "fast-xml-parser";
import { decodeAttribute, decodeReferences } from "./characters";
import { XmlError } from "./error";
import { isElement, maxDepth, type XmlElement, type XmlNode } from "./node";
import { scanXml, type Scanned } from "./scan";

// "<" before each name keeps names apart from the reader's own keys, and from `__proto__` and `constructor`.
const mark = "<";
const keys = { text: "#text", comment: "#comment", cdata: "#cdata", attributes: ":@" } as const;

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: mark,
  textNodeName: keys.text,
  commentPropName: keys.comment,
  cdataPropName: keys.cdata,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  processEntities: false,
  jPath: false,
  maxNestedTags: maxDepth + 1,
  // Called twice for an empty element, so it must not mark twice.
  transformTagName: (name) => (name.startsWith(mark) ? name : mark + name),
});

/** What fast-xml-parser makes of a node under these options: one key of its own, and `:@` beside it. */
type RawNode = Readonly<Record<string, string | RawNode[] | Readonly<Record<string, string>> | undefined>>;

/**
 * Reads one well-formed document of at most 4 MiB, 256 levels and 1,000 attributes an element, keeping order, blank
 * text, comments and CDATA inside the root; DOCTYPE, processing instructions, undefined references: XmlError.
 */
export function parseXml(text: string): XmlElement {
  const known = recent.get(text);
  if (known !== undefined) return rootOf(known);
  const scanned = scanXml(text);
  const raw = read(scanned.body);
  const root = rootOf(raw);
  refuseDisagreement(root, scanned);
  remember(text, raw);
  return root;
}

function rootOf(raw: readonly RawNode[]): XmlElement {
  const root = readNodes(raw).find(isElement);
  if (root === undefined) throw new XmlError("XML refused: there is no element");
  return root;
}

/** The same definition is asked for several times within moments: a refresh, for one, reads and then compares. */
const recent = new Map<string, readonly RawNode[]>();
const recentMaximum = 64;
const recentLength = 32 * 1024;

function remember(text: string, raw: readonly RawNode[]): void {
  if (text.length > recentLength) return;
  recent.set(text, raw);
  const [oldest] = recent.keys();
  if (recent.size > recentMaximum && oldest !== undefined) recent.delete(oldest);
}

function read(body: string): RawNode[] {
  // The one cast of this room: the reader's result is `any`; every use below checks what it takes.
  return parser.parse(body) as RawNode[];
}

function readNodes(raw: readonly RawNode[]): XmlNode[] {
  return raw.map(readNode);
}

function readNode(raw: RawNode): XmlNode {
  const key = Object.keys(raw).find((name) => name !== keys.attributes) ?? "";
  const value = raw[key];
  if (key === keys.text && typeof value === "string") return { text: decodeReferences(value) };
  if (!Array.isArray(value)) throw new XmlError("XML refused: the reader returned an unknown node");
  if (key === keys.comment) return { comment: literal(value) };
  if (key === keys.cdata) return { cdata: literal(value) };
  return { name: key.slice(mark.length), attributes: readAttributes(raw[keys.attributes]), children: readNodes(value) };
}

/** Comment and CDATA come as a list with one text, which holds no references. */
function literal(nodes: readonly RawNode[]): string {
  const value = nodes[0]?.[keys.text];
  return typeof value === "string" ? value : "";
}

function readAttributes(raw: RawNode[string]): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [name, value] of Object.entries(raw ?? {})) {
    if (typeof value === "string") attributes.set(name.slice(mark.length), decodeAttribute(value));
  }
  return attributes;
}

/** The scan and the reader are two programs: where they see different documents, neither is believed. */
function refuseDisagreement(root: XmlElement, scanned: Scanned): void {
  let elements = 0;
  let attributes = 0;
  const count = (node: XmlElement): void => {
    elements += 1;
    attributes += node.attributes.size;
    node.children.filter(isElement).forEach(count);
  };
  count(root);
  if (elements !== scanned.elements || attributes !== scanned.attributes) {
    throw new XmlError("XML refused: it can be read in two ways");
  }
}
