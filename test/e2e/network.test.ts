import { describeInLab, killGroup, Program, until, virsh } from "./engine";

const uri = { "kvm:uri": "qemu:///system" };

function lan(more = ""): string {
  return `
    const net = new kvm.Network("lan", {
      name: "e2e-lan",
      ips: [{ address: "10.77.0.1/24", dhcp: {} }],
      ${more}
    });
    exports.bridge = net.bridgeName;`;
}

describeInLab("a network through the engine", () => {
  let program: Program | undefined;
  afterEach(() => {
    program?.close();
    program = undefined;
    for (const name of virsh("net-list", "--all", "--name").split("\n").filter(Boolean)) {
      if (virsh("net-list", "--name").split("\n").includes(name)) virsh("net-destroy", name);
      virsh("net-undefine", name);
    }
  });

  it("is made, seen unchanged, changed, and leaves nothing behind", () => {
    program = new Program({ source: lan(), config: uri });
    program.upped();
    expect(virsh("net-list", "--name").split("\n")).toContain("e2e-lan");
    expect(program.outputs()["bridge"]).toMatch(/^virbr\d+$/);
    expect(program.preview().steps).toEqual([]);

    program.write(lan(`domain: { name: "lan.test" }, disruptive: true,`));
    expect(program.preview().steps).toEqual([{ op: "update", what: "Network lan", replaceReasons: [] }]);
    program.upped();
    expect(virsh("net-dumpxml", "e2e-lan")).toContain("lan.test");
    expect(program.preview().steps).toEqual([]);

    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(virsh("net-list", "--all", "--name")).toBe("");
  }, 180_000);

  it("is shown as drift by a plain preview when somebody stops it, and started by up", () => {
    program = new Program({ source: lan(), config: uri });
    program.upped();
    virsh("net-destroy", "e2e-lan");
    expect(program.preview().steps).toEqual([{ op: "update", what: "Network lan", replaceReasons: [] }]);
    program.upped();
    expect(virsh("net-list", "--name")).toContain("e2e-lan");
    expect(program.preview().steps).toEqual([]);
  }, 180_000);

  it("is made again when it is gone", () => {
    program = new Program({ source: lan(), config: uri });
    program.upped();
    virsh("net-destroy", "e2e-lan");
    virsh("net-undefine", "e2e-lan");
    expect(program.preview().steps).toHaveLength(1);
    program.upped();
    expect(virsh("net-list", "--name")).toContain("e2e-lan");
    virsh("net-destroy", "e2e-lan");
    virsh("net-undefine", "e2e-lan");
    expect(program.destroy()).toMatchObject({ code: 0 });
  }, 180_000);

  it.each([
    ["in the middle of up", []],
    ["while the engine wrote its state", ["dev.json.attrs"]],
    ["by a power cut while the engine wrote its state", ["dev.json", "dev.json.attrs"]],
  ])(
    "is one after a kill %s",
    async (_, torn) => {
      program = new Program({ source: lan(), config: uri });
      const child = program.start("up", "--yes", "--skip-preview");
      expect(await until(() => virsh("net-list", "--all", "--name").includes("e2e-lan"))).toBe(true);
      await killGroup(child);
      for (const name of torn) program.tear(name);
      program.unlock();
      program.recover(lan(), lan("adopt: true,"));
      expect(virsh("net-list", "--all", "--name").split("\n")).toEqual(["e2e-lan"]);
      expect(program.preview().steps).toEqual([]);
    },
    180_000,
  );

  it("is refused to a second owner, who is told whose it is", () => {
    program = new Program({ source: lan(), config: uri });
    program.upped();
    const other = new Program({ source: lan(), config: uri, project: "other" });
    const ran = other.up();
    expect(ran.code).not.toBe(0);
    expect(ran.text).toContain("organization/e2e/dev::kvm:index:Network::lan");
    expect(ran.text).toContain("adopt: true");
    other.close();
    expect(virsh("net-list", "--name")).toContain("e2e-lan");
  }, 180_000);

  it("survives `up --replace`, which is refused", () => {
    program = new Program({ source: lan(), config: uri });
    program.upped();
    const uuid = virsh("net-uuid", "e2e-lan");
    const urn = program.state()[0]?.urn ?? "";
    const ran = program.up("--replace", urn);
    expect(ran.code).not.toBe(0);
    expect(virsh("net-uuid", "e2e-lan")).toBe(uuid);
    expect(virsh("net-list", "--name")).toContain("e2e-lan");
    program.upped();
    expect(program.preview().steps).toEqual([]);
  }, 180_000);

  it("keeps its object when the program renames it with an alias", () => {
    program = new Program({ source: lan(), config: uri });
    program.upped();
    const uuid = virsh("net-uuid", "e2e-lan");
    program.write(lan().replace(`"lan", {`, `"wan", {`).replace(/\}\);/, `}, { aliases: [{ name: "lan" }] });`));
    expect(program.preview().steps).toEqual([]);
    program.upped();
    expect(virsh("net-uuid", "e2e-lan")).toBe(uuid);
  }, 180_000);

  it("names the property path of each wrong input, before anything is touched", () => {
    const source = `new kvm.Network("lan", { name: "bad name", ips: [{ address: 7, dhcpp: {} }] });`;
    program = new Program({ source, config: uri });
    const { code, text } = program.preview();
    expect(code).not.toBe(0);
    expect(text).toContain("ips[0].address");
    expect(text).toContain("ips[0].dhcpp");
    expect(text).toContain("property name");
    expect(virsh("net-list", "--all", "--name")).toBe("");
  }, 180_000);

  it("stays where it is when the provider points elsewhere", () => {
    program = new Program({ source: lan(), config: uri });
    program.upped();
    program.configure("kvm:uri", "test:///default");
    const shown = program.preview();
    expect(shown.steps).toEqual([{ op: "update", what: "Network lan", replaceReasons: [] }]);
    expect(shown.text).toContain("lives on the host");
    const ran = program.up();
    expect(ran.code).not.toBe(0);
    expect(ran.text).toContain("lives on the host");
    expect(program.destroy().code).not.toBe(0);
    expect(virsh("net-list", "--name")).toContain("e2e-lan");
    program.configure("kvm:uri", "qemu:///system");
    program.upped();
    expect(program.preview().steps).toEqual([]);
  }, 180_000);

  it("goes through two providers, each with its own uri", () => {
    const source = `
      const one = new kvm.Provider("one", { uri: "qemu:///system" });
      const two = new kvm.Provider("two", { uri: "qemu+unix:///system?socket=/run/libvirt/libvirt-sock" });
      for (const [name, provider] of Object.entries({ one, two })) {
        new kvm.Network(name, { name: "e2e-" + name }, { provider });
      }`;
    program = new Program({ source });
    program.upped();
    expect(virsh("net-list", "--all", "--name").split("\n").sort()).toEqual(["e2e-one", "e2e-two"]);
    expect(program.preview().steps).toEqual([]);
  }, 180_000);
});
