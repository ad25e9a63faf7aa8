#!/usr/bin/env node
// The command `pulumi-kvm`. It loads no Pulumi, and of each command no more than was asked for.
import { run } from "./cli/commands";
import { printed } from "./printed";

const terminal = {
  out: (text: string): void => void process.stdout.write(text),
  err: (text: string): void => void process.stderr.write(text),
};

run(process.argv.slice(2), terminal).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    terminal.err(`pulumi-kvm: ${printed(error instanceof Error ? error.message : String(error))}\n`);
    process.exitCode = 1;
  },
);
