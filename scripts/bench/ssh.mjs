// The same work over SSH on this machine: ours beside ours on the socket, and beside one virsh that reads the same commands.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { Stop, must } from "../shell.mjs";
import { inTurn, medianRatio, seconds } from "./measure.mjs";
import { count, machineXml, ours, virshBatch } from "./rpc.mjs";

const port = 2280;

export async function* ssh({ quick }) {
  const folder = mkdtempSync(join(tmpdir(), "pulumi-kvm-bench-"));
  const server = serve(folder);
  try {
    await listening();
    const at = `qemu+ssh://${userInfo().username}@127.0.0.1:${port}/system?keyfile=${folder}/id&known_hosts=${folder}/known_hosts`;
    const machines = Array.from({ length: count }, (_, index) => machineXml(`bench-${index}`));
    // virsh's ssh reads no known_hosts of a URI's.
    const virsh = virshBatch(folder, machines, `${at}&no_verify=1&no_tty=1`);
    const sides = {
      virsh: () => seconds(virsh),
      local: () => seconds(() => ours(machines, 1)),
      sequential: () => seconds(() => ours(machines, 1, `${at}&sshauth=privkey`)),
      inFlight: () => seconds(() => ours(machines, 4, `${at}&sshauth=privkey`)),
    };
    const times = await inTurn(quick ? 3 : 9, sides);
    const work = `${count} x (define, XML, undefine) over SSH`;
    yield { what: `${work}, sequential / on the socket`, ratio: medianRatio(times.sequential, times.local), goal: 2 };
    yield {
      what: `${work}, sequential / one virsh batch with its start`,
      ratio: medianRatio(times.sequential, times.virsh),
      goal: 0.8,
    };
    yield {
      what: `${work}, 4 in flight / one virsh batch with its start`,
      ratio: medianRatio(times.inFlight, times.virsh),
      goal: 0.5,
    };
  } finally {
    server.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A server with keys that are thrown away. */
function serve(folder) {
  for (const name of ["host", "id"]) must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)]);
  const [type, key] = readFileSync(join(folder, "host.pub"), "utf8").split(" ");
  writeFileSync(join(folder, "known_hosts"), `[127.0.0.1]:${port} ${type} ${key}\n`);
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${folder}/host`,
    `AuthorizedKeysFile ${folder}/id.pub`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "PermitRootLogin yes",
  ];
  writeFileSync(join(folder, "config"), `${lines.join("\n")}\n`);
  mkdirSync("/run/sshd", { recursive: true });
  return spawn("/usr/sbin/sshd", ["-D", "-f", join(folder, "config")], { stdio: "ignore" });
}

async function listening() {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const found = await new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("error", () => resolve(false));
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
    });
    if (found) return;
    await new Promise((wake) => setTimeout(wake, 30));
  }
  throw new Stop("sshd does not listen: is openssh-server installed?");
}
