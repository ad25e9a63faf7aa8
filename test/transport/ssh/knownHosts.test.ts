import { execFileSync, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { knownTypes, linesFor, parseKnownHosts, verdictOf } from "../../../provider/transport/ssh/knownHosts";

// Three keys, made for this table and used nowhere.
const A = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const B = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA";
const R =
  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDH5c8bT4XkMPSwfDpUoShHfZGGmNRPPMBGRgf1cs7B0UpPHg8Grnn7cE2DsPbfuBdZvbDDQyqfHGY9nJCPDV1eYvzZJpWLHZiFcpvQ0PhTaCTmsfGSXJn0Hw3VQ6R7hwHxsGOoLxjgmPNV1i26OCtNXeHyaZkcR3KjEJNEwMEtaQ==";
const blob = (line: string): Buffer => Buffer.from(line.split(" ")[1] ?? "", "base64");

function hashed(name: string, salt = "c2FsdHNhbHRzYWx0c2FsdHNhbHQ="): string {
  const hash = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64");
  return `|1|${salt}|${hash}`;
}

const verdict = (text: string, host: string, key: string, port = 22, alias?: string): string =>
  verdictOf(parseKnownHosts(text, "known_hosts"), { host, port, alias }, blob(key)).kind;

describe("a known_hosts file", () => {
  it.each([
    ["a plain line", `h ${A}`, "h", "known"],
    ["another host's line", `g ${A}`, "h", "unknown"],
    ["an empty file", "", "h", "unknown"],
    ["another key of the type", `h ${B}`, "h", "changed"],
    ["the key in a later line", `h ${B}\nh ${A}`, "h", "known"],
    ["a key of another type alone", `h ${R}`, "h", "unknown"],
    ["several names", `g,h,10.0.0.1 ${A}`, "10.0.0.1", "known"],
    ["a star", `*.example.com ${A}`, "a.example.com", "known"],
    ["a star that does not reach", `*.example.com ${A}`, "example.com", "unknown"],
    ["a question mark", `h? ${A}`, "h1", "known"],
    ["a negation", `*,!h ${A}`, "h", "unknown"],
    ["a negation of another", `*,!g ${A}`, "h", "known"],
    ["a negation alone", `!g ${A}`, "h", "unknown"],
    ["capital letters in the file", `HOST ${A}`, "host", "known"],
    ["capital letters in the question", `host ${A}`, "HOST", "known"],
    ["a hashed name", `${hashed("h")} ${A}`, "h", "known"],
    ["a hash of another name", `${hashed("g")} ${A}`, "h", "unknown"],
    ["a broken hash", `|1|c2FsdA==|AAAA ${A}`, "h", "unknown"],
    ["a hash of a form that nobody knows", `${hashed("h").replace("|1|", "|2|")} ${A}`, "h", "unknown"],
    ["a comment", `#h ${A}`, "h", "unknown"],
    ["a comment behind the key", `h ${A} root@h`, "h", "known"],
    ["blanks and tabs", `  h\t${A.replace(" ", "  ")}  `, "h", "known"],
    ["a file from Windows", `h ${A}\r\ng ${B}\r\n`, "h", "known"],
    ["a revoked key", `h ${A}\n@revoked h ${A}`, "h", "revoked"],
    ["a revoked key of all hosts", `@revoked * ${A}\nh ${A}`, "h", "revoked"],
    ["a revoked other key", `@revoked * ${B}\nh ${A}`, "h", "known"],
    ["an authority's key, which is no host's", `@cert-authority h ${A}`, "h", "unknown"],
    ["a marker that nobody knows", `@trusted h ${A}`, "h", "unknown"],
    ["a type that the key is not of", `h ssh-rsa ${A.split(" ")[1]}`, "h", "unknown"],
    ["a key cut short", `h ${A.slice(0, 40)}`, "h", "unknown"],
    ["no key", "h", "h", "unknown"],
    ["a key that is no base64", "h ssh-ed25519 ????", "h", "unknown"],
  ])("with %s", (_, text, host, expected) => {
    expect(verdict(text, host, A)).toBe(expected);
  });

  it("knows a host by its port, and as ssh does, by its name alone", () => {
    expect(verdict(`[h]:2222 ${A}`, "h", A, 2222)).toBe("known");
    expect(verdict(`[h]:2222 ${A}`, "h", A, 22)).toBe("unknown");
    expect(verdict(`${hashed("[h]:2222")} ${A}`, "h", A, 2222)).toBe("known");
    expect(verdict(`h ${A}`, "h", A, 2222)).toBe("known");
    expect(verdict(`h ${B}`, "h", A, 2222)).toBe("unknown");
    expect(verdict(`[h]:2222 ${B}\nh ${A}`, "h", A, 2222)).toBe("changed");
    expect(verdict(`[h]:2222 ${A}\n@revoked h ${A}`, "h", A, 2222)).toBe("revoked");
    expect(verdict(`[fe80::1]:2222 ${A}`, "FE80::1", A, 2222)).toBe("known");
  });

  it("goes by HostKeyAlias where one is set", () => {
    expect(verdict(`cluster ${A}`, "10.0.0.1", A, 2222, "cluster")).toBe("known");
    expect(verdict(`10.0.0.1 ${A}\n[10.0.0.1]:2222 ${A}`, "10.0.0.1", A, 2222, "cluster")).toBe("unknown");
  });

  it("says which types of key it has of a host", () => {
    const lines = parseKnownHosts(`h ${R}\n@cert-authority h ${B}\nh ${A}\ng ${B}`, "known_hosts");
    expect(knownTypes(lines, { host: "h", port: 22 })).toEqual(["ssh-rsa", "ssh-ed25519"]);
  });

  it("is not slow on a pattern that is made to be", () => {
    const began = performance.now();
    expect(verdict(`${"*a".repeat(40)}b ${A}`, "a".repeat(2000), A)).toBe("unknown");
    expect(performance.now() - began).toBeLessThan(500);
  });
});

describe("beside ssh-keygen", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "known-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** The lines that `ssh-keygen -F` finds, with their markers. */
  function theirs(file: string, name: string): string[] {
    const { stdout } = spawnSync("ssh-keygen", ["-l", "-F", name, "-f", file], { encoding: "utf8" });
    return [...stdout.matchAll(/^# Host .* found: line (\d+) ?(REVOKED|CA)?/gm)].map(([, line, mark]) =>
      `${line} ${mark ?? ""}`.trim(),
    );
  }

  function ours(text: string, name: string): string[] {
    const marks = { key: "", revoked: "REVOKED", authority: "CA" };
    return linesFor(parseKnownHosts(text, "f"), name).map(({ line, marker }) => `${line} ${marks[marker]}`.trim());
  }

  const names = ["h", "g", "h1", "a.example.com", "example.com", "b.a.example.com", "10.0.0.1", "[h]:2222", "[a.example.com]:2022", "fe80::1"]; // prettier-ignore
  const hosts = [
    "h", "g", "h,g", "h?", "*", "!h", "*,!h", "!h,*", "*.example.com", "*.example.com,!a.example.com", "a*", "10.0.0.*",
    "[h]:2222", "[*]:2222", "[*.example.com]:*", "[h]:*", "*,!10.*", "fe80::1", "fe80:*", "H", "A.Example.COM", "h,!*", "?", "??",
    hashed("h"), hashed("[h]:2222"), hashed("a.example.com"), hashed("h").replace("|1|", "|2|"),
  ]; // prettier-ignore

  it("finds the same lines in files of every form", () => {
    const generated = hosts.flatMap((one) => [`${one} ${A}`, `@revoked ${one} ${A}`, `@cert-authority ${one} ${B}`]);
    const odd = [
      "",
      `# h ${A}`,
      `  h ${A}`,
      `\th\t${A}`,
      `h  ${A}  a comment # and more`,
      `@trusted h ${A}`,
      `h ssh-rsa ${A.split(" ")[1]}`,
      "h",
      "h ssh-ed25519",
      `h ${A.slice(0, 60)}`,
      `h ${A}`,
    ];
    const text = `${[...generated, ...odd].join("\n")}\n`;
    const file = join(folder, "known_hosts");
    writeFileSync(file, text);
    for (const name of names) expect({ name, found: ours(text, name) }).toEqual({ name, found: theirs(file, name) });
  });

  it("finds the same lines in a file that ssh-keygen hashed", () => {
    const file = join(folder, "hashed");
    writeFileSync(file, names.map((name) => `${name} ${A}\n`).join(""));
    execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" });
    const text = execFileSync("cat", [file], { encoding: "utf8" });
    expect(text).toContain("|1|");
    for (const name of names) {
      expect(ours(text, name)).toHaveLength(1);
      expect({ name, found: ours(text, name) }).toEqual({ name, found: theirs(file, name) });
    }
  });
});
