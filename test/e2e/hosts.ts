// Many hosts of their own beside the lab, each with sshd and libvirtd: what is behind scripts/lab/hosts.mjs.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const script = join(resolve(__dirname, "../.."), "scripts/lab/hosts.mjs");

export interface LabHost {
  readonly name: string;
  readonly address: string;
  /** The lab's end of its cable. */
  readonly cable: string;
  readonly uri: string;
}

export class Hosts {
  private constructor(
    readonly all: readonly LabHost[],
    private readonly child: ChildProcess,
    private readonly key: string,
  ) {}

  static async start(count: number, kind = "whole"): Promise<Hosts> {
    const child = spawn(process.execPath, [script, String(count), kind], { stdio: ["pipe", "pipe", "inherit"] });
    for await (const line of createInterface(child.stdout)) {
      const { hosts, key } = JSON.parse(line) as { hosts: LabHost[]; key: string };
      return new Hosts(hosts, child, key);
    }
    throw new Error("the hosts did not start");
  }

  /** Pulls or plugs the host's cable. */
  plug({ cable }: LabHost, state: "up" | "down"): void {
    execFileSync("ip", ["link", "set", cable, state]);
  }

  /** libvirt's own client on the host itself. */
  virsh({ address }: LabHost, ...words: readonly string[]): string {
    const unasked = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"];
    const there = ["virsh", "-q", "-c", "qemu:///system", ...words].join(" ");
    return execFileSync("ssh", ["-i", this.key, ...unasked, `root@${address}`, there], { encoding: "utf8" }).trim();
  }

  async close(): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.stdin?.end();
    await ended;
  }
}
