import { basename, dirname } from "node:path";
import type { Values } from "../../../provider/fields";
import { fillDefaults } from "../../../provider/fields";
import { domain } from "../../../provider/resources/domain/fields";
import { type FoundDomain, observe } from "../../../provider/resources/domain/observe";
import { type Circumstances, plan, type Plan } from "../../../provider/resources/domain/plan";
import type { Mark } from "../../../provider/resources/mark";
import type { HostFacts, Place } from "../../../provider/resources/place";
import type { Request } from "../../../provider/resources/port";
import { printXml } from "../../../provider/xml";
import { LibvirtError } from "../../../provider/rpc";
import type { Goal } from "../../../provider/resources/definition";

export const ID = "3d7a1f52-0000-8000-8000-000000000001";

export const facts: HostFacts = {
  uuid: "00000000-0000-0000-0000-00000000beef",
  arch: "x86_64",
  hardwareVirtualisation: true,
  domainTypes: ["qemu", "kvm"],
};

export const NOW = "2026-05-01T10:00:00.000Z";
export const MARK: Mark = { owner: "me", incarnation: "1", phase: "ready", deferred: [] };
export const mark = (attributes = ""): string =>
  `<metadata><kvm:mark xmlns:kvm="urn:pulumi-kvm:mark:1" owner="me" incarnation="1" phase="ready"${attributes}/></metadata>`;

/** What libvirt says of one machine. */
export interface Stage {
  readonly inactive: string;
  readonly live?: string;
  readonly state?: number;
  readonly autostart?: boolean;
  readonly persistent?: boolean;
  readonly saved?: boolean;
  /** XML of networks by name. */
  readonly networks?: Readonly<Record<string, string>>;
  /** Pools by their folder; absent: nobody may ask for one. */
  readonly pools?: Readonly<Record<string, string>>;
  /** XML of volumes by id. */
  readonly volumes?: Readonly<Record<string, string>>;
}

/** A volume's XML as libvirt writes it. */
export const volumeXml = (path: string, format = "qcow2", type = "file"): string =>
  `<volume type="${type}"><target><path>${path}</path><format type="${format}"/></target></volume>`;

function answer(stage: Stage, procedure: string, args: Values): unknown {
  switch (procedure) {
    case "DOMAIN_GET_XML_DESC":
      return { xml: args["flags"] === 3 ? stage.inactive : (stage.live ?? stage.inactive) };
    case "DOMAIN_GET_STATE":
      return { state: stage.state ?? (stage.live === undefined ? 5 : 1), reason: 0 };
    case "DOMAIN_GET_AUTOSTART":
      return { autostart: (stage.autostart ?? stage.live !== undefined) ? 1 : 0 };
    case "DOMAIN_IS_PERSISTENT":
      return { persistent: stage.persistent === false ? 0 : 1 };
    case "DOMAIN_HAS_MANAGED_SAVE_IMAGE":
      return { result: stage.saved === true ? 1 : 0 };
    case "DOMAIN_INTERFACE_ADDRESSES":
      return { ifaces: [] };
    case "NETWORK_LOOKUP_BY_NAME": {
      const name = String(args["name"]);
      if (stage.networks?.[name] === undefined)
        throw new LibvirtError({ code: 43, domain: 19, level: 2, int1: 0, int2: 0, message: "no network" });
      return { net: { name, uuid: "" } };
    }
    case "NETWORK_GET_XML_DESC":
      return { xml: stage.networks?.[(args["net"] as Record<string, string>)["name"] ?? ""] };
    case "STORAGE_VOL_GET_XML_DESC": {
      const { pool, name } = args["vol"] as Record<string, string>;
      const xml = stage.volumes?.[`${pool ?? ""}/${name ?? ""}`];
      if (xml === undefined)
        throw new LibvirtError({ code: 50, domain: 18, level: 2, int1: 0, int2: 0, message: "no storage vol" });
      return { xml };
    }
    case "STORAGE_POOL_LOOKUP_BY_TARGET_PATH": {
      if (!stage.pools) throw new Error("the fake host was asked for a pool");
      const name = stage.pools[String(args["path"])];
      if (name === undefined)
        throw new LibvirtError({ code: 49, domain: 18, level: 2, int1: 0, int2: 0, message: "no storage pool" });
      return { pool: { name, uuid: ID } };
    }
    case "STORAGE_POOL_REFRESH":
      return {};
    case "STORAGE_VOL_LOOKUP_BY_PATH": {
      const path = String(args["path"]);
      const pool = stage.pools?.[dirname(path)] ?? "";
      return { vol: { pool, name: basename(path), key: path } };
    }
    default:
      throw new Error(`the fake host knows no ${procedure}`);
  }
}

/** A request to a host that has one machine. */
export function requestTo(stage: Stage): Request {
  const call = async (procedure: string, args: Values): Promise<unknown> =>
    Promise.resolve().then(() => answer(stage, procedure, args));
  return {
    name: "web",
    owner: { organization: "o", project: "p", stack: "s", type: "kvm:index:Domain", name: "web" },
    // Only what an observation asks of a place.
    place: {
      facts: () => Promise.resolve(facts),
      host: { call },
      inTurn: (_: string, act: () => unknown) => act(),
    } as unknown as Place,
    preview: false,
    signal: new AbortController().signal,
    progress: () => undefined,
    info: () => undefined,
    warn: () => undefined,
  };
}

/** Inputs as check leaves them. */
export const inputs = (args: Values): Values =>
  fillDefaults(domain, { name: "web", type: "kvm", memory: 64, vcpus: 2, ...args }, undefined);

export const goal = (args: Values, former?: Values, more: Partial<Goal> = {}): Goal => ({
  id: ID,
  name: "web",
  inputs: inputs(args),
  managed: former && inputs(former),
  mark: MARK,
  ...more,
});

/** The machine as it is found for these inputs. */
export async function found(stage: Stage, args: Values): Promise<FoundDomain> {
  const machine = await observe(requestTo(stage), ID, inputs(args));
  if (!machine) throw new Error("the fake host has a machine");
  return machine;
}

/** What is found, and the plan from there to the goal. */
export async function planned(
  stage: Stage,
  args: Values,
  former: Values = args,
  more: Partial<Circumstances> = {},
): Promise<{ found: FoundDomain; plan: Plan }> {
  const machine = await found(stage, { ...former, ...args });
  const at = { facts, volumes: machine.volumes, now: NOW, ...more };
  return { found: machine, plan: plan(machine, goal(args, former), at) };
}

/** A plan as it is read by people: the definition as text. */
export const told = ({ definition, restarts, changes: _, ...rest }: Plan): Values => ({
  ...(definition ? { definition: printXml(definition) } : {}),
  ...rest,
  ...(restarts ? { restarts } : {}),
});
