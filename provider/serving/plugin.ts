// The second door: pulumi-resource-kvm, which the engine starts as a process of its own. It loads no Pulumi SDK, only the
// messages of the protocol, so that it starts in a tenth of a second. scripts/bundle.mjs makes one file of it.
import { fstatSync } from "node:fs";
import { type About, Plugin } from "./plugin/server";

/** Serves until the engine ends it. The only line on stdout is the port. */
export async function main(about: About, words: readonly string[]): Promise<void> {
  const tell = guardOutput();
  if (words.includes("--version")) {
    tell(about.version);
    return;
  }
  // Files that the process may make (keys, sockets) are its user's alone.
  process.umask(0o077);
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  const plugin = new Plugin(about);
  const engine = engineIn(words);
  plugin.engine.connect(engine);
  endWithSignals(plugin);
  if (engine !== undefined) endWithEngine(plugin);
  tell(String(await plugin.listen()));
}

/** Stdout belongs to the protocol: whatever else is printed goes to stderr. */
function guardOutput(): (line: string) => void {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return (line) => {
    write(`${line}\n`);
  };
}

/** The engine's address is the last word, behind options of its own; a plugin that was started by hand gets it later. */
function engineIn(words: readonly string[]): string | undefined {
  const last = words.at(-1);
  return last !== undefined && /^[^-].*:\d+$/.test(last) ? last : undefined;
}

function fail(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`pulumi-resource-kvm: ended by an error that nobody expected: ${message}\n`);
  process.exit(1);
}

function endWithSignals(plugin: Plugin): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      void end(plugin, `the plugin was ended by ${signal}`);
    });
  }
}

/** The pipe to the engine closes when the engine dies, also by a kill that lets it say nothing. */
function endWithEngine(plugin: Plugin): void {
  const input = fstatSync(0);
  if (!input.isFIFO() && !input.isSocket()) return;
  process.stdin.once("end", () => {
    void end(plugin, "the engine went away");
  });
  process.stdin.resume();
}

async function end(plugin: Plugin, reason: string): Promise<void> {
  await plugin.close(reason);
  process.exit(0);
}
