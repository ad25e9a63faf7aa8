import { Host, parseUri } from "../../provider/rpc";
import { Sshd } from "./sshd";

jest.setTimeout(60_000);

const describeReal = process.env["PULUMI_KVM_LAB"] === "1" ? describe : describe.skip;

describeReal("a host over SSH", () => {
  let sshd: Sshd;
  const hosts: Host[] = [];
  const at = (uri: string, access = {}): Host => {
    const host = Host.at(parseUri(uri), { access });
    hosts.push(host);
    return host;
  };
  beforeAll(async () => {
    sshd = await Sshd.start(2222);
  });
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.close()));
  });
  afterAll(() => sshd.close());

  it("answers", async () => {
    const host = at(sshd.uri());
    await expect(host.call("CONNECT_GET_URI", {})).resolves.toEqual({ uri: "qemu:///system" });
  });
});
