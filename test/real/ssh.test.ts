import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { type Access, Host, parseUri } from "../../provider/rpc";
import { makeKey, publicKey, Sshd, type SshdOptions, user } from "./sshd";

jest.setTimeout(60_000);

const ready = process.env["PULUMI_KVM_LAB"] === "1" && existsSync("/usr/sbin/sshd");
const describeReal = ready ? describe : describe.skip;
const answer = { uri: "qemu:///system" };

const hosts: Host[] = [];
const servers: Sshd[] = [];
let port = 2300;

async function server(options: SshdOptions = {}): Promise<Sshd> {
  const sshd = await Sshd.start(port++, options);
  servers.push(sshd);
  return sshd;
}

function at(uri: string, access: Access = {}): Host {
  const host = Host.at(parseUri(uri), { access });
  hosts.push(host);
  return host;
}

const ask = (host: Host) => host.call("CONNECT_GET_URI", {});
const refusal = async (host: Host): Promise<string> => {
  const outcome = await ask(host).catch((error: unknown) => error);
  return outcome instanceof Error ? outcome.message : "none";
};

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
  await Promise.all(servers.splice(0).map((sshd) => sshd.close()));
});

describeReal("a host over SSH", () => {
  it("answers, and every connection to its daemons is a stream of one login", async () => {
    const sshd = await server();
    const host = at(sshd.uri());
    await expect(ask(host)).resolves.toEqual(answer);
    await Promise.all(Array.from({ length: 30 }, () => ask(host)));
    await Promise.all(
      Array.from({ length: 6 }, () =>
        host
          .call("DOMAIN_GET_XML_DESC", {
            dom: { name: "none", uuid: "00000000-0000-0000-0000-000000000001", id: -1 },
            flags: 0,
          })
          .catch(() => undefined),
      ),
    );
    await host.subscribe("domainLifecycle", () => undefined);
    expect(sshd.log().match(/Accepted publickey/g)).toHaveLength(1);
    expect(sshd.log().match(/server_request_direct_streamlocal/g)?.length).toBeGreaterThan(1);
    // Nothing was run there, and nothing can be any more.
    expect(sshd.log()).toContain("no-more-sessions@openssh.com");
    expect(sshd.log()).not.toMatch(/Starting session|exec_request|subsystem request/);
  });

  it("carries a volume's bytes both ways", async () => {
    const sshd = await server();
    const host = at(sshd.uri());
    const folder = join(sshd.folder, "pool");
    execFileSync("mkdir", [folder]);
    const xml = `<pool type='dir'><name>ssh</name><target><path>${folder}</path></target></pool>`;
    const { pool } = await host.call("STORAGE_POOL_CREATE_XML", { xml, flags: 0 });
    const bytes = Buffer.alloc(5 * 1024 * 1024, "0123456789abcde");
    const volume = `<volume><name>v</name><capacity>${bytes.length}</capacity></volume>`;
    const { vol } = await host.call("STORAGE_VOL_CREATE_XML", { pool, xml: volume, flags: 0 });
    await host.upload(vol, { offset: 0n, length: BigInt(bytes.length) }, [Buffer.from(bytes)]);
    const back: Buffer[] = [];
    for await (const chunk of host.download(vol, { offset: 0n, length: BigInt(bytes.length) })) back.push(chunk);
    expect(Buffer.concat(back).equals(bytes)).toBe(true);
    await host.call("STORAGE_POOL_DESTROY", { pool });
  });

  it("lets the process end while nothing is under way", async () => {
    const sshd = await server();
    const program = `
      const { Host } = require(${JSON.stringify(join(__dirname, "../../dist/rpc"))});
      const { parseUri } = require(${JSON.stringify(join(__dirname, "../../dist/transport"))});
      Host.at(parseUri(${JSON.stringify(sshd.uri())})).call("CONNECT_GET_URI", {}).then(({ uri }) => console.log(uri));`;
    const ran = spawnSync(process.execPath, ["-e", program], { encoding: "utf8", timeout: 20_000 });
    expect(ran).toMatchObject({ status: 0, stdout: "qemu:///system\n" });
  });

  it("comes back after its daemon was restarted, on the same login", async () => {
    const sshd = await server();
    const host = at(sshd.uri());
    await ask(host);
    process.kill(Number(readFileSync("/run/libvirt/libvirtd.pid", "utf8")), "SIGTERM");
    await new Promise((wake) => setTimeout(wake, 300));
    execFileSync("bash", ["-c", process.env["LAB_LIBVIRTD"] ?? ""]);
    await expect(ask(host)).resolves.toEqual(answer);
    expect(sshd.log().match(/Accepted publickey/g)).toHaveLength(1);
  });

  it("comes back after its sshd was restarted, with one new login for all calls", async () => {
    const sshd = await server();
    const host = at(sshd.uri());
    await Promise.all([ask(host), host.subscribe("domainLifecycle", () => undefined)]);
    await sshd.stop();
    await sshd.run();
    await Promise.all(Array.from({ length: 8 }, () => ask(host)));
    expect(sshd.log().match(/Accepted publickey/g)).toHaveLength(2);
  });

  it("starts virt-ssh-helper where the URI asks for it, and nothing else", async () => {
    const sshd = await server({ lines: ["AllowStreamLocalForwarding no"] });
    const host = at(sshd.uri({ proxy: "helper" }));
    await expect(ask(host)).resolves.toEqual(answer);
    await host.call("CONNECT_LIST_ALL_NETWORKS", { need_results: 1, flags: 0 });
    expect(sshd.log()).toContain("Starting session: command for");
    expect(sshd.log()).not.toContain("Starting session: shell");
  });

  it("reaches a session by the user's number, which SFTP tells", async () => {
    const sshd = await server();
    const folder = `/run/user/${process.getuid?.()}/libvirt`;
    const made = spawnSync("mkdir", ["-p", folder]);
    expect(made.status).toBe(0);
    const daemon: Server = createServer((socket) => socket.on("error", () => undefined).end());
    const path = join(folder, "libvirt-sock");
    spawnSync("rm", ["-f", path]);
    await new Promise<void>((resolve) => daemon.listen(path, resolve));
    try {
      // It hangs up at once: reaching it is all that counts here.
      const said = await refusal(at(sshd.uri({}, "/session")));
      expect(said).toContain("the daemon closed the connection");
    } finally {
      daemon.close();
    }
  });
});

describeReal("the key of a host over SSH", () => {
  it("is refused where nobody knows it, with the line to add, and no login is tried", async () => {
    const sshd = await server();
    writeFileSync(sshd.knownHosts, "");
    const said = await refusal(at(sshd.uri(), { password: "hunter2-secret" }));
    const print = spawnSync("ssh-keygen", ["-lf", join(sshd.folder, "host_ed25519.pub")], { encoding: "utf8" }).stdout;
    expect(said).toContain(
      `the host key of [127.0.0.1]:${sshd.port} is not known: it shows ssh-ed25519 ${print.split(" ")[1]}`,
    );
    expect(said).toContain(`add this line to ${sshd.knownHosts}: [127.0.0.1]:${sshd.port} ${sshd.hostKey()}`);
    expect(said).not.toContain("hunter2");
    expect(sshd.log()).not.toMatch(/userauth-request|Accepted/);
  });

  it("is accepted once that line stands there, in the file or in the setting", async () => {
    const sshd = await server();
    const line = `[127.0.0.1]:${sshd.port} ${sshd.hostKey()}\n`;
    writeFileSync(sshd.knownHosts, "");
    const begunMs = performance.now();
    const [, told = ""] = /add this line to \S+: (.*)$/.exec(await refusal(at(sshd.uri()))) ?? [];
    const refusedMs = performance.now() - begunMs;
    expect(`${told}\n`).toBe(line);
    await expect(ask(at(sshd.uri({ known_hosts: "" }), { knownHosts: line }))).resolves.toEqual(answer);
    writeFileSync(sshd.knownHosts, line);
    // A failure stands for as long as it took.
    await new Promise((wake) => setTimeout(wake, refusedMs));
    await expect(ask(at(sshd.uri()))).resolves.toEqual(answer);
  });

  it("is refused loudly where it has changed", async () => {
    const [sshd, other] = [await server(), await server()];
    writeFileSync(sshd.knownHosts, `[127.0.0.1]:${sshd.port} ${other.hostKey()}\n`);
    const said = await refusal(at(sshd.uri(), { password: "hunter2-secret" }));
    expect(said).toContain("HAS CHANGED");
    expect(said).toContain(`${sshd.knownHosts} line 1: ssh-ed25519 SHA256:`);
    expect(sshd.log()).not.toMatch(/userauth-request|Accepted/);
  });

  it("is refused where it is revoked, in known_hosts", async () => {
    const sshd = await server();
    writeFileSync(sshd.knownHosts, `@revoked * ${sshd.hostKey()}\n`, { flag: "a" });
    expect(await refusal(at(sshd.uri()))).toContain("is revoked");
  });

  it("is asked for in the type that is known", async () => {
    const sshd = await server({ hostKeys: ["rsa", "ecdsa", "ed25519"] });
    for (const index of [0, 1, 2]) {
      writeFileSync(sshd.knownHosts, `[127.0.0.1]:${sshd.port} ${sshd.hostKey(index)}\n`);
      await expect(
        ask(at(sshd.uri({ sshauth: index === 0 ? "privkey" : index === 1 ? "privkey,agent" : "agent,privkey" }))),
      ).resolves.toEqual(answer);
    }
  });

  it("of another type than the known one is refused", async () => {
    const [sshd, other] = [await server({ hostKeys: ["ed25519"] }), await server({ hostKeys: ["rsa"] })];
    writeFileSync(sshd.knownHosts, `[127.0.0.1]:${sshd.port} ${other.hostKey()}\n`);
    expect(await refusal(at(sshd.uri()))).toContain("shows a key of a type that is not known of it");
  });

  it("that only an authority vouches for is refused, with the reason", async () => {
    const sshd = await server();
    writeFileSync(sshd.knownHosts, `@cert-authority * ${sshd.hostKey()}\n`);
    expect(await refusal(at(sshd.uri()))).toContain("certificates of hosts cannot be checked yet");
  });

  it("signed by SHA-1 alone is no common ground", async () => {
    const sshd = await server({ hostKeys: ["rsa"], lines: ["HostKeyAlgorithms ssh-rsa"] });
    expect(await refusal(at(sshd.uri()))).toContain("no common ground for SSH");
  });
});

describeReal("a login over SSH", () => {
  it("takes a key from the settings, alone", async () => {
    const sshd = await server();
    const privateKey = readFileSync(sshd.key, "utf8");
    await expect(ask(at(sshd.uri({ keyfile: "", sshauth: "" }), { privateKey }))).resolves.toEqual(answer);
    const windows = privateKey.trim().replaceAll("\n", "\r\n");
    await expect(ask(at(sshd.uri({ keyfile: "", sshauth: "" }), { privateKey: windows }))).resolves.toEqual(answer);
  });

  it.each([
    ["rsa", ["-b", "2048"]],
    ["rsa", ["-b", "2048", "-m", "PEM"]],
    ["rsa", ["-b", "2048", "-m", "PKCS8"]],
    ["ecdsa", []],
    ["ecdsa", ["-m", "PEM"]],
    ["ecdsa", ["-m", "PKCS8"]],
    ["ed25519", []],
  ])("takes a key of type %s made with %j, with and without a passphrase", async (type, more) => {
    const sshd = await server();
    for (const passphrase of ["", "open sesame"]) {
      const file = join(sshd.folder, `key-${passphrase.length}`);
      makeKey(file, type, passphrase, ...more);
      sshd.authorize(publicKey(file));
      const access = passphrase === "" ? {} : { privateKeyPassphrase: passphrase };
      await expect(ask(at(sshd.uri({ keyfile: file }), access))).resolves.toEqual(answer);
    }
  });

  it("takes an Ed25519 key in PKCS#8, as Pulumi's own TLS provider makes it", async () => {
    const sshd = await server();
    const pem = execFileSync("openssl", ["genpkey", "-algorithm", "ed25519"], { encoding: "utf8" });
    const file = join(sshd.folder, "pkcs8");
    writeFileSync(file, pem, { mode: 0o600 });
    const raw = execFileSync("openssl", ["pkey", "-in", file, "-pubout", "-outform", "DER"]).subarray(-32);
    const blob = Buffer.concat([Buffer.from("0000000b7373682d6564323535313900000020", "hex"), raw]);
    sshd.authorize(`ssh-ed25519 ${blob.toString("base64")}`);
    await expect(ask(at(sshd.uri({ keyfile: "" }), { privateKey: pem }))).resolves.toEqual(answer);
  });

  it("is refused without a key, and says what the host takes", async () => {
    const sshd = await server();
    const stranger = join(sshd.folder, "stranger");
    makeKey(stranger);
    const said = await refusal(at(sshd.uri({ keyfile: stranger })));
    expect(said).toContain(`127.0.0.1:${sshd.port} does not let in ${user}: it took none of: ssh-ed25519 SHA256:`);
    expect(said).toContain(`(${stranger}); it takes publickey`);
    expect(said).toContain("~/.ssh/authorized_keys");
  });

  it.each([
    ["that is not there", "rm -f FILE", "there is no such file"],
    ["that others may read", "chmod 640 FILE", "run `chmod 600` on it"],
    ["that is none", "echo hello > FILE", "it holds no private key"],
    ["that is encrypted", "ssh-keygen -q -p -N secret -f FILE", "set kvm:privateKeyPassphrase"],
  ])("refuses a key file %s", async (_, command, sentence) => {
    const sshd = await server();
    const file = join(sshd.folder, "bad");
    makeKey(file);
    execFileSync("bash", ["-c", command.replace("FILE", file)]);
    expect(await refusal(at(sshd.uri({ keyfile: file })))).toContain(`the key file ${file}: `);
    expect(await refusal(at(sshd.uri({ keyfile: file })))).toContain(sentence);
  });

  it("tells nobody the passphrase and the key", async () => {
    const sshd = await server();
    const file = join(sshd.folder, "locked");
    makeKey(file, "ed25519", "open sesame");
    const privateKey = readFileSync(file, "utf8");
    const said = await refusal(at(sshd.uri({ keyfile: "" }), { privateKey, privateKeyPassphrase: "wrong-canary" }));
    expect(said).toContain("kvm:privateKey: kvm:privateKeyPassphrase does not open it");
    expect(said).not.toMatch(/wrong-canary|OPENSSH/);
    expect(await refusal(at(sshd.uri({ keyfile: "" }), { privateKey }))).toContain("it is encrypted");
  });

  it("never signs with SHA-1, even where the host wants nothing else", async () => {
    const sshd = await server({ lines: ["PubkeyAcceptedAlgorithms ssh-rsa"] });
    const file = join(sshd.folder, "rsa");
    makeKey(file, "rsa", "", "-b", "2048");
    sshd.authorize(publicKey(file));
    expect(await refusal(at(sshd.uri({ keyfile: file })))).toContain("does not let in");
    expect(sshd.log()).not.toContain("Accepted publickey");
  });

  it("goes over other hosts as ~/.ssh/config says, each known by its own key", async () => {
    const [gate, inner, target] = [await server(), await server(), await server()];
    for (const sshd of [gate, inner]) sshd.authorize(publicKey(target.key));
    const home = process.env["HOME"];
    process.env["HOME"] = target.folder;
    const folder = join(target.folder, ".ssh");
    execFileSync("mkdir", ["-m", "700", folder]);
    const jump = `Host 127.0.0.1\n  ProxyJump ${user}@localhost:${gate.port},inner\n`;
    const config = `${jump}Host inner\n  HostName localhost\n  Port ${inner.port}\nHost *\n  IdentityFile ${target.key}\n`;
    writeFileSync(join(folder, "config"), config, { mode: 0o600 });
    const lines = [gate, inner].map((sshd) => `[localhost]:${sshd.port} ${sshd.hostKey()}\n`);
    writeFileSync(join(folder, "known_hosts"), lines.join(""));
    try {
      await expect(ask(at(target.uri()))).resolves.toEqual(answer);
      expect(gate.log()).toContain("Accepted publickey");
      expect(inner.log()).toContain("Accepted publickey");
      await Promise.all(hosts.splice(0).map((host) => host.close()));
      writeFileSync(join(folder, "known_hosts"), lines[0] ?? "");
      // Another text of the same URI: the connection that still stands must not serve it.
      const said = await refusal(at(target.uri({ sshauth: "privkey,agent" })));
      expect(said).toContain(`the host key of [localhost]:${inner.port} is not known`);
    } finally {
      if (home === undefined) delete process.env["HOME"];
      else process.env["HOME"] = home;
    }
  });

  it("shows no user's certificate, and says so", async () => {
    const sshd = await server();
    const [ca, key] = [join(sshd.folder, "ca"), join(sshd.folder, "certified")];
    makeKey(ca);
    makeKey(key);
    execFileSync("ssh-keygen", ["-q", "-s", ca, "-I", "id", "-n", user, `${key}.pub`], { stdio: "ignore" });
    expect(existsSync(`${key}-cert.pub`)).toBe(true);
    expect(await refusal(at(sshd.uri({ keyfile: key })))).toContain("certificate");
  });
});

describeReal("an agent", () => {
  let agent: string | undefined;
  const before = process.env["SSH_AUTH_SOCK"];
  const started: number[] = [];
  function start(folder: string): string {
    const path = join(folder, "agent");
    const child = spawn("ssh-agent", ["-D", "-a", path], { stdio: "ignore" });
    if (child.pid !== undefined) started.push(child.pid);
    for (let tries = 0; tries < 100 && !existsSync(path); tries += 1) spawnSync("sleep", ["0.02"]);
    agent = path;
    process.env["SSH_AUTH_SOCK"] = path;
    return path;
  }
  const add = (file: string): void => {
    execFileSync("ssh-add", ["-q", file], { env: { ...process.env, SSH_AUTH_SOCK: agent }, stdio: "ignore" });
  };
  afterEach(() => {
    for (const pid of started.splice(0)) process.kill(pid, "SIGKILL");
    if (before === undefined) delete process.env["SSH_AUTH_SOCK"];
    else process.env["SSH_AUTH_SOCK"] = before;
  });

  it.each(["ed25519", "rsa", "ecdsa"])("signs with a key of type %s, and is never forwarded", async (type) => {
    const sshd = await server();
    start(sshd.folder);
    const file = join(sshd.folder, "held");
    makeKey(file, type);
    sshd.authorize(publicKey(file));
    add(file);
    execFileSync("rm", [file, `${file}.pub`]);
    await expect(ask(at(sshd.uri({ keyfile: "", sshauth: "agent" })))).resolves.toEqual(answer);
    expect(sshd.log()).not.toContain("auth-agent-req");
  });

  it("with more keys than the host listens to gets the advice to name one", async () => {
    const sshd = await server({ lines: ["MaxAuthTries 2"] });
    start(sshd.folder);
    for (const name of ["a", "b", "c", "d"]) {
      makeKey(join(sshd.folder, name));
      add(join(sshd.folder, name));
    }
    const said = await refusal(at(sshd.uri({ keyfile: "", sshauth: "agent" })));
    expect(said).toMatch(/Too many authentication failures.*IdentitiesOnly/);
  });

  it("that is not there, or hangs, is named, and the key in a file is taken", async () => {
    const sshd = await server();
    process.env["SSH_AUTH_SOCK"] = "/nowhere/agent";
    await expect(ask(at(sshd.uri({ sshauth: "agent,privkey" })))).resolves.toEqual(answer);
    const silent = createServer(() => undefined);
    const path = join(sshd.folder, "silent");
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    process.env["SSH_AUTH_SOCK"] = path;
    const began = Date.now();
    const said = await refusal(at(sshd.uri({ keyfile: "", sshauth: "agent" })));
    expect(said).toContain(`the agent at ${path} does not list its keys (no answer within 3 s)`);
    expect(Date.now() - began).toBeLessThan(6_000);
    silent.close();
  });

  it("that refuses to sign is named, and the next key is tried", async () => {
    const sshd = await server();
    const path = start(sshd.folder);
    const file = join(sshd.folder, "confirmed");
    makeKey(file);
    sshd.authorize(publicKey(file));
    // Asks a person for each use, and there is none.
    execFileSync("ssh-add", ["-q", "-c", file], {
      env: { ...process.env, SSH_AUTH_SOCK: path, SSH_ASKPASS: "/bin/false" },
      stdio: "ignore",
    });
    execFileSync("rm", [file, `${file}.pub`]);
    await expect(ask(at(sshd.uri({ sshauth: "agent,privkey" })))).resolves.toEqual(answer);
    expect(await refusal(at(sshd.uri({ keyfile: "", sshauth: "agent" })))).toContain("could not sign");
  });
});

describeReal("a host that cannot be reached over SSH", () => {
  it.each(["AllowStreamLocalForwarding no", "AllowTcpForwarding no", "DisableForwarding yes"])(
    "with %s says which setting opens it, and the other way",
    async (line) => {
      const sshd = await server({ lines: [line] });
      const said = await refusal(at(sshd.uri()));
      expect(said).toContain("AllowStreamLocalForwarding yes");
      expect(said).toContain("proxy=helper");
      expect(said).toContain("/run/libvirt/libvirt-sock");
    },
  );

  it("to a user who may not use the socket names the group", async () => {
    const sshd = await server();
    const path = join("/run", `closed-${sshd.port}`);
    const daemon = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => daemon.listen(path, resolve));
    execFileSync("chmod", ["755", path]);
    execFileSync("chmod", ["711", sshd.folder]); // the server reads authorized_keys as that user
    execFileSync("chmod", ["644", join(sshd.folder, "authorized_keys")]);
    try {
      const said = await refusal(at(sshd.uri({ socket: path }).replace(`//${user}@`, "//nobody@")));
      expect(said).toContain("nobody may not use the socket: `sudo usermod -aG libvirt nobody` there");
      execFileSync("chmod", ["777", path]);
      const open = await refusal(at(sshd.uri({ socket: path }).replace(`//${user}@`, "//nobody@")));
      expect(open).toContain("the daemon closed the connection"); // it is reached
    } finally {
      daemon.close();
    }
  });

  it("behind a host that passes nothing on", async () => {
    const [gate, target] = [await server({ lines: ["AllowTcpForwarding no"] }), await server()];
    gate.authorize(publicKey(target.key));
    const home = process.env["HOME"];
    process.env["HOME"] = target.folder;
    const folder = join(target.folder, ".ssh");
    execFileSync("mkdir", ["-m", "700", folder]);
    const config = `Host 127.0.0.1\n  ProxyJump localhost:${gate.port}\nHost localhost\n  IdentityFile ${target.key}\n`;
    writeFileSync(join(folder, "config"), config, { mode: 0o600 });
    writeFileSync(join(folder, "known_hosts"), `[localhost]:${gate.port} ${gate.hostKey()}\n`);
    try {
      const said = await refusal(at(target.uri()));
      expect(said).toContain(`localhost does not pass on to 127.0.0.1:${target.port}`);
      expect(said).toContain("AllowTcpForwarding");
    } finally {
      if (home === undefined) delete process.env["HOME"];
      else process.env["HOME"] = home;
    }
  });

  it("without a socket says that no daemon runs", async () => {
    const sshd = await server();
    const said = await refusal(at(sshd.uri({ socket: "/nowhere/sock" })));
    expect(said).toContain("127.0.0.1 opens no socket of libvirt: tried /nowhere/sock: libvirtd does not run there");
    expect(said).not.toContain("AllowStreamLocalForwarding");
  });

  it("names all causes where nothing can be seen", async () => {
    const sshd = await server({ lines: ["ForceCommand /bin/false"] });
    const said = await refusal(at(sshd.uri({ socket: "/nowhere/sock" })));
    expect(said).toMatch(/\(1\) .*AllowStreamLocalForwarding.*\(2\) .*systemctl start libvirtd/);
    const session = await refusal(at(sshd.uri({}, "/session")));
    expect(session).toContain(
      "name the socket with ?socket=/run/user/NUMBER/libvirt/libvirt-sock, or add proxy=helper",
    );
  });

  it("works for an account that may do nothing but forward", async () => {
    const lines = [
      "AllowTcpForwarding local",
      "AllowStreamLocalForwarding local",
      "PermitTTY no",
      "X11Forwarding no",
      "ForceCommand /bin/false",
    ];
    const sshd = await server({ lines });
    await expect(ask(at(sshd.uri()))).resolves.toEqual(answer);
  });

  it("without virt-ssh-helper says what to install", async () => {
    const sshd = await server({ lines: ["SetEnv PATH=/nowhere"] });
    const said = await refusal(at(sshd.uri({ proxy: "helper" })));
    expect(said).toContain("virt-ssh-helper on 127.0.0.1 ended with 127");
    expect(said).toContain("libvirt-clients");
  });

  it("where nothing listens, or the name is wrong", async () => {
    const sshd = await server();
    await sshd.stop();
    expect(await refusal(at(sshd.uri()))).toContain("is sshd running? `sudo systemctl start ssh`");
    expect(await refusal(at("qemu+ssh://no-such-host.invalid/system"))).toMatch(
      /there is no host of that name|looked up/,
    );
  });

  it("frozen before the login ends at its deadline", async () => {
    const sshd = await server();
    sshd.signal("SIGSTOP");
    const began = Date.now();
    expect(await refusal(at(sshd.uri()))).toContain("did not finish the login within 20 s");
    expect(Date.now() - began).toBeLessThan(25_000);
  });

  it("frozen in the middle of a call ends the call within 35 s, and is reached again once it lives", async () => {
    const sshd = await server();
    const host = at(sshd.uri());
    await ask(host);
    sshd.signal("SIGSTOP");
    const began = Date.now();
    const outcome = await host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name: "none" }).catch((error: unknown) => error);
    expect(String(outcome)).toMatch(/it is frozen/);
    expect(Date.now() - began).toBeLessThan(58_000);
    sshd.signal("SIGCONT");
    await expect(ask(host)).resolves.toEqual(answer);
  }, 90_000);

  it("that goes away under a download that nobody reads just then ends it", async () => {
    const sshd = await server();
    const host = at(sshd.uri());
    const folder = join(sshd.folder, "paused");
    execFileSync("mkdir", [folder]);
    const xml = `<pool type='dir'><name>paused</name><target><path>${folder}</path></target></pool>`;
    const { pool } = await host.call("STORAGE_POOL_CREATE_XML", { xml, flags: 0 });
    const volume =
      "<volume><name>v</name><capacity unit='MiB'>64</capacity><allocation unit='MiB'>64</allocation></volume>";
    const { vol } = await host.call("STORAGE_VOL_CREATE_XML", { pool, xml: volume, flags: 0 });
    const reading = host.download(vol, { offset: 0n, length: 0n });
    await reading.next();
    await new Promise((wake) => setTimeout(wake, 300)); // the stream fills up and pauses
    await sshd.stop();
    await new Promise((wake) => setTimeout(wake, 300));
    const began = Date.now();
    await expect(
      (async () => {
        for await (const chunk of reading) expect(chunk.length).toBeGreaterThan(0);
      })(),
    ).rejects.toThrow("the SSH connection to 127.0.0.1 ended");
    expect(Date.now() - began).toBeLessThan(1_000);
    await sshd.run();
    await host.call("STORAGE_POOL_DESTROY", { pool });
  });

  it("that goes away in the middle of a write says that it may have been executed", async () => {
    const sshd = await server();
    const host = at(sshd.uri());
    await ask(host);
    const freeze = Number(readFileSync("/run/libvirt/libvirtd.pid", "utf8"));
    await host
      .call("DOMAIN_UNDEFINE_FLAGS", {
        dom: { name: "none", uuid: "00000000-0000-0000-0000-000000000001", id: -1 },
        flags: 0,
      })
      .catch(() => undefined);
    process.kill(freeze, "SIGSTOP");
    try {
      const call = host
        .call("DOMAIN_UNDEFINE_FLAGS", {
          dom: { name: "none", uuid: "00000000-0000-0000-0000-000000000001", id: -1 },
          flags: 0,
        })
        .catch((error: unknown) => error);
      await new Promise((wake) => setTimeout(wake, 200));
      await sshd.stop();
      expect(await call).toMatchObject({ name: "ConnectionError", sent: true });
      expect(String(await call)).toContain("it may have been executed");
    } finally {
      process.kill(freeze, "SIGCONT");
    }
  });
});
