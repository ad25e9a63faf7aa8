import { type Difference, type Failure, isRecord, printPath, type Values } from "../../../fields";
import { Code, type Domain, LibvirtError } from "../../../rpc";
import { type Looking, Refusal } from "../../port";
import { numaOf, SCHEDULE } from "./limits";
import { Impact } from "../flags";
import { refused } from "../../errors";

const MOST_PARAMETERS = 16;

/** A controller of the host's cgroups, what of a machine needs it, and a question that libvirt answers only with it. */
interface Controller {
  readonly name: "cpu" | "memory" | "blkio" | "cpuset";
  readonly used: (values: Values) => readonly string[];
  readonly ask: (from: Looking, dom: Domain, values: Values) => Promise<unknown>;
}

const within = (values: Values, name: string, names: readonly string[]): string[] => {
  const part = values[name];
  return isRecord(part) ? names.filter((one) => part[one] !== undefined).map((one) => `${name}.${one}`) : [];
};

const question = { nparams: MOST_PARAMETERS, flags: Impact.LIVE };

const CONTROLLERS: readonly Controller[] = [
  {
    name: "cpu",
    used: (values) => within(values, "cputune", Object.keys(SCHEDULE)),
    ask: ({ place }, dom) => place.host.call("DOMAIN_GET_SCHEDULER_PARAMETERS_FLAGS", { dom, ...question }),
  },
  {
    name: "memory",
    used: (values) => within(values, "memtune", ["hardLimit", "softLimit", "swapHardLimit"]),
    ask: ({ place }, dom) => place.host.call("DOMAIN_GET_MEMORY_PARAMETERS", { dom, ...question }),
  },
  {
    name: "blkio",
    used: (values) => within(values, "blkiotune", ["weight"]),
    ask: ({ place }, dom) => place.host.call("DOMAIN_GET_BLKIO_PARAMETERS", { dom, ...question }),
  },
  {
    name: "cpuset",
    used: (values) => (numaOf(values)["mode"] === "restrictive" ? ["numatune.memory"] : []),
    // libvirt tells its nodes in any case, and sets them only by the controller.
    ask: ({ place }, dom, values) =>
      place.host.call("DOMAIN_SET_NUMA_PARAMETERS", {
        dom,
        params: [{ field: "numa_nodeset", type: "string", value: String(numaOf(values)["nodeset"]) }],
        flags: Impact.LIVE,
      }),
  },
];

/** No such controller, no cgroups at all (a session), or another driver. */
export function lacksController(error: unknown): error is LibvirtError {
  const codes: readonly number[] = [Code.OPERATION_INVALID, Code.CONFIG_UNSUPPORTED, Code.OPERATION_UNSUPPORTED];
  return error instanceof LibvirtError && codes.includes(error.code);
}

/** True for a machine that libvirt would start without a word, and without what it has of this. */
export function isLimited(values: Values): boolean {
  return CONTROLLERS.some(({ used }) => used(values).length > 0);
}

/** Asks whether a machine that is started, or was just now, is held to its limits; else an error that names them. */
export async function proveLimits(from: Looking, dom: Domain, values: Values): Promise<void> {
  for (const { name, used, ask } of CONTROLLERS) {
    const properties = used(values);
    if (properties.length === 0) continue;
    try {
      await ask(from, dom, values);
    } catch (error) {
      if (!lacksController(error)) throw error;
      throw new Error(`${refused(error)}; ${remedy(name, properties)}`, { cause: error });
    }
  }
}

/** Refuses a live change of limits that the running guest cannot be held to: its definition stays as it is. */
export async function refuseUncontrolled(
  from: Looking,
  found: { readonly name: string; readonly handle: Domain; readonly live?: unknown },
  changes: readonly Difference[],
): Promise<void> {
  if (!found.live) return;
  const comes = changes.filter(({ cost, kind }) => cost === "live" && kind !== "delete");
  for (const { name, used, ask } of CONTROLLERS) {
    const properties = comes.flatMap(({ path, after }) => used(valuesAt(path, after)));
    // The nodes that a guest has are those of its former definition: there is nothing to ask by.
    if (properties.length === 0 || name === "cpuset") continue;
    try {
      await ask(from, found.handle, {});
    } catch (error) {
      if (!lacksController(error)) throw error;
      throw new Refusal(`domain "${found.name}" was not changed: ${refused(error)}; ${remedy(name, properties)}`, {
        cause: error,
      });
    }
  }
}

/** What a start that libvirt refused may be due to; undefined for a machine without limits. */
export function startRemedy(values: Values): string | undefined {
  const limits = CONTROLLERS.flatMap(({ name, used }) => {
    const properties = used(values);
    return properties.length === 0 ? [] : [remedy(name, properties)];
  });
  const locked = isRecord(values["memtune"]) && values["memtune"]["hardLimit"] !== undefined;
  if (locked)
    limits.push("memtune.hardLimit needs a libvirt that may raise QEMU's limit of locked memory (CAP_SYS_RESOURCE)");
  return limits.length === 0 ? undefined : limits.join("; ");
}

/** What the table cannot say of limits. */
export function checkTuning(inputs: Values): Failure[] {
  const tune = isRecord(inputs["memtune"]) ? inputs["memtune"] : {};
  const { hardLimit, swapHardLimit } = tune;
  const property = printPath(["memtune", "swapHardLimit"]);
  if (swapHardLimit === undefined) return [];
  if (hardLimit === undefined) return [{ property, reason: "needs hardLimit beside it" }];
  const below = typeof hardLimit === "number" && typeof swapHardLimit === "number" && swapHardLimit < hardLimit;
  return below ? [{ property, reason: `must not be below hardLimit (${hardLimit})` }] : [];
}

function remedy(controller: string, properties: readonly string[]): string {
  const names = [...new Set(properties)].join(", ");
  return (
    `${names} needs the cgroup controller "${controller}": give it to the host's libvirt (cgroup_controllers in its qemu.conf, ` +
    `and qemu:///system), or take ${names} out of the program`
  );
}

/** A value at its place in arguments. */
function valuesAt(path: Difference["path"], after: unknown): Values {
  const value = path.slice(1).reduceRight<unknown>((inner, step) => ({ [step]: inner }), after);
  return { [String(path[0])]: value };
}
