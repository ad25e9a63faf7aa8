// What the engine's resource options do through both doors, and where the doors differ by what Pulumi can do.
import { describeInLab, virsh } from "../engine";
import { type Door, DoorProgram, doors, type Planned } from "./doors";

const machine = (args = "", options = ""): string => `
  new kvm.Domain("vm", {
    name: "kept-vm", type: "qemu", memory: 64, os: { machine: "q35" }, powerState: "stopped", title: "a", ${args}
  }, { ${options} });`;
const lan = (name = "net", options = ""): string =>
  `new kvm.Network("${name}", { name: "kept-net", bridge: { name: "kept-br" } }, { ${options} });`;

const none: Readonly<Record<string, Planned>> = {};
/** The engine puts the former input in the place of an ignored one for both; only the plugin learns of drift to ignore. */
const ignoredDrift: Readonly<Record<Door, typeof none>> = {
  dynamic: { vm: { op: "update", paths: [] } },
  plugin: none,
};
/** The engine needs the changed paths for it, which the dynamic host does not hand over. */
const replacedOnChange: Readonly<Record<Door, typeof none>> = {
  dynamic: { vm: { op: "update", paths: [] } },
  plugin: { vm: { op: "replace", paths: ["title"] } },
};

describeInLab.each(doors)("resource options through the %s door", (door) => {
  let program: DoorProgram;
  beforeAll(() => {
    program = new DoorProgram(door, machine() + lan());
    program.upped();
  }, 240_000);
  afterAll(() => {
    program.close();
  }, 120_000);

  it("ignoreChanges leaves a changed input alone, and drift where the engine says what to ignore", () => {
    program.write(machine(`description: "new",`, `ignoreChanges: ["description"]`) + lan());
    expect(program.plan().planned).toEqual({});
    virsh("desc", "kept-vm", "--config", "--title", "other");
    program.write(machine("", `ignoreChanges: ["title"]`) + lan());
    expect(program.plan().planned).toEqual(ignoredDrift[door]);
    virsh("desc", "kept-vm", "--config", "--title", "a");
  }, 120_000);

  it("replaceOnChanges makes a replacement of an update", () => {
    program.write(machine(`title: "b",`, `replaceOnChanges: ["title"], deleteBeforeReplace: true`) + lan());
    expect(program.plan().planned).toEqual(replacedOnChange[door]);
  }, 120_000);

  it("aliases keep the object under another name", () => {
    const uuid = virsh("net-uuid", "kept-net");
    program.write(machine() + lan("wan", `aliases: [{ name: "net" }]`));
    expect(program.plan().planned).toEqual({});
    program.upped();
    expect(virsh("net-uuid", "kept-net")).toBe(uuid);
    program.write(machine() + lan("net", `aliases: [{ name: "wan" }]`));
    program.upped();
  }, 120_000);

  it("protect and retainOnDelete keep the object when the program drops it", () => {
    program.write(machine("", "protect: true") + lan("net", "retainOnDelete: true"));
    program.upped();
    program.write(machine("", "protect: true"));
    program.upped();
    expect(virsh("net-list", "--name")).toBe("kept-net");
    expect(program.destroy().code).not.toBe(0);
    expect(virsh("list", "--all", "--name")).toBe("kept-vm");
    program.write(machine());
    program.upped();
    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(virsh("list", "--all", "--name")).toBe("");
    virsh("net-destroy", "kept-net");
    virsh("net-undefine", "kept-net");
  }, 180_000);
});

describeInLab.each(doors)("several providers through the %s door", (door) => {
  const program = (first: string): string => `
    const here = new kvm.Provider("here", { uri: "qemu:///system" });
    const socket = new kvm.Provider("socket", { uri: "qemu+unix:///system?socket=/run/libvirt/libvirt-sock" });
    const there = new kvm.Provider("there", { uri: "test:///default" });
    new kvm.Network("one", { name: "hosts-one", bridge: { name: "hosts-a" } }, { provider: ${first} });
    new kvm.Network("two", { name: "hosts-two", bridge: { name: "hosts-b" } }, { provider: socket });`;

  it("reach one host by two ways, and do nothing to an object that is given another host", () => {
    const made = new DoorProgram(door, program("here"), { config: {} });
    made.upped();
    expect(virsh("net-list", "--name").split("\n").sort()).toEqual(["hosts-one", "hosts-two"]);
    expect(made.plan().planned).toEqual({});

    made.write(program("there"));
    const ran = made.up();
    expect(ran.code).not.toBe(0);
    expect(ran.text).toContain("lives on the host");
    expect(virsh("net-list", "--name").split("\n").sort()).toEqual(["hosts-one", "hosts-two"]);

    made.write(program("here"));
    made.upped();
    expect(made.destroy()).toMatchObject({ code: 0 });
    expect(virsh("net-list", "--all", "--name")).toBe("");
    made.close();
  }, 180_000);
});
