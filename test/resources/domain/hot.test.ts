import type { Situation, Values } from "../../../provider/fields";
import { diskChange } from "../../../provider/resources/domain/parts/disks";
import { editedDevice, partsOf } from "../../../provider/resources/domain/edit";
import { parseXml, printXml } from "../../../provider/xml";
import { changesOf } from "../../../provider/resources/domain/changes";
import { complete } from "../../../provider/resources/domain/wanted";
import { facts, found, ID, inputs, mark, planned, type Stage } from "./fakeHost";

// What a running guest takes of disks and cards, told from its live definition.

const at = (more: Partial<Situation> = {}): Situation => ({ before: {}, after: {}, live: {}, ...more });
const full = { freePorts: 1, scsiControllers: 1 };

describe("a disk or drive", () => {
  it.each<[string, Values, Partial<Situation>, [comes: string, goes: string]]>([
    ["on virtio with a free place", { bus: "virtio", target: "vdb", file: "/a" }, full, ["live", "live"]],
    ["on virtio without one", { bus: "virtio", target: "vdb", file: "/a" }, {}, ["restart", "live"]],
    ["on SCSI with its controller", { bus: "scsi", target: "sdg", file: "/a" }, full, ["live", "live"]],
    ["on SCSI without any", { bus: "scsi", target: "sda", file: "/a" }, {}, ["restart", "live"]],
    ["on a second SCSI controller", { bus: "scsi", target: "sdh", file: "/a" }, full, ["restart", "live"]],
    ["with two letters", { bus: "scsi", target: "sdaa", file: "/a" }, { scsiControllers: 4 }, ["live", "live"]],
    [
      "with two letters, too few",
      { bus: "scsi", target: "sdaa", file: "/a" },
      { scsiControllers: 3 },
      ["restart", "live"],
    ],
    ["on USB", { bus: "usb", target: "sda", file: "/a" }, {}, ["live", "live"]],
    ["on SATA", { bus: "sata", target: "sda", file: "/a" }, full, ["restart", "restart"]],
    ["CD on USB", { bus: "usb", device: "cdrom", target: "sda", volume: "p/a" }, full, ["live", "live"]],
    ["empty CD on USB", { bus: "usb", device: "cdrom", target: "sda" }, full, ["restart", "live"]],
    ["CD on SCSI", { bus: "scsi", device: "cdrom", target: "sda", file: "/a" }, full, ["restart", "live"]],
    ["CD on SATA", { bus: "sata", device: "cdrom", target: "sda", file: "/a" }, full, ["restart", "restart"]],
    ["floppy", { bus: "fdc", device: "floppy", target: "fda", file: "/a" }, full, ["restart", "restart"]],
  ])("%s", (_, item, more, [comes, goes]) => {
    expect([diskChange(undefined, item, at(more)), diskChange(item, undefined, at(more))]).toEqual([comes, goes]);
  });
});

const definition = (devices: string, head = ""): string =>
  `<domain type="kvm"${head}><name>web</name><uuid>${ID}</uuid>${mark()}` +
  `<memory unit="KiB">65536</memory><currentMemory unit="KiB">65536</currentMemory><vcpu>2</vcpu>` +
  `<os><type arch="x86_64" machine="pc-q35-7.2">hvm</type></os><devices>${devices}</devices></domain>`;

async function costs(stage: Stage, args: Values, former: Values): Promise<string[]> {
  const machine = await found(stage, { ...former, ...args });
  const wanted = complete(inputs(args), ID, inputs(former), facts);
  return changesOf(machine, wanted, inputs(former)).map(({ path, cost }) => `${path.slice(2).join(".")} ${cost}`);
}

describe("a card", () => {
  const mac = "52:54:00:00:00:01";
  const card = (type: string, inner: string): string =>
    `<interface type="${type}"><mac address="${mac}"/>${inner}<model type="virtio"/></interface>`;
  const nat = card("network", '<source network="nat"/>');
  const live = {
    nat: card("network", '<source network="nat" portid="p" bridge="virbr0"/>'),
    bridge: card("bridge", '<source bridge="br-a"/>'),
    shared: card("bridge", '<source network="nat" portid="p" bridge="br-a"/>'),
    macvtap: card("direct", '<source network="nat" portid="p" dev="eth7" mode="bridge"/>'),
    switch: card(
      "bridge",
      '<source network="nat" bridge="ovs0"/><virtualport type="openvswitch"><parameters interfaceid="i"/></virtualport>',
    ),
    user: card("user", ""),
  };
  const networks = {
    lan: "<network><name>lan</name><bridge name='virbr1'/></network>",
    macvtap: "<network><name>macvtap</name><forward mode='bridge'><interface dev='eth8'/></forward></network>",
    switch: "<network><name>switch</name><bridge name='ovs0'/><virtualport type='openvswitch'/></network>",
  };
  const moved = (guest: keyof typeof live, source: Values, former: Values = { network: "nat" }, inactive = nat) =>
    costs(
      { inactive: definition(inactive), live: definition(live[guest], ' id="3"'), networks },
      { interfaces: [{ mac, ...source }] },
      { interfaces: [{ mac, ...former }] },
    );

  it("that hangs on a bridge goes to another one live, and elsewhere by a power cycle", async () => {
    expect(await moved("nat", { network: "lan" })).toEqual(["network live"]);
    expect(await moved("shared", { network: "lan" })).toEqual(["network live"]);
    expect(await moved("nat", { bridge: "br-a" })).toEqual(["network live", "bridge live"]);
    expect(await moved("nat", { network: "not-there-yet" })).toEqual(["network live"]);
    expect(await moved("nat", { network: "macvtap" })).toEqual(["network restart"]);
    expect(await moved("nat", { network: "switch" })).toEqual(["network restart"]);
    expect(await moved("nat", { direct: "eth7" })).toEqual(["network restart", "direct restart"]);
    expect(await moved("nat", { user: {} })).toEqual(["network restart", "user restart"]);
  });

  it("that hangs elsewhere waits, whatever its definition says", async () => {
    expect(await moved("macvtap", { network: "lan" })).toEqual(["network restart"]);
    expect(await moved("switch", { network: "lan" })).toEqual(["network restart"]);
    expect(await moved("user", { network: "lan" })).toEqual(["network restart"]);
    const direct = card("direct", '<source dev="eth7" mode="bridge"/>');
    const former = { direct: "eth7" };
    // The guest still has the bridge that it was started with.
    expect(await moved("bridge", { network: "lan" }, former, direct)).toEqual(["network live", "direct live"]);
    // What it lacks already does not wait.
    expect(await moved("user", { network: "lan" }, former, direct)).toEqual(["network restart", "direct live"]);
  });

  it("is told nothing of its source, while some of that waits", async () => {
    const direct = card("direct", '<source dev="eth7" mode="bridge"/>');
    const stage = { inactive: definition(direct), live: definition(live.user, ' id="3"'), networks };
    const args = { interfaces: [{ mac, network: "lan", link: { state: "down" } }] };
    const { plan } = await planned(stage, args, { interfaces: [{ mac, direct: "eth7" }] });
    expect(plan.live.map(({ path }) => path.slice(2).join("."))).toEqual(["link"]);
    expect(plan.deferred).toEqual([`interfaces[${mac}].network`]);
  });
});

describe("an edit of a guest's device", () => {
  const inGuest = parseXml(
    '<interface type="direct"><mac address="m"/><source dev="eth7" mode="bridge"/><target dev="macvtap0"/><link state="up"/></interface>',
  );
  const wish = parseXml(
    '<interface type="bridge"><mac address="m"/><source bridge="br-a"/><link state="down"/><bandwidth/></interface>',
  );
  const edited = (guest: typeof inGuest, ...parts: string[]): string =>
    printXml(editedDevice(guest, wish, new Set(parts)));

  it("has what is told, and all else as the guest has it", () => {
    expect(edited(inGuest, "link")).toBe(
      '<interface type="direct"><mac address="m"/><source dev="eth7" mode="bridge"/><target dev="macvtap0"/><link state="down"/></interface>',
    );
    expect(edited(inGuest, "source")).toBe(
      '<interface type="bridge"><mac address="m"/><target dev="macvtap0"/><link state="up"/><source bridge="br-a"/></interface>',
    );
  });

  it("names the network that gave the card its type", () => {
    const card = parseXml(
      '<interface type="bridge"><source network="lan" portgroup="g" portid="p" bridge="b"/></interface>',
    );
    expect(edited(card, "link")).toBe(
      '<interface type="network"><source network="lan" portgroup="g"/><link state="down"/></interface>',
    );
  });

  it("knows its parts from the changes of that device alone", () => {
    const one = (key: string, ...path: string[]) =>
      ({ path: ["interfaces", 0, ...path], key, kind: "update", cost: "live", before: 1, after: 2 }) as const;
    const all = [one("a", "link", "state"), one("a", "network"), one("b", "vlan"), one("a", "model")];
    expect([...partsOf(all, one("a", "link", "state"))]).toEqual(["link", "source"]);
    expect([...partsOf(all, one("b", "vlan"))]).toEqual(["vlan"]);
  });
});
