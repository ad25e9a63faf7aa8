import { int, isRecord, mebibytes, object, type Situation, text, type Values } from "../../../fields";
import { cpuSetText, sameCpus } from "./cpuSet";

/** Libvirt's names of a scheduler's settings, and what holds where nothing is said: no limit in each tenth of a second. */
export const SCHEDULE = {
  shares: { param: "cpu_shares", xml: "shares", rest: undefined },
  period: { param: "vcpu_period", xml: "period", rest: 100_000n },
  quota: { param: "vcpu_quota", xml: "quota", rest: -1n },
  globalPeriod: { param: "global_period", xml: "global_period", rest: 100_000n },
  globalQuota: { param: "global_quota", xml: "global_quota", rest: -1n },
  emulatorPeriod: { param: "emulator_period", xml: "emulator_period", rest: 100_000n },
  emulatorQuota: { param: "emulator_quota", xml: "emulator_quota", rest: -1n },
  iothreadPeriod: { param: "iothread_period", xml: "iothread_period", rest: 100_000n },
  iothreadQuota: { param: "iothread_quota", xml: "iothread_quota", rest: -1n },
} as const satisfies Record<string, { param: string; xml: string; rest: bigint | undefined }>;

const MOST_QUOTA = 17_592_186_044_415;

/** libvirt takes 0 without a word, and does nothing. */
const quotaText = (value: number): string | undefined =>
  value === -1 || (value >= 1000 && value <= MOST_QUOTA) ? undefined : "must be -1 (no limit), or 1000 or more";

const period = (name: "period" | "globalPeriod" | "emulatorPeriod" | "iothreadPeriod", quota: string) =>
  int({
    xml: SCHEDULE[name].xml,
    min: 1000,
    max: 1_000_000,
    change: "live",
    doc: `The time to which \`${quota}\` belongs, in microseconds; absent: 100000.`,
  });

const quota = (name: "quota" | "globalQuota" | "emulatorQuota" | "iothreadQuota", who: string, its: string) =>
  int({
    xml: SCHEDULE[name].xml,
    min: -1,
    max: MOST_QUOTA,
    check: quotaText,
    change: "live",
    doc: `Most CPU time of ${who} in each \`${its}\`, in microseconds, 1000 or more; absent or -1: no limit.`,
  });

/** How much of the host's CPUs the machine gets; beside its pins. https://libvirt.org/formatdomain.html#cpu-tuning */
export const schedule = {
  shares: int({
    xml: SCHEDULE.shares.xml,
    min: 2,
    max: 262_144,
    change: "live",
    doc: "Weight among the host's machines when its CPUs are busy; absent: 1024 under cgroup v1, 100 under v2, where 10000 is the most.",
  }),
  period: period("period", "quota"),
  quota: quota("quota", "each of the guest's CPUs", "period"),
  globalPeriod: period("globalPeriod", "globalQuota"),
  globalQuota: quota(
    "globalQuota",
    "the whole machine (under cgroup v1 none of its parts may have more)",
    "globalPeriod",
  ),
  emulatorPeriod: period("emulatorPeriod", "emulatorQuota"),
  emulatorQuota: quota("emulatorQuota", "the emulator's own threads", "emulatorPeriod"),
  iothreadPeriod: period("iothreadPeriod", "iothreadQuota"),
  iothreadQuota: quota("iothreadQuota", "each of the I/O threads", "iothreadPeriod"),
} as const;

/** https://libvirt.org/formatdomain.html#memory-tuning */
export const memtune = object(
  {
    hardLimit: mebibytes({
      xml: "hard_limit",
      change: "live",
      doc: "Most memory of the machine's process, QEMU's own included, in MiB; beyond it the host ends it. libvirt also lets it lock so much at its start.",
    }),
    softLimit: mebibytes({
      xml: "soft_limit",
      change: "live",
      doc: "What the process keeps when the host lacks memory, in MiB.",
    }),
    swapHardLimit: mebibytes({
      xml: "swap_hard_limit",
      change: "live",
      doc: "Most memory and swap together, in MiB; needs `hardLimit`, and is not below it.",
    }),
  },
  {
    xml: "memtune",
    change: "live",
    doc: "What the machine may use of the host's memory; absent: no limit. Needs libvirt's cgroup controller `memory`.",
  },
);

/** https://libvirt.org/formatdomain.html#block-i-o-tuning */
export const blkiotune = object(
  {
    weight: int({
      xml: "weight",
      min: 100,
      max: 1000,
      change: "live",
      doc: "Weight among the host's machines when its disks are busy, 100 to 1000; absent: 100.",
    }),
  },
  {
    xml: "blkiotune",
    change: "live",
    doc: "The machine's part of the host's disk I/O. Needs libvirt's cgroup controller `blkio`.",
  },
);

/** https://libvirt.org/formatdomain.html#numa-node-tuning */
export const numatune = object(
  {
    memory: object(
      {
        mode: text({
          xml: "@mode",
          values: ["strict", "preferred", "interleave", "restrictive"],
          default: "strict",
          change: numaChange,
          doc: "How the nodes are used: these alone (`strict`, the default, and `restrictive`), first (`preferred`), or in turn (`interleave`).",
        }),
        nodeset: text({
          xml: "@nodeset",
          required: true,
          change: numaChange,
          check: (value: string) =>
            cpuSetText(value) === undefined ? undefined : 'must be a set of NUMA nodes such as "0-1"',
          same: sameCpus,
          doc: "The host's NUMA nodes: `0-1`.",
        }),
      },
      { xml: "memory", change: numaChange, doc: "Where all of the guest's memory is." },
    ),
  },
  {
    xml: "numatune",
    change: numaChange,
    doc: "The host's NUMA nodes from which the guest's memory comes. In mode `restrictive` (libvirt's cgroup controller `cpuset`) they change live; all else by a power cycle.",
  },
);

/** A guest's memory policy is set at its start; what cgroups restrict moves, and libvirt has no way back to nothing. */
function numaChange(_before: unknown, _after: unknown, at: Situation): "live" | "restart" {
  const wanted = numaOf(at.after);
  const mode = at.live && numaOf(at.live)["mode"];
  const moves = at.live !== undefined && (mode === undefined || mode === "restrictive");
  return moves && wanted["mode"] === "restrictive" && wanted["nodeset"] !== undefined ? "live" : "restart";
}

/** The `numatune.memory` of arguments. */
export function numaOf({ numatune: tune }: Values): Values {
  const memory = isRecord(tune) ? tune["memory"] : undefined;
  return isRecord(memory) ? memory : {};
}
