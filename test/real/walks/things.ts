// Networks, their entries, pools, volumes and seeds: what a diff announces, against what libvirt's own client shows after the update.
import { readFileSync, statSync } from "node:fs";
import { type Difference, readTable, type Table, type Values } from "../../../provider/fields";
import { load } from "../../../provider/resources";
import { cloudInitDisk } from "../../../provider/resources/cloudInitDisk/fields";
import { kind as dhcpHostKind } from "../../../provider/resources/dhcpHost/kind";
import { kind as dnsHostKind } from "../../../provider/resources/dnsHost/kind";
import { network } from "../../../provider/resources/network/fields";
import type { Kind as EntryKind } from "../../../provider/resources/networkEntry/kind";
import type { Place } from "../../../provider/resources/place";
import { pool } from "../../../provider/resources/pool/fields";
import type { Diff } from "../../../provider/resources/port";
import { volume } from "../../../provider/resources/volume/fields";
import { parseXml, readPath } from "../../../provider/xml";
import { virsh, virshAll } from "../../e2e/engine";
import { Driven } from "../driven";
import type { Step } from "./machine";
import { meets } from "./proof";

export type ThingToken = "Network" | "DhcpHost" | "DnsHost" | "StoragePool" | "Volume" | "CloudInitDisk";

/** How libvirt's client shows one kind of object. */
interface Kind {
  readonly table: Table;
  /** What there is now, running and defined. */
  values(id: string): readonly Values[];
  /** Names this run of it; a restart is another one. Absent where nothing tells. */
  run?(id: string): string;
  /** Whether an object of this id is there. */
  there(id: string): boolean;
}

const starts = (info: string): boolean => /^Autostart:\s+(yes|enable)/m.test(info);

const kinds: Readonly<Record<ThingToken, Kind>> = {
  Network: {
    table: network,
    values: (id) => {
      const [info = "", ...sides] = virshAll(["net-info", id], ["net-dumpxml", id], ["net-dumpxml", id, "--inactive"]);
      return sides.map((xml) => ({ ...readTable(network, parseXml(xml)), autostart: starts(info) }));
    },
    run: runOfNetwork,
    there: (id) => virsh("net-list", "--all", "--uuid").includes(id),
  },
  DhcpHost: entries(dhcpHostKind),
  DnsHost: entries(dnsHostKind),
  StoragePool: {
    table: pool,
    values: (id) => {
      const [info = "", xml = ""] = virshAll(["pool-info", id], ["pool-dumpxml", id]);
      return [{ ...readTable(pool, parseXml(xml)), autostart: starts(info) }];
    },
    there: (id) => virsh("pool-list", "--all", "--uuid").includes(id),
  },
  Volume: { table: volume, values: (id) => [volumeOf(id)], there: isVolume },
  CloudInitDisk: { table: cloudInitDisk, values: (id) => [volumeOf(id)], there: isVolume },
};

/** Another bridge is another run of its network. */
function runOfNetwork(id: string): string {
  const bridge = readPath(parseXml(virsh("net-dumpxml", id)), "bridge/@name") ?? "";
  return readFileSync(`/sys/class/net/${bridge}/ifindex`, "utf8").trim();
}

/** Entries of one kind stand in a running network and in its definition. */
function entries(kind: EntryKind): Kind {
  const { table } = kind;
  const sides = (id: string): (Values | undefined)[] => {
    const [network, key] = [id.slice(0, id.indexOf("/")), id.slice(id.indexOf("/") + 1)];
    return virshAll(["net-dumpxml", network], ["net-dumpxml", network, "--inactive"]).map((xml) => {
      const root = parseXml(xml);
      const all = kind.entries(root).map(({ node }) => readTable(table, node));
      const one = all.find((values) => kind.key(values) === key);
      return one && { network: readPath(root, "name"), ...one };
    });
  };
  return {
    table,
    values: (id) => sides(id).map((values) => values ?? {}),
    run: (id) => runOfNetwork(id.slice(0, id.indexOf("/"))),
    there: (id) => sides(id).some((values) => values !== undefined),
  };
}

function named(id: string): [string, string, string] {
  const [poolName = "", name = ""] = id.split("/");
  return ["--pool", poolName, name];
}

function volumeOf(id: string): Values {
  const root = parseXml(virsh("vol-dumpxml", ...named(id)));
  const [poolName, name] = id.split("/");
  const capacity = Number(readPath(root, "capacity")) / 1024 ** 3;
  return { name, pool: poolName, capacity, format: readPath(root, "target/format/@type") };
}

function isVolume(id: string): boolean {
  try {
    return statSync(virsh("vol-path", ...named(id))).isFile();
  } catch {
    return false;
  }
}

/** A network, pool or volume that is changed through the port and looked at by other means after each change. */
export class Thing {
  private readonly driven: Driven;
  private readonly kind: Kind;

  constructor(place: Place, token: ThingToken, name: string, stack = "real") {
    this.driven = new Driven(load(token), place, name, stack);
    this.kind = kinds[token];
  }

  get id(): string {
    return this.driven.id ?? "";
  }

  async create(args: Values): Promise<void> {
    await this.driven.up(args);
  }

  check(args: Values): ReturnType<Driven["check"]> {
    return this.driven.check(args);
  }

  /** Announces, updates, and compares the announcement with the host. */
  async step(args: Values): Promise<Step> {
    const former = { id: this.id, run: this.run(), life: this.driven.outputs["__incarnation"] };
    const diff = await this.driven.preview(args);
    try {
      await this.driven.up(args);
    } catch (error) {
      return { diff, wrong: [`the update failed: ${(error as Error).message}`] };
    }
    const wrong = diff.replaces.length > 0 ? this.replaced(former) : this.changed(diff, former);
    const next = await this.driven.preview(args);
    const paths = next.differences.map(({ path, kind, cost }) => `${path.join(".")} ${kind} ${cost}`);
    return { diff, wrong: [...wrong, ...(next.changes ? [`the next diff is not empty: ${paths.join(", ")}`] : [])] };
  }

  private run(): string | undefined {
    try {
      return this.kind.run?.(this.id);
    } catch {
      // It does not run, or has no bridge of its own.
      return undefined;
    }
  }

  private replaced(former: { readonly id: string; readonly life: unknown }): string[] {
    const there = (id: string): boolean => this.kind.there(id);
    return [
      ...(this.driven.outputs["__incarnation"] === former.life ? ["announced a replacement, and is the same"] : []),
      ...(this.id !== former.id && there(former.id) ? ["what was replaced is still there"] : []),
      ...(there(this.id) ? [] : ["the new one is not there"]),
    ];
  }

  private changed({ differences }: Diff, former: { readonly run: string | undefined }): string[] {
    if (differences.length === 0) return this.run() === former.run ? [] : ["announced nothing, and was restarted"];
    const sides = this.kind.values(this.id);
    const real = differences.filter(({ path }) => path[0] !== "active" && path[0] !== "persistent");
    const missing = real.filter((one) => !sides.every((values) => meets(this.kind.table, values, one)));
    const told = missing.map(({ path, cost }) => `${path.join(".")}: announced ${cost}, the host does not have it`);
    const restarts = real.some(({ cost }: Difference) => cost === "restart");
    const run = this.run();
    if (run === undefined || former.run === undefined || differences.length !== real.length) return told;
    if (restarts && run === former.run) told.push("announced a restart, and runs on");
    if (!restarts && run !== former.run) told.push("announced as live, and was restarted");
    return told;
  }

  async refresh(): Promise<Values> {
    await this.driven.refresh();
    return this.driven.inputs ?? {};
  }

  async destroy(): Promise<void> {
    if (this.driven.id !== undefined) await this.driven.destroy();
  }
}
