import { escapeAttribute, escapeText, isXmlName, legal } from "./characters";
import { XmlError } from "./error";
import { isElement, refuseDepth, type XmlElement, type XmlNode } from "./node";

/** Writes the tree without adding blank text: what parseXml read comes back from the next parseXml unchanged. */
export function printXml(root: XmlElement): string {
  const parts: string[] = [];
  printElement(parts, root, 1);
  return parts.join("");
}

function printElement(parts: string[], node: XmlElement, depth: number): void {
  refuseDepth(node, depth);
  parts.push("<", checkedName(node.name));
  for (const [name, value] of node.attributes) {
    parts.push(" ", checkedName(name), '="', escapeAttribute(value), '"');
  }
  if (node.children.length === 0) {
    parts.push("/>");
    return;
  }
  parts.push(">");
  for (const inner of node.children) {
    if (isElement(inner)) printElement(parts, inner, depth + 1);
    else parts.push(printLeaf(inner));
  }
  parts.push("</", node.name, ">");
}

function printLeaf(node: Exclude<XmlNode, XmlElement>): string {
  if ("text" in node) return escapeText(node.text);
  if ("comment" in node) return `<!--${unescapable(node.comment, /--|-$|\r/, "a comment")}-->`;
  return `<![CDATA[${unescapable(node.cdata, /\]\]>|\r/, "a CDATA section")}]]>`;
}

/** Comments and CDATA have no escapes: what would end them, or be read back as something else, is refused. */
function unescapable(text: string, ends: RegExp, where: string): string {
  if (ends.test(text)) throw new XmlError(`${where} cannot hold that text`);
  return legal(text);
}

function checkedName(name: string): string {
  if (!isXmlName(name)) throw new XmlError(`${JSON.stringify(name)} is no XML name`);
  return name;
}
