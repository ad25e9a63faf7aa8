// Grammars of names and addresses. libvirt accepts far more than is safe: newlines reach dnsmasq's files, spaces and
// right-to-left marks make names that nobody can type.

// Control, bidirectional, zero-width and other format characters, lone surrogates and non-characters.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/u;
// What XML 1.0 cannot carry at all.
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/u;

type Check = (value: string) => string | undefined;

/** One line of printable text. */
export const printable: Check = (value) => {
  const found = UNPRINTABLE.exec(value)?.[0];
  return found === undefined ? undefined : `must be printable text; it has the character ${codePoint(found)}`;
};

/** Any text that XML can carry. */
export const xmlText: Check = (value) => {
  const found = NOT_XML.exec(value)?.[0];
  return found === undefined ? undefined : `has the character ${codePoint(found)}, which XML cannot carry`;
};

/** A name of an object on a host: letters, digits, `.`, `_`, `-`, at most 128, begins with a letter or digit. */
export const objectName: Check = (value) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(value)
    ? undefined
    : "must be 1 to 128 letters, digits, '.', '_' or '-', and begin with a letter or digit";

/** A host name by RFC 1123. */
export const hostName: Check = (value) =>
  value.length <= 253 && value.split(".").every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
    ? undefined
    : "must be a host name (RFC 1123: labels of letters, digits and inner '-', joined by '.')";

/** A network interface of a host: at most 15 bytes. */
export const interfaceName: Check = (value) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/.test(value)
    ? undefined
    : "must be at most 15 letters, digits, '.', '_' or '-' (the kernel's limit for interface names)";

/** A unicast MAC address. */
export const macAddress: Check = (value) => {
  if (!/^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(value)) return "must be a MAC address such as 52:54:00:12:34:56";
  if ((parseInt(value.slice(0, 2), 16) & 1) === 1) return "is a multicast address; the first byte must be even";
  return /^(00:){5}00$/.test(value) ? "is the null address" : undefined;
};

/** A UUID in its canonical text. */
export const uuidText: Check = (value) =>
  /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(value) ? undefined : "must be a UUID";

/** An absolute path on a host, without `..`. */
export const absolutePath: Check = (value) => {
  if (!value.startsWith("/")) return "must be an absolute path";
  return value.split("/").includes("..") ? "must not contain '..'" : printable(value);
};

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
