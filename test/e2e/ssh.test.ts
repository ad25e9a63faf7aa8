import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Sshd, user } from "../real/sshd";
import { describeInLab, Program, virsh } from "./engine";

const canary = "canary-of-the-password";

const lan = (more = ""): string =>
  `new kvm.Network("lan", { name: "ssh-lan", ips: [{ address: "10.78.0.1/24" }] }${more});`;

describeInLab("a network over SSH, through the engine", () => {
  let program: Program | undefined;
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await Sshd.start(2290);
  });
  afterEach(() => {
    program?.close();
    program = undefined;
  });
  afterAll(() => sshd.close());

  const settings = () => ({
    uri: `qemu+ssh://${user}@127.0.0.1:${sshd.port}/system`,
    privateKey: readFileSync(sshd.key, "utf8"),
    knownHosts: sshd.knownLines().join(""),
  });

  /** Nothing of the key and the password may stand anywhere in clear. */
  function expectNoSecret(text: string): void {
    expect(text).not.toContain(canary);
    expect(text).not.toContain("OPENSSH PRIVATE KEY");
  }

  it("is made with the stack's secrets, seen unchanged, and goes", () => {
    const { uri, privateKey, knownHosts } = settings();
    program = new Program({ source: lan(), config: { "kvm:uri": uri, "kvm:knownHosts": knownHosts } });
    program.secret("kvm:privateKey", privateKey);
    program.secret("kvm:password", canary);
    expectNoSecret(program.upped().text);
    expect(virsh("net-list", "--name").split("\n")).toContain("ssh-lan");
    expect(program.preview().steps).toEqual([]);
    expectNoSecret(program.stateText());

    // Another way to the same host, and another key, change nothing.
    program.configure("kvm:uri", "qemu:///system");
    expect(program.preview().steps).toEqual([]);
    program.configure("kvm:uri", sshd.uri().replace("/system", "/system"));
    program.run("config", "rm", "kvm:privateKey");
    program.run("config", "rm", "kvm:knownHosts");
    expect(program.preview().steps).toEqual([]);

    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(virsh("net-list", "--all", "--name")).toBe("");
  }, 240_000);

  it("is made by a provider of the program, whose settings are secret in the state", () => {
    const { uri, privateKey, knownHosts } = settings();
    const provider = `const host = new kvm.Provider("host", ${JSON.stringify({ uri, privateKey, knownHosts, password: canary })});`;
    program = new Program({ source: provider + lan(", { provider: host }") });
    program.upped();
    expect(virsh("net-list", "--name").split("\n")).toContain("ssh-lan");
    expect(program.preview().steps).toEqual([]);
    expectNoSecret(program.stateText());
    expect(program.destroy()).toMatchObject({ code: 0 });
  }, 240_000);

  it("takes its secrets from the environment, which leave no trace", () => {
    const { uri, privateKey, knownHosts } = settings();
    const environment = {
      KVM_URI: uri,
      KVM_PRIVATE_KEY: privateKey,
      KVM_KNOWN_HOSTS: knownHosts,
      KVM_PASSWORD: canary,
    };
    program = new Program({ source: lan(), environment });
    program.upped();
    expect(program.preview().steps).toEqual([]);
    expectNoSecret(program.stateText());
    expect(program.destroy()).toMatchObject({ code: 0 });
  }, 240_000);

  it("is made through the plugin, whose provider holds its secrets sealed", () => {
    const { uri, privateKey, knownHosts } = settings();
    const source = `
      class Host extends pulumi.ProviderResource {}
      class Network extends pulumi.CustomResource {}
      const host = new Host("kvm", "host", ${JSON.stringify({ uri, privateKey, knownHosts, password: canary })});
      new Network("kvm:index:Network", "lan", { name: "ssh-lan", ips: [{ address: "10.78.0.1/24" }] }, { provider: host });`;
    program = new Program({ source });
    const plugin = `plugins:\n  providers:\n    - name: kvm\n      path: ${join(__dirname, "../../dist/plugin")}\n`;
    appendFileSync(join(program.folder, "Pulumi.yaml"), plugin);
    expectNoSecret(program.upped().text);
    expect(virsh("net-list", "--name").split("\n")).toContain("ssh-lan");
    expectNoSecret(program.stateText());
    expect(program.run("preview", "--expect-no-changes")).toMatchObject({ code: 0 });
    expect(program.destroy()).toMatchObject({ code: 0 });
  }, 240_000);

  it("is refused at a host that nobody knows, with the line to add, and nothing is made", () => {
    const { uri, privateKey } = settings();
    const file = join(sshd.folder, "empty");
    writeFileSync(file, "");
    program = new Program({ source: lan(), config: { "kvm:uri": `${uri}?known_hosts=${file}` } });
    program.secret("kvm:privateKey", privateKey);
    const ran = program.up();
    expect(ran.code).not.toBe(0);
    expect(ran.text.replace(/\s+/g, " ")).toContain(`add this line to ${file}: ${sshd.knownLines().join("").trim()}`);
    expectNoSecret(ran.text);
    expect(virsh("net-list", "--all", "--name")).toBe("");
  }, 240_000);
});
