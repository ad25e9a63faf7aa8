import { isRecord } from "../../fields";
import type { TypedParam } from "../../rpc";
import { readPath, type XmlElement } from "../../xml";
import { cpuMap, cpusOf } from "./cpuSet";
import type { Act } from "./live";

// virDomainModificationImpact, virDomainLifecycle and its actions
const LIVE = 1;
const EVENTS: Readonly<Record<string, number>> = { onPoweroff: 0, onReboot: 1, onCrash: 2 };
const ACTIONS = ["destroy", "restart", "rename-restart", "preserve", "coredump-destroy", "coredump-restart"];

const LIMITS = [
  "total_bytes_sec",
  "read_bytes_sec",
  "write_bytes_sec",
  "total_iops_sec",
  "read_iops_sec",
  "write_iops_sec",
] as const;

/** All of a disk's limits at once: a total and its parts exclude each other on the way too. */
export async function limitDisk(at: Parameters<Act>[0], target: string, planned: XmlElement): Promise<void> {
  const params = LIMITS.map((name): TypedParam => {
    return { field: name, type: "ullong", value: BigInt(readPath(planned, `iotune/${name}`) ?? 0) };
  });
  await at.request.place.host.call("DOMAIN_SET_BLOCK_IO_TUNE", {
    dom: at.found.handle,
    disk: target,
    params,
    flags: LIVE,
  });
}

/** What becomes of the machine when its guest stops, reboots or crashes. */
export const setLifecycle: Act = async ({ request, found }, { path, after }) => {
  const event = String(path[0]);
  const action = ACTIONS.indexOf(typeof after === "string" ? after : "");
  await request.place.host.call("DOMAIN_SET_LIFECYCLE_ACTION", {
    dom: found.handle,
    type: EVENTS[event] ?? 0,
    action,
    flags: LIVE,
  });
};

/** Pins as the program wants them now; what is pinned no more runs anywhere. */
export const pin: Act = async ({ request, found, definition }, { path, before, after, key }) => {
  const { host } = request.place;
  const { cpus } = await host.call("NODE_GET_INFO", {});
  const dom = found.handle;
  const wanted = (at: string): Buffer => cpuMap(cpusOf(readPath(definition, at) ?? `0-${cpus - 1}`), cpus);
  const vcpus = path[1] === "vcpupins" && key !== undefined ? [Number(key)] : pinsIn(before).concat(pinsIn(after));
  for (const vcpu of path[1] === "emulatorpin" ? [] : new Set(vcpus)) {
    const cpumap = wanted(`cputune/vcpupin[@vcpu='${vcpu}']/@cpuset`);
    await host.call("DOMAIN_PIN_VCPU_FLAGS", { dom, vcpu, cpumap, flags: LIVE });
  }
  if (path[1] === "vcpupins") return;
  await host.call("DOMAIN_PIN_EMULATOR", { dom, cpumap: wanted("cputune/emulatorpin/@cpuset"), flags: LIVE });
};

/** The guest's CPUs that a whole `cputune`, or its list, names. */
function pinsIn(value: unknown): number[] {
  const list: unknown = isRecord(value) ? value["vcpupins"] : value;
  const items: readonly unknown[] = Array.isArray(list) ? list : [];
  return items.flatMap((item) => (isRecord(item) ? [Number(item["vcpu"])] : []));
}
