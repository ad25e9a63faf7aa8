// The guest in a walked machine: it is asked by a card of its own which boot it is.
import { setTimeout as sleep } from "node:timers/promises";
import { isRecord, type Values } from "../../../provider/fields";
import { virsh } from "../../e2e/engine";
import { bootAddress, bootCard } from "./furnish";
import { bootOf } from "./sight";

/** How long a guest under software emulation may take to boot. */
const BOOT_MS = 60_000;

/** The arguments with the card by which guest number N is asked; it comes last, so that a sample's card is the first. */
export function carded(args: Values, number: number): Values {
  const cards = Array.isArray(args["interfaces"]) ? (args["interfaces"] as unknown[]) : [];
  return { ...args, interfaces: [...cards, bootCard(number)] };
}

/** Which boot of the guest it is; undefined where none answers. */
export function bootIn(id: string, number: number): Promise<string | undefined> {
  return virsh("domstate", id) === "running" ? bootOf(bootAddress(number)) : Promise.resolve(undefined);
}

/** Waits until the guest answers, where the arguments say that one boots and it runs. */
export async function booted(id: string, { os }: Values, number: number): Promise<void> {
  if (!isRecord(os) || os["kernel"] === undefined) return;
  const end = Date.now() + BOOT_MS;
  while (virsh("domstate", id) === "running" && (await bootIn(id, number)) === undefined) {
    if (Date.now() > end) throw new Error(`the guest of ${id} does not answer: ${whereabouts(id)}`);
    await sleep(100);
  }
}

/** How far a guest came: its leases, the packets of its cards, where its CPUs are, and its kernel's addresses on the first one's stack. */
function whereabouts(id: string): string {
  const hmp = (command: string): string => virsh("qemu-monitor-command", id, "--hmp", command);
  const registers = hmp("info registers -a");
  const cpus = registers.split("\n").filter((line) => /^CPU#|[RE]IP=/.test(line));
  const stack = /RSP=([0-9a-f]+)/.exec(registers)?.[1];
  const callers = stack === undefined ? [] : (hmp(`x /128gx 0x${stack}`).match(/0xffffffff8[0-9a-f]{7}/g) ?? []);
  // Of one that idles without an address: do its requests come out, and do answers go in?
  const packets = virsh("domstats", id, "--interface");
  return [virsh("net-dhcp-leases", "boot"), packets, ...cpus, callers.join(" ")].join("\n");
}
