import { createHash } from "node:crypto";
import type { Access } from "../access";
import { type HostName, type KnownLine, keyBlob, keyType, knownTypes, nameInLine, parseKnownHosts, type Verdict, verdictOf } from "./knownHosts"; // prettier-ignore
import type { Hop } from "./route";
import { textOf } from "./system";
import { ConfigError } from "./words";

// What each type of key is asked for by; SHA-1 (ssh-rsa) and DSA are not.
const algorithmsOfType = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
} as const;

export type HostKeyAlgorithm = (typeof algorithmsOfType)[keyof typeof algorithmsOfType][number];

/** Who may say that a host is itself, and where it is written. */
export class HostKeys {
  private constructor(
    private readonly name: HostName,
    private readonly lines: readonly KnownLine[],
    private readonly revoked: readonly Buffer[],
    private readonly place: string,
  ) {}

  /** Reads what is known of a host. */
  static of(hop: Hop, access: Access): HostKeys {
    const { knownHosts: text } = access;
    const fromSetting = text === undefined ? [] : parseKnownHosts(text, "kvm:knownHosts");
    // Where the setting speaks, the files of this machine say nothing: the verdict is the same on every machine.
    const files = text === undefined || hop.knownHostsGiven ? hop.knownHosts : [];
    const fromFiles = files.flatMap((path) => {
      const outcome = textOf(path);
      return "text" in outcome ? parseKnownHosts(outcome.text, path) : [];
    });
    const revoked = hop.revokedKeys === undefined ? [] : revokedIn(hop.revokedKeys);
    const place = text === undefined ? (files[0] ?? "kvm:knownHosts") : "kvm:knownHosts";
    return new HostKeys(hop.name, [...fromSetting, ...fromFiles], revoked, place);
  }

  /** The algorithms to ask for: those of the known keys first, so that a host that has several shows the known one. */
  get algorithms(): HostKeyAlgorithm[] {
    const types = [...knownTypes(this.lines, this.name), ...Object.keys(algorithmsOfType)];
    return [...new Set(types)].flatMap((type) =>
      Object.hasOwn(algorithmsOfType, type) ? [...algorithmsOfType[type as keyof typeof algorithmsOfType]] : [],
    );
  }

  /** Nothing where the host may show this key; else why not, and what to do. */
  complaint(key: Buffer): string | undefined {
    if (this.revoked.some((one) => one.equals(key))) return this.refusal({ kind: "revoked", lines: [] }, key);
    const verdict = verdictOf(this.lines, this.name, key);
    return verdict.kind === "known" ? undefined : this.refusal(verdict, key);
  }

  private refusal(verdict: Exclude<Verdict, { kind: "known" }>, key: Buffer): string {
    const name = nameInLine(this.name);
    const shown = `${keyType(key) ?? "a key of no type"} ${fingerprint(key)}`;
    const add = `${name} ${keyType(key) ?? "?"} ${key.toString("base64")}`;
    const trust = `once \`ssh-keygen -lf /etc/ssh/ssh_host_KEY.pub\` on the host says the same fingerprint, add this line to ${this.place}: ${add}`;
    if (verdict.kind === "revoked") {
      return `the key that ${name} shows is revoked (${shown}${standsAt(verdict.lines)}): do not connect; give the host a new key`;
    }
    if (verdict.kind === "changed") {
      return `the host key of ${name} HAS CHANGED: it shows ${shown}${standsAt(verdict.lines)}: somebody may be standing in between; if the host was made anew, remove the old line, and ${trust}`;
    }
    if (verdict.others.length > 0) {
      return `${name} shows a key of a type that is not known of it: ${shown}${standsAt(verdict.others)}: it may be another host; ${trust}`;
    }
    if (verdict.authorities.length > 0) {
      return `${name} is known by a certificate authority${standsAt(verdict.authorities)}, but certificates of hosts cannot be checked yet; it shows ${shown}: ${trust}`;
    }
    return `the host key of ${name} is not known: it shows ${shown}; ${trust}`;
  }
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

function standsAt(lines: readonly KnownLine[]): string {
  const places = lines.map(({ source, line, type, key }) => `${source} line ${line}: ${type} ${fingerprint(key)}`);
  return places.length === 0 ? "" : `, while ${places.slice(0, 3).join(", ")}`;
}

function revokedIn(path: string): Buffer[] {
  const outcome = textOf(path);
  if ("code" in outcome)
    throw new ConfigError(`RevokedHostKeys ${path} cannot be read (${outcome.code}): no host is trusted without it`);
  if (outcome.text.startsWith("SSHKRL")) {
    throw new ConfigError(
      `RevokedHostKeys ${path} is a binary list, which is not read here: write the public keys as text, one a line`,
    );
  }
  return outcome.text.split("\n").flatMap((line) => {
    const [type, base64] = line.trim().split(/\s+/);
    const key = type === undefined || base64 === undefined ? undefined : keyBlob(type, base64);
    return key === undefined ? [] : [key];
  });
}
