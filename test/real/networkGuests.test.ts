import { execFileSync } from "node:child_process";
import { UNKNOWN } from "../../provider/fields";
import { network } from "../../provider/resources/network/lifecycle";
import { readMark, writeMark } from "../../provider/resources/mark";
import type { Domain } from "../../provider/rpc";
import { findAll, parseXml, printXml, readPath } from "../../provider/xml";
import { virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(60_000);

const place = placeOf();
const { host } = place;

beforeAll(() => {
  // The host's own bridge, whose subnet no network of libvirt can have.
  for (const words of ["link add host0 type bridge", "addr add 10.99.9.1/24 dev host0", "link set host0 up"])
    execFileSync("ip", words.split(" "));
});
afterEach(() => {
  jest.restoreAllMocks();
  for (const name of virsh("list", "--name").split("\n").filter(Boolean)) virsh("destroy", name);
  for (const name of virsh("net-list", "--name").split("\n").filter(Boolean)) virsh("net-destroy", name);
  for (const name of virsh("net-list", "--all", "--name").split("\n").filter(Boolean)) virsh("net-undefine", name);
});
afterAll(() => host.close());

const textOf = (flag?: "--inactive"): string => virsh("net-dumpxml", "busy", ...(flag ? [flag] : []));
const markOf = () => readMark(parseXml(textOf("--inactive")));
const paths = (diff: { differences: readonly { path: readonly (string | number)[] }[] }) =>
  diff.differences.map(({ path }) => path.join("."));
const networks = () => virsh("net-list", "--all", "--name").split("\n").filter(Boolean);

const wish = { name: "busy", ips: [{ address: "10.42.0.1/24", dhcp: {} }], bridge: { name: "br-busy" } };
const changed = { ...wish, mtu: 1400 };
const disruptive = { ...changed, disruptive: true };

const cardsOf = (number: number, source: string): string =>
  `<interface type='network'><mac address='52:54:00:42:00:0${number}'/><source network='${source}'/><model type='virtio'/></interface>
   <interface type='bridge'><mac address='52:54:00:42:01:0${number}'/><source bridge='br-busy'/><model type='virtio'/></interface>`;

/** Starts a machine with a card on the network, and one on its bridge. */
async function guest(number = 1, source = "busy"): Promise<Domain> {
  const xml_desc = `<domain type='qemu'><name>guest${number}</name><memory unit='MiB'>24</memory><os><type arch='x86_64'>hvm</type></os>
    <devices>${cardsOf(number, source)}</devices></domain>`;
  return (await host.call("DOMAIN_CREATE_XML", { xml_desc, flags: 0 })).dom;
}

/** The machine's taps. */
function taps(dom: Domain): string[] {
  return findAll(parseXml(virsh("dumpxml", dom.name)), "devices/interface").map((card) =>
    String(readPath(card, "target/@dev")),
  );
}

/** What the kernel says of each card: the bridge that its tap is in. */
function masters(dom: Domain): (string | undefined)[] {
  return taps(dom).map((tap) => {
    const link = execFileSync("ip", ["-j", "link", "show", "dev", tap], { encoding: "utf8" });
    return (JSON.parse(link) as { master?: string }[])[0]?.master; // iproute2's own words
  });
}

const PLUGGED = ["br-busy", "br-busy"];

describe("a network with a running guest", () => {
  it("plugs its cards in again when a network that was stopped or removed by hand is started again", async () => {
    const one = new Driven(network, place, "busy");
    await one.up(wish);
    const dom = await guest();
    for (const removed of [false, true]) {
      virsh("net-destroy", "busy");
      if (removed) virsh("net-undefine", "busy");
      expect(masters(dom)).toEqual([undefined, undefined]);
      await one.up(wish);
      expect(one.outputs["active"]).toBe(true);
      expect(masters(dom)).toEqual(PLUGGED);
      expect(markOf()).not.toHaveProperty("replug");
      expect(await one.preview(wish)).toMatchObject({ changes: false });
    }
  });

  it("is not restarted or deleted under it: the preview fails with the remedy, and nothing is touched", async () => {
    const one = new Driven(network, place, "busy");
    await one.up(wish);
    const dom = await guest();
    const before = textOf("--inactive");
    const refusal =
      'network "busy" needs a restart for mtu set to 1400, and running machines are attached: "guest1". Nothing was changed: ' +
      "stop or detach them first, or set `disruptive: true` to restart it under them";
    await expect(one.preview(changed)).rejects.toThrow(refusal);
    await expect(one.up(changed)).rejects.toThrow(refusal);
    await expect(one.destroy()).rejects.toThrow(/running machines are attached: "guest1"/);
    expect(textOf("--inactive")).toBe(before);
    // What needs no restart is no matter.
    await one.up({ ...wish, dns: { txts: [{ name: "a", value: "b" }] } });
    virsh("destroy", dom.name);
    await one.up(changed);
    expect(await one.preview(changed)).toMatchObject({ changes: false });
  });

  it("gives its place to no other network under it, as the preview says; an unknown name may be the one that it has", async () => {
    const one = new Driven(network, place, "busy");
    await one.up(wish);
    const dom = await guest();
    const refusal = /replace network "busy": running machines are attached: "guest1"\. Nothing was changed/;
    await expect(one.preview({ ...wish, name: "idle" })).rejects.toThrow(refusal);
    expect(await one.preview({ ...wish, name: UNKNOWN })).toMatchObject({ replaces: ["name"] });
    expect(one.said.join("\n")).toMatch(refusal);
    virsh("destroy", dom.name);
    expect(await one.preview({ ...wish, name: "idle" })).toMatchObject({ replaces: ["name"] });
  });

  it("is restarted under it where the program says so; its cards are plugged in again", async () => {
    const one = new Driven(network, place, "busy");
    await one.up(wish);
    const dom = await guest();
    await one.preview(disruptive);
    expect(one.said.join("\n")).toMatch(
      /needs a restart for mtu set to 1400, .*"guest1"\. Their packets are lost meanwhile; their cards are plugged in again/,
    );
    await one.up(disruptive);
    expect(await one.preview(disruptive)).toMatchObject({ differences: [], changes: false });
    expect(masters(dom)).toEqual(PLUGGED);
    expect(markOf()).toMatchObject({ phase: "ready" });
    expect(markOf()).not.toHaveProperty("replug");
    expect(networks()).toEqual(["busy"]);
  });

  it("is back with its former definition where the restart fails, and the cards with it", async () => {
    const one = new Driven(network, place, "busy");
    await one.up(wish);
    const dom = await guest();
    const definition = textOf("--inactive");
    const taken = { ...wish, ips: [{ address: "10.99.9.2/24", dhcp: {} }], disruptive: true };
    await expect(one.up(taken)).rejects.toThrow(
      /^restart network "busy" for ips\[0\]\.address set to 10\.99\.9\.2\/24, ips\[0\]\.dhcp\.ranges added, ips\[0\] removed: libvirt refused \(1, internal error\): .*in use by interface host0; where .* give ips\[0\]\.address \(10\.99\.9\.2\/24\) a free one; its former definition is back and running, the cards of "guest1" are plugged in again; the next preview shows the change as open: correct it and run up again$/,
    );
    expect(textOf("--inactive")).toBe(definition);
    expect(textOf()).toContain("<ip address='10.42.0.1' prefix='24'>");
    expect(masters(dom)).toEqual(PLUGGED);
    expect(networks()).toEqual(["busy"]);
    expect(paths(await one.preview(taken))).toEqual(["ips.0", "ips.0"]);
    expect(await one.preview({ ...wish, disruptive: true })).toMatchObject({ differences: [] });
    const free = { ...taken, ips: [{ address: "10.43.0.1/24", dhcp: {} }] };
    await one.up(free);
    expect(await one.preview(free)).toMatchObject({ changes: false });
    expect(masters(dom)).toEqual(PLUGGED);
  });

  it("is not left stopped by a cancel between its stop and its start", async () => {
    const one = new Driven(network, place, "busy");
    await one.up(wish);
    const dom = await guest();
    const cancel = new AbortController();
    const request = one.request.bind(one);
    jest.spyOn(one, "request").mockImplementation((preview) => ({ ...request(preview), signal: cancel.signal }));
    const call = host.call.bind(host);
    jest.spyOn(host, "call").mockImplementation((name, args, options) => {
      const answer = call(name, args, options) as Promise<unknown>;
      return (
        name === "NETWORK_DESTROY"
          ? answer.finally(() => {
              cancel.abort();
            })
          : answer
      ) as never;
    });
    await expect(one.up(disruptive)).rejects.toThrow("cancelled");
    jest.restoreAllMocks();
    expect(textOf()).toContain("<mtu size='1400'/>");
    expect(masters(dom)).toEqual(PLUGGED);
    await one.up(disruptive);
    expect(await one.preview(disruptive)).toMatchObject({ changes: false });
  });

  it("names each card that libvirt does not plug in again, after all others were, and tries once more with the next up", async () => {
    const one = new Driven(network, place, "busy");
    await one.up(wish);
    const [dom, other] = [await guest(), await guest(2)];
    const [lost = ""] = taps(dom);
    execFileSync("ip", ["link", "del", lost]);
    await expect(one.up(disruptive)).rejects.toThrow(
      /network "busy" runs as wanted, but: domain "guest1": plug its card 52:54:00:42:00:01 into network "busy" again: libvirt refused \(38, system error\): .*No such device; it stays unplugged: run up again, or power the machine off and start it$/,
    );
    expect(masters(other)).toEqual(PLUGGED);
    expect(markOf()).toMatchObject({ replug: true });
    expect(textOf()).toContain("<mtu size='1400'/>");
    virsh("destroy", dom.name);
    expect(paths(await one.preview(disruptive))).toEqual(["cards"]);
    await one.up(disruptive);
    expect(await one.preview(disruptive)).toMatchObject({ differences: [], changes: false });
    expect(masters(other)).toEqual(PLUGGED);
    expect(networks()).toEqual(["busy"]);
  });

  it("fails where libvirt accepts the plug and does nothing", async () => {
    const one = new Driven(network, place, "busy");
    await one.up(wish);
    const dom = await guest();
    const call = host.call.bind(host);
    jest.spyOn(host, "call").mockImplementation((name, args, options) => {
      const silent = name === "DOMAIN_UPDATE_DEVICE_FLAGS" && (args as { xml: string }).xml.includes("42:01:01");
      return (silent ? Promise.resolve({}) : call(name, args, options)) as never;
    });
    await expect(one.up(disruptive)).rejects.toThrow(
      /domain "guest1": plug its card 52:54:00:42:01:01 into network "busy" again: libvirt accepted it, but does not show it/,
    );
    jest.restoreAllMocks();
    expect(masters(dom)).toEqual(["br-busy", undefined]);
    await one.up(disruptive);
    expect(masters(dom)).toEqual(PLUGGED);
    expect(await one.preview(disruptive)).toMatchObject({ changes: false });
  });

  it.each([
    ["before its cards were plugged in", "NETWORK_CREATE_XML", 0],
    ["while one was on its way", "DOMAIN_UPDATE_DEVICE_FLAGS", 1],
    ["while the last was on its way", "DOMAIN_UPDATE_DEVICE_FLAGS", 3],
  ])("shows and mends what a run left that died %s", async (_, fatal, after) => {
    const one = new Driven(network, place, "busy");
    await one.up(wish);
    const dom = await guest();
    const call = host.call.bind(host);
    let left = after;
    let dead = false;
    jest.spyOn(host, "call").mockImplementation((name, args, options) => {
      dead ||= name === fatal && left-- === 0;
      return (dead ? Promise.reject(new Error("killed")) : call(name, args, options)) as never;
    });
    await expect(one.up(disruptive)).rejects.toThrow("killed");
    jest.restoreAllMocks();
    expect(masters(dom)).not.toEqual(PLUGGED);
    expect(paths(await one.preview(disruptive))).toEqual(["cards"]);
    expect(one.said.join("\n")).toContain(
      "busy: live: cards may be unplugged since a restart was broken off -> plugged in again",
    );
    await one.up(disruptive);
    expect(masters(dom)).toEqual(PLUGGED);
    expect(await one.preview(disruptive)).toMatchObject({ differences: [], changes: false });
    expect(networks()).toEqual(["busy"]);
  });

  it("clears the trace of a restart where no machine hangs on it any more", async () => {
    const one = new Driven(network, place, "busy");
    await one.up(wish);
    const root = parseXml(textOf("--inactive"));
    const mark = readMark(root);
    if (mark) writeMark(root, { ...mark, replug: true });
    await host.call("NETWORK_DEFINE_XML", { xml: printXml(root) });
    expect(paths(await one.preview(wish))).toEqual(["cards"]);
    await one.up(wish);
    expect(await one.preview(wish)).toMatchObject({ changes: false });
  });

  it("keeps a card on a network of the host's own bridge on that network", async () => {
    const one = new Driven(network, place, "own");
    const own = { name: "own", forward: { mode: "bridge" }, bridge: { name: "host0" } };
    const other = new Driven(network, place, "busy");
    await other.up(wish);
    await one.up(own);
    const dom = await guest(1, "own");
    expect(masters(dom)).toEqual(["host0", "br-busy"]);
    const moved = { ...own, bridge: { name: "br-busy" }, disruptive: true };
    await one.up(moved);
    expect(masters(dom)).toEqual(PLUGGED);
    expect(virsh("dumpxml", dom.name)).toMatch(/<source network='own' portid='[^']+' bridge='br-busy'\/>/);
    expect(await one.preview(moved)).toMatchObject({ changes: false });
  });
});
