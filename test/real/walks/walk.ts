// Walks a program edit by edit: after each what was announced has happened, and at the end the host equals a fresh build.
import { deepEqual, isRecord, type Values } from "../../../provider/fields";
import { load, type Token } from "../../../provider/resources";
import type { Place } from "../../../provider/resources/place";
import { parseXml, printXml, type XmlElement } from "../../../provider/xml";
import { virsh } from "../../e2e/engine";
import { Driven } from "../driven";
import { Machine } from "./machine";
import { type Edit, edited, type Program, start } from "./program";
import { ThroughPort } from "./throughPort";
import type { Way } from "./way";

/** Where a walk went wrong: after which edit (the number of edits: at the end), and how. */
export interface Failure {
  readonly at: number;
  readonly wrong: readonly string[];
}

/** Walks by a way; undefined: all was as announced. */
export async function walk(place: Place, edits: readonly Edit[], way: Way): Promise<Failure | undefined> {
  const walker = new Walker(place, way);
  try {
    await way.build(start, "answers");
    for (const [at, edit] of edits.entries()) {
      const wrong = await walker.edit(edit).catch((error: unknown) => [String(error)]);
      if (wrong.length > 0) return { at, wrong };
    }
    // The last power cycle, after which nothing waits.
    const wrong = await way.cycle(walker.program, "unseen");
    if (wrong.length > 0) return { at: edits.length, wrong };
    const walked = await viewOf(place, walker.program);
    await way.destroy();
    const builder = new ThroughPort(place, "fresh");
    try {
      await builder.build({ ...walker.program, machine: { ...walker.program.machine, waitFor: {} } }, "unseen");
      const unlike = apart(walked, await viewOf(place, walker.program));
      return unlike.length > 0 ? { at: edits.length, wrong: unlike } : undefined;
    } finally {
      await builder.destroy();
    }
  } finally {
    await way.destroy();
  }
}

/** What a preview refuses, and nothing is touched, though the program is well written. */
const REFUSED = /the running machine "walked" has it read-only/;

class Walker {
  program: Program = start;

  constructor(
    private readonly place: Place,
    private readonly way: Way,
  ) {}

  async edit(edit: Edit): Promise<readonly string[]> {
    if (edit.cycle) return this.way.cycle(this.program, "answers");
    if (edit.hand && (!this.isMine(edit.hand) || !byHand(edit.hand))) return [];
    const former = this.program;
    this.program = edited(former, edit);
    if (!(await this.way.isWritten(this.program))) this.program = former;
    const wrong = await this.tried();
    if (wrong && (wrong.length === 0 || edit.hand || (await this.isSound()))) return wrong;
    // libvirt refuses a machine like that: the program is wrong, and its author takes the edit back.
    this.program = former;
    return this.way.up(this.program);
  }

  /** Undefined where the preview refuses the program, rightly. */
  private async tried(): Promise<readonly string[] | undefined> {
    try {
      return await this.way.up(this.program);
    } catch (error) {
      if (REFUSED.test(String(error))) return undefined;
      throw error;
    }
  }

  /** A title, metadata, or the link of a card, that the program does not give are somebody else's, and stay. */
  private isMine([act, , mac, ...more]: readonly string[]): boolean {
    const { title, metadata, interfaces } = this.program.machine;
    if (act === "metadata") return metadata !== undefined;
    if (act === "domif-setlink") {
      const cards = (interfaces ?? []) as Values[]; // the table's list
      return cards.some((card) => card["mac"] === mac && isRecord(card["link"]));
    }
    return ![mac, ...more].includes("--title") || title !== undefined;
  }

  /** True where libvirt takes a new machine and network of this program. */
  private async isSound(): Promise<boolean> {
    const twin = new Machine(this.place, "twin", 1, "twin");
    try {
      await twin.create({ ...this.program.machine, name: "twin", powerState: "stopped" });
      return true;
    } catch {
      return false;
    } finally {
      await twin.destroy();
    }
  }
}

/** True where libvirt did it. */
function byHand(words: readonly string[]): boolean {
  try {
    virsh(...words);
    return true;
  } catch {
    return false;
  }
}

type View = Readonly<Record<string, unknown>>;

/** What stands on the host, as an import reads it, and the machine's definition less what is made of owner and order. */
async function viewOf(place: Place, { machine }: Program): Promise<View> {
  const read = async (token: Token, id: string): Promise<Values> => {
    const driven = new Driven(load(token), place, "walked");
    driven.id = id;
    await driven.refresh();
    return driven.inputs ?? {};
  };
  const view = {
    Domain: sorted(await read("Domain", virsh("domuuid", "walked"))),
    Network: await read("Network", virsh("net-uuid", "walked")),
    "Volume a": await read("Volume", "table/walked-a"),
    "Volume b": await read("Volume", "table/walked-b"),
    definition: normalized(virsh("dumpxml", "walked", "--inactive")),
  };
  return isRecord(machine["os"]) && machine["os"]["machine"] !== undefined ? view : ofAnyVersion(view);
}

/** A version of the machine type that the program gave and gives no more stays. */
function ofAnyVersion(view: View): View {
  return JSON.parse(JSON.stringify(view).replace(/pc-(q35|i440fx)-\d+\.\d+/g, "$1")) as View; // still the same
}

function sorted(values: Values): Values {
  const byText = (items: unknown): unknown =>
    Array.isArray(items) ? items.map((item) => JSON.stringify(item, keyOrder)).sort() : items;
  return { ...values, disks: byText(values["disks"]), interfaces: byText(values["interfaces"]) };
}

function keyOrder(_: string, value: unknown): unknown {
  return isRecord(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.localeCompare(b))) : value;
}

const OWN = ["uuid", "metadata", "controller", "address", "alias", "audio"];

function normalized(text: string): readonly string[] {
  const strip = (node: XmlElement): void => {
    node.children = node.children.filter(
      (child) => ("name" in child && !OWN.includes(child.name)) || ("text" in child && child.text.trim() !== ""),
    );
    for (const child of node.children) if ("name" in child) strip(child);
  };
  const root = parseXml(text);
  strip(root);
  return root.children
    .flatMap((node) => ("name" in node ? (node.name === "devices" ? node.children : [node]) : []))
    .flatMap((node) => ("name" in node ? [printXml(node).replace(/\s+/g, " ")] : []))
    .sort();
}

/** What differs between the walked and the fresh. */
function apart(walked: View, fresh: View): string[] {
  return Object.keys(walked).flatMap((name) => {
    const [one, other] = [walked[name], fresh[name]];
    if (deepEqual(one, other)) return [];
    if (Array.isArray(one) && Array.isArray(other)) {
      const only = (a: unknown[], b: unknown[]): unknown[] => a.filter((item) => !b.includes(item));
      return [`${name}: walked has ${JSON.stringify(only(one, other))}, fresh has ${JSON.stringify(only(other, one))}`];
    }
    const [a, b] = [one as Values, other as Values];
    const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => !deepEqual(a[key], b[key]));
    return names.map((key) => `${name}.${key}: walked ${JSON.stringify(a[key])}, fresh ${JSON.stringify(b[key])}`);
  });
}
