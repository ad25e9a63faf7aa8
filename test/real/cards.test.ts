import { execFileSync } from "node:child_process";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { changesLive, clear, costs, small, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

// Where the cards of running guests are moved to: from bridge to bridge live, by a power cycle to all else.
jest.setTimeout(120_000);

const bridge = (name: string, subnet: number): string =>
  `<bridge name='${name}'/><ip address='10.96.${subnet}.1' netmask='255.255.255.0'/>`;
const networks: Readonly<Record<string, string>> = {
  nat: `<forward mode='nat'/>${bridge("virbrn", 1)}`,
  isolated: bridge("virbri", 2),
  routed: `<forward mode='route'/>${bridge("virbrr", 3)}`,
  shared: "<forward mode='bridge'/><bridge name='br-a'/>",
  macvtap: "<forward mode='bridge'><interface dev='eth7'/></forward>",
  macvtaps: "<forward mode='bridge'><interface dev='eth8'/></forward>",
};

let place: Place;
beforeAll(() => {
  for (const name of ["br-a", "br-b"]) execFileSync("ip", ["link", "add", name, "type", "bridge"]);
  execFileSync("ip", ["link", "add", "eth7", "type", "veth", "peer", "name", "eth8"]);
  for (const name of ["br-a", "br-b", "eth7", "eth8"]) execFileSync("ip", ["link", "set", name, "up"]);
  for (const [name, body] of Object.entries(networks)) {
    execFileSync("bash", ["-c", "cat > /tmp/cards.xml"], { input: `<network><name>${name}</name>${body}</network>` });
    virsh("net-define", "/tmp/cards.xml");
    virsh("net-start", name);
  }
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(clear);

const mac = "52:54:00:96:00:01";
const on = (source: Values, more: Values = {}): Values => ({ ...small, interfaces: [{ mac, ...source, ...more }] });

/** Type, source and link of a definition's one card. */
function cardIn(machine: Driven, ...flags: string[]): string {
  const [card = ""] = /<interface type[^]*?<\/interface>/.exec(virsh("dumpxml", machine.id ?? "", ...flags)) ?? [];
  const [, type, source, state] =
    /<interface type='(\w+)'>(?:[^]*?<source (?:network|bridge|dev)='([\w-]+)')?(?:[^]*<link state='(\w+)')?/.exec(
      card,
    ) ?? [];
  return [type, source, state].filter((one) => one !== undefined).join(" ");
}

async function isSettledAfterCycle(machine: Driven, args: Values): Promise<void> {
  virsh("destroy", machine.id ?? "");
  virsh("start", machine.id ?? "");
  await machine.refresh();
  expect([machine.outputs["restartPending"], await costs(machine, args)]).toEqual([[], []]);
}

describe("a card", () => {
  it("goes from bridge to bridge while its guest runs, be it a network's or the host's", async () => {
    const web = new Driven(domain, place, "moved");
    await web.up(on({ network: "nat" }));
    const way: readonly (readonly [Values, string, string])[] = [
      [{ network: "isolated" }, "network isolated", "virbri"],
      [{ network: "shared" }, "bridge shared", "br-a"],
      [{ bridge: "br-b" }, "bridge br-b", "br-b"],
      [{ network: "routed" }, "network routed", "virbrr"],
    ];
    for (const [source, card, master] of way) {
      await changesLive(web, on(source));
      expect(cardIn(web)).toBe(card);
      expect(execFileSync("ls", [`/sys/class/net/${master}/brif`], { encoding: "utf8" })).toMatch(/^vnet\d+\n$/);
    }
    await isSettledAfterCycle(web, on({ network: "routed" }));
  });

  it.each<[string, Values, Values, readonly string[], string]>([
    ["a bridge to macvtap", { network: "nat" }, { direct: "eth7" }, ["network", "direct"], "network nat"],
    ["a bridge to a network of macvtap", { network: "nat" }, { network: "macvtap" }, ["network"], "network nat"],
    ["the host's bridge to QEMU's own network", { bridge: "br-a" }, { user: {} }, ["bridge", "user"], "bridge br-a"],
    ["QEMU's own network to a bridge", { user: {} }, { network: "nat" }, ["network", "user"], "user"],
    ["macvtap to a bridge", { direct: "eth7" }, { bridge: "br-a" }, ["bridge", "direct"], "direct eth7"],
    ["a network of macvtap to another", { network: "macvtap" }, { network: "macvtaps" }, ["network"], "direct macvtap"],
    ["a network of macvtap to a bridge", { network: "macvtap" }, { network: "nat" }, ["network"], "direct macvtap"],
  ])("waits for a power cycle on its way from %s", async (_, before, after, properties, card) => {
    const web = new Driven(domain, place, "waits");
    await web.up(on(before));
    const run = virsh("domid", web.id ?? "");
    const told = properties.map((name) => `interfaces.0.${name}`);
    expect(await costs(web, on(after))).toEqual(told.map((path) => `${path} restart`));
    await web.up(on(after));
    expect([virsh("domid", web.id ?? ""), cardIn(web)]).toEqual([run, card]);
    expect(web.outputs["restartPending"]).toEqual([...properties].sort().map((name) => `interfaces[${mac}].${name}`));
    expect(await costs(web, on(after))).toEqual([]);
    await isSettledAfterCycle(web, on(after));
  });

  it.each<[string, Values, Values, string, string]>([
    ["macvtap on another device", { direct: "eth7" }, { direct: "eth8" }, "direct eth7", "direct eth8"],
    ["QEMU's own network", { network: "shared" }, { user: {} }, "bridge shared", "user"],
    ["a network of macvtap", { bridge: "br-a" }, { network: "macvtap" }, "bridge br-a", "network macvtap"],
  ])("that waits for %s is unplugged and plugged live meanwhile", async (_, before, after, guest, next) => {
    const web = new Driven(domain, place, "cable");
    await web.up(on(before));
    await web.up(on(after));
    const waiting = web.outputs["restartPending"];
    const down = on(after, { link: { state: "down" } });
    expect(await costs(web, down)).toEqual(["interfaces.0.link live"]);
    await web.up(down);
    expect([cardIn(web), cardIn(web, "--inactive")]).toEqual([`${guest} down`, `${next} down`]);
    expect([await costs(web, down), web.outputs["restartPending"]]).toEqual([[], waiting]);
    const up = on(after, { link: { state: "up" } });
    await web.up(up);
    expect([cardIn(web), cardIn(web, "--inactive")]).toEqual([`${guest} up`, `${next} up`]);
    await isSettledAfterCycle(web, up);
  });

  it("that waits for macvtap, and then for a network, is told of neither", async () => {
    const web = new Driven(domain, place, "twice");
    await web.up(on({ user: {} }));
    await web.up(on({ direct: "eth7" }));
    await web.up(on({ network: "nat" }));
    expect([cardIn(web), cardIn(web, "--inactive")]).toEqual(["user", "network nat"]);
    expect(await costs(web, on({ network: "nat" }))).toEqual([]);
    await isSettledAfterCycle(web, on({ network: "nat" }));
  });

  it("that waits for another source goes back to the one that its guest has, and nothing waits", async () => {
    const web = new Driven(domain, place, "back");
    await web.up(on({ direct: "eth7" }));
    await web.up(on({ direct: "eth8" }));
    expect(await costs(web, on({ direct: "eth7" }))).toEqual(["interfaces.0.direct live"]);
    await web.up(on({ direct: "eth7" }));
    expect(web.outputs["restartPending"]).toEqual([]);
    expect([cardIn(web), cardIn(web, "--inactive")]).toEqual(["direct eth7", "direct eth7"]);
  });
});

describe("a disk", () => {
  const image = "/var/lib/libvirt/images/cards";
  beforeAll(() => {
    for (const letter of "abc") execFileSync("truncate", ["-s", "4M", `${image}-${letter}.raw`]);
  });
  const args = (letter: string, more: Values): Values => ({
    ...small,
    disks: [{ file: `${image}-${letter}.raw`, target: "sda", ...more }],
  });

  it("whose source waits takes another property back live: the guest is not told of the source", async () => {
    const web = new Driven(domain, place, "source");
    await web.up(args("a", { cache: "none" }));
    await web.up(args("b", { cache: "writeback" }));
    expect(web.outputs["restartPending"]).toEqual(["disks[sda].cache", "disks[sda].file"]);
    const back = args("b", { cache: "none" });
    expect(await costs(web, back)).toEqual(["disks.0.cache live"]);
    await web.up(back);
    expect(web.outputs["restartPending"]).toEqual(["disks[sda].file"]);
    expect(virsh("dumpxml", web.id ?? "")).toContain("cards-a.raw");
    await isSettledAfterCycle(web, back);
  });

  it("that is a CD drive takes another medium live, while its place on another bus waits", async () => {
    const web = new Driven(domain, place, "medium");
    const drive = (letter: string, bus: string): Values => args(letter, { device: "cdrom", bus });
    await web.up(drive("a", "sata"));
    expect(await costs(web, drive("b", "scsi"))).toEqual(["disks.0.file live", "disks.0.bus restart"]);
    await web.up(drive("b", "scsi"));
    expect(web.outputs["restartPending"]).toEqual(["disks[sda].bus"]);
    expect(virsh("dumpxml", web.id ?? "")).toMatch(/cards-b\.raw[^]*bus='sata'/);
    await isSettledAfterCycle(web, drive("b", "scsi"));
  });
});
