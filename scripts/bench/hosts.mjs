// Many hosts in one program beside one host with as many objects, and a host at the end of a long cable beside the socket of
// this machine. Each host has its own sshd and libvirtd; a relay makes the cable long.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { projectRoot } from "../places.mjs";
import { Stop, must } from "../shell.mjs";
import { commands, cpuSecondsOf } from "./engine.mjs";
import { inTurn, median, medianRatio, seconds } from "./measure.mjs";
import { Peaks } from "./peaks.mjs";
import { projectOf } from "./program.mjs";

const machineCount = 50;
const farGoal = 2;
const roundTripMs = 20;
const relayAt = { host: "10.99.0.254", port: 2222 };
const provider = "provider process";

export async function* hosts({ quick }) {
  const rounds = quick ? 1 : 3;
  const lab = await started(quick ? 5 : 20);
  try {
    yield* many(lab.hosts, rounds);
    yield* far(lab, rounds);
  } finally {
    lab.stop();
  }
}

async function* many(all, rounds) {
  const sides = {
    many: () => life(all.map(({ uri }) => uri)),
    one: () => life(all.map(() => all[0].uri)),
  };
  const runs = await inTurn(rounds, sides);
  const ratio = (of) => medianRatio(runs.many.map(of), runs.one.map(of));
  const work = `${all.length} hosts with a network, a pool, a volume and a machine each`;
  for (const name of Object.keys(commands))
    yield { what: `${name} of ${work}, time / all on one`, ratio: ratio((run) => run.seconds[name]) };
  const mebibytes = Math.round(median(runs.many.map((run) => run.kib)) / 1024);
  yield {
    what: `peak memory of the largest provider process, ${mebibytes} MiB / all on one`,
    ratio: ratio((run) => run.kib),
  };
  const processes = median(runs.many.map((run) => run.processes));
  yield {
    what: `provider's processes in the four commands, ${processes} / all on one`,
    ratio: ratio((run) => run.processes),
  };
}

/** One life of a stack of as many parts as there are URIs. */
async function life(uris) {
  const project = projectOf({ source: parts(uris), packages: { "pulumi-kvm": projectRoot } });
  try {
    const { seconds, peaks } = await run(project, Object.keys(commands));
    return { seconds, kib: peaks.kib[provider], processes: peaks.processes(provider) };
  } finally {
    project.close();
  }
}

async function run({ folder, env }, names) {
  must(["pulumi", "stack", "init", "bench"], { cwd: folder, env });
  const peaks = new Peaks();
  const taken = {};
  for (const name of names)
    taken[name] = await seconds(() => cpuSecondsOf(commands[name], { cwd: folder, env }, peaks));
  return { seconds: taken, peaks };
}

const parts = (uris) => `
const kvm = require("pulumi-kvm");
${JSON.stringify(uris)}.forEach((uri, index) => {
  const at = { provider: new kvm.Provider("host-" + index, { uri }) };
  new kvm.Network("lan-" + index, { name: "lan-" + index, ips: [{ address: \`10.\${100 + index}.0.1/24\`, dhcp: {} }] }, at);
  const pool = new kvm.StoragePool("pool-" + index, { name: "pool-" + index }, at);
  const disk = new kvm.Volume("disk-" + index, { name: "disk-" + index, pool: pool.name, capacity: 1 }, at);
  const machine = { name: "machine-" + index, type: "qemu", memory: 96, powerState: "stopped" };
  new kvm.Domain("machine-" + index, { ...machine, disks: [{ volume: disk.id }], interfaces: [{ network: "lan-" + index }] }, at);
});
`;

async function* far(lab, rounds) {
  const relay = lengthened(lab);
  const sides = { far: () => machines(relay.uri), near: () => machines("qemu:///system") };
  try {
    const runs = await inTurn(rounds, sides);
    for (const name of ["up", "preview"]) {
      yield {
        what: `${name} of ${machineCount} machines and their volumes over ${roundTripMs} ms, time / socket`,
        ratio: medianRatio(
          runs.far.map((taken) => taken[name]),
          runs.near.map((taken) => taken[name]),
        ),
        goal: farGoal,
      };
    }
  } finally {
    relay.close();
  }
}

async function machines(uri) {
  const source = `
const { StoragePool, Volume, Domain } = require("pulumi-kvm");
const pool = new StoragePool("far", { name: "far" });
for (let index = 0; index < ${machineCount}; index += 1) {
  const disk = new Volume("disk-" + index, { name: "disk-" + index, pool: pool.name, capacity: 1 });
  new Domain("far-" + index, { name: "far-" + index, type: "qemu", memory: 96, powerState: "stopped", disks: [{ volume: disk.id }] });
}
`;
  const project = projectOf({ source, packages: { "pulumi-kvm": projectRoot } });
  try {
    return (await run({ ...project, env: { ...project.env, KVM_URI: uri } }, ["up", "preview", "destroy"])).seconds;
  } finally {
    project.close();
  }
}

/** The first host behind a relay that keeps each byte for half of the round trip, either way. */
function lengthened({ hosts: [host], knownHosts }) {
  const server = createServer({ noDelay: true }, (near) => {
    const beyond = connect({ host: host.address, port: 22, noDelay: true });
    for (const [from, to] of [
      [near, beyond],
      [beyond, near],
    ]) {
      const later = (act) => setTimeout(act, roundTripMs / 2);
      from.on("data", (bytes) => later(() => to.writable && to.write(bytes)));
      from.on("end", () => later(() => to.end()));
      from.on("error", () => to.destroy());
    }
  });
  server.listen(relayAt);
  const line = readFileSync(knownHosts, "utf8").split("\n")[0];
  appendFileSync(knownHosts, `${line.replace(/^\S+/, `[${relayAt.host}]:${relayAt.port}`)}\n`);
  const uri = host.uri.replace(/@[^/]+/, `@${relayAt.host}:${relayAt.port}`);
  return { uri, close: () => server.close() };
}

async function started(count) {
  const script = fileURLToPath(new URL("../lab/hosts.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, String(count)], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const told = once(createInterface(child.stdout), "line");
  const first = await Promise.race([told, ended]);
  if (typeof first[0] !== "string") throw new Stop("the hosts did not start");
  return { ...JSON.parse(first[0]), stop: () => child.stdin.end() };
}
