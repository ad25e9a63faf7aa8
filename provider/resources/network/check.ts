import { DEFAULTS, type Failure, isRecord, type Path, printPath, type Values } from "../../fields";
import {
  type Address,
  canonical,
  isGuestAddress,
  parseAddress,
  parseSubnet,
  type Subnet,
  wholeSubnet,
} from "./addresses";

/** Modes in which libvirt makes the bridge and runs dnsmasq on it; isolated (no `forward`) is one too. */
const OWN_BRIDGE = ["nat", "route", "open"];

/** Whether libvirt makes the bridge; undefined while the mode is not known. */
export function ownBridge(inputs: Values): boolean | undefined {
  const forward = inputs["forward"];
  if (forward === undefined) return true;
  const mode = isRecord(forward) ? forward["mode"] : undefined;
  return typeof mode === "string" ? OWN_BRIDGE.includes(mode) : undefined;
}

/**
 * Fills what depends on other values: the bridge's timing, and the ranges of `dhcp: {}`. Leaves out objects that say
 * nothing: libvirt does not keep them, so they would be shown as a change for ever.
 */
export function complete(inputs: Values, olds: Values | undefined): Values {
  const filled: string[] = [];
  const before = new Set(listOf(olds?.[DEFAULTS]).map(String));
  const { ips, forward } = inputs;
  const completed = {
    ...without(inputs, "dns"),
    ...(isRecord(forward) ? { forward: without(forward, "nat") } : {}),
    ...(Array.isArray(ips) ? { ips: ips.map((ip: unknown) => withRanges(ip, olds, before, filled)) } : {}),
    ...(ownBridge(inputs) ? bridgeOf(inputs, olds, before, filled) : {}),
  };
  if (filled.length === 0) return completed;
  return { ...completed, [DEFAULTS]: [...listOf(inputs[DEFAULTS]), ...filled] };
}

/** The values without a property whose value says nothing. */
function without(values: Values, name: string): Values {
  const value = values[name];
  const empty = isRecord(value) && Object.values(value).every((one) => one === undefined || isEmptyList(one));
  return empty ? Object.fromEntries(Object.entries(values).filter(([other]) => other !== name)) : values;
}

function bridgeOf(inputs: Values, olds: Values | undefined, before: ReadonlySet<string>, filled: string[]): Values {
  const bridge = inputs["bridge"] ?? {};
  const old = olds?.["bridge"];
  if (!isRecord(bridge)) return {};
  const completed: Record<string, unknown> = { ...bridge };
  for (const [name, value] of Object.entries({ stp: false, delay: 0 })) {
    if (completed[name] !== undefined) continue;
    const path = `bridge.${name}`;
    completed[name] = before.has(path) && isRecord(old) ? (old[name] ?? value) : value;
    filled.push(path);
  }
  return { bridge: completed };
}

function withRanges(ip: unknown, olds: Values | undefined, before: ReadonlySet<string>, filled: string[]): unknown {
  if (!isRecord(ip) || !isRecord(ip["dhcp"]) || typeof ip["address"] !== "string") return ip;
  const [dhcp, address] = [ip["dhcp"], ip["address"]];
  const subnet = parseSubnet(address);
  if (!subnet || dhcp["ranges"] !== undefined) return without(ip, "dhcp");
  const path = `ips[${canonical(address)}].dhcp.ranges`;
  const kept = before.has(path) ? oldRanges(olds, address) : undefined;
  filled.push(path);
  return { ...ip, dhcp: { ...dhcp, ranges: kept ?? wholeSubnet(subnet) } };
}

function oldRanges(olds: Values | undefined, address: string): unknown {
  const old = records(olds?.["ips"]).find(({ value }) => canonical(String(value["address"])) === canonical(address));
  const dhcp = old?.value["dhcp"];
  return isRecord(dhcp) ? dhcp["ranges"] : undefined;
}

/** What is wrong with a network as a whole; a value that is not known yet is passed over. */
export function complaints(inputs: Values): Failure[] {
  return [
    ...forwardComplaints(inputs),
    ...ownBridgeComplaints(inputs),
    ...vlanComplaints(inputs),
    ...ipComplaints(inputs),
    ...serviceComplaints(inputs),
  ];
}

function failure(path: Path, reason: string): Failure {
  return { property: printPath(path), reason };
}

function forwardComplaints(inputs: Values): Failure[] {
  const forward = inputs["forward"];
  if (!isRecord(forward) || typeof forward["mode"] !== "string") return [];
  const mode = forward["mode"];
  const only = (name: string, modes: readonly string[]): Failure[] =>
    forward[name] !== undefined && !modes.includes(mode)
      ? [failure(["forward", name], `has no meaning with mode "${mode}", only with ${modes.join(", ")}`)]
      : [];
  const ways = ["dev", "interfaces", "pf"].filter((name) => forward[name] !== undefined);
  const several = ways.length > 1 ? [failure(["forward"], `has ${ways.join(" and ")}: set one of them`)] : [];
  const uplinks = ["bridge", "private", "vepa", "passthrough", "hostdev"];
  const bridge = inputs["bridge"];
  const named = isRecord(bridge) && bridge["name"] !== undefined;
  const missing = uplinks.includes(mode) && ways.length === 0 && !(mode === "bridge" && named);
  return [
    ...only("nat", ["nat"]),
    ...only("interfaces", uplinks),
    ...only("pf", ["passthrough", "hostdev"]),
    ...only("managed", ["hostdev"]),
    ...several,
    ...(missing
      ? [
          failure(
            ["forward"],
            `mode "${mode}" needs the host's interface: dev, interfaces or pf${mode === "bridge" ? ", or bridge.name" : ""}`,
          ),
        ]
      : []),
    ...natComplaints(forward["nat"]),
  ];
}

function natComplaints(nat: unknown): Failure[] {
  if (!isRecord(nat)) return [];
  const [addresses, ports] = [nat["addresses"], nat["ports"]];
  const found: Failure[] = [];
  if (isRecord(addresses)) found.push(...orderComplaints(addresses, ["forward", "nat", "addresses"]));
  const [start, end] = isRecord(ports) ? [ports["start"], ports["end"]] : [];
  if (typeof start === "number" && typeof end === "number" && start > end) {
    found.push(failure(["forward", "nat", "ports"], "begins after its end"));
  }
  return found;
}

function orderComplaints(range: Values, path: Path): Failure[] {
  const [start, end] = [addressOf(range["start"]), addressOf(range["end"])];
  if (!start || !end) return [];
  if (start.family !== end.family) return [failure(path, "has a start and an end of different families")];
  return start.value > end.value ? [failure(path, "begins after its end")] : [];
}

/** What needs libvirt's own bridge and dnsmasq. */
function ownBridgeComplaints(inputs: Values): Failure[] {
  if (ownBridge(inputs) !== false) return [];
  const mode = isRecord(inputs["forward"]) ? String(inputs["forward"]["mode"]) : "";
  const bridge = isRecord(inputs["bridge"]) ? inputs["bridge"] : {};
  const reason = `cannot be set with mode "${mode}", where the bridge is not libvirt's`;
  return [
    ...["ips", "domain", "dns", "mtu", "dnsmasqOptions"]
      .filter((name) => inputs[name] !== undefined)
      .map((name) => [name]),
    ...["stp", "delay"].filter((name) => bridge[name] !== undefined).map((name) => ["bridge", name]),
  ].map((path) => failure(path, reason));
}

function vlanComplaints(inputs: Values): Failure[] {
  const vlan = inputs["vlan"];
  if (!isRecord(vlan) || !Array.isArray(vlan["tags"])) return [];
  if (vlan["tags"].length === 0) return [failure(["vlan", "tags"], "needs at least one VLAN")];
  return vlan["tags"].length > 1 && vlan["trunk"] === undefined
    ? [failure(["vlan", "trunk"], "must be true where there is more than one tag")]
    : [];
}

/** A service record without a target says that there is no such service: nothing stands where there is none. */
function serviceComplaints({ dns }: Values): Failure[] {
  return records(isRecord(dns) ? dns["srvs"] : undefined).flatMap(({ value, index }) =>
    ["port", "priority", "weight"]
      .filter((name) => value[name] !== undefined && value["target"] === undefined)
      .map((name) => failure(["dns", "srvs", index, name], "needs a target beside it")),
  );
}

function ipComplaints(inputs: Values): Failure[] {
  const seen: { subnet: Subnet; path: Path }[] = [];
  const served = new Map<number, Path>();
  return records(inputs["ips"]).flatMap(({ value, index }) => {
    const path = ["ips", index];
    const subnet = typeof value["address"] === "string" ? parseSubnet(value["address"]) : undefined;
    if (!subnet) return [];
    const other = seen.find(({ subnet: one }) => overlap(one, subnet));
    seen.push({ subnet, path });
    const found = other ? [failure([...path, "address"], `overlaps ${printPath(other.path)}`)] : [];
    if (!isGuestAddress(subnet, subnet.own) && subnet.prefix < 31) {
      found.push(
        failure([...path, "address"], "is the number or the broadcast of its subnet: give the host's own address"),
      );
    }
    const dhcp = value["dhcp"];
    if (!isRecord(dhcp)) return found;
    const first = served.get(subnet.own.family);
    served.set(subnet.own.family, first ?? path);
    if (first)
      found.push(
        failure([...path, "dhcp"], `${printPath(first)} has DHCP already; libvirt serves one subnet of each family`),
      );
    if (subnet.own.family === 4 && subnet.prefix > 30)
      found.push(failure([...path, "dhcp"], "has no address to hand out"));
    return [
      ...found,
      ...rangeComplaints(dhcp, subnet, [...path, "dhcp"]),
      ...hostComplaints(dhcp, subnet, [...path, "dhcp"]),
    ];
  });
}

function overlap(a: Subnet, b: Subnet): boolean {
  return a.own.family === b.own.family && a.first <= b.last && b.first <= a.last;
}

function rangeComplaints(dhcp: Values, subnet: Subnet, path: Path): Failure[] {
  const seen: { start: bigint; end: bigint; at: Path }[] = [];
  return records(dhcp["ranges"]).flatMap(({ value, index }) => {
    const at = [...path, "ranges", index];
    const [start, end] = [addressOf(value["start"]), addressOf(value["end"])];
    const outside = (["start", "end"] as const).filter((name) => {
      const address = addressOf(value[name]);
      return address && !isGuestAddress(subnet, address);
    });
    if (outside.length > 0)
      return outside.map((name) => failure([...at, name], "is not an address for guests in the subnet"));
    if (!start || !end) return [];
    if (start.value > end.value) return [failure(at, "begins after its end")];
    if (end.family === 6 && end.value - start.value > 0xffffn)
      return [failure(at, "has more than 65,536 addresses, which libvirt refuses")];
    const other = seen.find((one) => one.start <= end.value && start.value <= one.end);
    seen.push({ start: start.value, end: end.value, at });
    return other ? [failure(at, `overlaps ${printPath(other.at)}`)] : [];
  });
}

function hostComplaints(dhcp: Values, subnet: Subnet, path: Path): Failure[] {
  const seen = new Map<string, Path>();
  const twice = (key: string, at: Path): Failure[] => {
    const first = seen.get(key);
    seen.set(key, first ?? at);
    return first ? [failure(at, `is the same as ${printPath(first)}`)] : [];
  };
  return records(dhcp["hosts"]).flatMap(({ value, index }) => {
    const at = [...path, "hosts", index];
    const [ip, name] = [addressOf(value["ip"]), value["name"]];
    const found = hostShape(value, subnet.own.family, at);
    const unfit = ip && addressComplaint(subnet, ip);
    if (unfit !== undefined) found.push(failure([...at, "ip"], unfit));
    if (ip) found.push(...twice(`ip ${ip.value}`, [...at, "ip"]));
    if (typeof name === "string") found.push(...twice(`name ${name.toLowerCase()}`, [...at, "name"]));
    return found;
  });
}

/** Why a subnet cannot hand out an address to a guest; undefined where it can. */
export function addressComplaint(subnet: Subnet, ip: Address): string | undefined {
  if (!isGuestAddress(subnet, ip)) return "is not an address for guests in the subnet";
  return ip.value === subnet.own.value ? "is the host's own address" : undefined;
}

/** What is wrong with how a guest is named in a subnet of that family; `id` may have another name in the program. */
export function hostShape(host: Values, family: 4 | 6, at: Path, id = "id"): Failure[] {
  const [wanted, other] = family === 4 ? (["mac", id] as const) : ([id, "mac"] as const);
  if (host[other] !== undefined)
    return [failure([...at, other], `cannot be set in an IPv${family} subnet: use "${wanted}"`)];
  return host[wanted] === undefined && host["name"] === undefined ? [failure(at, `needs "${wanted}" or "name"`)] : [];
}

function addressOf(value: unknown): Address | undefined {
  return typeof value === "string" ? parseAddress(value) : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function records(value: unknown): { readonly value: Values; readonly index: number }[] {
  return listOf(value).flatMap((item, index) => (isRecord(item) ? [{ value: item, index }] : []));
}
