import { type Difference, differences, isRecord, readTable, type Values, writeTable } from "../../fields";
import { childrenOf, cloneXml, element, equalXml, find, findAll, printXml, readPath, type XmlElement } from "../../xml";
import { type Mark, writeMark } from "../mark";
import { canonical } from "./addresses";
import { ownBridge } from "./check";
import { type LiveField, network } from "./fields";
import { uplinkSteps } from "./uplinks";
import type { Goal } from "../definition";
import type { FoundNetwork } from "./observe";

/** Entries that come and go by NetworkUpdate. */
export type EntryField = Exclude<LiveField, "autostart">;

/** One step towards a goal. */
export type Step =
  | { readonly act: "define"; readonly xml: string }
  | { readonly act: "start" }
  /** Stops and starts it: the named properties need that. */
  | { readonly act: "restart"; readonly fields: readonly string[] }
  | {
      readonly act: "withdraw" | "enter";
      readonly field: EntryField;
      readonly parentIndex: number;
      readonly xml: string;
    }
  /** Plugs in the cards of running machines again. */
  | { readonly act: "replug" }
  | { readonly act: "autostart"; readonly on: boolean }
  /** Marks the create as finished, and the cards as plugged in, in the definition as it then stands. */
  | { readonly act: "seal"; readonly mark: Mark };

/** The inputs with what follows from the found network: a bridge that is not named keeps the name that it has. */
export function wanted(found: Pick<FoundNetwork, "inactive">, inputs: Values): Values {
  const bridge = inputs["bridge"];
  const name = readPath(found.inactive, "bridge/@name");
  if (!isRecord(bridge) || bridge["name"] !== undefined || name === undefined) return inputs;
  return { ...inputs, bridge: { ...bridge, name } };
}

/**
 * The steps from what is found to what is wanted, in order; `guests`: cards of running machines hang on it. Until those are
 * plugged in again the definition says so: a run that dies meanwhile leaves a trace.
 */
export function plan(found: FoundNetwork | undefined, asked: Goal, guests = false): Step[] {
  const inputs = found ? wanted(found, asked.inputs) : asked.inputs;
  const replugs = guests && unplugs(found, asked);
  const goal: Goal = { ...asked, inputs, mark: replugs ? { ...asked.mark, replug: true } : asked.mark };
  const on = inputs["autostart"] !== false;
  const replug: Step[] = replugs ? [{ act: "replug" }] : [];
  const sealed = asked.mark.phase === "creating" || replugs;
  const seal: Step[] = sealed ? [{ act: "seal", mark: { ...asked.mark, phase: "ready" } }] : [];
  const xml = definitionOf(found, goal);
  if (!found) {
    return [
      { act: "define", xml: printXml(xml) },
      { act: "start" },
      ...replug,
      ...(on ? [{ act: "autostart", on } as const] : []),
      ...seal,
    ];
  }
  const same = found.persistent && equalXml(xml, found.inactive);
  return [
    ...(same ? [] : [{ act: "define", xml: printXml(xml) } as const]),
    ...running(found, goal, replug),
    ...(found.autostart === on ? [] : [{ act: "autostart", on } as const]),
    ...seal,
  ];
}

/**
 * Whether running machines' cards hang in the air on the way, or have since a former run: they lose their network by a restart,
 * and have lost it where the bridge went with a stop; the host's own bridge stays.
 */
export function unplugs(found: FoundNetwork | undefined, { inputs, managed }: Goal): boolean {
  if (!found) return ownBridge(inputs) !== false;
  if (found.mark?.replug === true) return true;
  if (!found.active) return ownBridge(found.values) !== false;
  return restartFields(found, wanted(found, inputs), managed).length > 0;
}

/** The definition that is wanted: the found one, patched. */
function definitionOf(found: FoundNetwork | undefined, goal: Goal): XmlElement {
  const root = found
    ? cloneXml(found.inactive)
    : element("network", {}, element("name", {}, goal.name), element("uuid", {}, goal.id));
  writeTable(network, root, goal.inputs, goal.managed);
  writeMark(root, goal.mark);
  return root;
}

function running(found: FoundNetwork, goal: Goal, replug: readonly Step[]): Step[] {
  if (!found.active) return [{ act: "start" }, ...replug];
  const fields = restartFields(found, goal.inputs, goal.managed);
  return fields.length > 0 ? [{ act: "restart", fields }, ...replug] : [...replug, ...liveSteps(found, goal)];
}

/** What the running network takes up only by a restart. */
export function restartChanges(found: FoundNetwork, inputs: Values, managed: Values | undefined): Difference[] {
  const values = readTable(network, found.live);
  const all = differences(network, values, inputs, { managed, situation: { before: values, after: inputs } });
  return all.filter(({ cost }) => cost === "restart");
}

/** The top-level properties of those changes. */
export function restartFields(found: FoundNetwork, inputs: Values, managed: Values | undefined): string[] {
  return [...new Set(restartChanges(found, inputs, managed).map(({ path }) => String(path[0])))];
}

/** Takes out entries before it puts new ones in: libvirt refuses a second entry for one MAC or address. */
function liveSteps(found: FoundNetwork, goal: Goal): Step[] {
  const patched = cloneXml(found.live);
  writeTable(network, patched, goal.inputs, goal.managed);
  const [before, after] = [entriesOf(found.live), entriesOf(patched)];
  const without = (some: readonly Entry[], others: readonly Entry[]): Entry[] =>
    some.filter((one) => !others.some((other) => sameEntry(one, other)));
  const step = (act: "withdraw" | "enter", { field, parentIndex, node }: Entry): Step => ({
    act,
    field,
    parentIndex,
    xml: printXml(node),
  });
  const uplinks = uplinkSteps(found.live, patched);
  const uplink = (dev: string): Entry => ({
    field: "forward.interfaces",
    parentIndex: -1,
    ip: "",
    node: element("interface", { dev }),
  });
  return [
    ...[...uplinks.off.map(uplink), ...without(before, after)].map((entry) => step("withdraw", entry)),
    ...[...uplinks.on.map(uplink), ...without(after, before)].map((entry) => step("enter", entry)),
  ];
}

interface Entry {
  readonly field: EntryField;
  /** The position of its <ip>; -1 where it stands in none. */
  readonly parentIndex: number;
  readonly ip: string;
  readonly node: XmlElement;
}

const DHCP = { "dhcp.ranges": "dhcp/range", "dhcp.hosts": "dhcp/host" } as const;
const DNS = { "dns.hosts": "host", "dns.txts": "txt", "dns.srvs": "srv" } as const;

function entriesOf(root: XmlElement): Entry[] {
  const dns = find(root, "dns");
  const names = Object.entries(DNS).flatMap(([field, name]) =>
    (dns ? childrenOf(dns, name) : []).map((node) => ({ field: field as EntryField, parentIndex: -1, ip: "", node })),
  );
  const leases = childrenOf(root, "ip").flatMap((ip, parentIndex) =>
    Object.entries(DHCP).flatMap(([field, path]) =>
      findAll(ip, path).map((node) => ({
        field: field as EntryField,
        parentIndex,
        ip: canonical(ip.attributes.get("address") ?? ""),
        node,
      })),
    ),
  );
  return [...leases, ...names];
}

function sameEntry(one: Entry, other: Entry): boolean {
  return one.field === other.field && one.ip === other.ip && equalXml(one.node, other.node);
}
