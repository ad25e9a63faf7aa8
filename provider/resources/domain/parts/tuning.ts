import { isRecord, itemsOf } from "../../../fields";
import type { TypedParam } from "../../../rpc";
import { readPath, type XmlElement } from "../../../xml";
import { cpuMap, cpusOf } from "./cpuSet";
import type { Act } from "../live";
import { threadsOf } from "./threads";
import { Impact } from "../flags";

// virDomainLifecycle and its actions
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
    flags: Impact.LIVE,
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
    flags: Impact.LIVE,
  });
};

/** Pins as the program wants them now; what is pinned no more runs anywhere. */
export const pin: Act = async ({ request, found, definition }, { path, before, after, key }) => {
  const { host } = request.place;
  const { cpus } = await host.call("NODE_GET_INFO", {});
  const dom = found.handle;
  const wanted = (at: string): Buffer => cpuMap(cpusOf(readPath(definition, at) ?? `0-${cpus - 1}`), cpus);
  const pinned = (list: "vcpupins" | "iothreadpins", name: string): ReadonlySet<number> => {
    if (path[1] !== undefined && path[1] !== list) return new Set();
    return new Set(key === undefined ? [...pinsIn(before, list, name), ...pinsIn(after, list, name)] : [Number(key)]);
  };
  // CPUs that wait for a power cycle have their pins in the definition.
  const most = Number(found.live && readPath(found.live, "vcpu"));
  for (const vcpu of [...pinned("vcpupins", "vcpu")].filter((one) => one < most)) {
    const cpumap = wanted(`cputune/vcpupin[@vcpu='${vcpu}']/@cpuset`);
    await host.call("DOMAIN_PIN_VCPU_FLAGS", { dom, vcpu, cpumap, flags: Impact.LIVE });
  }
  const threads = threadsOf(definition);
  // With a thread its pin is gone.
  for (const iothreads_id of [...pinned("iothreadpins", "iothread")].filter((id) => threads.includes(id))) {
    const cpumap = wanted(`cputune/iothreadpin[@iothread='${iothreads_id}']/@cpuset`);
    await host.call("DOMAIN_PIN_IOTHREAD", { dom, iothreads_id, cpumap, flags: Impact.LIVE });
  }
  if (path[1] !== undefined && path[1] !== "emulatorpin") return;
  await host.call("DOMAIN_PIN_EMULATOR", { dom, cpumap: wanted("cputune/emulatorpin/@cpuset"), flags: Impact.LIVE });
};

/** What a whole `cputune`, or one of its lists, names. */
function pinsIn(value: unknown, list: string, name: string): number[] {
  const items: unknown = isRecord(value) ? value[list] : value;
  return itemsOf(items).map((item) => Number(item[name]));
}
