// The lab's own libvirtd with other settings, as one that listens on ports.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const pidFile = "/run/libvirt/libvirtd.pid";
const configFile = "/run/libvirt/test-libvirtd.conf";
const logFile = "/run/libvirt/test-libvirtd.log";

/** Starts the daemon anew with these lines of libvirtd.conf; it answers when this returns. */
export async function libvirtdWith(
  lines: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  await stopped();
  rmSync(logFile, { force: true });
  const all = [...lines, `log_outputs = "3:file:${logFile}"`];
  writeFileSync(configFile, `${all.join("\n")}\n`);
  execFileSync("libvirtd", ["-d", "-l", "-f", configFile, "-p", pidFile], {
    stdio: "pipe",
    env: { ...process.env, ...environment },
  });
}

/** The lab's daemon as it was. */
export async function libvirtdAsBefore(): Promise<void> {
  await stopped();
  execFileSync("bash", ["-c", process.env["LAB_LIBVIRTD"] ?? "false"]);
}

export function libvirtdLog(): string {
  return existsSync(logFile) ? readFileSync(logFile, "utf8") : "";
}

async function stopped(): Promise<void> {
  if (!existsSync(pidFile)) return; // it has ended by itself, as with its bus
  const pid = Number(readFileSync(pidFile, "utf8"));
  process.kill(pid, "SIGTERM");
  for (let attempt = 0; attempt < 200 && existsSync(`/proc/${pid}`); attempt += 1) {
    await new Promise((wake) => setTimeout(wake, 25));
  }
}
