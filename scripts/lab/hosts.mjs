// hosts.mjs COUNT [bare]: inside a lab, makes as many small hosts of their own beside it, each with sshd and libvirtd and a cable
// to the lab, and prints one line of JSON about them. They last until stdin ends. Bare ones lack the programs that other tools
// want on a host.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { projectRoot } from "../places.mjs";
import { Stop, isProgram, main, must } from "../shell.mjs";

const BRIDGE = "hosts";
const WAIT_MS = 120_000;

/** Covers programs of this mount namespace: whoever calls one fails. */
const bare =
  "for p in $(type -aP virsh qemu-img nc netcat genisoimage mkisofs xorriso python3); do mount --bind /dev/null $(readlink -f $p); done";

async function hosts([word, kind]) {
  const count = Number(word);
  if (!(count >= 1 && count <= 250)) throw new Stop("usage: node scripts/lab/hosts.mjs COUNT [bare] (1 to 250)");
  if (process.env.PULUMI_KVM_LAB !== "1") throw new Stop("hosts: only in a lab");
  const folder = mkdtempSync(join(tmpdir(), "pulumi-kvm-hosts-"));
  const key = join(folder, "id");
  makeKey(key);
  wire();
  const made = Array.from({ length: count }, (_, index) => hostOf(folder, index, kind === "bare" ? bare : ":"));
  const known = join(folder, "known_hosts");
  writeFileSync(known, made.map(({ line }) => line).join(""));
  const ended = new Promise((resolve, reject) => {
    process.stdin.on("end", resolve).resume();
    for (const { name, child } of made) {
      child.once("exit", (code) => reject(new Stop(`hosts: ${name} ended with ${code}: see ${folder}/${name}.log`)));
    }
  });
  await Promise.race([Promise.all(made.map(({ address }) => listening(address))), ended]);
  const told = made.map(({ name, address, cable }) => ({ name, address, cable, uri: uriOf(address, key, known) }));
  process.stdout.write(`${JSON.stringify({ key, knownHosts: known, hosts: told })}\n`);
  await ended;
  // Their process namespaces end with them.
  for (const { child } of made) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}

function uriOf(address, key, known) {
  return `qemu+ssh://root@${address}/system?keyfile=${key}&known_hosts=${known}&sshauth=privkey`;
}

function makeKey(file) {
  must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
}

/** The lab's end of all cables. */
function wire() {
  mkdirSync("/run/netns", { recursive: true });
  must(["mount", "-t", "tmpfs", "lab", "/run/netns"]);
  must(["ip", "link", "add", BRIDGE, "type", "bridge"]);
  must(["ip", "address", "add", "10.99.0.254/24", "dev", BRIDGE]);
  must(["ip", "link", "set", BRIDGE, "up"]);
}

function hostOf(folder, index, prepare) {
  const [name, cable, address] = [`host${index + 1}`, `cable${index + 1}`, `10.99.0.${index + 1}`];
  const hostKey = join(folder, name);
  makeKey(hostKey);
  must(["ip", "netns", "add", name]);
  must(["ip", "link", "add", cable, "master", BRIDGE, "up", "type", "veth", "peer", "name", "lan", "netns", name]);
  const lines = [
    `ListenAddress ${address}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${folder}/id.pub`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "PermitRootLogin yes",
    "Subsystem sftp internal-sftp",
  ];
  writeFileSync(`${hostKey}.conf`, `${lines.join("\n")}\n`);
  const isolated = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const inside = ["bash", join(projectRoot, "scripts/lab/inside.sh"), "bash", "-c"];
  const serve = `exec >${hostKey}.log 2>&1
    hostname ${name}; ip address add ${address}/24 dev lan; ip link set lan up; mkdir -p /run/sshd; ${prepare}
    exec /usr/sbin/sshd -D -f ${hostKey}.conf`;
  const environment = { ...process.env, LAB_HOST_UUID: uuidOf(index) };
  const child = spawn("nsenter", [`--net=/run/netns/${name}`, ...isolated, ...inside, serve], {
    stdio: ["ignore", "ignore", "inherit"],
    env: environment,
  });
  const [type, text] = readFileSync(`${hostKey}.pub`, "utf8").split(" ");
  return { name, cable, address, child, line: `${address} ${type} ${text.trim()}\n` };
}

/** Hosts of one machine have one SMBIOS, and with that one UUID. */
function uuidOf(index) {
  return `00000000-0000-4000-8000-${String(index + 1).padStart(12, "0")}`;
}

async function listening(host) {
  for (const end = Date.now() + WAIT_MS; Date.now() < end; await sleep(50)) {
    const open = await new Promise((resolve) => {
      const socket = connect({ host, port: 22, timeout: 1000 });
      for (const event of ["connect", "error", "timeout"]) {
        socket.once(event, () => {
          socket.destroy();
          resolve(event === "connect");
        });
      }
    });
    if (open) return;
  }
  throw new Stop(`hosts: ${host} does not listen`);
}

if (isProgram(import.meta)) await main(() => hosts(process.argv.slice(2)));
