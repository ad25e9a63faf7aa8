import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Options } from "../../../provider/transport/ssh/config";
import { fits } from "../../../provider/transport/ssh/pattern";
import { routeTo } from "../../../provider/transport/ssh/route";
import type { System } from "../../../provider/transport/ssh/system";
import { parseUri } from "../../../provider/transport";

const HOME = "/home/ann";

/** A machine whose only files are these. */
function system(files: Readonly<Record<string, string>>, environment: Record<string, string> = {}): System {
  const find = (pattern: string, user: boolean): string[] => {
    const path = pattern.replace(/^~/, HOME);
    const whole = path.startsWith("/") ? path : join(user ? `${HOME}/.ssh` : "/etc/ssh", path);
    return Object.keys(files).filter((one) => fits(one, whole));
  };
  return {
    home: HOME,
    localUser: "ann",
    uid: 1000,
    localHost: "desk.example.com",
    environment,
    files: { read: (path) => files[path], find },
  };
}

const config = (text: string, environment?: Record<string, string>): System =>
  system({ [`${HOME}/.ssh/config`]: text }, environment);
const last = (uri: string, on: System) => routeTo(parseUri(uri), on).at(-1);
const refusal = (uri: string, on: System): string => {
  try {
    routeTo(parseUri(uri), on);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return "none";
};

describe("the SSH configuration", () => {
  it("is not needed", () => {
    expect(last("qemu+ssh://h/system", system({}, { SSH_AUTH_SOCK: "/agent" }))).toEqual({
      host: "h",
      port: 22,
      user: "ann",
      name: { host: "h", port: 22, alias: undefined },
      identities: ["id_rsa", "id_ecdsa", "id_ed25519"].map((name) => ({
        path: `${HOME}/.ssh/${name}`,
        named: "default",
      })),
      identitiesOnly: false,
      agent: "/agent",
      knownHosts: [
        `${HOME}/.ssh/known_hosts`,
        `${HOME}/.ssh/known_hosts2`,
        "/etc/ssh/ssh_known_hosts",
        "/etc/ssh/ssh_known_hosts2",
      ],
      knownHostsGiven: false,
      revokedKeys: undefined,
      certificates: [],
    });
  });

  it("yields to the URI", () => {
    const on = config("Host h\n  User bob\n  Port 99\n  IdentityFile ~/.ssh/work\n  UserKnownHostsFile ~/known\n");
    expect(last("qemu+ssh://eve@h:77/system?keyfile=/k&known_hosts=/kh", on)).toMatchObject({
      user: "eve",
      port: 77,
      identities: [
        { path: "/k", named: "uri" },
        { path: `${HOME}/.ssh/work`, named: "config" },
      ],
      knownHosts: ["/kh"],
    });
  });

  it("names the real host, user, port, keys and agent", () => {
    const on = config(
      `Host kvm*
         HostName %h.example.com
         User bob
         Port 2222
         IdentityFile ~/.ssh/%r_%n
         IdentityFile "/keys/a b"
         IdentityAgent $AGENT
         IdentitiesOnly yes
         HostKeyAlias cluster
         UserKnownHostsFile ~/a \${KNOWN}
         GlobalKnownHostsFile none
         RevokedHostKeys /revoked`,
      { AGENT: "/run/agent", KNOWN: "/b" },
    );
    expect(last("qemu+ssh://kvm1/system", on)).toMatchObject({
      host: "kvm1.example.com",
      user: "bob",
      port: 2222,
      name: { host: "kvm1.example.com", port: 2222, alias: "cluster" },
      identities: [{ path: `${HOME}/.ssh/bob_kvm1` }, { path: "/keys/a b" }],
      agent: "/run/agent",
      identitiesOnly: true,
      knownHosts: [`${HOME}/a`, "/b"],
      revokedKeys: "/revoked",
    });
  });

  it("goes over several hosts, each by its own settings", () => {
    const on = config(
      `Host h
         ProxyJump eve@one:2201,two
       Host one
         User never
         ProxyJump zero
       Host two
         User bob
         ProxyJump never`,
    );
    const hops = routeTo(parseUri("qemu+ssh://h/system"), on);
    expect(hops.map(({ user, host, port }) => `${user}@${host}:${port}`)).toEqual([
      "ann@zero:22",
      "eve@one:2201",
      "bob@two:22",
      "ann@h:22",
    ]);
  });

  it("takes an agent away with none, and a jump too", () => {
    const on = config("Host h\n IdentityAgent none\n ProxyJump none\nHost *\n ProxyJump gate\n", {
      SSH_AUTH_SOCK: "/a",
    });
    expect(routeTo(parseUri("qemu+ssh://h/system"), on)).toHaveLength(1);
    expect(last("qemu+ssh://h/system", on)?.agent).toBeUndefined();
    expect(refusal("qemu+ssh://g/system", on)).toContain("is it a circle?");
  });

  it.each([
    ["ProxyCommand nc %h %p", "config:1: ProxyCommand would run a program here"],
    ['Match exec "true"\n User x', "config:1: Match exec would run a program"],
    ["Match host h exec true\n User x", "config:1: Match exec would run a program"],
    ["Match localnetwork 10.0.0.0/8\n User x", "config:1: Match localnetwork is not known here"],
    ["Match host", "config:1: Match host needs a value"],
    ["Match", "config:1: Match needs a criterion"],
    ["Port many", "config:1: Port is a number"],
    ["IdentityFile %Z", "IdentityFile %Z: %Z is not known here"],
    ["IdentityFile ${NOT_SET_HERE}", "NOT_SET_HERE is not set in the environment"],
    ['User "ann', "config:1: a quote is not closed"],
    ["ProxyJump h", "more than 8 hosts: is it a circle?"],
    ["ProxyJump a:b:c", 'config:1: ProxyJump "a:b:c" is none'],
    ["Include ~/.ssh/config", "Include goes deeper than 16 files"],
  ])("with %p is refused, or not", (text, expected) => {
    expect(refusal("qemu+ssh://h/system", config(text))).toContain(expected);
  });

  it("does not look at a program that would not be run", () => {
    expect(refusal("qemu+ssh://h/system", config("Match host g exec true\n User x"))).toBe("none");
    expect(refusal("qemu+ssh://h/system", config("Host g\n ProxyCommand nc %h %p"))).toBe("none");
  });

  it("follows Include, in a block too, and the system's file comes last", () => {
    const on = system({
      [`${HOME}/.ssh/config`]: "Host h\n Include conf.d/*\nHost *\n User late\n",
      [`${HOME}/.ssh/conf.d/a`]: "User first\nHost g\n Port 1\n",
      [`${HOME}/.ssh/conf.d/b`]: "Port 2\n",
      "/etc/ssh/ssh_config": "Port 3\nIdentityFile /etc/key\n",
    });
    expect(last("qemu+ssh://h/system", on)).toMatchObject({
      user: "first",
      port: 2,
      identities: [{ path: "/etc/key" }],
    });
    expect(last("qemu+ssh://g/system", on)).toMatchObject({ user: "late", port: 3 });
  });
});

const hasSsh = spawnSync("ssh", ["-V"]).error === undefined;

(hasSsh ? describe : describe.skip)("beside `ssh -G`", () => {
  const folder = mkdtempSync(join(tmpdir(), "ssh-config-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const texts: Readonly<Record<string, string>> = {
    "the first value": "Host h\n User a\n User b\nHost *\n User c\n Port 7\n",
    "patterns and negation": "Host * !h\n User a\nHost h? h\n User b\nHost *.example.com\n Port 9\n",
    "equals signs and quotes": 'Host=h\n User="a b"\n Port = 11\n IdentityFile "~/x y"\n',
    "capital letters": "HOST h\n uSER a\nHost H\n Port 5\n",
    comments: "# Host x\nHost h # more\n User a # who\n  # Port 1\n Port 22 \n",
    "HostName with %h": "Host h\n HostName %h.example.com\nHost *.example.com\n User never\n",
    "Match host after HostName": "Host h\n HostName real\nMatch host real\n User a\nMatch originalhost h\n Port 3\n",
    "Match all and user":
      "Host h\n User a\nMatch user a\n Port 4\nMatch user b\n Port 5\nMatch all\n IdentitiesOnly yes\n",
    "Match with negation": "Match !host g\n User a\nMatch host *,!h\n Port 4\nMatch host H\n Port 6\n",
    "Match final":
      "Host h\n HostName real\nHost real\n User never\nMatch final host real\n User a\nMatch final all\n Port 8\n",
    "many keys": "Host h\n IdentityFile /a\n IdentityFile /b\nHost *\n IdentityFile /c\n IdentityFile /a\n",
    "a jump": "Host h\n ProxyJump a@one:1,two\n ProxyCommand never\n",
    "a jump that is none": "Host h\n ProxyJump none\nHost *\n ProxyJump gate\n",
    "an agent": "Host h\n IdentityAgent ~/agent\n HostKeyAlias al\n UserKnownHostsFile /a /b\n",
    "words that only ssh knows": "Host h\n ForwardAgent yes\n Ciphers aes128-ctr\n SendEnv LANG\n User a\n",
  };
  const hosts = ["h", "h1", "g", "a.example.com", "H", "real"];

  function theirs(file: string, host: string): Record<string, string[]> {
    const { stdout, stderr } = spawnSync("ssh", ["-G", "-F", file, host], { encoding: "utf8" });
    if (stdout === "") throw new Error(stderr);
    const found: Record<string, string[]> = {};
    for (const line of stdout.trim().split("\n")) {
      const [key = "", ...rest] = line.split(" ");
      (found[key] ??= []).push(rest.join(" "));
    }
    return found;
  }

  it.each(Object.keys(texts))("says the same of %s", (title) => {
    const file = join(folder, title.replace(/\W/g, "-"));
    const text = texts[title] ?? "";
    writeFileSync(file, text);
    for (const host of hosts) {
      const told = theirs(file, host);
      const files = { read: (path: string) => (path === file ? text : undefined), find: () => [] };
      const localUser = spawnSync("id", ["-un"], { encoding: "utf8" }).stdout.trim();
      const options = Options.of({ host, localUser }, [{ path: file, user: true }], files);
      const jump = options.first("proxyjump", "proxycommand");
      expect({
        host,
        hostname: options.hostname.toLowerCase(),
        user: options.user,
        port: String(options.port),
        identitiesonly: options.text("identitiesonly") ?? "no",
        keys: options.all("identityfile"),
        jump: jump?.args[0] === "none" ? undefined : jump?.args[0],
        agent: options.text("identityagent")?.replace("~", process.env["HOME"] ?? ""),
        alias: options.text("hostkeyalias"),
      }).toEqual({
        host,
        hostname: told["hostname"]?.[0],
        user: told["user"]?.[0],
        port: told["port"]?.[0],
        identitiesonly: told["identitiesonly"]?.[0] ?? "no",
        keys: options.all("identityfile").length === 0 ? [] : told["identityfile"],
        jump: told["proxyjump"]?.[0],
        agent: told["identityagent"]?.[0]?.replace("~", process.env["HOME"] ?? ""),
        alias: told["hostkeyalias"]?.[0],
      });
    }
  });
});
