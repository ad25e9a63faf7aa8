// Draws edits from the samples by a seeded generator: the same seed, the same walk.
import { deepEqual, isRecord, type Values } from "../../../provider/fields";
import { argsOf } from "../../e2e/conformance/table";
import { images } from "./furnish";
import { machines } from "./machines";
import { networks } from "./networks";
import { type Edit, edited, type Program, start } from "./program";
import type { Sample } from "./sample";

/** Numbers from 0 to 1 (mulberry32). */
export type Random = () => number;

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The edits of one walk. */
export function drawWalk(seed: number, steps: number): Edit[] {
  const random = randomOf(seed);
  let program = start;
  return Array.from({ length: steps }, () => {
    const edit = draw(random, program);
    program = edited(program, edit);
    return edit;
  });
}

type Maker = (random: Random, program: Program) => Edit | undefined;

/** How often each kind of edit is drawn. */
const makers: readonly (readonly [number, Maker])[] = [
  [30, setMachine],
  [15, setDevice],
  [10, setNetwork],
  [14, attach],
  [10, detach],
  [6, move],
  [5, grow],
  [5, () => ({ what: "power cycle by hand", cycle: true })],
  [11, byHand],
];

function draw(random: Random, program: Program): Edit {
  for (;;) {
    let left = random() * makers.reduce((sum, [weight]) => sum + weight, 0);
    const [, maker] = makers.find(([weight]) => (left -= weight) < 0) ?? [0, grow];
    const edit = maker(random, program);
    if (edit) return edit;
  }
}

function one<T>(random: Random, items: readonly T[]): T | undefined {
  return items[Math.floor(random() * items.length)];
}

/** What changes nothing that the walk itself stands on. */
const steady = ({ path, group }: Sample): boolean =>
  group === undefined && !/^(disks|interfaces)|\.(kernel|initrd)$/.test(path);
// A network without DNS bears none of the other samples.
const movable = /^(dns\.(?!enable)|domain\.|mtu|bridge\.(stp|delay)|autostart|ips\[\]\.dhcp\.hosts$)/;

function setMachine(random: Random, { machine }: Program): Edit | undefined {
  const edit = setBy(random, machine, machines.rows.filter(steady));
  return edit && { what: edit.what, machine: edit.values };
}

function setNetwork(random: Random, { network }: Program): Edit | undefined {
  const rows = networks.rows.filter(({ path }) => movable.test(path));
  const edit = setBy(random, network, rows);
  if (!edit) return undefined;
  // The subnet stays: the samples bring one of their own.
  const { ips, ...values } = edit.values;
  const [ip] = Array.isArray(ips) ? (ips as Values[]) : [];
  const hosts = isRecord(ip) && isRecord(ip["dhcp"]) ? ip["dhcp"]["hosts"] : undefined;
  const [own] = network["ips"] as Values[]; // the program always has one
  const subnet = hosts === undefined ? {} : { ips: [{ ...own, dhcp: { ...(own?.["dhcp"] as Values), hosts } }] };
  return { what: edit.what, network: { ...values, ...subnet } };
}

/** One sample's value, before or after or none, with what it needs around it. */
function setBy(random: Random, base: Values, rows: readonly Sample[]): { what: string; values: Values } | undefined {
  const row = one(random, rows);
  const value = row && one(random, [row.before, row.after, row.after, undefined]);
  if (!row) return undefined;
  const args = argsOf({ base } as never, row, 92, value, value === row.after ? row.then : undefined);
  const names = [...new Set([...Object.keys(base), ...Object.keys(args)])];
  const changed = names.filter((name) => !deepEqual(base[name], args[name]));
  if (changed.length === 0) return undefined;
  const values = Object.fromEntries(changed.map((name) => [name, args[name] ?? null]));
  return { what: `${value === undefined ? "unset" : "set"} ${row.path}`, values };
}

function lists(machine: Values): { readonly name: string; readonly items: readonly Values[] }[] {
  return ["disks", "interfaces"].map((name) => ({ name, items: (machine[name] ?? []) as Values[] })); // the table's lists
}

const EDITS =
  /^(disks\[\]\.(readOnly|shareable|cache|discard|serial|bus|bootOrder)|interfaces\[\]\.(model|link\.state|mtu\.size|network|bootOrder))$/;

/** Edits one device in its place. */
function setDevice(random: Random, { machine }: Program): Edit | undefined {
  const row = one(
    random,
    machines.rows.filter(({ path }) => EDITS.test(path)),
  );
  const list = lists(machine).find(({ name }) => row?.path.startsWith(name));
  const device = list && one(random, list.items);
  if (!row || !list || !device) return undefined;
  const path = row.path.replace(/^\w+\[\]\./, "");
  const chosen = path === "bootOrder" ? 1 + Math.floor(random() * 90) : row.after;
  const value = one(random, [chosen, chosen, path === "network" ? row.before : undefined]);
  const changed = argsOf({ base: device } as never, { path } as never, 0, value);
  const key = String(device["target"] ?? device["mac"]);
  return {
    what: `${value === undefined ? "unset" : "set"} ${path} of ${key}`,
    machine: { [list.name]: list.items.map((item) => (item === device ? changed : item)) },
  };
}

const disks: readonly Values[] = [
  { volume: "table/walked-b", target: "vdc" },
  { file: `${images}/vdd`, target: "vdd" },
  { file: `${images}/sda`, target: "sda", bus: "scsi" },
  { file: `${images}/sdb`, target: "sdb", bus: "usb" },
  { file: `${images}/sdc`, target: "sdc", bus: "sata" },
  { file: `${images}/sde`, target: "sde", device: "cdrom", bus: "sata" },
  { file: `${images}/sdf`, target: "sdf", device: "cdrom", bus: "usb" },
  { file: `${images}/sdg`, target: "sdg", device: "cdrom", bus: "scsi" },
];
const cards: readonly Values[] = [
  { network: "walked", mac: "52:54:00:00:02:02" },
  { bridge: "br-a", mac: "52:54:00:00:02:03" },
  { user: {}, mac: "52:54:00:00:02:04" },
];
/** Where a card is moved to. */
const plugs: readonly Values[] = [{ network: "walked" }, { network: "table-a" }, { bridge: "br-a" }, { user: {} }];

function attach(random: Random, { machine }: Program): Edit | undefined {
  const device = one(random, [...disks, ...cards]);
  const list = lists(machine).find(({ name }) => name === (device && "target" in device ? "disks" : "interfaces"));
  if (!device || !list) return undefined;
  const key = "target" in device ? "target" : "mac";
  if (list.items.some((item) => item[key] === device[key])) return undefined;
  return { what: `attach ${String(device[key])}`, machine: { [list.name]: [...list.items, device] } };
}

function detach(random: Random, { machine }: Program): Edit | undefined {
  const list = one(random, lists(machine));
  const device = list && one(random, list.items);
  if (!device) return undefined;
  const items = list.items.filter((item) => item !== device);
  return { what: `detach ${String(device["target"] ?? device["mac"])}`, machine: { [list.name]: items } };
}

/** Plugs one card into something else. */
function move(random: Random, { machine }: Program): Edit | undefined {
  const items = (machine["interfaces"] ?? []) as Values[]; // the table's list
  const [card, plug] = [one(random, items), one(random, plugs)];
  if (!card || !plug) return undefined;
  const { network, bridge, user, ...rest } = card;
  const moved = { ...rest, ...plug };
  if (deepEqual({ network, bridge, user, ...rest }, moved)) return undefined;
  return {
    what: `move ${String(card["mac"])} to ${JSON.stringify(plug)}`,
    machine: { interfaces: items.map((item) => (item === card ? moved : item)) },
  };
}

function grow(random: Random, { volumes }: Program): Edit {
  const capacities = volumes.map(({ capacity }) => Number(capacity) + (random() < 0.5 ? 0.005 : 0));
  return { what: "grow the volumes", capacities };
}

/** What others do to a machine: libvirt refuses some of it, which is no edit then. */
function byHand(random: Random, { machine }: Program): Edit {
  const scope = one(random, ["--config", "--live", "--persistent"]) ?? "--live";
  const target = String(one(random, (machine["disks"] ?? []) as Values[])?.["target"]); // the table's list
  const mac = String(one(random, (machine["interfaces"] ?? []) as Values[])?.["mac"]);
  const acts: readonly (readonly string[])[] = [
    ["destroy", "walked"],
    ["suspend", "walked"],
    ["desc", "walked", "--title", "by hand", scope === "--persistent" ? "--config" : scope],
    ["metadata", "walked", "--uri", "urn:pulumi-kvm:metadata:1", "--key", "hand", "--set", "<texts/>", scope],
    ["detach-disk", "walked", target, scope],
    ["detach-interface", "walked", "network", "--mac", mac, scope],
    ["attach-disk", "walked", `${images}/vdi`, "vdi", scope],
    ["domif-setlink", "walked", mac, "down", ...(scope === "--config" ? [scope] : [])],
    ["setvcpus", "walked", "1", "--config"],
    ["setmem", "walked", "150M", scope === "--persistent" ? "--config" : scope],
    ["autostart", "walked", "--disable"],
    ["net-destroy", "walked"],
    ["net-update", "walked", "add", "dns-host", "<host ip='10.89.0.77'><hostname>hand</hostname></host>", "--live"],
  ];
  const hand = one(random, acts) ?? [];
  return { what: `by hand: ${hand.slice(0, 3).join(" ")} ${scope}`, hand };
}
