import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { changesLive, clear, costs, virsh } from "./changing";
import { Driven } from "./driven";
import { libvirtdAsBefore, libvirtdWith } from "./listening";
import { placeOf } from "./request";

// VLANs of cards. Open vSwitch is a script that notes what libvirt asks of it: no kernel of a small machine has the switch.
jest.setTimeout(60_000);

const tools = "/run/libvirt/switch";
const asked = `${tools}/asked`;
const mac = "52:54:00:95:00:02";
const small = {
  type: "qemu",
  memory: 64,
  os: { machine: "q35" },
  waitFor: {},
  shutdown: { timeout: 0, thenForce: true },
};

let place: Place;
beforeAll(async () => {
  mkdirSync(tools);
  writeFileSync(`${tools}/ovs-vsctl`, `#!/bin/sh\necho "$*" >> ${asked}\n`);
  chmodSync(`${tools}/ovs-vsctl`, 0o755);
  // libvirt reads the MTU of the switch's own device.
  execFileSync("ip", ["link", "add", "ovs0", "type", "bridge"]);
  await libvirtdWith(["listen_tls = 0"], { PATH: `${tools}:${process.env["PATH"] ?? ""}` });
  for (const [name, body] of [
    ["switch", "<forward mode='bridge'/><bridge name='ovs0'/><virtualport type='openvswitch'/>"],
    ["plain", "<bridge name='virbrv'/><ip address='10.95.0.1' netmask='255.255.255.0'/>"],
  ] as const) {
    execFileSync("bash", ["-c", "cat > /tmp/vlans.xml"], { input: `<network><name>${name}</name>${body}</network>` });
    virsh("net-define", "/tmp/vlans.xml");
    virsh("net-start", name);
  }
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
  await libvirtdAsBefore();
});
afterEach(clear);

/** What the switch was asked since the last time. */
function heard(): string {
  const text = existsSync(asked) ? readFileSync(asked, "utf8") : "";
  writeFileSync(asked, "");
  return text;
}

const on = (network: string, vlan?: Values) => ({
  ...small,
  interfaces: [{ network, mac, ...(vlan ? { vlan } : {}) }],
});

describe("a card's VLANs", () => {
  it("come, change and go on a running machine behind Open vSwitch", async () => {
    const web = new Driven(domain, place, "tagged");
    await web.up(on("switch"));
    heard();
    const one = await changesLive(web, on("switch", { tags: [{ id: 42 }] }));
    for (const xml of Object.values(one)) expect(xml).toMatch(/<vlan>\s*<tag id='42'\/>/);
    expect(heard()).toMatch(/set Port vnet\d+ tag=42/);
    const trunk = { trunk: true, tags: [{ id: 43, nativeMode: "tagged" }, { id: 44 }] };
    const two = await changesLive(web, on("switch", trunk));
    for (const xml of Object.values(two))
      expect(xml).toMatch(/<vlan trunk='yes'>\s*<tag id='43' nativeMode='tagged'\/>\s*<tag id='44'\/>/);
    expect(heard()).toContain("trunk=43,44");
    expect((await web.preview(on("switch", { trunk: true, tags: [...trunk.tags].reverse() }))).changes).toBe(false);
    const none = await changesLive(web, on("switch"));
    expect(none.live + none.inactive).not.toContain("<vlan");
    expect(heard()).toMatch(/vnet\d+/);
  });

  it("are there from the start on, and after a power cycle", async () => {
    const web = new Driven(domain, place, "started");
    const args = on("switch", { tags: [{ id: 7 }] });
    await web.up(args);
    expect(heard()).toContain("tag=7");
    virsh("destroy", web.id ?? "");
    virsh("start", web.id ?? "");
    await web.refresh();
    expect([heard().includes("tag=7"), (await web.preview(args)).changes]).toEqual([true, false]);
  });

  it("keep a card where it is while its guest runs: libvirt moves none to Open vSwitch, or from it", async () => {
    const network = (name: string, id: string): string => {
      const card = virsh("dumpxml", id).match(/<interface[^]*?<\/interface>/)?.[0] ?? "";
      const moved = card
        .replace(/<virtualport[^]*?<\/virtualport>/, "")
        .replace(/<interface type='\w+'/, "<interface type='network'")
        .replace(/<source [^>]*>/, `<source network='${name}'/>`);
      execFileSync("bash", ["-c", "cat > /tmp/vlans.xml"], { input: moved });
      return virsh("update-device", id, "/tmp/vlans.xml", "--live");
    };
    for (const [before, after] of [
      ["switch", "plain"],
      ["plain", "switch"],
    ] as const) {
      const web = new Driven(domain, place, `from-${before}`);
      await web.up(on(before));
      expect(() => network(after, web.id ?? "")).toThrow("unable to change config on 'network' network type");
      expect(await costs(web, on(after))).toEqual(["interfaces.0.network restart"]);
      await web.up(on(after));
      expect(web.outputs["restartPending"]).toEqual([`interfaces[${mac}].network`]);
      virsh("destroy", web.id ?? "");
      virsh("start", web.id ?? "");
      await web.refresh();
      expect([web.outputs["restartPending"], await costs(web, on(after))]).toEqual([[], []]);
      await web.destroy();
    }
  });

  it("of a plain bridge are refused in the preview, before anything is touched", async () => {
    const web = new Driven(domain, place, "plain");
    const refusal = new RegExp(
      `vlan of interface ${mac} needs Open vSwitch, or libvirt 11 .*plain.*nothing was touched`,
    );
    await expect(new Driven(domain, place, "new").up(on("plain", { tags: [{ id: 42 }] }))).rejects.toThrow(refusal);
    expect(virsh("list", "--all", "--name").trim()).toBe("");
    await web.up(on("plain"));
    const tagged = on("plain", { tags: [{ id: 42 }] });
    await expect(web.preview(tagged)).rejects.toThrow(refusal);
    await expect(web.up(tagged)).rejects.toThrow(refusal);
    expect(virsh("dumpxml", web.id ?? "", "--inactive")).not.toContain("<vlan");
    expect(await costs(web, on("plain"))).toEqual([]);
  });

  it("that nobody can have are named by their path", async () => {
    const failures = async (card: Values) =>
      (await new Driven(domain, place, "x").check({ ...small, interfaces: [card] })).failures;
    expect(await failures({ user: {}, vlan: { tags: [{ id: 1 }] } })).toEqual([
      { property: "interfaces[0].vlan", reason: "is not for `user` cards: QEMU's own network knows no VLANs" },
    ]);
    expect(await failures({ network: "switch", vlan: { tags: [{ id: 1 }, { id: 2 }] } })).toEqual([
      { property: "interfaces[0].vlan.trunk", reason: "must be true where there is more than one tag" },
    ]);
    expect(await failures({ network: "switch", vlan: { tags: [] } })).toEqual([
      { property: "interfaces[0].vlan.tags", reason: "needs at least one VLAN" },
    ]);
    expect(await failures({ network: "switch", vlan: { trunk: true, tags: [{ id: 1 }, { id: 1 }] } })).toEqual([
      { property: "interfaces[0].vlan.tags[1].id", reason: "stands twice" },
    ]);
  });
});
