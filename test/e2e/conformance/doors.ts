// One program through both doors: only its import line differs.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Values } from "../../../provider/fields";
import type { Token } from "../../../provider/resources";
import { Program, type ProgramOptions, type Ran } from "../engine";

export type Door = "dynamic" | "plugin";
export const doors: readonly Door[] = ["dynamic", "plugin"];

const importLines = {
  dynamic: `const kvm = require("pulumi-kvm");`,
  plugin: `const kvm = require("pulumi-kvm/plugin");`,
};

/** A resource of a program: `{ $unknown: true }` stands for an output that is not known yet, `{ $asset }` for a text asset. */
export interface Declared {
  readonly token: Token;
  readonly name: string;
  readonly args: Values;
  /** The resource options, as JavaScript. */
  readonly options?: string;
}

/** The text of a program that declares resources; `more` is JavaScript. */
export function programText(declared: readonly Declared[], more = ""): string {
  const made = declared.map(({ token, name, args, options }) => {
    const text = JSON.stringify(args)
      .replaceAll('{"$unknown":true}', "later")
      .replace(/\{"\$asset":("[^"]*")\}/g, "new pulumi.asset.StringAsset($1)");
    return `new kvm.${token}(${JSON.stringify(name)}, ${text}, ${options ?? "{}"});`;
  });
  const unknown = `const later = new kvm.Network("later", { name: "table-later" }).uuid;`;
  const usesUnknown = made.some((line) => /\blater\b/.test(line));
  return [...(usesUnknown ? [unknown] : []), ...made, more].join("\n");
}

/** What a preview says of one resource. */
export interface Planned {
  /** `create`, `update`, `replace`, `delete`. */
  readonly op: string;
  /** The paths of the engine's detailed diff; the dynamic door has none. */
  readonly paths: readonly string[];
}

export interface Plan extends Ran {
  /** By logical name; what stays the same is left out. */
  readonly planned: Readonly<Record<string, Planned>>;
}

export interface Recorded {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Values;
  readonly outputs?: Values;
  readonly initErrors?: readonly string[];
}

/** A project whose program goes through one door; `enter` sends it through the other one. */
export class DoorProgram extends Program {
  private door: Door | undefined;

  constructor(door: Door, source: string, options: Omit<ProgramOptions, "source"> = {}) {
    super({ config: { "kvm:uri": "qemu:///system" }, plugin: true, ...options, source: "" });
    this.enter(door, source);
  }

  enter(door: Door, source: string): void {
    this.door = door;
    this.write(source);
  }

  override write(source: string): void {
    const head = `const pulumi = require("@pulumi/pulumi");\n${importLines[this.door ?? "dynamic"]}\n`;
    writeFileSync(join(this.folder, "index.js"), head + source);
  }

  /** A preview that has to succeed. */
  plan(...more: readonly string[]): Plan {
    const ran = this.run("preview", "--json", ...more);
    if (ran.code !== 0) throw new Error(`pulumi preview ended with ${ran.code}:\n${diagnostics(ran.text)}`);
    return { ...ran, planned: plannedIn(ran.text) };
  }

  /** All of our resources in the state, whichever door made them. */
  recorded(): readonly Recorded[] {
    const { deployment } = JSON.parse(this.stateText()) as { deployment: { resources?: Recorded[] } };
    return (deployment.resources ?? []).filter(({ type }) => /^(pulumi-nodejs:dynamic\/kvm:|kvm:index:)/.test(type));
  }

  urnOf(name: string): string {
    const urn = this.recorded().find((one) => one.urn.endsWith(`::${name}`))?.urn;
    if (urn === undefined) throw new Error(`the state has no ${name}`);
    return urn;
  }
}

interface JsonPreview {
  readonly steps?: readonly { op: string; urn: string; detailedDiff?: Readonly<Record<string, unknown>> | null }[];
  readonly diagnostics?: readonly { message?: string; severity?: string; urn?: string }[];
}

function jsonIn(text: string): JsonPreview {
  return JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)) as JsonPreview;
}

function diagnostics(text: string): string {
  const { diagnostics: all = [] } = jsonIn(text);
  return all.map(({ message, severity, urn }) => `${severity ?? ""} ${urn ?? ""} ${message ?? ""}`).join("\n");
}

function plannedIn(text: string): Record<string, Planned> {
  const planned: Record<string, Planned> = {};
  for (const { op, urn, detailedDiff } of jsonIn(text).steps ?? []) {
    if (op === "same" || op === "read" || !/(dynamic\/kvm|kvm:index):/.test(urn)) continue;
    const name = urn.split("::").slice(3).join("::");
    // A replacement comes in up to three steps, whose order depends on which of them is first.
    const word = op.includes("replace") || op.includes("replacement") ? "replace" : op;
    const paths = new Set([...(planned[name]?.paths ?? []), ...Object.keys(detailedDiff ?? {})]);
    planned[name] = { op: word, paths: [...paths].sort() };
  }
  return planned;
}
