import { parseArgs } from "node:util";
import { type Debt, debts, pay } from "../../resources/domain/confirm/debt";
import { Place } from "../../resources/place";
import { printed } from "../printed";
import { NEVER, requestFor } from "../request";
import { accessOf, type Configuration, uriComplaint, uriOf } from "../settings";
import type { Command, Terminal } from "./commands";

const usage = `usage: pulumi-kvm pending [--uri URI] [--json] [--apply [--all] [--max N] [--window HH:MM-HH:MM]]

Lists the machines of a host whose guests wait for a power cycle: the properties, since when, and who changed them.

  --uri URI   the host; else KVM_URI, else LIBVIRT_DEFAULT_URI, else qemu:///system
  --json      the same for programs
  --apply     power-cycle those of programs: each is proven to start first, is asked to stop (as its program's \`shutdown\` says,
              else for 60 s and never by force), and is started; one that had an address must have one again, and must answer
              as its program's \`confirm\` asks. One that does not gets its former definition back, by force. At the first
              that fails no further one is begun
  --all       also those that no program made
  --max N     so many at a time; default 1
  --window    begin none outside of these hours of this machine's clock, such as 22:00-04:00

Interrupted (Ctrl-C, SIGTERM) it begins no further machine and ends those under way; a second time it stops at once.

Exit code: 0 where all went well, 1 where a machine failed, it was interrupted or the host cannot be reached, 2 for wrong words.
`;

const options = {
  uri: { type: "string" },
  json: { type: "boolean" },
  apply: { type: "boolean" },
  all: { type: "boolean" },
  max: { type: "string" },
  window: { type: "string" },
} as const;

/** What waits on a host for a power cycle, and the power cycles. */
export const pending: Command = {
  usage,
  run: async (words, terminal) => {
    const { uri, json, apply, all, max = "1", window } = parseArgs({ args: [...words], options }).values;
    const hours = window === undefined ? ALWAYS : hoursOf(window);
    const complaint = hours === undefined ? "--window is such as 22:00-04:00" : complaintOf(max, apply === true, words);
    if (hours === undefined || complaint !== undefined) {
      terminal.err(`pulumi-kvm: ${complaint ?? ""}\n${usage}`);
      return 2;
    }
    const configuration: Configuration = (key) => (key === "kvm:uri" ? uri : undefined);
    const wrong = uriComplaint(configuration);
    if (wrong !== undefined) {
      terminal.err(`pulumi-kvm: ${printed(wrong)}\n`);
      return 1;
    }
    const place = new Place({ uri: uriOf(configuration), access: accessOf(configuration) });
    try {
      const found = await debts({ place, signal: NEVER });
      terminal.out(
        json === true ? `${JSON.stringify({ uri: place.uri.text, pending: found }, harmless, 2)}\n` : asText(found),
      );
      if (apply !== true) return 0;
      const ours = found.filter(({ program }) => all === true || program !== undefined);
      tellRest(
        "not touched, because no program made them (--all)",
        found.filter((one) => !ours.includes(one)),
        terminal,
      );
      return await payAll(place, ours, Number(max), hours, terminal);
    } catch (error) {
      terminal.err(`pulumi-kvm: ${printed(textOf(error))}\n`);
      return 1;
    } finally {
      await place.host.close();
    }
  },
};

function complaintOf(max: string, apply: boolean, words: readonly string[]): string | undefined {
  if (!/^[1-9]\d{0,2}$/.test(max)) return "--max is a number from 1 to 999";
  const idle = ["--all", "--max", "--window"].find((word) =>
    words.some((one) => one === word || one.startsWith(`${word}=`)),
  );
  return idle !== undefined && !apply ? `${idle} goes with --apply` : undefined;
}

/** Minutes of the day, from and to; where `to` is before `from` the night lies between. */
interface Hours {
  readonly from: number;
  readonly to: number;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
const ALWAYS: Hours = { from: 0, to: 24 * 60 };

/** `22:00-04:00` in minutes; undefined: that is no window. */
export function hoursOf(text: string): Hours | undefined {
  const parts = /^([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)$/.exec(text)?.slice(1).map(Number);
  const [hour = 0, minute = 0, toHour = 0, toMinute = 0] = parts ?? [];
  return parts && { from: hour * 60 + minute, to: toHour * 60 + toMinute };
}

/** True while the clock stands within the hours. */
export function isWithin({ from, to }: Hours, now: Date): boolean {
  const minute = now.getHours() * 60 + now.getMinutes();
  return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
}

/** As many side by side as told; nothing new is begun after a failure, after an interrupt or outside of the hours. */
async function payAll(
  place: Place,
  all: readonly Debt[],
  most: number,
  hours: Hours,
  terminal: Terminal,
): Promise<number> {
  const waiting = [...all];
  let failed = 0;
  const interrupt = heeded(terminal);
  const lane = async (): Promise<void> => {
    while (failed === 0 && !interrupt.came() && isWithin(hours, new Date())) {
      const debt = waiting.shift();
      if (debt === undefined) return;
      const print = (line: string): void => {
        terminal.err(`${printed(line)}\n`);
      };
      try {
        await pay(requestFor("Domain", place, { __owner: { name: debt.name } }, undefined, print), debt);
        terminal.err(`${printed(debt.name)}: power-cycled, ${printed(debt.fields.join(", "))} applied\n`);
      } catch (error) {
        failed += 1;
        terminal.err(`${printed(debt.name)}: ${printed(textOf(error))}\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: most }, lane));
  interrupt.end();
  const why = failed > 0 ? "a machine failed" : interrupt.came() ? "it was interrupted" : "the window is closed";
  tellRest(`not begun, because ${why}`, waiting, terminal);
  return failed === 0 && !interrupt.came() ? 0 : 1;
}

/** Hears the first interrupt, so that no guest is left between its stop and its start; the next one kills as ever. */
function heeded(terminal: Terminal): { readonly came: () => boolean; readonly end: () => void } {
  let came = false;
  const hear = (): void => {
    came = true;
    end();
    terminal.err(
      "interrupted: machines under way are ended first, no further one is begun; interrupt again to stop at once\n",
    );
  };
  const end = (): void => {
    for (const signal of SIGNALS) process.off(signal, hear);
  };
  for (const signal of SIGNALS) process.on(signal, hear);
  return { came: () => came, end };
}

function tellRest(why: string, rest: readonly Debt[], terminal: Terminal): void {
  if (rest.length === 0) return;
  terminal.err(`${rest.length} ${why}: ${printed(rest.map(({ name }) => name).join(", "))}\n`);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function harmless(_: string, value: unknown): unknown {
  return typeof value === "string" ? printed(value) : value;
}

function asText(all: readonly Debt[]): string {
  if (all.length === 0) return "No machine waits for a power cycle.\n";
  const lines = all.map(({ name, fields, owner, since, program }) => {
    const age = since === undefined ? "" : `, for ${ageOf(since, Date.now())}`;
    const who = owner === undefined ? "by another hand" : `by ${owner}`;
    const whose = program === undefined ? ", no program's machine" : "";
    return `${printed(name)}: ${printed(fields.join(", "))}${age}, ${printed(who)}${whose}\n`;
  });
  return lines.join("");
}

/** How long ago that was, in its largest unit: `3 days`. */
export function ageOf(since: string, nowMs: number): string {
  const minutes = Math.max(0, Math.floor((nowMs - Date.parse(since)) / 60_000));
  const [count, unit] =
    minutes < 60
      ? [minutes, "minute"]
      : minutes < 48 * 60
        ? [Math.floor(minutes / 60), "hour"]
        : [Math.floor(minutes / 1440), "day"];
  return Number.isNaN(count) ? "an unknown time" : `${count} ${unit}${count === 1 ? "" : "s"}`;
}
