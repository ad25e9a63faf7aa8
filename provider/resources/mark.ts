import { child, element, find, removeChild, type XmlElement } from "../xml";
import { type Owner, printOwner } from "./owner";

const NAMESPACE = "urn:pulumi-kvm:mark:1";
/** The prefix under which the mark is written. */
export const MARK_PREFIX = "kvm";

/** What we write into the metadata of machines and networks: whose they are, which life, and how far it got. */
export interface Mark {
  /** The owner in one line. */
  readonly owner: string;
  readonly incarnation: string;
  /** `creating` until the create's last step; a retry goes on with such an object. */
  readonly phase: "creating" | "ready";
  /** Properties that an update wrote to the definition for the next power cycle. */
  readonly deferred: readonly string[];
  /** When the first of them was deferred (ISO 8601, UTC). A guest whose own mark says the same was started with them. */
  readonly since?: string;
  /** The guest that waits was started with the host's CPU model, which libvirt shows by its name alone. */
  readonly hostModel?: true;
  /** Properties that an update changes in the running guest now: what it lacks of them was not done. */
  readonly applying?: readonly string[];
  /** An update power-cycles the guest now, which goes on like this: `running` or `paused`. */
  readonly restarting?: string;
  /** A volume of a former seed that the guest may still hold: whoever comes next takes it away. */
  readonly formerSeed?: string;
  /** Of a network: it was stopped and started, and cards of running machines may not be plugged in again yet. */
  readonly replug?: true;
  /** A change that its guest has not confirmed yet, and how things stood before it (JSON). */
  readonly unconfirmed?: string;
  /** The program's wish of what confirms a change, and within how many seconds: `tcp:22 120`. */
  readonly confirm?: string | undefined;
  /** The program's wish of how the guest is stopped: seconds, then `force` or `never` where it says so. */
  readonly shutdown?: string | undefined;
}

/** Texts that a mark may carry, by the same name in XML. */
const TEXTS = ["since", "restarting", "formerSeed", "unconfirmed", "confirm", "shutdown"] as const;

/** A mark for a new life of an owner's object. */
export function markFor(owner: Owner, incarnation: string, phase: Mark["phase"]): Mark {
  return { owner: printOwner(owner), incarnation, phase, deferred: [] };
}

/** Reads the mark of a definition; undefined where there is none. */
export function readMark(root: XmlElement): Mark | undefined {
  const found = find(root, "metadata")?.children.find((node): node is XmlElement => "name" in node && isMark(node));
  if (!found) return undefined;
  const applying = labelsOf(found.attributes.get("applying"));
  const texts = TEXTS.flatMap((name) => {
    const text = found.attributes.get(name);
    return text === undefined ? [] : [[name, text] as const];
  });
  return {
    owner: found.attributes.get("owner") ?? "",
    incarnation: found.attributes.get("incarnation") ?? "",
    phase: found.attributes.get("phase") === "creating" ? "creating" : "ready",
    deferred: labelsOf(found.attributes.get("deferred")),
    ...(applying.length === 0 ? {} : { applying }),
    ...(found.attributes.get("hostModel") === "yes" ? { hostModel: true } : {}),
    ...(found.attributes.get("replug") === "yes" ? { replug: true } : {}),
    ...Object.fromEntries(texts),
  };
}

/** Property paths in one attribute; the key of a map may have spaces. */
function textOf(labels: readonly string[]): string {
  return labels.map((label) => label.replace(/[%\s]/g, encodeURIComponent)).join(" ");
}

function labelsOf(text = ""): readonly string[] {
  return text === "" ? [] : text.split(" ").map(decodeURIComponent);
}

/** libvirt may choose another prefix, so the namespace decides. */
function isMark(node: XmlElement): boolean {
  const [prefix, local] = node.name.includes(":") ? node.name.split(":", 2) : ["", node.name];
  const declared = node.attributes.get(prefix ? `xmlns:${prefix}` : "xmlns");
  return local === "mark" && declared === NAMESPACE;
}

/** Writes the mark into a definition, beside whatever else its metadata has. */
export function writeMark(root: XmlElement, mark: Mark): void {
  const metadata = child(root, "metadata") ?? append(root, element("metadata"));
  const [first, ...more] = metadata.children.filter((node): node is XmlElement => "name" in node && isMark(node));
  for (const node of more) removeChild(metadata, node);
  const made = markElement(mark);
  // In its own place: another order of the metadata would be a change of the definition.
  if (first) metadata.children.splice(metadata.children.indexOf(first), 1, made);
  else metadata.children.push(made);
}

function markElement(mark: Mark): XmlElement {
  return element(`${MARK_PREFIX}:mark`, { [`xmlns:${MARK_PREFIX}`]: NAMESPACE, ...attributesOf(mark) });
}

/** The mark as libvirt's metadata calls take it: they add the namespace themselves. */
export function bareMark(mark: Mark): XmlElement {
  return element("mark", attributesOf(mark));
}

function attributesOf(mark: Mark): Record<string, string> {
  return {
    owner: mark.owner,
    incarnation: mark.incarnation,
    phase: mark.phase,
    ...(mark.deferred.length > 0 ? { deferred: textOf(mark.deferred) } : {}),
    ...(mark.applying === undefined || mark.applying.length === 0 ? {} : { applying: textOf(mark.applying) }),
    ...(mark.hostModel === true ? { hostModel: "yes" } : {}),
    ...(mark.replug === true ? { replug: "yes" } : {}),
    ...Object.fromEntries(TEXTS.flatMap((name) => (mark[name] === undefined ? [] : [[name, mark[name]] as const]))),
  };
}

/** A mark without some of what it may have. */
export function unmarked(mark: Mark, ...names: readonly ("since" | "restarting" | "unconfirmed" | "replug")[]): Mark {
  const rest = Object.entries(mark).filter(([name]) => !names.some((one) => one === name));
  return Object.fromEntries(rest) as unknown as Mark; // all that a mark must have stays
}

/** The metadata namespace of marks. */
export const MARK_NAMESPACE = NAMESPACE;

function append(parent: XmlElement, node: XmlElement): XmlElement {
  parent.children.push(node);
  return node;
}
