import { flag, isRecord, object, type XmlPair } from "../../../fields";
import { Code, isLibvirt, type TypedParam } from "../../../rpc";
import { childrenOf, element, find, readPath, removeChild, type XmlElement } from "../../../xml";
import type { Act } from "../live";
import { Impact } from "../flags";
import { refused } from "../../errors";

/** One event's `<event name= enabled=>`; without a word about it libvirt counts nothing. */
function counted(name: string): XmlPair {
  return {
    read: (perf) => {
      const enabled = readPath(perf, `event[@name='${name}']/@enabled`);
      return enabled === undefined ? undefined : enabled === "yes";
    },
    write: (perf, value) => {
      for (const event of childrenOf(perf, "event")) {
        if (event.attributes.get("name") === name) removeChild(perf, event);
      }
      if (value !== undefined) perf.children.push(element("event", { name, enabled: value === true ? "yes" : "no" }));
    },
  };
}

const event = (name: string, doc: string) => flag({ xml: counted(name), change: "live", doc });

/** Events that the host counts, by libvirt's names. */
const NAMES = {
  cmt: "cmt",
  mbmt: "mbmt",
  mbml: "mbml",
  cpuCycles: "cpu_cycles",
  instructions: "instructions",
  cacheReferences: "cache_references",
  cacheMisses: "cache_misses",
  branchInstructions: "branch_instructions",
  branchMisses: "branch_misses",
  busCycles: "bus_cycles",
  stalledCyclesFrontend: "stalled_cycles_frontend",
  stalledCyclesBackend: "stalled_cycles_backend",
  refCpuCycles: "ref_cpu_cycles",
  cpuClock: "cpu_clock",
  taskClock: "task_clock",
  pageFaults: "page_faults",
  contextSwitches: "context_switches",
  cpuMigrations: "cpu_migrations",
  pageFaultsMin: "page_faults_min",
  pageFaultsMaj: "page_faults_maj",
  alignmentFaults: "alignment_faults",
  emulationFaults: "emulation_faults",
} as const;

/** What the host's kernel counts of the machine. https://libvirt.org/formatdomain.html#performance-monitoring-events */
export const perf = object(
  {
    cmt: event(NAMES.cmt, "Use of the last level cache; Intel's, gone from Linux 4.14 on."),
    mbmt: event(NAMES.mbmt, "Total memory traffic; Intel's, gone from Linux 4.14 on."),
    mbml: event(NAMES.mbml, "Local memory traffic; Intel's, gone from Linux 4.14 on."),
    cpuCycles: event(NAMES.cpuCycles, "CPU cycles."),
    instructions: event(NAMES.instructions, "Instructions."),
    cacheReferences: event(NAMES.cacheReferences, "Accesses of caches."),
    cacheMisses: event(NAMES.cacheMisses, "Misses of caches."),
    branchInstructions: event(NAMES.branchInstructions, "Branches."),
    branchMisses: event(NAMES.branchMisses, "Branches that were foreseen wrongly."),
    busCycles: event(NAMES.busCycles, "Bus cycles."),
    stalledCyclesFrontend: event(NAMES.stalledCyclesFrontend, "Cycles in which the CPU waited for instructions."),
    stalledCyclesBackend: event(NAMES.stalledCyclesBackend, "Cycles in which the CPU waited for their operands."),
    refCpuCycles: event(NAMES.refCpuCycles, "CPU cycles at the CPU's nominal frequency."),
    cpuClock: event(NAMES.cpuClock, "Time by the CPU's clock."),
    taskClock: event(NAMES.taskClock, "Time for which it ran."),
    pageFaults: event(NAMES.pageFaults, "Page faults."),
    contextSwitches: event(NAMES.contextSwitches, "Context switches."),
    cpuMigrations: event(NAMES.cpuMigrations, "Moves from one CPU to another."),
    pageFaultsMin: event(NAMES.pageFaultsMin, "Page faults without disk I/O."),
    pageFaultsMaj: event(NAMES.pageFaultsMaj, "Page faults with disk I/O."),
    alignmentFaults: event(NAMES.alignmentFaults, "Unaligned accesses that the kernel handled."),
    emulationFaults: event(NAMES.emulationFaults, "Instructions that the kernel emulated."),
  },
  {
    xml: "perf",
    change: "live",
    doc: "What the host's kernel counts of the machine, shown by libvirt's statistics; false or absent: not counted. A host without such a counter (a virtual machine often has those of the kernel alone, from `cpuClock` on) refuses the change, and does not start a machine that has it.",
  },
);

/** Events as the definition has them, in the running guest; what it says nothing of is counted no more. */
export const countEvents: Act = async ({ request, found, definition }, { path, before, after }) => {
  const [, one] = path;
  const all = [before, after].flatMap((value) => (isRecord(value) ? Object.keys(value) : []));
  const names = one === undefined ? all : [String(one)];
  const wanted = find(definition, "perf");
  const params = [...new Set(names)].map((name): TypedParam => {
    const field = NAMES[name as keyof typeof NAMES]; // a property of the table
    return { field, type: "boolean", value: isCounted(wanted, field) };
  });
  try {
    await request.place.host.call("DOMAIN_SET_PERF_EVENTS", { dom: found.handle, params, flags: Impact.LIVE });
  } catch (error) {
    // Without such a counter: libvirt's own word for Intel's, the kernel's for the others.
    if (!isLibvirt(error, Code.ARGUMENT_UNSUPPORTED, Code.SYSTEM_ERROR)) throw error;
    throw new Error(
      `${refused(error)}; the host has no such counter: take it out of ` + "perf, or the machine does not start again",
      { cause: error },
    );
  }
};

function isCounted(node: XmlElement | undefined, name: string): boolean {
  return node !== undefined && readPath(node, `event[@name='${name}']/@enabled`) === "yes";
}
