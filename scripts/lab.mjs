// lab.mjs [--] COMMAND...: runs COMMAND beside a private libvirtd, in namespaces of its own, so that tests may do as they
// like: the machine's own guests, networks and files are out of reach, and all that was made ends with COMMAND.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "./places.mjs";
import { asRoot } from "./setup/privilege.mjs";
import { Interrupted, Stop, isProgram, main } from "./shell.mjs";

/** The signal that came last: what is asked for after it is not begun. */
let endedBy;

/** Runs a command in a lab and resolves to its exit code; `env` is added to the environment. Rejects where a signal ends it. */
export async function inLab(command, env = {}) {
  if (endedBy !== undefined) throw new Interrupted(endedBy);
  const inside = join(projectRoot, "scripts/lab/inside.sh");
  // The PID namespace's first process is the shell: it reaps orphans at once (a destroy then takes 0.2 s instead of 2 s),
  // and when it ends the kernel ends every other process in there.
  const isolated = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", inside];
  const [program, ...args] = asRoot([...isolated, ...command], { keepEnvironment: true });
  const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, ...env, PULUMI_KVM_LAB: "1" } });
  // unshare waits on through all others; what is inside ends with it. Ctrl-C reaches the command by the terminal.
  const pass = (signal) => {
    endedBy = signal;
    child.kill(signal === "SIGINT" ? signal : "SIGKILL");
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, pass);
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new Stop(`lab: ${program} could not be started: ${error.message}`)));
    child.on("exit", (code) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, pass);
      // A shell hears Ctrl-C too, and goes on.
      if (endedBy === undefined || code === 0) resolve(code ?? 143);
      else reject(new Interrupted(endedBy));
    });
  });
}

if (isProgram(import.meta)) {
  await main(() => {
    const command = process.argv.slice(process.argv[2] === "--" ? 3 : 2);
    if (command.length === 0) throw new Stop("usage: node scripts/lab.mjs [--] COMMAND...");
    return inLab(command);
  });
}
