import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { type Access, Host, parseUri } from "../../provider/rpc";
import { Authority, type Pair, type Wish } from "./authority";
import { libvirtdAsBefore, libvirtdLog, libvirtdWith } from "./listening";

jest.setTimeout(60_000);

const ready = process.env["PULUMI_KVM_LAB"] === "1" && existsSync("/usr/bin/openssl");
const describeReal = ready ? describe : describe.skip;
const answer = { uri: "qemu:///system" };

const hosts: Host[] = [];
const servers: Server[] = [];

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

let ours: Authority;
let foreign: Authority;
let client: Pair;
const of = ({ certificate, key }: Pair, ca = ours): Access => ({
  ca: ca.text,
  clientCertificate: readFileSync(certificate, "utf8"),
  clientKey: readFileSync(key, "utf8"),
});

/** A certificate of the host, and the lines by which its daemon shows it. */
function shown(wish: Wish = {}, ca = ours): { pair: Pair; lines: string[] } {
  const pair = ca.sign("/O=lab/CN=server", { names: "DNS:localhost,IP:127.0.0.1", use: "serverAuth", ...wish });
  const files = { ca_file: ours.file, cert_file: pair.certificate, key_file: pair.key };
  const lines = Object.entries(files).map(([name, file]) => `${name} = "${file}"`);
  return { pair, lines: ["listen_tls = 1", "listen_tcp = 0", ...lines] };
}

beforeAll(() => {
  if (!ready) return;
  ours = new Authority("lab CA");
  foreign = new Authority("foreign CA");
  client = ours.sign("/O=lab/CN=client", { use: "clientAuth" });
});
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});
afterAll(async () => {
  if (!ready) return;
  await libvirtdAsBefore();
  ours.close();
  foreign.close();
});

describeReal("a host over TLS", () => {
  beforeAll(() => libvirtdWith(shown().lines));

  it("answers by its name and by its address, with the files of pkipath and with the settings", async () => {
    const pki = ours.pki(client);
    await expect(ask(at(`qemu+tls://localhost/system?pkipath=${pki}`))).resolves.toEqual(answer);
    await expect(ask(at(`qemu://127.0.0.1:16514/system?pkipath=${pki}`))).resolves.toEqual(answer);
    await expect(ask(at("qemu+tls://127.0.0.1/system", of(client)))).resolves.toEqual(answer);
    // Settings win over the files.
    const uri = `qemu+tls://localhost/system?pkipath=${foreign.pki()}`;
    await expect(ask(at(uri, of(client)))).resolves.toEqual(answer);
  });

  it("serves every daemon's calls, events and a volume's bytes both ways", async () => {
    const host = at("qemu+tls://localhost/system", of(client));
    await host.subscribe("poolLifecycle", () => undefined);
    const folder = join(ours.folder, "pool");
    mkdirSync(folder);
    const xml = `<pool type='dir'><name>tls</name><target><path>${folder}</path></target></pool>`;
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

  it("is refused by another name or address than those of its certificate", async () => {
    const said = await refusal(at("qemu+tls://127.0.0.2/system", of(client)));
    expect(said).toBe(
      "connect qemu+tls://127.0.0.2/system: the certificate of 127.0.0.2 is for DNS:localhost, IP:127.0.0.1: write one of these as the host of the URI, or make a certificate whose subjectAltName is 127.0.0.2 (ERR_TLS_CERT_ALTNAME_INVALID)",
    );
  });

  it("is refused where another CA signed its certificate, also with Node told to trust anybody", async () => {
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      const pki = foreign.pki(client);
      expect(await refusal(at(`qemu+tls://localhost/system?pkipath=${pki}`))).toContain(
        `the certificate of localhost is not signed by the CA of ${pki}/cacert.pem: put there the CA that signed it`,
      );
    } finally {
      delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    }
  });

  it("is not connected before it has accepted us: without a certificate it hangs up", async () => {
    const pki = ours.pki();
    expect(await refusal(at(`qemu+tls://localhost/system?pkipath=${pki}`))).toContain(
      `localhost did not accept this client: it wants a certificate, and there is none: tried ${pki}/clientcert.pem; put certificate and key there, or set kvm:clientCertificate and kvm:clientKey`,
    );
  });

  it("does not accept a certificate of another CA", async () => {
    const said = await refusal(at("qemu+tls://localhost/system", of(foreign.sign("/CN=stranger"), ours)));
    expect(said).toMatch(
      /localhost did not accept this client: the certificate of kvm:clientCertificate is "CN=stranger"; it must be signed/,
    );
    expect(said).not.toContain("PRIVATE KEY");
  });

  it("does not accept an expired one", async () => {
    const old = ours.sign("/O=lab/CN=client", { use: "clientAuth", expired: true });
    expect(await refusal(at("qemu+tls://localhost/system", of(old)))).toContain(
      "localhost did not accept this client: the certificate of kvm:clientCertificate has expired on 2020-02-01: renew it",
    );
  });

  it("is refused where its certificate is on the list of the revoked", async () => {
    const { pair, lines } = shown();
    await libvirtdWith(lines);
    const pki = ours.pki(client);
    await expect(ask(at(`qemu+tls://localhost/system?pkipath=${pki}`))).resolves.toEqual(answer);
    const list = ours.revoke(pair);
    const other = ours.pki(client);
    renameSync(list, join(other, "cacrl.pem"));
    expect(await refusal(at(`qemu+tls://localhost/system?pkipath=${other}`))).toContain(
      "the certificate of localhost is revoked: make a new one for it",
    );
  });
});

describeReal("a host over TLS with other certificates and settings", () => {
  it("is refused where its certificate has expired", async () => {
    await libvirtdWith([...shown({ expired: true }).lines, "tls_no_sanity_certificate = 1"]);
    expect(await refusal(at("qemu+tls://localhost/system", of(client)))).toContain(
      "the certificate of localhost, or its CA's, has expired: renew it, and see that the clocks of both machines are right",
    );
  });

  it("is refused where its certificate is a client's", async () => {
    await libvirtdWith([...shown({ use: "clientAuth" }).lines, "tls_no_sanity_certificate = 1"]);
    expect(await refusal(at("qemu+tls://localhost/system", of(client)))).toContain(
      "the certificate of localhost is not one of a server: make one whose extendedKeyUsage is serverAuth",
    );
  });

  it("is refused where it speaks TLS 1.1 at most", async () => {
    await libvirtdWith([...shown().lines, 'tls_priority = "NORMAL:-VERS-ALL:+VERS-TLS1.1"']);
    expect(await refusal(at("qemu+tls://localhost/system", of(client)))).toContain("speaks no TLS 1.2 or later");
  });

  it("accepts the certificates of tls_allowed_dn_list only, by the name that the refusal says", async () => {
    const { lines } = shown();
    await libvirtdWith([...lines, 'tls_allowed_dn_list = ["CN=nobody"]']);
    const said = await refusal(at("qemu+tls://localhost/system", of(client)));
    const [, name = ""] = /is "([^"]+)"; it must .*be named there/.exec(said) ?? [];
    expect(libvirtdLog()).toContain("is not on the list of allowed clients");
    await libvirtdWith([...lines, `tls_allowed_dn_list = ["${name}"]`]);
    await expect(ask(at("qemu+tls://localhost/system", of(client)))).resolves.toEqual(answer);
  });

  it("needs no certificate of us where the daemon asks for none", async () => {
    await libvirtdWith([...shown().lines, "tls_no_verify_certificate = 1"]);
    await expect(ask(at(`qemu+tls://localhost/system?pkipath=${ours.pki()}`))).resolves.toEqual(answer);
  });

  it("comes back after its daemon was restarted", async () => {
    const { lines } = shown();
    await libvirtdWith(lines);
    const host = at("qemu+tls://localhost/system", of(client));
    await ask(host);
    await libvirtdWith(lines);
    await expect(ask(host)).resolves.toEqual(answer);
  });

  it("is told from a port where nobody listens, and from one that speaks no TLS", async () => {
    expect(await refusal(at("qemu+tls://localhost:16599/system", of(client)))).toContain(
      "nothing listens at localhost:16599: libvirt listens for TLS once `sudo systemctl enable --now libvirtd-tls.socket`",
    );
    const plain = createServer((socket) =>
      socket
        .on("error", () => undefined)
        .resume()
        .end("SSH-2.0-OpenSSH_9.2p1\r\n"),
    );
    servers.push(plain);
    await new Promise<void>((done) => plain.listen(16598, "127.0.0.1", done));
    expect(await refusal(at("qemu+tls://127.0.0.1:16598/system", of(client)))).toContain("speaks no TLS: is the port");
  });

  it("is refused where it sends another byte than libvirt's", async () => {
    const { certificate, key } = shown().pair;
    const odd = createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (socket) => {
      socket
        .on("error", () => undefined)
        .resume()
        .write("H");
    });
    servers.push(odd);
    await new Promise<void>((done) => odd.listen(16597, "127.0.0.1", done));
    expect(await refusal(at("qemu+tls://127.0.0.1:16597/system", of(client)))).toContain("did not accept this client");
  });
});

describeReal("the certificates of this machine", () => {
  const uri = (pki: string): string => `qemu+tls://localhost/system?pkipath=${pki}`;

  it("are named where one is missing, broken or not of its key", async () => {
    const empty = join(ours.folder, "empty");
    mkdirSync(empty);
    expect(await refusal(at(uri(empty)))).toContain(
      `no CA is known to check the host's certificate with: tried ${empty}/cacert.pem; put the CA's certificate there, or set kvm:ca`,
    );
    const half = ours.pki(client);
    rmSync(join(half, "clientkey.pem"));
    expect(await refusal(at(uri(half)))).toContain(`clientcert.pem is there without ${half}/clientkey.pem`);
    expect(await refusal(at(uri(half), { clientKey: "x" }))).toContain(
      "kvm:clientKey is set without kvm:clientCertificate: set both or none",
    );
    const wrong = ours.pki({ ...client, key: ours.sign("/CN=other").key });
    expect(await refusal(at(uri(wrong)))).toContain(
      `${wrong}/clientkey.pem is not the key of ${wrong}/clientcert.pem: take the two that were made together`,
    );
    writeFileSync(join(wrong, "cacert.pem"), "nothing");
    expect(await refusal(at(uri(wrong)))).toContain(`${wrong}/cacert.pem holds no certificate`);
  });

  it("are never shown in an error", async () => {
    const canary = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n";
    const said = await refusal(at("qemu+tls://localhost/system", { ...of(client), clientKey: canary }));
    expect(said).toContain("the certificates cannot be used");
    expect(said).not.toMatch(/canary|BEGIN/);
  });
});

describeReal("a host over plain TCP", () => {
  beforeAll(() => libvirtdWith(["listen_tls = 0", "listen_tcp = 1", 'auth_tcp = "none"']));

  it("answers on this machine where that is allowed", async () => {
    for (const host of ["127.0.0.1", "localhost", "127.1.2.3"]) {
      const there = at(`qemu+tcp://${host}/system`, { allowPlainTcp: true });
      await expect(ask(there)).resolves.toEqual(answer);
    }
  });

  it("is refused where that is not allowed, and on other machines always", async () => {
    expect(await refusal(at("qemu+tcp://127.0.0.1/system"))).toContain(
      "plain TCP lets every user of this machine in: set kvm:allowPlainTcp to true if that is meant, or use qemu:///system",
    );
    expect(await refusal(at("qemu+tcp://192.0.2.1/system", { allowPlainTcp: true }))).toContain(
      "plain TCP to 192.0.2.1 would let everybody on the way rule that host: use qemu+tls://192.0.2.1/system or qemu+ssh://192.0.2.1/system",
    );
  });
});
