// libvirt's daemons: started by systemd where it runs, else by us.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { projectRoot } from "../places.mjs";
import { Stop, capture, must } from "../shell.mjs";
import { asRoot } from "./privilege.mjs";

const sockets = ["/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock"];
const log = "/var/log/libvirt/libvirtd.log";

export const daemons = {
  missing: async () => ((await answer()) === undefined ? [] : ["a running libvirtd"]),
  does: () =>
    hasSystemd()
      ? "systemctl enable --now libvirtd, because no libvirt socket answers"
      : "starting virtlogd and libvirtd, because no libvirt socket answers and no systemd runs here that would",
  async fix() {
    refuseWithoutRights(await answer());
    if (hasSystemd()) must(asRoot(["systemctl", "enable", "--now", "libvirtd"]));
    else startUnderReaper();
    await untilAnswered();
  },
};

const hasSystemd = () => existsSync("/run/systemd/system");

/** Undefined when a daemon takes our connection, else the error's code; asked by connecting: a pid file proves nothing. */
async function answer() {
  const codes = await Promise.all(sockets.map(tried));
  if (codes.includes(undefined)) return undefined;
  return codes.find((code) => code === "EACCES") ?? codes[0];
}

function tried(path) {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on("connect", () => (socket.destroy(), resolve(undefined)));
    socket.on("error", (error) => resolve(error.code));
  });
}

function refuseWithoutRights(code) {
  if (code !== "EACCES") return;
  throw new Stop(
    "libvirtd runs, but you may not talk to it. Join its group, then log in again:\n  sudo usermod --append --groups libvirt $USER",
  );
}

/** The reaper stays: guests are its grandchildren, and it takes note of their end at once. */
function startUnderReaper() {
  const command = asRoot(["perl", join(projectRoot, "scripts/setup/reaper.pl"), log, "virtlogd", "libvirtd"]);
  spawn(command[0], command.slice(1), { detached: true, stdio: "ignore", cwd: "/" }).unref();
}

async function untilAnswered() {
  const deadlineMs = Date.now() + 20_000;
  while (capture(["virsh", "-q", "-c", "qemu:///system", "version"]).code !== 0) {
    if (Date.now() > deadlineMs) {
      throw new Stop(`libvirtd was started and does not answer within 20 s; its log is ${log}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
