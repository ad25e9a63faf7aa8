import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** The Linux guest of the tests: it boots in seconds under software emulation, takes leases and serves a page. */
export interface GuestFiles {
  readonly kernel: string;
  readonly initrd: string;
}

/** Its command line, less what no test looks at: software emulation takes long over it. */
export const cmdline =
  "console=ttyS0 quiet cryptomgr.notests lsm= mitigations=off nokaslr audit=0 no5lvl noxsave nopku init_on_alloc=0 " +
  "rodata=off maxcpus=1"; // The guest itself brings the other CPUs up: while it boots they would wait for each other.

/** The same guest with QEMU's guest agent in it; made where it is missing. */
export function agentInitrd(): string {
  return process.env["PULUMI_KVM_AGENT_INITRD"] ?? String(made("guest/agent.mjs", "guestWithAgent()"));
}

/** Paths of the guest's files; they are made where they are missing. */
export function guestFiles(): GuestFiles {
  const { PULUMI_KVM_GUEST_KERNEL, PULUMI_KVM_GUEST_INITRD } = process.env;
  const given = { kernel: PULUMI_KVM_GUEST_KERNEL, initrd: PULUMI_KVM_GUEST_INITRD };
  const { kernel, initrd } = given.kernel && given.initrd ? given : (made("guest.mjs", "guest()") as GuestFiles);
  return { kernel: String(kernel), initrd: String(initrd) };
}

/** What a script makes; it tells people what it does in lines before its answer. */
function made(file: string, call: string): unknown {
  const module = join(__dirname, "../../scripts", file);
  const script = `import * as scripts from "${module}"; process.stdout.write("\\n" + JSON.stringify(scripts.${call}));`;
  const out = execFileSync("node", ["--input-type=module", "-e", script], { encoding: "utf8" });
  return JSON.parse(out.slice(out.lastIndexOf("\n")));
}
