import { readFileSync } from "node:fs";
import { Authority } from "../real/authority";
import { libvirtdAsBefore, libvirtdWith } from "../real/listening";
import { describeInLab, Program, virsh } from "./engine";

describeInLab("a network over TLS, through the engine", () => {
  let program: Program | undefined;
  let authority: Authority;
  beforeAll(async () => {
    authority = new Authority("lab CA");
    const { certificate, key } = authority.sign("/CN=server", { names: "DNS:localhost", use: "serverAuth" });
    const files = { ca_file: authority.file, cert_file: certificate, key_file: key };
    await libvirtdWith(["listen_tls = 1", ...Object.entries(files).map(([name, file]) => `${name} = "${file}"`)]);
  });
  afterEach(() => {
    program?.close();
    program = undefined;
  });
  afterAll(async () => {
    await libvirtdAsBefore();
    authority.close();
  });

  it("is made with the stack's certificates, whose key stands nowhere in clear, and goes", () => {
    const { certificate, key } = authority.sign("/CN=client", { use: "clientAuth" });
    const config = { "kvm:uri": "qemu+tls://localhost/system", "kvm:allowPlainTcp": "false" };
    const source = `new kvm.Network("lan", { name: "tls-lan", ips: [{ address: "10.79.0.1/24" }] });`;
    program = new Program({ source, config });
    program.secret("kvm:ca", authority.text);
    program.secret("kvm:clientCertificate", readFileSync(certificate, "utf8"));
    program.secret("kvm:clientKey", readFileSync(key, "utf8"));
    expect(program.upped().text).not.toContain("PRIVATE KEY");
    expect(virsh("net-list", "--name").split("\n")).toContain("tls-lan");
    expect(program.preview().steps).toEqual([]);
    expect(program.stateText()).not.toContain("PRIVATE KEY");
    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(virsh("net-list", "--all", "--name")).toBe("");
  }, 240_000);

  it("is made by a provider of the program, on this machine's plain port where that is allowed", async () => {
    await libvirtdWith(["listen_tls = 0", "listen_tcp = 1", 'auth_tcp = "none"']);
    const settings = { uri: "qemu+tcp://127.0.0.1/system", allowPlainTcp: true };
    const source = (given: object): string =>
      `const host = new kvm.Provider("host", ${JSON.stringify(given)});
      new kvm.Network("lan", { name: "tcp-lan", ips: [{ address: "10.79.0.1/24" }] }, { provider: host });`;
    program = new Program({ source: source({ uri: settings.uri }) });
    const refused = program.up();
    expect(refused.code).not.toBe(0);
    expect(refused.text.replace(/\s+/g, " ")).toContain("set kvm:allowPlainTcp to true if that is meant");
    program.write(source(settings));
    program.upped();
    expect(program.preview().steps).toEqual([]);
    expect(program.destroy()).toMatchObject({ code: 0 });
  }, 240_000);
});
