// The second door: pulumi-resource-kvm, which the engine starts as a process of its own. It loads no Pulumi SDK, only the
// messages of the protocol, and those after its port is open: the engine connects meanwhile. scripts/bundle.mjs makes one file
// of it.
import { fstatSync } from "node:fs";
import type { Entrance } from "./plugin/entrance";
import { type About, Plugin } from "./plugin/server";

/** Serves those who come through the entrance until the engine ends it; without one it says its version. */
export function main(about: About, words: readonly string[], entrance: Entrance | undefined): void {
  if (entrance === undefined) {
    process.stdout.write(`${about.version}\n`);
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
  plugin.serve(entrance);
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
