import { XmlError } from "./error";

// XML 1.0 (fifth edition) section 2.3, without the planes above U+FFFF, which fast-xml-parser refuses in names.
const nameStart =
  ":A-Z_a-z\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C\\u200D\\u2070-\\u218F" +
  "\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD";
const nameRest = `${nameStart}\\-.0-9\\u00B7\\u0300-\\u036F\\u203F\\u2040`;
/** Source of a regular expression for one XML name. */
export const namePattern = `[${nameStart}][${nameRest}]*`;

const wholeName = new RegExp(`^${namePattern}$`);
// With the u flag a lone surrogate is in none of these ranges, so it is refused too.
const illegal = /[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/** True for a name that an element or an attribute may have. */
export function isXmlName(name: string): boolean {
  return wholeName.test(name);
}

/** The first character that XML 1.0 cannot carry even as a reference, as `U+0000`; undefined when there is none. */
export function illegalCharacter(text: string): string | undefined {
  const point = illegal.exec(text)?.[0].codePointAt(0);
  return point === undefined ? undefined : codePointName(point);
}

const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
// Ten digits are more than any code point needs; the bound keeps a hostile reference from growing.
const reference = /&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,10})|#x([0-9A-Fa-f]{1,10}));|&/g;

/** Replaces the five named and the numeric references; any other is refused. */
export function decodeReferences(raw: string): string {
  if (!raw.includes("&")) return raw;
  return raw.replace(reference, (whole: string, name?: string, decimal?: string, hex?: string) => {
    if (name !== undefined) return named[name] ?? whole;
    if (decimal !== undefined) return fromCodePoint(Number.parseInt(decimal, 10), whole);
    if (hex !== undefined) return fromCodePoint(Number.parseInt(hex, 16), whole);
    throw new XmlError(`"&" begins none of &amp; &lt; &gt; &quot; &apos; or a numeric reference`);
  });
}

/** Decodes an attribute's raw value: literal white space is a blank, referenced white space stays (XML 1.0, 3.3.3). */
export function decodeAttribute(raw: string): string {
  return decodeReferences(raw.replace(/[\t\n\r]/g, " "));
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/** Text as it stands between tags; a carriage return is a reference, else the next parser reads a line feed. */
export function escapeText(text: string): string {
  return legal(text).replace(/[&<>\r]/g, (character) => escapes[character] ?? character);
}

/** A value as it stands in double quotes; white space is referenced, else the next parser reads blanks. */
export function escapeAttribute(value: string): string {
  return legal(value).replace(/[&<>"\t\n\r]/g, (character) => escapes[character] ?? character);
}

/** The text itself, or XmlError for a character that XML 1.0 cannot carry. */
export function legal(text: string): string {
  const character = illegalCharacter(text);
  if (character !== undefined) throw new XmlError(`${character} cannot stand in XML; leave it out`);
  return text;
}

function fromCodePoint(point: number, whole: string): string {
  const character = point <= 0x10ffff ? String.fromCodePoint(point) : "\0";
  if (illegal.test(character)) throw new XmlError(`${whole} refers to a character that cannot stand in XML`);
  return character;
}

function codePointName(point: number): string {
  return `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
}
