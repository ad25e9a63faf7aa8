// The small program that is walked: a machine, a network and two volumes, and what an edit makes of it.
import { isRecord, type Values } from "../../../provider/fields";
import { images } from "./furnish";
import { machines } from "./machines";

export interface Program {
  readonly machine: Values;
  readonly network: Values;
  readonly volumes: readonly Values[];
}

/** One edit, as a literal that can be replayed: properties that it gives (null: takes back), or acts of another hand. */
export interface Edit {
  readonly what: string;
  readonly machine?: Values;
  readonly network?: Values;
  /** The capacities of the volumes, in GiB. */
  readonly capacities?: readonly number[];
  /** Arguments of virsh. */
  readonly hand?: readonly string[];
  readonly cycle?: true;
}

const volume = (name: string, format: string): Values => ({ name, pool: "table", capacity: 0.01, format });

/** Where each walk begins. */
export const start: Program = {
  machine: {
    ...machines.base,
    name: "walked",
    vcpus: 2,
    disks: [
      { volume: "table/walked-a", target: "vda" },
      { file: `${images}/vdb`, target: "vdb" },
    ],
    interfaces: [{ network: "walked", mac: "52:54:00:00:02:01" }],
  },
  network: {
    name: "walked",
    bridge: { name: "walked" },
    ips: [{ address: "10.89.0.1/24", dhcp: { ranges: [{ start: "10.89.0.9", end: "10.89.0.20" }] } }],
    dnsmasqOptions: ["no-ping"],
    disruptive: true,
  },
  volumes: [volume("walked-a", "qcow2"), volume("walked-b", "raw")],
};

/** The program after an edit. */
export function edited(program: Program, edit: Edit): Program {
  return {
    machine: patched(program.machine, edit.machine),
    network: patched(program.network, edit.network),
    volumes: program.volumes.map((one, index) => {
      const capacity = edit.capacities?.[index] ?? 0;
      return capacity > Number(one["capacity"]) ? { ...one, capacity } : one;
    }),
  };
}

function patched(values: Values, edit: Values = {}): Values {
  const all = Object.entries({ ...values, ...edit });
  return Object.fromEntries(all.filter(([, value]) => value !== null && !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length === 0;
}
