// Logins by certificates, at a host that trusts an authority and knows no key.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Access, Host, parseUri } from "../../provider/rpc";
import { makeKey, Sshd, user } from "./sshd";

jest.setTimeout(60_000);

const ready = process.env["PULUMI_KVM_LAB"] === "1" && existsSync("/usr/sbin/sshd");
const describeReal = ready ? describe : describe.skip;
const answer = { uri: "qemu:///system" };

describeReal("a host that trusts an authority", () => {
  const folder = mkdtempSync(join(tmpdir(), "certificates-"));
  const authority = join(folder, "ca");
  const { HOME: home, SSH_AUTH_SOCK: formerAgent } = process.env;
  let sshd: Sshd;
  let host: Host | undefined;
  let agent: string | undefined;
  beforeAll(async () => {
    makeKey(authority);
    sshd = await Sshd.start(2280, { lines: [`TrustedUserCAKeys ${authority}.pub`] });
    writeFileSync(join(sshd.folder, "authorized_keys"), "");
  });
  afterEach(async () => {
    await host?.close();
    host = undefined;
    if (agent !== undefined) process.kill(Number(agent));
    agent = undefined;
    process.env["HOME"] = home;
    if (formerAgent === undefined) delete process.env["SSH_AUTH_SOCK"];
    else process.env["SSH_AUTH_SOCK"] = formerAgent;
  });
  afterAll(async () => {
    await sshd.close();
    rmSync(folder, { recursive: true });
  });

  /** A key with a certificate beside it. */
  function signed(name: string, type: readonly string[] = ["ed25519"], ...words: readonly string[]): string {
    const [kind = "", ...more] = type;
    const file = join(folder, name);
    makeKey(file, kind, "", ...more);
    const whom = words.length > 0 ? words : ["-n", user];
    execFileSync("ssh-keygen", ["-q", "-s", authority, "-I", `id of ${name}`, ...whom, `${file}.pub`]);
    return file;
  }

  async function ask(parameters: Readonly<Record<string, string>>, access: Access = {}): Promise<unknown> {
    host = Host.at(parseUri(sshd.uri(parameters)), { access });
    return host.call("CONNECT_GET_URI", {});
  }

  const refusal = (parameters: Readonly<Record<string, string>>, access?: Access): Promise<string> =>
    ask(parameters, access).then(String, (error: unknown) => (error as Error).message);

  function startAgent(...keys: readonly string[]): void {
    const socket = join(folder, `agent-${keys.length}`);
    rmSync(socket, { force: true });
    const said = execFileSync("ssh-agent", ["-s", "-a", socket], { encoding: "utf8" });
    agent = /SSH_AGENT_PID=(\d+)/.exec(said)?.[1];
    process.env["SSH_AUTH_SOCK"] = socket;
    for (const key of keys) execFileSync("ssh-add", ["-q", key], { env: { ...process.env }, stdio: "ignore" });
  }

  it.each([[["ed25519"]], [["rsa", "-b", "2048"]], [["ecdsa", "-b", "256"]], [["ecdsa", "-b", "521"]]])(
    "takes the one beside a key of %j, and of no other",
    async (type) => {
      const file = signed(`beside-${type.join("")}`, type);
      await expect(ask({ keyfile: file })).resolves.toEqual(answer);
      expect(sshd.log()).toContain(`Accepted certificate ID "id of beside-${type.join("")}"`);
      execFileSync("cp", [file, `${file}-alone`]);
      expect(await refusal({ keyfile: `${file}-alone` })).toContain("does not let in");
    },
  );

  it.each([[["ed25519"]], [["rsa", "-b", "2048"]], [["ecdsa", "-b", "384"]]])(
    "takes the one that an agent holds with its key of %j",
    async (type) => {
      const file = signed(`held-${type.join("")}`, type);
      startAgent(file);
      rmSync(file);
      await expect(ask({ keyfile: file, sshauth: "agent" })).resolves.toEqual(answer);
      expect(sshd.log()).toContain(`Accepted certificate ID "id of held-${type.join("")}"`);
    },
  );

  it("takes the one that CertificateFile names", async () => {
    const file = signed("elsewhere");
    execFileSync("mkdir", ["-p", join(folder, ".ssh")]);
    execFileSync("mv", [`${file}-cert.pub`, join(folder, "moved.pub")]);
    const config = `Host 127.0.0.1\n  IdentityFile ${file}\n  CertificateFile ~/%n-cert.pub\n`;
    execFileSync("mv", [join(folder, "moved.pub"), join(folder, "127.0.0.1-cert.pub")]);
    writeFileSync(join(folder, ".ssh/config"), config);
    process.env["HOME"] = folder;
    await expect(ask({ keyfile: "" })).resolves.toEqual(answer);
    expect(sshd.log()).toContain(`Accepted certificate ID "id of elsewhere"`);
  });

  it("takes the one that the settings give as text", async () => {
    const file = signed("settings");
    const privateKey = readFileSync(file, "utf8");
    const privateKeyCertificate = readFileSync(`${file}-cert.pub`, "utf8");
    await expect(ask({ keyfile: "" }, { privateKey, privateKeyCertificate })).resolves.toEqual(answer);
    await host?.close();
    expect(await refusal({ keyfile: "" }, { privateKey, privateKeyCertificate: privateKey })).toContain(
      "kvm:privateKeyCertificate: it holds no certificate",
    );
  });

  it("says which certificate it did not take, or why none was shown", async () => {
    const other = signed("other", ["ed25519"], "-n", "somebody");
    expect(await refusal({ keyfile: other })).toContain(
      `, ssh-ed25519 certificate "id of other" for somebody, without end (${other}-cert.pub); it takes publickey`,
    );
    const ended = signed("ended", ["ed25519"], "-n", user, "-V", "20200101000000Z:20210101000000Z");
    expect(await refusal({ keyfile: ended })).toContain(
      `the certificate "id of ended" (${ended}-cert.pub) is not shown: it ended at 2021-01-01T00:00:00.000Z: have it signed anew`,
    );
    const stolen = signed("stolen");
    makeKey(stolen);
    expect(await refusal({ keyfile: stolen })).toMatch(/is not shown: its key SHA256:\S+ is not here/);
  });

  it.each([
    ["is somebody else's", ["-n", "somebody"]],
    ["forbids the forwarding", ["-n", user, "-O", "no-port-forwarding"]],
  ])("still takes a plain key that it knows, where its certificate %s", async (_, words) => {
    const file = signed(`known-${words.length}`, ["ed25519"], ...words);
    sshd.authorize(readFileSync(`${file}.pub`, "utf8"));
    await expect(ask({ keyfile: file })).resolves.toEqual(answer);
    expect(sshd.log()).not.toContain(`Accepted certificate ID "id of known-${words.length}"`);
  });
});
