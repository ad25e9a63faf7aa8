import { UNKNOWN, type Values } from "../../../../provider/fields";
import { changesOf } from "../../../../provider/resources/domain/changes";
import { complete } from "../../../../provider/resources/domain/wanted";
import { findAll, printXml } from "../../../../provider/xml";
import { facts, found, ID, inputs, mark, planned } from "../fakeHost";

const cell = (id: number, cpus: string, kib: number): string =>
  `<cell id="${id}" cpus="${cpus}" memory="${kib}" unit="KiB"/>`;
const dimm = (alias: string, slot: number, mebibytes = 128): string =>
  `<memory model="dimm"><target><size unit="KiB">${mebibytes * 1024}</size><node>0</node></target>` +
  `${alias && `<alias name="ua-${alias}"/>`}<address type="dimm" slot="${slot}"/></memory>`;
const virtio = (requested: number, current = ""): string =>
  `<memory model="virtio-mem"><target><size unit="KiB">524288</size><node>0</node><block unit="KiB">2048</block>` +
  `<requested unit="KiB">${requested * 1024}</requested>${current}</target><alias name="ua-v"/>` +
  `<address type="pci" domain="0x0000" bus="0x03" slot="0x00" function="0x0"/></memory>`;

/** A machine of 64 MiB, with what its devices add to both sums. */
const machine = (
  devices: string,
  total: number,
  { current = total, cells = cell(0, "0-1", 65536), head = "" } = {},
): string =>
  `<domain type="kvm"${head}><name>web</name><uuid>${ID}</uuid>${mark()}<maxMemory slots="3" unit="KiB">1048576</maxMemory>` +
  `<memory unit="KiB">${total * 1024}</memory><currentMemory unit="KiB">${current * 1024}</currentMemory>` +
  `<vcpu placement="static">2</vcpu><os><type arch="x86_64" machine="pc-q35-7.2">hvm</type></os>` +
  `<cpu mode="host-model"><numa>${cells}</numa></cpu><clock offset="utc"/><devices>${devices}</devices></domain>`;
const running = { head: ' id="3"' };
const maxMemory = { size: 1024, slots: 3 };
const stopped: Values = { powerState: "stopped", maxMemory };

async function costs(stage: { inactive: string; live?: string }, args: Values): Promise<string[]> {
  const there = await found(stage, args);
  const wanted = complete(inputs(args), ID, inputs(args), facts);
  return changesOf(there, wanted, inputs(args)).map(({ path, kind, cost }) => `${path.join(".")} ${kind} ${cost}`);
}

describe("a machine's memory", () => {
  it("is read without its memory devices, and the balloon's share too", async () => {
    const both = dimm("a", 0) + virtio(128);
    expect((await found({ inactive: machine(both, 704, { current: 176 }) }, stopped)).values).toMatchObject({
      memory: 64,
      currentMemory: 48,
    });
    // libvirt's own attach to a definition counts all of the virtio-mem device as given.
    expect((await found({ inactive: machine(both, 704) }, stopped)).values).toMatchObject({ currentMemory: 64 });
    const live = machine(virtio(128, '<current unit="KiB">65536</current>'), 576, { current: 112, ...running });
    const { situation } = await found({ inactive: machine(virtio(128), 576), live }, { maxMemory });
    expect(situation?.live).toMatchObject({ memory: 64, currentMemory: 48 });
  });

  it("is written with them, and its NUMA node follows it and the CPUs", async () => {
    const args = { ...stopped, memory: 96, vcpus: 4, memoryDevices: [{ name: "a", size: 128 }] };
    const { plan } = await planned({ inactive: machine("", 64) }, args);
    const xml = plan.definition ? printXml(plan.definition) : "as it is";
    expect(xml).toMatch(/<memory unit="KiB">229376<\/memory><currentMemory unit="KiB">229376</);
    expect(xml).toContain(cell(0, "0-3", 98304));
    expect(xml).toContain('<alias name="ua-a"/>');
  });

  it("that other hands spread over NUMA nodes changes in the last of them", async () => {
    const cells = cell(0, "0", 32768) + cell(1, "1", 32768);
    const { plan } = await planned({ inactive: machine("", 64, { cells }) }, { ...stopped, memory: 96 });
    const nodes = plan.definition ? findAll(plan.definition, "cpu/numa/cell") : [];
    expect(nodes.map((node) => [node.attributes.get("cpus"), node.attributes.get("memory")])).toEqual([
      ["0", "32768"],
      ["1", "65536"],
    ]);
  });
});

describe("memory devices", () => {
  const args = (...memoryDevices: Values[]): Values => ({ maxMemory, memoryDevices });
  const a = { name: "a", size: 128 };

  it("come and go live where the guest has slots and room left", async () => {
    const there = { inactive: machine(dimm("a", 0), 192), live: machine(dimm("a", 0), 192, running) };
    expect(await costs(there, args(a))).toEqual([]);
    expect(await costs(there, args(a, { name: "b", size: 512 }))).toEqual(["memoryDevices.1 add live"]);
    expect(await costs(there, args(a, { name: "b", size: 1024 }))).toEqual(["memoryDevices.1 add restart"]);
    expect(await costs(there, args(a, { name: "b", size: UNKNOWN }))).toEqual(["memoryDevices.1 add live"]);
    const four = ["b", "c", "d"].map((name) => ({ name, size: 128 }));
    expect(await costs(there, args(a, ...four))).toEqual([
      "memoryDevices.1 add live",
      "memoryDevices.2 add live",
      "memoryDevices.3 add restart",
    ]);
    expect(await costs(there, args())).toEqual(["memoryDevices.0 delete live"]);
    expect(await costs(there, { maxMemory })).toEqual(["memoryDevices.0 delete live"]);
  });

  it("of virtio-mem change live in what is requested alone, and leave no guest", async () => {
    const there = { inactive: machine(virtio(128), 576), live: machine(virtio(128), 576, running) };
    const v = { name: "v", model: "virtio-mem", size: 512, requested: 128 };
    expect(await costs(there, args(v))).toEqual([]);
    expect(await costs(there, args({ ...v, requested: 256 }))).toEqual(["memoryDevices.0.requested update live"]);
    expect(await costs(there, args({ ...v, block: 4 }))).toEqual(["memoryDevices.0.block update restart"]);
    expect(await costs(there, args())).toEqual(["memoryDevices.0 delete restart"]);
    expect(await costs(there, args({ ...v, requested: UNKNOWN }))).toEqual(["memoryDevices.0.requested update live"]);
    // What the guest has cannot give more than its size, or be asked in other blocks.
    expect(await costs(there, args({ ...v, size: 1024, requested: 768 }))).toEqual([
      "memoryDevices.0.size update restart",
      "memoryDevices.0.requested update restart",
    ]);
    const module = { inactive: machine(dimm("a", 0), 192), live: machine(dimm("a", 0), 192, running) };
    expect(await costs(module, args({ ...a, model: "virtio-mem", requested: 64 }))).toEqual([
      "memoryDevices.0.model update restart",
      "memoryDevices.0.requested add restart",
    ]);
    // It is a PCI device, and this guest has no free port.
    expect(await costs(there, args(v, { ...v, name: "w", size: 64, requested: 64 }))).toEqual([
      "memoryDevices.1 add restart",
    ]);
  });

  it("get a slot that is free in the guest and in the definition", async () => {
    const live = machine(dimm("kept", 0), 192, running);
    const { plan } = await planned(
      { inactive: machine(dimm("later", 1), 192), live },
      args(a, { name: "later", size: 128 }),
    );
    const slots = plan.definition ? findAll(plan.definition, "devices/memory/address") : [];
    expect(slots.map((node) => node.attributes.get("slot"))).toEqual(["1", "2"]);
    const other = { inactive: machine(virtio(128), 576), live: machine(virtio(128), 576, running) };
    const module = await planned(other, args({ name: "v", size: 512 }));
    const xml = module.plan.definition ? printXml(module.plan.definition) : "as it is";
    expect(xml).toContain('<address type="dimm" slot="0"/>');
  });

  it("are one by name: the slot's where it has none, and others than DIMMs and virtio-mem are left alone", async () => {
    const nvdimm = '<memory model="nvdimm"><target><size unit="KiB">131072</size></target></memory>';
    const { values } = await found({ inactive: machine(dimm("", 2) + nvdimm, 320) }, stopped);
    expect(values["memoryDevices"]).toEqual([{ name: "dimm2", model: "dimm", size: 128, node: 0 }]);
    expect(values["memory"]).toBe(64);
  });
});
