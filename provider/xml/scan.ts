import { isXmlName, legal, namePattern } from "./characters";
import { XmlError } from "./error";
import { maxDepth } from "./node";

const maxBytes = 4 * 1024 * 1024;
const maxAttributes = 1000;

// Sticky, and each class is disjoint from its neighbour: no input makes them backtrack more than once over itself.
const declaration =
  /<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.[0-9]+"|'1\.[0-9]+')(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"[A-Za-z][-A-Za-z0-9._]*"|'[A-Za-z][-A-Za-z0-9._]*'))?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>/y;
const openTag = new RegExp(`<(${namePattern})`, "y");
const attribute = new RegExp(`[ \\t\\r\\n]+(${namePattern})[ \\t\\r\\n]*=[ \\t\\r\\n]*(?:"[^"<]*"|'[^'<]*')`, "y");
const openTagEnd = /[ \t\r\n]*(\/?)>/y;
const closeTag = new RegExp(`</(${namePattern})[ \\t\\r\\n]*>`, "y");

/** What the scan saw; the reader's tree must agree with it. */
export interface Scanned {
  /** The document without byte order mark and XML declaration. */
  body: string;
  elements: number;
  attributes: number;
}

interface Scan {
  text: string;
  at: number;
  open: string[];
  elements: number;
  attributes: number;
}

/**
 * Walks the text once and refuses all that is not well-formed, too large, or a construct that libvirt never writes
 * (DOCTYPE, processing instructions), so that the reader behind it never sees hostile text.
 */
export function scanXml(text: string): Scanned {
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) {
    throw new XmlError(`the document is larger than ${maxBytes} bytes`);
  }
  legal(text);
  const body = withoutProlog(text);
  const scan: Scan = { text: body, at: 0, open: [], elements: 0, attributes: 0 };
  while (scan.at < body.length) {
    scanText(scan);
    if (scan.at < body.length) scanMarkup(scan);
  }
  const unclosed = scan.open.at(-1);
  if (unclosed !== undefined) fail(scan, `<${unclosed}> is not closed`);
  if (scan.elements === 0) fail(scan, "there is no element");
  return { body, elements: scan.elements, attributes: scan.attributes };
}

function withoutProlog(text: string): string {
  const start = text.startsWith("\uFEFF") ? 1 : 0;
  declaration.lastIndex = start;
  return text.slice(declaration.test(text) ? declaration.lastIndex : start);
}

function scanText(scan: Scan): void {
  const next = scan.text.indexOf("<", scan.at);
  const end = next < 0 ? scan.text.length : next;
  const text = scan.text.slice(scan.at, end);
  if (scan.open.length === 0 && /[^ \t\r\n]/.test(text)) fail(scan, "text stands outside the root element");
  if (text.includes("]]>")) fail(scan, '"]]>" stands in text');
  scan.at = end;
}

function scanMarkup(scan: Scan): void {
  const { text, at } = scan;
  if (text.startsWith("<!--", at)) scanComment(scan);
  else if (text.startsWith("<![CDATA[", at)) scanCdata(scan);
  else if (text.startsWith("<!", at)) fail(scan, "DOCTYPE and other declarations are refused");
  else if (text.startsWith("<?", at)) fail(scan, "processing instructions are refused");
  else if (text.startsWith("</", at)) scanClose(scan);
  else scanOpen(scan);
}

function scanComment(scan: Scan): void {
  const dashes = scan.text.indexOf("--", scan.at + 4);
  if (dashes < 0 || scan.text[dashes + 2] !== ">") fail(scan, 'a comment is not closed, or holds "--"');
  scan.at = dashes + 3;
}

function scanCdata(scan: Scan): void {
  const end = scan.text.indexOf("]]>", scan.at + 9);
  if (end < 0 || scan.open.length === 0) fail(scan, "a CDATA section is not closed, or stands outside the root");
  scan.at = end + 3;
}

function scanClose(scan: Scan): void {
  const name = take(scan, closeTag)?.[1];
  const expected = scan.open.pop();
  if (name === undefined || name !== expected) {
    fail(scan, expected === undefined ? "an end tag closes nothing" : `</${expected}> was expected`);
  }
}

function scanOpen(scan: Scan): void {
  const name = take(scan, openTag)?.[1];
  if (name === undefined || !isXmlName(name)) return fail(scan, '"<" begins no tag');
  if (scan.open.length === 0 && scan.elements > 0) fail(scan, `<${name}> is a second root element`);
  if (scan.open.length >= maxDepth) fail(scan, `<${name}> is nested more than ${maxDepth} deep`);
  scan.elements += 1;
  scanAttributes(scan, name);
  const end = take(scan, openTagEnd);
  if (end === undefined) fail(scan, `<${name}> is malformed`);
  else if (end[1] === "") scan.open.push(name);
}

function scanAttributes(scan: Scan, element: string): void {
  const seen = new Set<string>();
  for (let found = take(scan, attribute); found !== undefined; found = take(scan, attribute)) {
    const name = found[1] ?? "";
    if (seen.has(name)) fail(scan, `<${element}> has the attribute ${name} twice`);
    if (seen.size >= maxAttributes) fail(scan, `<${element}> has more than ${maxAttributes} attributes`);
    seen.add(name);
  }
  scan.attributes += seen.size;
}

function take(scan: Scan, pattern: RegExp): RegExpExecArray | undefined {
  pattern.lastIndex = scan.at;
  const found = pattern.exec(scan.text);
  if (found === null) return undefined;
  scan.at = pattern.lastIndex;
  return found;
}

// The text itself stays out of the message: it may hold secrets.
function fail(scan: Scan, what: string): never {
  const line = scan.text.slice(0, scan.at).split("\n").length;
  throw new XmlError(`XML refused at line ${line}: ${what}`);
}
