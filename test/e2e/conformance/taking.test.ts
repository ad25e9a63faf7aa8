// Objects that go from one door to the other, and from one program to another.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Token } from "../../../provider/resources";
import { describeInLab } from "../engine";
import { type Declared, type Door, DoorProgram, doors, programText, type Recorded } from "./doors";
import { clearFleet, fleet, fleetOnHost, wholeFleet } from "./fleet";

const other: Readonly<Record<Door, Door>> = { dynamic: "plugin", plugin: "dynamic" };
const names = ["net", "pool", "seed", "vm", "volume"];

describeInLab.each(doors)("objects of the %s door", (door) => {
  let program: DoorProgram | undefined;
  afterEach(() => {
    program?.close();
    program = undefined;
    clearFleet();
  }, 120_000);

  it("go to the other door by the import line alone, and end there", () => {
    program = new DoorProgram(door, fleet());
    program.upped();
    const ids = program.outputs()["ids"];
    program.enter(other[door], fleet());
    const { planned } = program.plan();
    // The dynamic door has to write its stub into the state; the plugin has nothing to change.
    const expected = door === "plugin" ? names.map((name) => [name, "update"]) : [];
    expect(
      Object.entries(planned)
        .map(([name, { op }]) => [name, op])
        .sort(),
    ).toEqual(expected);
    program.upped();
    expect(program.plan().planned).toEqual({});
    expect(program.outputs()["ids"]).toEqual(ids);
    expect(fleetOnHost()).toEqual(wholeFleet);
    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(fleetOnHost()).toEqual([]);
  }, 240_000);

  it("go there and back without a step between", () => {
    program = new DoorProgram(door, fleet());
    program.upped();
    program.enter(other[door], fleet());
    program.upped();
    program.enter(door, fleet());
    program.upped();
    expect(program.plan().planned).toEqual({});
    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(fleetOnHost()).toEqual([]);
  }, 240_000);
});

/** Makes the fleet and forgets it: what is left belongs to a program that is no more. */
function leave(door: Door): { ids: unknown } {
  const former = new DoorProgram(door, fleet(), { project: "former" });
  former.upped();
  const { ids } = former.outputs();
  former.run("stack", "rm", "--force", "--yes");
  former.close();
  return { ids };
}

/** A secret as `stack export --show-secrets` writes it. */
function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  if ("plaintext" in value) return JSON.parse(String(value.plaintext)) as unknown;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shown(inner)]));
}

/** The program that an import would write: all inputs, as they were read from the host. */
function importedIn(program: DoorProgram): Declared[] {
  const { deployment } = JSON.parse(program.run("stack", "export", "--show-secrets").text) as {
    deployment: { resources: readonly Recorded[] };
  };
  const ours = deployment.resources.filter(({ type }) => type.startsWith("kvm:index:"));
  return ours.map(({ urn, type, inputs = {} }) => {
    const given = Object.entries(inputs).filter(([name]) => !name.startsWith("__"));
    return {
      token: type.slice("kvm:index:".length) as Token, // the types of our own resources
      name: urn.split("::").at(-1) ?? "",
      args: Object.fromEntries(given.map(([name, value]) => [name, shown(value)])),
    };
  });
}

describeInLab("objects of a program that is no more", () => {
  let program: DoorProgram | undefined;
  afterEach(() => {
    program?.close();
    program = undefined;
    clearFleet();
  }, 120_000);

  it("are adopted through the dynamic door, with no difference afterwards", () => {
    const { ids } = leave("dynamic");
    program = new DoorProgram("dynamic", fleet());
    const refused = program.up();
    expect(refused.code).not.toBe(0);
    expect(refused.text).toContain("adopt: true");
    const adopt = { adopt: true };
    program.write(
      fleet({ more: { StoragePool: adopt, Volume: adopt, CloudInitDisk: adopt, Network: adopt, Domain: adopt } }),
    );
    program.upped();
    expect(program.plan().planned).toEqual({});
    expect(program.outputs()["ids"]).toEqual(ids);
    program.write(fleet());
    program.upped();
    expect(program.plan().planned).toEqual({});
    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(fleetOnHost()).toEqual([]);
  }, 240_000);

  it("are imported through the plugin by `pulumi import`, with no difference afterwards", () => {
    const { ids } = leave("plugin");
    const [pool, volume, seed, net, vm] = ids as string[];
    program = new DoorProgram("plugin", fleet());
    const resources = [
      { type: "kvm:index:StoragePool", name: "pool", id: pool },
      { type: "kvm:index:Volume", name: "volume", id: volume },
      { type: "kvm:index:CloudInitDisk", name: "seed", id: seed },
      { type: "kvm:index:Network", name: "net", id: net },
      { type: "kvm:index:Domain", name: "vm", id: vm },
    ];
    const file = join(program.folder, "import.json");
    writeFileSync(file, JSON.stringify({ resources }));
    const ran = program.run(
      "import",
      "-f",
      file,
      "--yes",
      "--skip-preview",
      "--generate-code=false",
      "--protect=false",
    );
    expect(ran.text).not.toContain("error");
    expect(ran.code).toBe(0);
    program.write(programText(importedIn(program)));
    expect(program.plan().planned).toEqual({});
    program.upped();
    expect(fleetOnHost()).toEqual(wholeFleet);
  }, 240_000);

  it("cannot be imported through the dynamic door, which the engine says in a sentence of its own", () => {
    leave("plugin");
    program = new DoorProgram("dynamic", fleet({ options: () => `{ import: "fleet-pool" }` }));
    const ran = program.up();
    expect(ran.code).not.toBe(0);
    expect(fleetOnHost()).toEqual(wholeFleet);
  }, 240_000);
});
