/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports --
   loaded when first asked for: help and version come at once */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isNativeError } from "node:util/types";
import { printed } from "../printed";

/** Where a command writes. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

/** One word after `pulumi-kvm`. */
export interface Command {
  readonly usage: string;
  /** Resolves to the exit code; throws what `parseArgs` throws of words that it does not know. */
  run(words: readonly string[], terminal: Terminal): Promise<number>;
}

const commands: Readonly<Record<string, { readonly does: string; readonly load: () => Command }>> = {
  doctor: {
    does: "say what a host, this account and the link between can and cannot do",
    load: () => (require("./doctor") as typeof import("./doctor")).doctor,
  },
  pending: {
    does: "list the machines that wait for a power cycle, and power-cycle them",
    load: () => (require("./pending") as typeof import("./pending")).pending,
  },
};

const WRONG_WORDS = 2;

/** Runs the command that the words name; resolves to the exit code. */
export async function run([first, ...rest]: readonly string[], terminal: Terminal): Promise<number> {
  if (first === "--help" || first === "-h") {
    terminal.out(usage());
    return 0;
  }
  if (first === "--version") {
    terminal.out(`${version()}\n`);
    return 0;
  }
  const named = first !== undefined && Object.hasOwn(commands, first) ? commands[first] : undefined;
  if (named) return runOne(named.load(), rest, terminal);
  const complaint = first === undefined ? "" : `pulumi-kvm: there is no command "${printed(first)}"\n`;
  terminal.err(`${complaint}${usage()}`);
  return WRONG_WORDS;
}

async function runOne(command: Command, words: readonly string[], terminal: Terminal): Promise<number> {
  if (words.includes("--help") || words.includes("-h")) {
    terminal.out(command.usage);
    return 0;
  }
  try {
    return await command.run(words, terminal);
  } catch (error) {
    if (!isWrongWord(error)) throw error;
    terminal.err(`pulumi-kvm: ${printed(error.message)}\n${command.usage}`);
    return WRONG_WORDS;
  }
}

/** https://nodejs.org/api/errors.html#err_parse_args_unknown_option and its neighbours. */
function isWrongWord(error: unknown): error is Error {
  return isNativeError(error) && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}

function usage(): string {
  const lines = Object.entries(commands).map(([name, { does }]) => `  ${name.padEnd(10)} ${does}\n`);
  return `usage: pulumi-kvm COMMAND [OPTIONS]\n\n${lines.join("")}\n  --help, --version; pulumi-kvm COMMAND --help\n`;
}

/** The package's own; the file stands two rooms up, of the sources as of what is compiled. */
export function version(): string {
  const text = readFileSync(join(__dirname, "../../../package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version; // npm needs it there
}
