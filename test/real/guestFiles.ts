import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** The Linux guest of the tests: it boots in seconds under software emulation, takes leases and serves a page. */
export interface GuestFiles {
  readonly kernel: string;
  readonly initrd: string;
}

/** Paths of the guest's files; they are made where they are missing. */
export function guestFiles(): GuestFiles {
  const { PULUMI_KVM_GUEST_KERNEL: kernel, PULUMI_KVM_GUEST_INITRD: initrd } = process.env;
  if (kernel !== undefined && initrd !== undefined) return { kernel, initrd };
  const module = join(__dirname, "../../scripts/guest.mjs");
  const script = `import { guest } from "${module}"; process.stdout.write(JSON.stringify(guest()));`;
  const out = execFileSync("node", ["--input-type=module", "-e", script], { encoding: "utf8" });
  return JSON.parse(out.slice(out.indexOf("{"))) as GuestFiles;
}
