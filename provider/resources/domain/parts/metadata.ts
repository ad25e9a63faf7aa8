import { isRecord, map } from "../../../fields";
import { child, cloneXml, element, elementsOf, removeChild, type XmlElement } from "../../../xml";

/** The namespace of what a program keeps with its machine; libvirt has one element of each namespace. */
export const METADATA_NAMESPACE = "urn:pulumi-kvm:metadata:1";
/** The prefix under which it is written. */
export const METADATA_PREFIX = "kvm";
/** libvirt's RPC carries texts of 4 MiB, and each sign may take six bytes in XML. */
const MOST_CHARACTERS = 256 * 1024;

function keyComplaint(key: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,255}$/.test(key)
    ? undefined
    : "a key has 1 to 256 letters, digits, '.', '_', '-', '/', ':', '@' or '+', and begins with a letter or digit";
}

function sizeComplaint(value: Readonly<Record<string, unknown>>): string | undefined {
  const all = Object.entries(value).reduce((sum, [key, text]) => sum + key.length + String(text).length, 0);
  return all > MOST_CHARACTERS ? `has ${all} characters in all; at most ${MOST_CHARACTERS} are allowed` : undefined;
}

/** The program's element in a definition, under whatever prefix. */
function holderIn(root: XmlElement): XmlElement | undefined {
  const metadata = child(root, "metadata");
  return (
    metadata && elementsOf(metadata).find((node) => node.attributes.get(declarationIn(node)) === METADATA_NAMESPACE)
  );
}

function declarationIn({ name }: XmlElement): string {
  return ["xmlns", ...prefixOf(name)].join(":");
}

function prefixOf(name: string): string[] {
  return name.includes(":") ? [name.slice(0, name.indexOf(":"))] : [];
}

/** The key of an entry; what no program could have written is left alone. */
function keyOf(node: XmlElement): string | undefined {
  const key = /^([^:]+:)?entry$/.test(node.name) ? node.attributes.get("key") : undefined;
  return key !== undefined && keyComplaint(key) === undefined ? key : undefined;
}

function read(root: XmlElement): Readonly<Record<string, string>> | undefined {
  const holder = holderIn(root);
  const entries = (holder ? elementsOf(holder) : []).flatMap((node) => {
    const key = keyOf(node);
    return key === undefined ? [] : [[key, shortened(node.attributes.get("value") ?? "")] as const];
  });
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

/** Whoever edits a definition on the host may write megabytes into it: no state is to grow by them. */
function shortened(value: string): string {
  if (value.length <= MOST_CHARACTERS) return value;
  return `${value.slice(0, MOST_CHARACTERS)}... (${value.length} characters)`;
}

function write(root: XmlElement, value: unknown): void {
  const wanted = new Map(isRecord(value) ? Object.entries(value) : []);
  const holder = holderIn(root) ?? (wanted.size > 0 ? addHolder(root) : undefined);
  if (!holder) return;
  const written = new Set<string>();
  for (const node of elementsOf(holder)) {
    const key = keyOf(node);
    if (key === undefined) continue;
    // Of two with one key the last is read, and one is left.
    if (!wanted.has(key) || written.has(key)) removeChild(holder, node);
    else node.attributes.set("value", String(wanted.get(key)));
    written.add(key);
  }
  const prefix = prefixOf(holder.name);
  for (const [key, text] of wanted) {
    const entry = element([...prefix, "entry"].join(":"), { key, value: String(text) });
    if (!written.has(key)) holder.children.push(entry);
  }
  const metadata = child(root, "metadata");
  if (!metadata || elementsOf(holder).length > 0) return;
  removeChild(metadata, holder);
  if (elementsOf(metadata).length === 0) removeChild(root, metadata);
}

function addHolder(root: XmlElement): XmlElement {
  const made = element(`${METADATA_PREFIX}:metadata`, { [`xmlns:${METADATA_PREFIX}`]: METADATA_NAMESPACE });
  const metadata = child(root, "metadata") ?? element("metadata");
  if (!root.children.includes(metadata)) root.children.push(metadata);
  metadata.children.push(made);
  return made;
}

/** The element as libvirt's metadata calls take it: they add the namespace themselves; undefined where there is none. */
export function bareMetadata(root: XmlElement): XmlElement | undefined {
  const holder = holderIn(root);
  if (!holder) return undefined;
  const bare = cloneXml(holder);
  bare.attributes.delete(declarationIn(bare));
  for (const node of [bare, ...elementsOf(bare)]) node.name = node.name.slice(node.name.indexOf(":") + 1);
  return bare;
}

/** How the texts stand in a definition. */
export const metadataXml = { read, write };

export const metadata = map({
  xml: metadataXml,
  names: keyComplaint,
  check: sizeComplaint,
  change: "live",
  doc: "Texts that you keep with the machine, by key: `team`, `example.com/cost-center`. A key has 1 to 256 letters, digits and `._-/:@+`, begins with a letter or digit, and is read with upper and lower case apart; a value is any text that XML can carry, 256 Ki characters in all. They stand in the machine's `<metadata>` under `urn:pulumi-kvm:metadata:1`, beside what other tools keep there. Absent: not looked at.",
});
