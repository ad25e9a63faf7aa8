import { execFileSync } from "node:child_process";
import { network } from "../../provider/resources/network/lifecycle";
import { markFor, readMark, writeMark } from "../../provider/resources/mark";
import { ownedUuid } from "../../provider/resources/owner";
import { element, parseXml, printXml, readPath } from "../../provider/xml";
import { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(60_000);

const place = placeOf();
const { host } = place;

afterAll(() => host.close());

const handle = async (name: string) => (await host.call("NETWORK_LOOKUP_BY_NAME", { name })).net;
const xmlOf = async (name: string, flags = 0) =>
  parseXml((await host.call("NETWORK_GET_XML_DESC", { net: await handle(name), flags })).xml);
const paths = (diff: { differences: readonly { path: readonly (string | number)[] }[] }) =>
  diff.differences.map(({ path }) => path.join("."));
const names = async () =>
  (await host.call("CONNECT_LIST_ALL_NETWORKS", { need_results: 1, flags: 0 })).nets.map(({ name }) => name).sort();

const full = {
  name: "full",
  forward: { nat: { ports: { start: 2000, end: 3000 } } },
  ips: [
    {
      address: "10.31.0.1/24",
      dhcp: {
        ranges: [{ start: "10.31.0.100", end: "10.31.0.150" }],
        hosts: [{ mac: "52:54:00:AA:00:01", name: "one", ip: "10.31.0.10" }],
      },
    },
    { address: "FD00:31:0::1/64", dhcp: {} },
  ],
  dns: {
    enable: true,
    forwardPlainNames: false,
    forwarders: [{ address: "192.0.2.53" }, { address: "192.0.2.54", domain: "corp.example" }],
    hosts: [{ ip: "10.31.0.20", hostnames: ["db", "db.lab"] }],
    txts: [{ name: "hint", value: "a few words" }],
    srvs: [{ service: "ldap", protocol: "tcp", domain: "lab", target: "db.lab", port: 389, priority: 1, weight: 2 }],
  },
  domain: { name: "lab", localOnly: true },
  bridge: { name: "br-full" },
  mtu: 1400,
  dnsmasqOptions: ["no-ping", "dhcp-option=option:ntp-server,10.31.0.1"],
};

describe("a network on a real daemon", () => {
  it("is created with every field, and the second preview is empty", async () => {
    const one = new Driven(network, place, "full");
    await one.up(full);
    expect(one.outputs).toMatchObject({ uuid: one.id, bridgeName: "br-full", active: true });
    expect(await one.preview(full)).toMatchObject({ differences: [], changes: false });
    const live = await xmlOf("full");
    expect(readPath(live, "bridge/@stp")).toBe("off");
    expect(readMark(live)?.phase).toBeDefined();
    expect(readMark(await xmlOf("full", 1))?.phase).toBe("ready");
    expect(await one.refresh()).toBe(true);
    expect(await one.preview(full)).toMatchObject({ differences: [], changes: false });
    await one.destroy();
    await one.destroy();
    expect(await names()).not.toContain("full");
  });

  it("keeps an entry that another program adds between the look at it and the writing of its definition", async () => {
    const one = new Driven(network, place, "shared");
    const args = { name: "shared", ips: [{ address: "10.33.0.1/24", dhcp: {} }], domain: { name: "lab" } };
    await one.up(args);
    const entry = "<host mac='52:54:00:33:00:01' ip='10.33.0.9'/>";
    const inTurn = place.inTurn.bind(place);
    const adding = jest.spyOn(place, "inTurn").mockImplementationOnce((queue, act) => {
      execFileSync("virsh", ["-q", "net-update", "shared", "add", "ip-dhcp-host", entry, "--live", "--config"]);
      return inTurn(queue, act);
    });
    await one.up({ ...args, domain: { name: "other" }, disruptive: true });
    adding.mockRestore();
    const texts = [printXml(await xmlOf("shared")), printXml(await xmlOf("shared", 1))];
    for (const text of texts) expect(text).toMatch(/name="other"[^]*52:54:00:33:00:01/);
    await one.destroy();
  });

  it("gets a bridge of its own where programs race for one", async () => {
    // Each program has its own process and queue: so has each place here.
    const places = Array.from({ length: 20 }, () => placeOf());
    const all = places.map((own, index) => new Driven(network, own, `race${index}`));
    await Promise.all(all.map((one, index) => one.up({ ips: [{ address: `10.${200 + index}.0.1/24` }] })));
    expect(new Set(all.map(({ outputs }) => outputs["bridgeName"])).size).toBe(all.length);
    for (const one of all) expect(await one.refresh()).toBe(true);
    await Promise.all(all.map((one) => one.destroy()));
    await Promise.all(places.map((own) => own.host.close()));
  });

  it("gets a name, a bridge and the whole subnet where the program says no more", async () => {
    const one = new Driven(network, place, "lab");
    const wish = { ips: [{ address: "10.32.0.1/24", dhcp: {} }], autostart: false };
    await one.up(wish);
    expect(one.outputs["name"]).toMatch(/^lab-[0-9a-f]{7}$/);
    expect(one.outputs["bridgeName"]).toMatch(/^virbr\d+$/);
    expect(await one.preview(wish)).toMatchObject({ changes: false });
    const live = await xmlOf(String(one.outputs["name"]));
    expect(readPath(live, "ip/dhcp/range/@start")).toBe("10.32.0.2");
    expect(readPath(live, "ip/dhcp/range/@end")).toBe("10.32.0.254");
    const on = await one.up({ ...wish, autostart: true });
    expect(on?.differences).toMatchObject([{ path: ["autostart"], cost: "live" }]);
    expect(await one.preview({ ...wish, autostart: true })).toMatchObject({ changes: false });
    await one.destroy();
  });

  it("changes DHCP and DNS entries while it runs, and leaves others' alone", async () => {
    const one = new Driven(network, place, "live");
    const wish = (hosts: object[], dns: object, end = "10.33.0.99") => ({
      name: "live",
      ips: [{ address: "10.33.0.1/24", dhcp: { ranges: [{ start: "10.33.0.50", end }], hosts } }],
      dns,
    });
    const a = { mac: "52:54:00:33:00:01", name: "a", ip: "10.33.0.11" };
    const b = { mac: "52:54:00:33:00:02", name: "b", ip: "10.33.0.12" };
    await one.up(wish([a], { hosts: [{ ip: "10.33.0.2", hostnames: ["gw"] }] }));
    const foreign = "<host mac='52:54:00:33:00:99' name='z' ip='10.33.0.40'/>";
    await host.call("NETWORK_UPDATE", {
      net: await handle("live"),
      command: 3,
      section: 4,
      parentIndex: 0,
      xml: foreign,
      flags: 3,
    });
    const second = wish(
      [{ ...a, ip: "10.33.0.21" }, b],
      { hosts: [{ ip: "10.33.0.2", hostnames: ["gw", "gate"] }], txts: [{ name: "t", value: "v" }] },
      "10.33.0.120",
    );
    const diff = await one.up(second);
    expect(diff?.differences.map(({ cost }) => cost)).not.toContain("restart");
    expect(await one.preview(second)).toMatchObject({ differences: [], changes: false });
    const third = wish([b], {});
    const removal = await one.up(third);
    expect(removal?.differences.map(({ cost }) => cost)).not.toContain("restart");
    expect(await one.preview(third)).toMatchObject({ differences: [], changes: false });
    for (const flags of [0, 1]) {
      const text = printXml(await xmlOf("live", flags));
      expect(text).toContain("52:54:00:33:00:99");
      expect(text).toContain("52:54:00:33:00:02");
      expect(text).not.toContain("52:54:00:33:00:01");
      expect(text).not.toContain("gate");
      expect(text).toContain("10.33.0.99");
      expect(text).not.toContain("10.33.0.120");
    }
    await one.destroy();
  });

  it("keeps libvirt's own values and others' entries through a refresh that shows drift", async () => {
    const one = new Driven(network, place, "seen");
    const hosts = [{ mac: "52:54:00:43:00:01", ip: "10.43.0.5" }];
    const wish = { name: "seen", ips: [{ address: "10.43.0.1/24", dhcp: { hosts } }] };
    await one.up(wish);
    const net = await handle("seen");
    const update = (command: number, xml: string) =>
      host.call("NETWORK_UPDATE", { net, command, section: 4, parentIndex: 0, xml, flags: 3 });
    await update(3, "<host mac='52:54:00:43:00:99' ip='10.43.0.99'/>");
    await update(1, "<host mac='52:54:00:43:00:01' ip='10.43.0.6'/>");
    await one.refresh();
    expect(one.inputs).toMatchObject({ ips: [{ dhcp: { hosts: [{ ...hosts[0], ip: "10.43.0.6" }] } }] });
    expect(paths(await one.preview(wish))).toEqual(["ips.0.dhcp.hosts.0.ip"]);
    await one.up(wish);
    expect(await one.preview(wish)).toMatchObject({ differences: [], changes: false });
    expect(printXml(await xmlOf("seen"))).toContain("52:54:00:43:00:99");
    await one.destroy();
  });

  it("is imported by its UUID, and its first preview with the same program shows nothing but the wish", async () => {
    const maker = new Driven(network, place, "imported");
    const wish = { name: "imported", ips: [{ address: "10.44.0.1/24", dhcp: {} }] };
    await maker.up(wish);
    const one = new Driven(network, place, "imported");
    one.id = maker.id;
    expect(await one.refresh()).toBe(true);
    expect(await one.preview(wish)).toMatchObject({ differences: [] });
    await one.up(wish);
    expect(await one.preview(wish)).toMatchObject({ changes: false });
    expect(one.outputs["bridgeName"]).toBe(maker.outputs["bridgeName"]);
    await one.destroy();
    expect(await names()).not.toContain("imported");
  });

  it("is restarted in place for what a running network cannot take up", async () => {
    const one = new Driven(network, place, "again");
    await one.up({ name: "again", ips: [{ address: "10.34.0.1/24", dhcp: {} }] });
    const [id, bridge] = [one.id, one.outputs["bridgeName"]];
    const wish = {
      name: "again",
      forward: { mode: "route" },
      ips: [{ address: "10.35.0.1/24", dhcp: {} }],
      domain: { name: "again.lab" },
      mtu: 1300,
    };
    const diff = await one.up(wish);
    expect(new Set(diff?.differences.map(({ cost }) => cost))).toEqual(new Set(["restart"]));
    expect(diff?.replaces).toEqual([]);
    expect([one.id, one.outputs["bridgeName"]]).toEqual([id, bridge]);
    expect(await one.preview(wish)).toMatchObject({ differences: [], changes: false });
    expect(readPath(await xmlOf("again"), "mtu/@size")).toBe("1300");
    const less = { name: "again", ips: wish.ips };
    await one.up(less);
    expect(await one.preview(less)).toMatchObject({ differences: [], changes: false });
    expect(readPath(await xmlOf("again"), "forward/@mode")).toBeUndefined();
    await one.destroy();
  });

  it("is replaced by a new name, the old one first", async () => {
    const one = new Driven(network, place, "named");
    await one.up({ name: "before", ips: [{ address: "10.36.0.1/24" }] });
    const diff = await one.up({ name: "after", ips: [{ address: "10.36.0.1/24" }] });
    expect(diff).toMatchObject({ replaces: ["name"], deleteBeforeReplace: true });
    expect(await names()).toContain("after");
    expect(await names()).not.toContain("before");
    await one.destroy();
  });

  it("shows a stop by hand, an edit by hand and a lost definition, and mends them", async () => {
    const one = new Driven(network, place, "drift");
    const wish = { name: "drift", ips: [{ address: "10.37.0.1/24", dhcp: {} }] };
    await one.up(wish);
    const net = await handle("drift");
    await host.call("NETWORK_DESTROY", { net });
    expect(paths(await one.preview(wish))).toEqual(["active"]);
    await one.up(wish);
    expect(one.outputs["active"]).toBe(true);

    await host.call("NETWORK_UNDEFINE", { net });
    expect(paths(await one.preview(wish))).toContain("persistent");
    await one.up(wish);
    expect(await host.call("NETWORK_IS_PERSISTENT", { net })).toEqual({ persistent: 1 });

    const range = '<range start="10.37.0.2" end="10.37.0.254"/>';
    await host.call("NETWORK_UPDATE", { net, command: 2, section: 5, parentIndex: 0, xml: range, flags: 1 });
    expect(paths(await one.preview(wish))).toEqual(["ips.0.dhcp"]);
    await one.up(wish);
    expect(await one.preview(wish)).toMatchObject({ differences: [], changes: false });

    await host.call("NETWORK_DESTROY", { net });
    await host.call("NETWORK_UNDEFINE", { net });
    expect(await one.preview(wish)).toMatchObject({ changes: true });
    expect(await one.refresh()).toBe(false);
    await one.destroy();
  });

  it("refuses a name that is taken, names its owner, and takes it over when told to", async () => {
    const wish = { name: "taken", ips: [{ address: "10.38.0.1/24" }] };
    const theirs = new Driven(network, place, "taken", "prod");
    await theirs.up(wish);
    const before = printXml(await xmlOf("taken", 1));
    const mine = new Driven(network, place, "taken");
    await expect(mine.up(wish)).rejects.toThrow(
      /belongs to organization\/tests\/prod::kvm:index:Network::taken.*adopt: true/,
    );
    expect(printXml(await xmlOf("taken", 1))).toBe(before);
    await mine.up({ ...wish, adopt: true });
    expect(mine.id).toBe(theirs.id);
    expect(await mine.preview({ ...wish, adopt: true })).toMatchObject({ changes: false });
    await theirs.destroy();
    expect(await names()).toContain("taken");
    await mine.destroy();
    expect(await names()).not.toContain("taken");
  });

  it("adopts a network made by hand and keeps what it does not know", async () => {
    const xml = `<network><name>hand</name><bridge name='br-hand' zone=''/><portgroup name='gold'/>
      <ip address='10.39.0.1' netmask='255.255.255.0'><dhcp><host mac='52:54:00:39:00:01' ip='10.39.0.5'/></dhcp></ip></network>`;
    await host.call("NETWORK_DEFINE_XML", { xml });
    const one = new Driven(network, place, "hand");
    const wish = { name: "hand", ips: [{ address: "10.39.0.1/24", dhcp: {} }] };
    await expect(one.up(wish)).rejects.toThrow(/carries no owner/);
    await one.up({ ...wish, adopt: true });
    expect(one.outputs["bridgeName"]).toBe("br-hand");
    const text = printXml(await xmlOf("hand"));
    expect(text).toContain('name="gold"');
    expect(text).toContain("52:54:00:39:00:01");
    expect(await one.preview({ ...wish, adopt: true })).toMatchObject({ differences: [], changes: false });
    await one.destroy();
  });

  it("does not adopt where that would remove what the program does not name", async () => {
    const xml = `<network><name>more</name><bridge name='br-more'/><dns><forwarder addr='192.0.2.53'/></dns>
      <ip address='10.45.0.1' prefix='24'/><ip address='10.46.0.1' prefix='24'/></network>`;
    await host.call("NETWORK_DEFINE_XML", { xml });
    const before = printXml(await xmlOf("more", 1));
    const one = new Driven(network, place, "more");
    const wish = { name: "more", adopt: true, ips: [{ address: "10.45.0.1/24" }] };
    await expect(one.up(wish)).rejects.toThrow(
      /network "more" was not adopted: ips \{"address":"10\.46\.0\.1\/24"\} would be removed/,
    );
    const other = { ...wish, ips: [...wish.ips, { address: "10.46.0.1/24" }] };
    await expect(one.up({ ...other, dns: { forwarders: [{ address: "192.0.2.54" }] } })).rejects.toThrow(
      /dns\.forwarders \{"address":"192\.0\.2\.53"\} would be removed/,
    );
    expect(printXml(await xmlOf("more", 1))).toBe(before);
    expect(one.id).toBeUndefined();
    await one.up(other);
    expect(await one.preview(other)).toMatchObject({ differences: [], changes: false });
    // From here on it is the program's, which may remove what it named.
    await one.up(wish);
    expect(printXml(await xmlOf("more"))).not.toContain("10.46.0.1");
    await one.destroy();
    expect(await names()).not.toContain("more");
  });

  it("goes on with a create that was killed half-way", async () => {
    const { owner } = new Driven(network, place, "half").request();
    const root = element("network", {}, element("name", {}, "half"), element("uuid", {}, ownedUuid(owner, {})));
    writeMark(root, markFor(owner, "0123456789abcdef", "creating"));
    await host.call("NETWORK_DEFINE_XML", { xml: printXml(root) });
    const one = new Driven(network, place, "half");
    const wish = { name: "half", ips: [{ address: "10.40.0.1/24" }] };
    await one.up(wish);
    expect(one.outputs["active"]).toBe(true);
    expect(readMark(await xmlOf("half", 1))).toMatchObject({
      phase: "ready",
      incarnation: one.outputs["__incarnation"],
    });
    const lost = new Driven(network, place, "half");
    await expect(lost.up(wish)).rejects.toThrow(/adopt: true/);
    await one.destroy();
  });

  it("keeps a network that cannot start, says why, and goes on when it can", async () => {
    const blocker = new Driven(network, place, "blocker");
    await blocker.up({ name: "blocker", ips: [{ address: "10.41.0.1/24" }], bridge: { name: "br-block" } });
    const one = new Driven(network, place, "blocked");
    const wish = { name: "blocked", ips: [{ address: "10.41.0.2/24" }] };
    await expect(one.up(wish)).rejects.toThrow(
      /start network "blocked": libvirt refused \(1, internal error\): .*br-block; where .* give ips\[0\]\.address \(10\.41\.0\.2\/24\) a free one/,
    );
    expect(one.id).toBeDefined();
    await blocker.destroy();
    expect(await one.preview(wish)).toMatchObject({ changes: true });
    await one.up(wish);
    expect(one.outputs["active"]).toBe(true);
    await one.destroy();
  });

  it("makes ten networks at once", async () => {
    const many = Array.from({ length: 10 }, (_, index) => new Driven(network, place, `many${index}`));
    await Promise.all(many.map((one, index) => one.up({ ips: [{ address: `10.50.${index}.1/24` }] })));
    expect(new Set(many.map((one) => one.outputs["bridgeName"])).size).toBe(10);
    await Promise.all(many.map((one) => one.destroy()));
    expect(await names()).toEqual([]);
  });
});
