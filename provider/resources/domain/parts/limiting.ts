import { Code, isLibvirt, type TypedParam } from "../../../rpc";
import { parseXml, readPath, type XmlElement } from "../../../xml";
import { lacksController } from "./controllers";
import { SCHEDULE } from "./limits";
import type { Act, Running } from "../live";
import { Impact } from "../flags";

// virDomainNumatuneMemMode, VIR_DOMAIN_MEMORY_PARAM_UNLIMITED (KiB)
const RESTRICTIVE = 3;
const UNLIMITED = 9_007_199_254_740_991n;
const NORMAL_WEIGHT = 100;
/** More than cgroup v2 takes for shares, whose normal is 100; under v1 it is 1024. */
const ABOVE_V2 = 10_001n;

type Setting = (typeof SCHEDULE)[keyof typeof SCHEDULE];
const SETTINGS: readonly Setting[] = Object.values(SCHEDULE);
const QUOTAS = ["quota", "emulator_quota", "iothread_quota"] as const;

/** True for a difference of `cputune` that is about the scheduler, not about pins. */
export function isSchedule(path: readonly (string | number)[]): boolean {
  return path[0] === "cputune" && path[1] !== undefined && path[1] in SCHEDULE;
}

/** Everything that the definition says of the scheduler, at once; what only the guest has goes back to what is normal. */
export const setSchedule: Act = async (at) => {
  const wanted = new Map(SETTINGS.map((one) => [one, readPath(at.definition, `cputune/${one.xml}`)]));
  const there = (one: Setting): string | undefined => at.found.live && readPath(at.found.live, `cputune/${one.xml}`);
  const concerned = SETTINGS.filter((one) => wanted.get(one) !== undefined || there(one) !== undefined);
  if (concerned.length === 0) return;
  const all = concerned.every((one) => wanted.get(one) === undefined);
  await orNothing(all, async () => {
    await liftParts(at, there);
    const params: TypedParam[] = [];
    for (const one of concerned) params.push(await setting(at, one, wanted.get(one)));
    // The whole machine's limit first: its parts must fit into it.
    params.sort((a, b) => Number(b.field.startsWith("global")) - Number(a.field.startsWith("global")));
    await schedule(at, params);
    await holds(
      at,
      params.map(({ field, value }) => {
        const one = SETTINGS.find(({ param }) => param === field);
        return [`cputune/${one?.xml ?? ""}`, String(value)];
      }),
    );
  });
};

async function setting(at: Running, one: Setting, wanted: string | undefined): Promise<TypedParam> {
  const value = wanted === undefined ? (one.rest ?? (await normalShares(at))) : BigInt(wanted);
  return { field: one.param, type: one.param.endsWith("quota") ? "llong" : "ullong", value };
}

/** cgroup v1 refuses each step on the way on which a part has more than the whole. */
async function liftParts(at: Running, there: (one: Setting) => string | undefined): Promise<void> {
  const limited = (one: Setting): boolean => BigInt(there(one) ?? -1) > 0n;
  const whole = readPath(at.definition, "cputune/global_quota") ?? there(SCHEDULE.globalQuota);
  const parts = SETTINGS.filter((one) => QUOTAS.some((name) => name === one.xml) && limited(one));
  if (whole === undefined || parts.length === 0) return;
  await schedule(
    at,
    parts.map(({ param }) => ({ field: param, type: "llong", value: -1n })),
  );
}

/** No call tells the version of the host's cgroups: what only the first takes does. */
async function normalShares(at: Running): Promise<bigint> {
  try {
    await schedule(at, [{ field: SCHEDULE.shares.param, type: "ullong", value: ABOVE_V2 }]);
    return 1024n;
  } catch (error) {
    if (isLibvirt(error, Code.INVALID_ARG)) return 100n;
    throw error;
  }
}

async function schedule({ request, found }: Running, params: TypedParam[]): Promise<void> {
  const set = { dom: found.handle, params, flags: Impact.LIVE };
  await request.place.host.call("DOMAIN_SET_SCHEDULER_PARAMETERS_FLAGS", set);
}

/** All limits of memory at once: libvirt knows the order in which they fit. */
export const limitMemory: Act = async (at) => {
  const names = ["hard_limit", "soft_limit", "swap_hard_limit"] as const;
  const wanted = names.map((name) => kibibytes(at.definition, `memtune/${name}`));
  const params = names.map((name, index): TypedParam => ({
    field: name,
    type: "ullong",
    value: wanted[index] ?? UNLIMITED,
  }));
  await orNothing(
    wanted.every((one) => one === undefined),
    async () => {
      const set = { dom: at.found.handle, params, flags: Impact.LIVE };
      await at.request.place.host.call("DOMAIN_SET_MEMORY_PARAMETERS", set);
      await holds(
        at,
        names.map((name, index) => [`memtune/${name}`, wanted[index]?.toString()]),
      );
    },
  );
};

/** libvirt writes its limits in KiB. */
function kibibytes(root: XmlElement, path: string): bigint | undefined {
  const text = readPath(root, path);
  return text === undefined ? undefined : BigInt(text);
}

export const weighBlocks: Act = async (at) => {
  const wanted = readPath(at.definition, "blkiotune/weight");
  const params: TypedParam[] = [{ field: "weight", type: "uint", value: Number(wanted ?? NORMAL_WEIGHT) }];
  await orNothing(wanted === undefined, async () => {
    const set = { dom: at.found.handle, params, flags: Impact.LIVE };
    await at.request.place.host.call("DOMAIN_SET_BLKIO_PARAMETERS", set);
    await holds(at, [["blkiotune/weight", String(wanted ?? NORMAL_WEIGHT)]]);
  });
};

/** Another set of nodes for a guest that cgroups restrict, or that nothing restricts yet. */
export const moveMemory: Act = async (at) => {
  const nodes = readPath(at.definition, "numatune/memory/@nodeset");
  if (nodes === undefined) return;
  const mode: TypedParam[] =
    at.found.live && readPath(at.found.live, "numatune/memory/@mode") === undefined
      ? [{ field: "numa_mode", type: "int", value: RESTRICTIVE }]
      : [];
  await at.request.place.host.call("DOMAIN_SET_NUMA_PARAMETERS", {
    dom: at.found.handle,
    params: [...mode, { field: "numa_nodeset", type: "string", value: nodes }],
    flags: Impact.LIVE,
  });
  await holds(at, [["numatune/memory/@nodeset", nodes]]);
};

/** Where the host has no such limits there is nothing to take back. */
async function orNothing(takenBack: boolean, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!takenBack || !lacksController(error)) throw error;
  }
}

/** Reads back: what the guest has not is an error. */
async function holds(
  { request, found }: Running,
  said: readonly (readonly [path: string, value: string | undefined])[],
): Promise<void> {
  const { xml } = await request.place.host.call("DOMAIN_GET_XML_DESC", { dom: found.handle, flags: 0 });
  const now = parseXml(xml);
  const other = said.filter(([path, value]) => readPath(now, path) !== value).map(([path]) => path);
  if (other.length > 0) throw new Error(`libvirt accepted it, but the guest still has another ${other.join(", ")}`);
}
