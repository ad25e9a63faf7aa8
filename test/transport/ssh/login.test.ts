import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type Server as SocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AuthContext, Server, utils } from "ssh2";
import { asAgent } from "../../../provider/transport/ssh/keyRing";
import { readKey } from "../../../provider/transport/ssh/keys";
import { type Access, dial, DialError, parseUri } from "../../../provider/transport";

jest.setTimeout(30_000);

/** A new key. Of Ed25519, ssh2 makes one in 256 that nobody can read: a byte of zero at its start is lost. */
const newKey = () => utils.generateKeyPairSync("ecdsa", { bits: 256 });

const hostKey = newKey();
const publicHostKey = hostKey.public.split(" ").slice(0, 2).join(" ");

/** What a server of the tests saw: each attempt to log in. */
interface Seen {
  readonly port: number;
  readonly attempts: string[];
}

const closing: (() => void)[] = [];
const home = process.env["HOME"];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "login-"));
  process.env["HOME"] = folder; // no key and no configuration of whoever runs the tests
  delete process.env["SSH_AUTH_SOCK"];
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
  if (home === undefined) delete process.env["HOME"];
  else process.env["HOME"] = home;
  rmSync(folder, { recursive: true });
});

/** A server that lets in whom `allows` says, and forwards every socket to an echo. */
async function serve(
  allows: (context: AuthContext) => true | readonly string[] | "ask",
  keys = [hostKey.private],
): Promise<Seen> {
  const attempts: string[] = [];
  const server = new Server({ hostKeys: keys }, (client) => {
    client.on("error", () => undefined);
    // A login that succeeded lingers for the next stream.
    closing.push(() => client.end());
    client.on("authentication", (context) => {
      const said = context.method === "password" ? context.password : "";
      attempts.push(`${context.method} ${context.username} ${said}`.trim());
      const verdict = allows(context);
      if (verdict === true) context.accept();
      else if (verdict === "ask" && context.method === "keyboard-interactive") {
        context.prompt([{ prompt: "Password: ", echo: false }], (answers) => {
          attempts.push(`answer ${answers.join(",")}`);
          if (answers[0] === "hunter2") context.accept();
          else context.reject();
        });
      } else context.reject([...(verdict === "ask" ? ["keyboard-interactive"] : verdict)] as never, false);
    });
    client.on("ready", () => {
      client.on(
        "openssh.streamlocal" as never,
        ((accept: () => NodeJS.ReadWriteStream) => {
          const channel = accept();
          channel.pipe(channel);
        }) as never,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, attempts };
}

const known = (port: number): string => `[127.0.0.1]:${port} ${publicHostKey}\n`;

async function reach(port: number, access: Access, query = ""): Promise<string> {
  try {
    const { socket } = await dial(parseUri(`qemu+ssh://ann@127.0.0.1:${port}/system${query}`), "hypervisor", {
      timeoutMs: 2000,
      access,
    });
    socket.destroy();
    return "in";
  } catch (error) {
    if (error instanceof DialError) return error.message;
    throw error;
  }
}

describe("a login by password", () => {
  it("is made with the secret setting", async () => {
    const { port, attempts } = await serve((context) =>
      context.method === "password" && context.password === "hunter2" ? true : ["password"],
    );
    expect(await reach(port, { password: "hunter2", knownHosts: known(port) })).toBe("in");
    expect(attempts).toEqual(["password ann hunter2"]);
  });

  it("answers the one question of a host that asks", async () => {
    const { port, attempts } = await serve(() => "ask");
    expect(await reach(port, { password: "hunter2", knownHosts: known(port) })).toBe("in");
    expect(attempts).toContain("answer hunter2");
  });

  it("that is wrong is refused without a word of it, and tried once", async () => {
    const { port, attempts } = await serve(() => ["publickey", "password"]);
    const said = await reach(port, { password: "wrong-canary", knownHosts: known(port) });
    expect(said).toContain("does not let in ann: it took none of: the password; it takes publickey, password");
    expect(said).not.toContain("canary");
    expect(attempts.filter((one) => one.startsWith("password"))).toHaveLength(1);
  });

  it("is never told to a host that is not known, has changed or is revoked", async () => {
    const { port, attempts } = await serve(() => true);
    const other = newKey().public.split(" ").slice(0, 2).join(" ");
    for (const knownHosts of [
      "",
      "# nothing\n",
      `[127.0.0.1]:${port} ${other}\n`,
      `${known(port)}@revoked * ${publicHostKey}\n`,
    ]) {
      expect(await reach(port, { password: "hunter2", knownHosts })).toMatch(/is not known|HAS CHANGED|is revoked/);
    }
    expect(attempts).toEqual([]);
  });

  it("is never told to a host on the way", async () => {
    const gate = await serve(() => ["publickey", "password"]);
    const target = await serve(() => true);
    const config = `Host 127.0.0.1\n ProxyJump ann@localhost:${gate.port}\n`;
    mkdirSync(join(folder, ".ssh"));
    writeFileSync(join(folder, ".ssh/config"), config, { mode: 0o600 });
    const knownHosts = `${known(target.port)}[localhost]:${gate.port} ${publicHostKey}\n`;
    const said = await reach(target.port, { password: "hunter2", knownHosts });
    expect(said).toContain(`localhost:${gate.port} does not let in ann: there is no key and no password to show`);
    expect(gate.attempts.join()).not.toContain("hunter2");
    expect(target.attempts).toEqual([]);
  });
});

describe("a login by key", () => {
  it.each([undefined, "sha1"])("never signs by RSA with the hash %s", async (hash) => {
    const pair = utils.generateKeyPairSync("rsa", { bits: 2048 });
    const own = readKey(pair.private);
    if (typeof own === "string") throw new Error(own);
    const sign = jest.fn(() => Promise.resolve(Buffer.alloc(256)));
    const notes: string[] = [];
    const agent = asAgent({ offers: [{ from: "here", key: own.key, sign }], notes });
    const asked = (by: string | undefined) =>
      new Promise((resolve) => {
        agent.sign(own.key, Buffer.from("data"), { hash: by } as never, (error) => {
          resolve(error?.message);
        });
      });
    expect(await asked(hash)).toContain("with SHA-1 signatures only, which are refused");
    expect(sign).not.toHaveBeenCalled();
    expect(notes.join()).toContain("could not sign");
    expect(await asked("sha512")).toBeUndefined();
    expect(sign).toHaveBeenCalledTimes(1);
  });

  it("takes the file of HOME's .ssh, and refuses one that others may read", async () => {
    const pair = newKey();
    const wanted = pair.public.split(" ")[1] ?? "";
    const { port } = await serve((context) =>
      context.method === "publickey" && context.key.data.toString("base64") === wanted ? true : ["publickey"],
    );
    mkdirSync(join(folder, ".ssh"));
    const file = join(folder, ".ssh/id_ecdsa");
    writeFileSync(file, pair.private, { mode: 0o600 });
    writeFileSync(join(folder, ".ssh/known_hosts"), known(port));
    expect(await reach(port, {})).toBe("in");
    chmodSync(file, 0o644);
    expect(await reach(port, {}, "?sshauth=privkey,agent")).toContain(`${file}: others may read it, so it is not used`);
  });
});

describe("a configuration that cannot be followed", () => {
  it.each([
    ["Host *\n ProxyCommand nc %h %p\n", 0o600, "ProxyCommand would run a program here"],
    ["Host *\n User x\n", 0o666, "others may write to it"],
    ["Host *\n RevokedHostKeys /nowhere/revoked\n", 0o600, "no host is trusted without it"],
  ])("is refused before anything is sent: %j", async (text, mode, sentence) => {
    const { port, attempts } = await serve(() => true);
    mkdirSync(join(folder, ".ssh"));
    writeFileSync(join(folder, ".ssh/config"), text);
    chmodSync(join(folder, ".ssh/config"), mode);
    expect(await reach(port, { password: "hunter2", knownHosts: known(port) })).toContain(sentence);
    expect(attempts).toEqual([]);
  });
});

describe("a peer that is no SSH server", () => {
  let peer: SocketServer;
  const listening = async (greeting: string): Promise<number> => {
    peer = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.end(greeting);
    });
    await new Promise<void>((resolve) => peer.listen(0, "127.0.0.1", resolve));
    closing.push(() => peer.close());
    return (peer.address() as AddressInfo).port;
  };

  it.each([
    ["hangs up", ""],
    ["speaks HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n"],
    ["speaks SSH 1", "SSH-1.5-old\r\n"],
    ["sends rubbish", `SSH-2.0-x\r\n${"\u0000\u001b[2J".repeat(100)}`],
  ])("and %s is named", async (_, greeting) => {
    const port = await listening(greeting);
    const said = await reach(port, { password: "hunter2", knownHosts: known(port) });
    expect(said).toMatch(/ended the login|closed the connection|no common ground|reset/);
    expect(said).not.toMatch(/[\u0000-\u001f]/);
  });
});
