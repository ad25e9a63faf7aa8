// Hardware virtualization for QEMU's user. A container's /dev/kvm carries the group number of the machine around it; libvirt then
// takes KVM for lost and probes each QEMU anew, for a second, at every question: a machine's first start took half a minute.
import { statSync } from "node:fs";
import { capture, must } from "../shell.mjs";
import { asRoot } from "./privilege.mjs";

const device = "/dev/kvm";
// Debian's and Ubuntu's; elsewhere QEMU runs as another user, whose rights are its distribution's affair.
const user = "libvirt-qemu";

export const kvm = {
  missing: () => (isClosed() ? [`group ${statSync(device).gid} for the user ${user}`] : []),
  does: () => `groupadd and usermod, because QEMU's user may not open ${device}, whose group has another number here`,
  fix() {
    const gid = String(statSync(device).gid);
    const known = capture(["getent", "group", gid]).out.split(":")[0];
    const name = known === "" ? "kvm-device" : known;
    if (known === "") must(asRoot(["groupadd", "--system", "--gid", gid, name]));
    must(asRoot(["usermod", "--append", "--groups", name, user]));
  },
};

/** True where the device is open to a group, and QEMU's user is not in it; root's own group is left alone. */
function isClosed() {
  const { code, out } = capture(["id", "-G", user]);
  const found = statSync(device, { throwIfNoEntry: false });
  if (code !== 0 || !found || found.gid === 0) return false;
  const [forGroup, forAll] = [0o060, 0o006].map((bits) => (found.mode & bits) === bits);
  return forGroup && !forAll && !out.trim().split(" ").includes(String(found.gid));
}
