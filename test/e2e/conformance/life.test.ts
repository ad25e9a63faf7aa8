// The life of one of each resource, through both doors: drift, loss, a forced replacement, the engine's options, the end.
import { describeInLab, virsh } from "../engine";
import { DoorProgram, doors, type Planned } from "./doors";
import { clearFleet, fleet, fleetOnHost, removeFromPool, wholeFleet } from "./fleet";

const update = (...paths: string[]): Planned => ({ op: "update", paths });

describeInLab.each(doors)("the life of resources through the %s door", (door) => {
  /** What the plugin shows in detail, and the dynamic door cannot. */
  const shown = (...paths: string[]): Planned => update(...(door === "plugin" ? paths : []));
  let program: DoorProgram;
  beforeAll(() => {
    program = new DoorProgram(door, fleet());
    program.upped();
  }, 240_000);
  afterAll(() => {
    program.close();
    clearFleet();
  }, 120_000);
  /** Each row begins and ends with the same program on the same objects. */
  afterEach(() => {
    program.write(fleet());
  });

  it("begins with one of each, and a preview that shows nothing", () => {
    expect(fleetOnHost()).toEqual(wholeFleet);
    expect(program.plan().planned).toEqual({});
    expect(program.refresh("--expect-no-changes")).toMatchObject({ code: 0 });
  }, 120_000);

  it("shows what other hands changed in a plain preview, and mends it", () => {
    virsh("desc", "fleet-vm", "--config", "--title", "other hands");
    virsh("net-autostart", "fleet-net", "--disable");
    virsh("pool-autostart", "fleet-pool", "--disable");
    virsh("vol-resize", "fleet-volume", "10M", "--pool", "fleet-pool", "--shrink");
    expect(program.plan().planned).toEqual({
      vm: shown("title"),
      net: shown("autostart"),
      pool: shown("autostart"),
      volume: shown("capacity"),
    });
    program.upped();
    expect(program.plan().planned).toEqual({});
    expect(virsh("desc", "fleet-vm", "--config", "--title")).toBe("a machine");
    expect(virsh("net-info", "fleet-net")).toMatch(/Autostart: +yes/);
    expect(virsh("pool-info", "fleet-pool")).toMatch(/Autostart: +yes/);
    expect(virsh("vol-info", "fleet-volume", "--pool", "fleet-pool")).toMatch(/Capacity: +20\.48 MiB/);
  }, 120_000);

  it("makes again what is gone", () => {
    removeFromPool();
    expect(fleetOnHost()).toEqual(["fleet-pool"]);
    expect(program.plan().planned).toEqual({ vm: update(), net: update(), volume: update(), seed: update() });
    program.upped();
    expect(fleetOnHost()).toEqual(wholeFleet);
    expect(program.plan().planned).toEqual({});
  }, 120_000);

  // Without the pool nobody can tell whether a volume is gone: it is neither made again over its bytes nor forgotten.
  it("makes the definition of a pool again, and leaves the volumes in it alone", () => {
    virsh("pool-destroy", "fleet-pool");
    virsh("pool-undefine", "fleet-pool");
    expect(Object.keys(program.plan().planned)).toContain("pool");
    program.upped();
    expect(fleetOnHost()).toEqual(wholeFleet);
    expect(program.plan().planned).toEqual({});
  }, 120_000);

  it("refuses a forced replacement, and loses nothing", () => {
    const ids = program.outputs()["ids"];
    for (const name of ["vm", "net", "volume", "seed", "pool"]) {
      const ran = program.up("--replace", program.urnOf(name));
      expect(ran.code).not.toBe(0);
      expect(ran.text).toContain("exists on the host already");
      expect(ran.text).toContain("It was not touched");
    }
    expect(fleetOnHost()).toEqual(wholeFleet);
    program.upped();
    expect(program.plan().planned).toEqual({});
    expect(program.outputs()["ids"]).toEqual(ids);
  }, 240_000);

  it("ends well although what it made is gone already", () => {
    removeFromPool();
    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(program.recorded()).toEqual([]);
    expect(fleetOnHost()).toEqual([]);
  }, 120_000);
});
