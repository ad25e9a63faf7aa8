// Which inputs of the tables were changed on a real daemon, and came out as announced.
import { writeFileSync } from "node:fs";
import type { Cost } from "../../../provider/fields";
import { changeable, excused, type Sample, type Samples } from "./sample";

type Outcome = { readonly cost: string } | { readonly reason: string };

/** Collects what was proven, and tells it. */
export class Coverage {
  private readonly outcomes = new Map<string, Outcome>();

  constructor(private readonly tables: readonly Samples[]) {}

  prove(token: string, { path }: Sample, costs: readonly Cost[]): void {
    this.outcomes.set(`${token} ${path}`, { cost: [...new Set(costs)].join(", ") });
  }

  /** This machine cannot prove it. */
  excuse(token: string, { path }: Sample, reason: string): void {
    this.outcomes.set(`${token} ${path}`, { reason });
  }

  /** One line for each input, and the sum. */
  table(): string {
    const lines = this.tables.flatMap((samples) => changeable(samples.table).map((path) => this.line(samples, path)));
    const proven = lines.filter(({ done }) => done).length;
    const open = lines.filter(({ done }) => !done).map(({ text }) => text);
    const sum = `${proven} of ${lines.length} fields proven on a real daemon`;
    this.write([...lines.map(({ text }) => text), sum]);
    return [sum, ...open].join("\n");
  }

  private line({ token, reasons }: Samples, path: string): { done: boolean; text: string } {
    const outcome = this.outcomes.get(`${token} ${path}`);
    const name = `${token.padEnd(14)} ${path.padEnd(36)}`;
    if (outcome && "cost" in outcome) return { done: true, text: `${name} ${outcome.cost}` };
    const reason = outcome?.reason ?? Object.entries(reasons).find(([one]) => excused(path, { [one]: "" }))?.[1];
    return { done: false, text: `${name} not proven: ${reason ?? "its test failed, or was not run"}` };
  }

  private write(lines: readonly string[]): void {
    const file = process.env["PULUMI_KVM_WALKS_TABLE"];
    if (file !== undefined) writeFileSync(file, `${lines.join("\n")}\n`);
  }
}
