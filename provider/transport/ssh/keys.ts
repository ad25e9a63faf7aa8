import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { statSync } from "node:fs";
import { sshString } from "./blob";
import { ssh2, type ParsedKey } from "./library";
import { textOf } from "./system";

/** A key to log in with. */
export interface SigningKey {
  /** The public half. */
  readonly key: ParsedKey;
  /** `hash` counts for RSA. */
  sign(data: Buffer, hash: string | undefined): Buffer;
}

export type KeyTrouble = "absent" | "unreadable" | "open to others" | "encrypted" | "wrong passphrase" | "no key";

/** Reads a private key: OpenSSH's own format, or PEM with PKCS#1, SEC1 or PKCS#8. */
export function readKey(text: string, passphrase?: string): SigningKey | KeyTrouble {
  const encrypted = isEncrypted(text);
  if (encrypted && passphrase === undefined) return "encrypted";
  const trouble = encrypted ? "wrong passphrase" : "no key";
  if (/-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(text)) return readPkcs8(text, passphrase) ?? trouble;
  // ssh2 is given no passphrase for a key that needs none.
  const key = single(ssh2().utils.parseKey(text, encrypted ? passphrase : undefined));
  return key?.isPrivateKey() === true ? signingKey(key) : trouble;
}

/** Reads the key in a file, which must be closed to others as ssh demands it. */
export function readKeyFile(path: string, passphrase?: string): SigningKey | KeyTrouble {
  const outcome = textOf(path);
  if ("code" in outcome) return outcome.code === "ENOENT" || outcome.code === "ENOTDIR" ? "absent" : "unreadable";
  const { mode, uid } = statSync(path);
  if (uid === process.getuid?.() && (mode & 0o077) !== 0) return "open to others";
  return readKey(outcome.text, passphrase);
}

/** The public key in `PATH.pub`, by which an agent knows a key whose file is encrypted. */
export function readPublicHalf(path: string): ParsedKey | undefined {
  const outcome = textOf(`${path}.pub`);
  return "text" in outcome ? readPublicKey(outcome.text) : undefined;
}

/** A public key as known_hosts and authorized_keys write it. */
export function readPublicKey(text: string): ParsedKey | undefined {
  return single(ssh2().utils.parseKey(text));
}

function single(parsed: ParsedKey | Error | readonly ParsedKey[]): ParsedKey | undefined {
  const one = Array.isArray(parsed) ? (parsed as readonly ParsedKey[])[0] : (parsed as ParsedKey | Error);
  return one instanceof Error ? undefined : one;
}

function signingKey(key: ParsedKey): SigningKey {
  return {
    key,
    sign: (data, hash) => {
      const signature: unknown = key.sign(data, hash);
      if (signature instanceof Error) throw signature; // the types know nothing of it
      return signature as Buffer;
    },
  };
}

function isEncrypted(text: string): boolean {
  if (/^Proc-Type: *4,ENCRYPTED|-----BEGIN ENCRYPTED PRIVATE KEY-----|^Encryption: *(?!none)/m.test(text)) return true;
  const [, body] = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(text) ?? [];
  // magic "openssh-key-v1\0", then the cipher's name behind its length
  return body !== undefined && Buffer.from(body, "base64").toString("latin1", 19, 23) !== "none";
}

/** What ssh2 does not read: RSA and EC keys are handed to it in their older forms, Ed25519 is signed with here. */
function readPkcs8(text: string, passphrase: string | undefined): SigningKey | undefined {
  const secret = opened(text, passphrase);
  if (secret === undefined) return undefined;
  const { asymmetricKeyType: kind } = secret;
  if (kind === "ed25519") return ed25519(secret);
  if (kind !== "rsa" && kind !== "ec") return undefined;
  const older = secret.export({ format: "pem", type: kind === "rsa" ? "pkcs1" : "sec1" });
  const key = single(ssh2().utils.parseKey(older));
  return key === undefined ? undefined : signingKey(key);
}

function opened(text: string, passphrase: string | undefined): KeyObject | undefined {
  try {
    return createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    // OpenSSL's own: whatever it is, this is no key that the passphrase opens.
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

function ed25519(secret: KeyObject): SigningKey | undefined {
  const { x = "" } = createPublicKey(secret).export({ format: "jwk" });
  const point = Buffer.from(x, "base64url");
  const blob = Buffer.concat([sshString("ssh-ed25519"), sshString(point)]);
  const key = readPublicKey(`ssh-ed25519 ${blob.toString("base64")}`);
  return key && { key, sign: (data) => sign(null, data, secret) };
}
