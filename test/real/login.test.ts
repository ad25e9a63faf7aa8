import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Access, Host, parseUri } from "../../provider/rpc";
import { explain } from "../../provider/resources/errors";
import { Authority } from "./authority";
import { libvirtdAsBefore, libvirtdWith } from "./listening";

jest.setTimeout(60_000);

const polkitd = "/usr/lib/polkit-1/polkitd";
const ready = process.env["PULUMI_KVM_LAB"] === "1";
const describeReal = ready ? describe : describe.skip;
const describeSasl = ready && existsSync("/usr/sbin/saslpasswd2") ? describe : describe.skip;
const describePolkit = ready && existsSync(polkitd) && existsSync("/usr/bin/dbus-daemon") ? describe : describe.skip;
const answer = { uri: "qemu:///system" };
const password = "canary, of=the pässword";

const hosts: Host[] = [];

function at(uri: string, access: Access = {}): Host {
  const host = Host.at(parseUri(uri), { access });
  hosts.push(host);
  return host;
}

const ask = (host: Host) => host.call("CONNECT_GET_URI", {});
const refusal = async (host: Host): Promise<string> => {
  const outcome = await ask(host).catch((error: unknown) => error);
  const said = outcome instanceof Error ? outcome.message : "none";
  expect(said).not.toContain("canary");
  return said;
};

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
});
afterAll(async () => {
  if (ready) await libvirtdAsBefore();
});

describeSasl("a daemon that asks for SASL", () => {
  const folder = mkdtempSync(join(tmpdir(), "sasl-"));
  const users = join(folder, "users.db");
  let authority: Authority;
  let tls: { readonly lines: readonly string[]; readonly pki: string };

  beforeAll(() => {
    execFileSync("saslpasswd2", ["-p", "-c", "-f", users, "-a", "libvirt", "fred"], { input: password });
    authority = new Authority("lab CA");
    const { certificate, key } = authority.sign("/CN=server", { names: "DNS:localhost", use: "serverAuth" });
    const files = { ca_file: authority.file, cert_file: certificate, key_file: key };
    const lines = Object.entries(files).map(([name, file]) => `${name} = "${file}"`);
    tls = {
      lines: ["listen_tls = 1", 'auth_tls = "sasl"', ...lines],
      pki: authority.pki(authority.sign("/CN=client", { use: "clientAuth" })),
    };
  });
  afterAll(() => {
    authority.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function started(mechanisms: string, lines: readonly string[]): Promise<void> {
    const config = join(folder, mechanisms.replaceAll(" ", "-"));
    mkdirSync(config, { recursive: true });
    writeFileSync(join(config, "libvirt.conf"), `mech_list: ${mechanisms}\nsasldb_path: ${users}\n`);
    await libvirtdWith(lines, { SASL_CONF_PATH: config });
  }

  it.each(["scram-sha-1", "scram-sha-256", "scram-sha-512", "plain scram-sha-256 digest-md5"])(
    "lets a user in over TLS by %s",
    async (mechanisms) => {
      await started(mechanisms, tls.lines);
      const host = at(`qemu+tls://fred@localhost/system?pkipath=${tls.pki}`, { password });
      await expect(ask(host)).resolves.toEqual(answer);
      const { nets } = await host.call("CONNECT_LIST_ALL_NETWORKS", { need_results: 1, flags: 0 });
      expect(nets).toEqual([]);
    },
  );

  it("lets a user in on its socket", async () => {
    await started("scram-sha-256", ['auth_unix_rw = "sasl"', "listen_tls = 0"]);
    await expect(ask(at("qemu:///system", { saslUser: "fred", password }))).resolves.toEqual(answer);
    expect(await refusal(at("qemu:///system"))).toContain(
      "connect qemu:///system: the daemon wants a SASL login: set kvm:saslUser (or a user in the URI) and kvm:password",
    );
  });

  it("does not accept another password, nor an unknown user, nor one outside its list", async () => {
    await started("scram-sha-256", tls.lines);
    const uri = `qemu+tls://localhost/system?pkipath=${tls.pki}`;
    const wrong = await refusal(at(uri, { saslUser: "fred", password: "canary" }));
    expect(wrong).toContain(
      "the daemon does not accept the SASL user fred with this password: correct kvm:saslUser and kvm:password, or set the password there with `sudo saslpasswd2 -a libvirt fred`",
    );
    expect(wrong).toMatch(/libvirt says: authentication failed.*, code 45\)$/);
    expect(await refusal(at(uri, { saslUser: "nobody", password }))).toContain("does not accept the SASL user nobody");
    await started("scram-sha-256", [...tls.lines, 'sasl_allowed_username_list = ["joe"]']);
    expect(await refusal(at(uri, { saslUser: "fred", password }))).toContain("a sasl_allowed_username_list in its");
  });

  it("is told what to set where it offers what is not spoken here", async () => {
    await started("digest-md5", tls.lines);
    expect(await refusal(at(`qemu+tls://fred@localhost/system?pkipath=${tls.pki}`, { password }))).toContain(
      "the daemon offers these SASL logins: DIGEST-MD5; here are only SCRAM-SHA-512, SCRAM-SHA-256, SCRAM-SHA-1: put `mech_list: scram-sha-256` into",
    );
  });

  it("offers no such login on plain TCP, which the refusal says", async () => {
    await started("scram-sha-256", ["listen_tls = 0", "listen_tcp = 1", 'auth_tcp = "sasl"']);
    const said = await refusal(at("qemu+tcp://fred@127.0.0.1/system", { password, allowPlainTcp: true }));
    expect(said).toContain("on plain TCP libvirt never offers that, because it does not encrypt: use qemu+tls://");
  });
});

/** Runs an act as a user who is in no group of libvirt's; the daemon asks for the effective one. */
async function asNobody<T>(act: () => Promise<T>): Promise<T> {
  const own = process.geteuid?.() ?? 0;
  process.seteuid?.("nobody");
  try {
    return await act();
  } finally {
    process.seteuid?.(own);
  }
}

const lets = ['auth_unix_rw = "polkit"', "listen_tls = 0"];

describeReal("a daemon that lets polkit decide, without polkit", () => {
  it("tells a user whom nobody can ask for what to do", async () => {
    await libvirtdWith(lets);
    expect(await asNobody(() => refusal(at("qemu:///system")))).toMatch(
      /connect qemu:\/\/\/system: the daemon lets polkit decide, and polkit cannot be asked there: `sudo systemctl start polkit` on the host, or connect as root \(libvirt says: .*, code \d+\)$/,
    );
  });
});

describePolkit("a daemon that lets polkit decide", () => {
  const rules = "/etc/polkit-1/rules.d";
  const children: ChildProcess[] = [];

  /** The bus and polkit of the lab alone, over the places of this machine's. */
  beforeAll(async () => {
    for (const place of ["/run/dbus", rules]) {
      mkdirSync(place, { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "-o", "mode=755", "lab", place]);
    }
    children.push(spawn("dbus-daemon", ["--system", "--nofork", "--nopidfile"], { stdio: "ignore" }));
    while (!existsSync("/run/dbus/system_bus_socket")) await sleep(20);
    children.push(spawn(polkitd, ["--no-debug"], { stdio: "ignore" }));
    await sleep(500);
  });
  // The daemon is started anew after that: one that starts while its bus goes may end with it.
  afterAll(() => {
    for (const child of children.reverse()) child.kill();
    execFileSync("umount", ["--lazy", "/run/dbus", rules]);
  });

  const allow = (name: string, actions: string): void => {
    const rule = `polkit.addRule(function (action, subject) { if (${actions} && subject.user == "nobody") return polkit.Result.YES; });`;
    writeFileSync(join(rules, name), rule);
  };

  it("lets a user look, names the group and the rule to set, and lets the user in once the rule stands there", async () => {
    await libvirtdWith(lets);
    const host = at("qemu:///system");
    const said = await asNobody(async () => {
      await expect(ask(host)).resolves.toEqual(answer);
      const change = host.call("NETWORK_DEFINE_XML", { xml: "<network/>" });
      await expect(change).rejects.toThrow("polkit does not let this user in");
      return host.denial();
    });
    expect(said).toContain("polkit does not let this user in: add the user who connects to the group libvirt there");
    expect(said).toMatch(
      /or allow org.libvirt.unix.manage to it by a rule in \/etc\/polkit-1\/rules.d \(libvirt says: .*, code \d+\)$/,
    );
    allow("10-in.rules", 'action.id == "org.libvirt.unix.manage"');
    await sleep(500);
    await expect(asNobody(() => ask(at("qemu:///system")))).resolves.toEqual(answer);
  });

  it("denies single calls with the rule to set, where the host has access rules", async () => {
    allow("10-in.rules", 'action.id == "org.libvirt.unix.manage" || action.id == "org.libvirt.api.connect.getattr"');
    await sleep(500);
    await libvirtdWith([...lets, 'access_drivers = ["polkit"]']);
    const host = at("qemu:///system");
    const error = await asNobody(() =>
      host.call("NETWORK_DEFINE_XML", { xml: "<network><name>denied</name></network>" }),
    ).catch((caught: unknown) => caught);
    expect(explain('define network "denied"', error).message).toBe(
      `define network "denied": libvirt refused (88, access denied): access denied: 'QEMU' denied access; the host has access rules (access_drivers in its libvirtd.conf): allow the org.libvirt.api action to the user who connects by a rule in /etc/polkit-1/rules.d there`,
    );
  });
});
