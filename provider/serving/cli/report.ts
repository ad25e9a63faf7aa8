import type { Finding } from "../../resources/host/lacks";
import { groups } from "../../resources/host/matters";
import { printed } from "../printed";

/** What the doctor found. */
export interface Report {
  readonly version: string;
  /** Absent where it is none. */
  readonly uri?: string;
  readonly findings: readonly Finding[];
}

/** True where nothing is missing that every machine needs. */
export function canRun({ findings }: Report): boolean {
  return !findings.some(({ essential, state }) => essential && state === "lacks");
}

/** The report for programs; texts of the host are as harmless to a terminal as in the other one. */
export function asJson(report: Report): string {
  const { version, uri, findings } = report;
  const lacks = stateIn(findings, "lacks").map(({ what, says, remedy }) => ({ what, why: says, remedy }));
  const all = { version, uri, canRunMachines: canRun(report), findings, lacks };
  const harmless = (_: string, value: unknown): unknown => (typeof value === "string" ? line(value) : value);
  return `${JSON.stringify(all, harmless, 2)}\n`;
}

const words: Readonly<Record<Finding["state"], string>> = { ok: "ok", lacks: "lacks", unclear: "cannot tell" };
const STATE_WIDTH = 11;
const REMEDY = " ".repeat(2 + STATE_WIDTH + 2);

/** The report for people: a line for each finding, and below it what to do. */
export function asText(report: Report): string {
  const { version, uri, findings } = report;
  const width = Math.max(...findings.map(({ title }) => title.length));
  const parts = groups.flatMap((group) => {
    const own = findings.filter((one) => one.group === group);
    return own.length === 0 ? [] : [group, ...own.flatMap((one) => linesOf(one, width)), ""];
  });
  const head = `pulumi-kvm ${version}: ${uri === undefined ? "no host" : line(uri)}`;
  return [head, "", ...parts, verdict(report), ""].join("\n");
}

function linesOf({ state, title, says, remedy }: Finding, width: number): string[] {
  const first = `  ${words[state].padEnd(STATE_WIDTH)}  ${title.padEnd(width)}  ${line(says)}`;
  if (remedy === undefined) return [first];
  return [first, `${REMEDY}${state === "lacks" ? "remedy" : "to see"}: ${line(remedy)}`];
}

function verdict(report: Report): string {
  const { findings } = report;
  if (findings.some(({ what, state }) => what === "connection" && state === "lacks"))
    return "The host was not reached.";
  const lacks = stateIn(findings, "lacks").length;
  const unclear = stateIn(findings, "unclear").length;
  const can = canRun(report) ? "The host can run machines" : "The host cannot run machines for this account";
  return `${can}. Lacks: ${lacks}; not to be told from here: ${unclear}.`;
}

function stateIn(findings: readonly Finding[], state: Finding["state"]): Finding[] {
  return findings.filter((one) => one.state === state);
}

/** Text from anywhere as part of one line. */
function line(text: string): string {
  return printed(text).replace(/\s+/g, " ");
}
