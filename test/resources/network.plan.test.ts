import { readTable, type Values } from "../../provider/fields";
import { network } from "../../provider/resources/network/fields";
import { plan } from "../../provider/resources/network/plan";
import { parseXml } from "../../provider/xml";
import type { Goal } from "../../provider/resources/definition";
import type { FoundNetwork } from "../../provider/resources/network/observe";

const MARK = { owner: "me", incarnation: "1", phase: "ready", deferred: [] } as const;
const METADATA =
  '<metadata><kvm:mark xmlns:kvm="urn:pulumi-kvm:mark:1" owner="me" incarnation="1" phase="ready"/></metadata>';

const goal = (inputs: Values, managed: Values = {}, phase: "creating" | "ready" = "ready"): Goal => ({
  id: "0b6ba0a4-0000-8000-8000-000000000001",
  name: "lab",
  inputs: { name: "lab", ...inputs },
  managed,
  mark: { ...MARK, phase },
});

const found = (body: string, more: Partial<FoundNetwork> = {}): FoundNetwork => {
  const text = `<network><name>lab</name>${body}${METADATA}</network>`;
  const inactive = parseXml(text);
  return {
    id: "0b6ba0a4-0000-8000-8000-000000000001",
    name: "lab",
    values: readTable(network, inactive),
    finished: true,
    active: true,
    persistent: true,
    autostart: true,
    inactive,
    live: parseXml(text),
    ...more,
  };
};

const subnet = (dhcp: string): string => `<ip address="10.20.0.1" prefix="24">${dhcp}</ip>`;
const wish = (hosts: object[]): Values => ({ ips: [{ address: "10.20.0.1/24", dhcp: { hosts } }] });

describe("the plan for a network", () => {
  it("of nothing defines, starts and seals it", () => {
    const steps = plan(
      undefined,
      goal(
        {
          forward: { mode: "nat" },
          ips: [
            {
              address: "10.20.0.1/24",
              dhcp: {
                ranges: [{ start: "10.20.0.2", end: "10.20.0.254" }],
                hosts: [{ mac: "52:54:00:00:00:01", name: "web", ip: "10.20.0.9" }],
              },
            },
            { address: "fd00::1/64" },
          ],
          dns: { enable: true, hosts: [{ ip: "10.20.0.3", hostnames: ["db", "db.lab"] }] },
          domain: { name: "lab", localOnly: true },
          bridge: { stp: false, delay: 0 },
          mtu: 1400,
          dnsmasqOptions: ["no-ping"],
          autostart: true,
        },
        {},
        "creating",
      ),
    );
    expect(steps).toEqual([
      { act: "define", xml: expect.any(String) as string },
      { act: "start" },
      { act: "autostart", on: true },
      { act: "seal", mark: MARK },
    ]);
    expect(parseXml((steps[0] as { xml: string }).xml)).toEqual(
      parseXml(
        [
          '<network xmlns:dnsmasq="http://libvirt.org/schemas/network/dnsmasq/1.0">',
          "<name>lab</name><uuid>0b6ba0a4-0000-8000-8000-000000000001</uuid>",
          '<forward mode="nat"/>',
          '<ip address="10.20.0.1" prefix="24"><dhcp><range start="10.20.0.2" end="10.20.0.254"/>',
          '<host mac="52:54:00:00:00:01" name="web" ip="10.20.0.9"/></dhcp></ip>',
          '<ip family="ipv6" address="fd00::1" prefix="64"/>',
          '<dns enable="yes"><host ip="10.20.0.3"><hostname>db</hostname><hostname>db.lab</hostname></host></dns>',
          '<domain name="lab" localOnly="yes"/>',
          '<bridge stp="off" delay="0"/>',
          '<mtu size="1400"/>',
          '<dnsmasq:options><dnsmasq:option value="no-ping"/></dnsmasq:options>',
          METADATA.replace("ready", "creating"),
          "</network>",
        ].join(""),
      ),
    );
  });

  it("of what is there already is empty", () => {
    const host = { mac: "52:54:00:AA:00:01", ip: "10.20.0.9" };
    const there = found(
      subnet('<dhcp><host mac="52:54:00:aa:00:01" ip="10.20.0.9"/></dhcp>') +
        '<bridge name="virbr7" stp="on" delay="0"/>',
    );
    expect(plan(there, goal({ autostart: true, ...wish([host]) }))).toEqual([]);
  });

  it("adds and removes entries while it runs, the old ones first, and leaves others' alone", () => {
    const foreign = '<host mac="52:54:00:00:00:99" ip="10.20.0.99"/>';
    const [a, b] = [
      { mac: "52:54:00:00:00:01", ip: "10.20.0.9" },
      { mac: "52:54:00:00:00:02", ip: "10.20.0.10" },
    ];
    const there = found(subnet(`<dhcp>${foreign}<host mac="52:54:00:00:00:01" ip="10.20.0.9"/></dhcp>`));
    const steps = plan(there, goal(wish([{ ...b, ip: "10.20.0.9" }]), wish([a])));
    expect(steps.slice(1)).toEqual([
      { act: "withdraw", field: "dhcp.hosts", parentIndex: 0, xml: '<host mac="52:54:00:00:00:01" ip="10.20.0.9"/>' },
      { act: "enter", field: "dhcp.hosts", parentIndex: 0, xml: '<host mac="52:54:00:00:00:02" ip="10.20.0.9"/>' },
    ]);
    expect(steps[0]).toEqual({
      act: "define",
      xml: expect.stringContaining(foreign) as string,
    });
  });

  it("replaces a DNS host whose names changed, at no address of the network", () => {
    const there = found('<dns><host ip="10.20.0.3"><hostname>a</hostname></host></dns>');
    const steps = plan(there, goal({ dns: { hosts: [{ ip: "10.20.0.3", hostnames: ["a", "b"] }] } }));
    expect(steps.slice(1)).toEqual([
      {
        act: "withdraw",
        field: "dns.hosts",
        parentIndex: -1,
        xml: '<host ip="10.20.0.3"><hostname>a</hostname></host>',
      },
      {
        act: "enter",
        field: "dns.hosts",
        parentIndex: -1,
        xml: '<host ip="10.20.0.3"><hostname>a</hostname><hostname>b</hostname></host>',
      },
    ]);
  });

  it("restarts it for what the running one cannot take up, and names the properties", () => {
    const there = found(`${subnet("")}<mtu size="1500"/>`);
    const steps = plan(there, goal({ ips: [{ address: "10.21.0.1/24" }], mtu: 1400, domain: { name: "lab" } }));
    expect(steps.map(({ act }) => act)).toEqual(["define", "restart"]);
    expect(steps[1]).toEqual({ act: "restart", fields: ["ips", "domain", "mtu"] });
  });

  it("does not restart it for a definition that was edited while the running one is as wanted", () => {
    const there = found('<mtu size="9000"/>', {
      live: parseXml('<network><name>lab</name><mtu size="1400"/></network>'),
    });
    expect(plan(there, goal({ mtu: 1400 })).map(({ act }) => act)).toEqual(["define"]);
  });

  it("starts a stopped one, defines a lost definition again, and sets autostart", () => {
    const there = found("", { active: false, persistent: false, autostart: false });
    expect(plan(there, goal({ autostart: true })).map(({ act }) => act)).toEqual(["define", "start", "autostart"]);
    expect(plan(found(""), goal({ autostart: false }))).toEqual([{ act: "autostart", on: false }]);
  });

  it("keeps the bridge whose name is given no more", () => {
    const there = found('<bridge name="br-lab" stp="off" delay="0"/>');
    const managed = { bridge: { name: "br-lab", stp: false, delay: 0 } };
    expect(plan(there, goal({ bridge: { stp: false, delay: 0 } }, managed))).toEqual([]);
  });

  it("writes the uplink in both of libvirt's places", () => {
    const there = found('<forward dev="eth0" mode="nat"><interface dev="eth0"/></forward>');
    const [define] = plan(there, goal({ forward: { mode: "nat", dev: "eth1" } }));
    expect((define as { xml: string }).xml).toContain('<forward mode="nat" dev="eth1"/>');
    const [other] = plan(there, goal({ forward: { mode: "bridge", interfaces: ["eth2", "eth3"] } }));
    expect((other as { xml: string }).xml).toContain(
      '<forward mode="bridge"><interface dev="eth2"/><interface dev="eth3"/></forward>',
    );
  });

  it("keeps the uplink whose words alone change", () => {
    const there = found('<forward dev="eth0" mode="private"><interface dev="eth0"/></forward>');
    const listed = { mode: "private", interfaces: ["eth0"] };
    const named = { mode: "private", dev: "eth0" };
    const [one] = plan(there, goal({ forward: named }, { forward: listed }));
    expect((one as { xml: string }).xml).toContain('<forward mode="private" dev="eth0"/>');
    const [other] = plan(there, goal({ forward: listed }, { forward: named }));
    expect((other as { xml: string }).xml).toContain('<forward mode="private"><interface dev="eth0"/></forward>');
  });

  it.each([
    [["eth0", "eth1"], ["eth1"], ["-eth0"]],
    [
      ["eth0", "eth1"],
      ["eth1", "eth0"],
      ["-eth0", "+eth0"],
    ],
    [["eth0"], ["eth0", "eth1"], ["+eth1"]],
    [
      ["eth0", "eth1"],
      ["eth2", "eth0"],
      ["-eth0", "-eth1", "+eth2", "+eth0"],
    ],
  ])("takes uplinks off and adds them at the end while it runs: %j -> %j", (before, after, steps) => {
    const list = before.map((dev) => `<interface dev="${dev}"/>`).join("");
    const there = found(`<forward dev="eth0" mode="private">${list}</forward>`);
    const [, ...live] = plan(there, goal({ forward: { mode: "private", interfaces: after } }));
    const sign = { withdraw: "-", enter: "+" } as const;
    expect(
      live.map((step) =>
        step.act === "withdraw" || step.act === "enter"
          ? `${sign[step.act]}${parseXml(step.xml).attributes.get("dev") ?? ""}`
          : step.act,
      ),
    ).toEqual(steps);
  });

  it("restarts it for another mode, another kind of uplink, or an uplink of libvirt's own bridge", () => {
    const acts = (body: string, forward: object): string[] =>
      plan(found(body), goal({ forward })).map(({ act }) => act);
    const direct = '<forward dev="eth0" mode="private"><interface dev="eth0"/></forward>';
    expect(acts(direct, { mode: "vepa", interfaces: ["eth0"] })).toEqual(["define", "restart"]);
    const nat = '<forward dev="eth0" mode="nat"><interface dev="eth0"/></forward>';
    expect(acts(nat, { mode: "nat", dev: "eth1" })).toEqual(["define", "restart"]);
    const own = '<forward mode="bridge"/><bridge name="br0"/>';
    expect(acts(own, { mode: "bridge", interfaces: ["eth0"] })).toEqual(["define", "restart"]);
  });

  it("leaves a trace in the definition from before a restart until the machines' cards are plugged in again", () => {
    const there = found('<mtu size="1500"/>');
    const steps = plan(there, goal({ mtu: 1400 }), true);
    expect(steps.map(({ act }) => act)).toEqual(["define", "restart", "replug", "seal"]);
    expect((steps[0] as { xml: string }).xml).toContain('phase="ready" replug="yes"');
    expect(steps[3]).toEqual({ act: "seal", mark: MARK });
    const left = found("", { mark: { ...MARK, replug: true } });
    expect(plan(left, goal({}), true).map(({ act }) => act)).toEqual(["define", "replug", "seal"]);
    expect(plan(found("", { active: false }), goal({}), true).map(({ act }) => act)).toEqual([
      "define",
      "start",
      "replug",
      "seal",
    ]);
    expect(plan(found(""), goal({}), true)).toEqual([]);
  });

  it("reads what others wrote: a netmask, a class, another prefix of dnsmasq's namespace", () => {
    const text = `<network xmlns:d="http://libvirt.org/schemas/network/dnsmasq/1.0"><ip address="10.1.2.3" netmask="255.255.240.0"/>
      <ip address="192.168.7.1"/><ip family="ipv6" address="fd00::1"/><d:options><d:option value="no-ping"/></d:options></network>`;
    expect(readTable(network, parseXml(text))).toEqual({
      ips: [{ address: "10.1.2.3/20" }, { address: "192.168.7.1/24" }, { address: "fd00::1/64" }],
      dnsmasqOptions: ["no-ping"],
    });
  });
});
