import { quoted } from "../outcome";
import { CutOff, SshReader, sshString } from "./blob";
import { readPublicKey } from "./keys";
import { type Client, type ParsedKey, ssh2Packets } from "./library";
import { textOf } from "./system";

// https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.certkeys

/** A certificate of OpenSSH: a public key, signed by an authority that hosts trust. */
export interface Certificate {
  /** Of the key inside, such as `ssh-ed25519`. */
  readonly keyType: string;
  /** The key inside, as SSH writes public keys. */
  readonly key: Buffer;
  readonly bytes: Buffer;
  readonly isUsers: boolean;
  readonly id: string;
  readonly principals: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
}

const suffix = "-cert-v01@openssh.com";
/** How many strings the key inside takes. */
const keyParts: Readonly<Record<string, number>> = {
  "ssh-ed25519": 1,
  "ssh-rsa": 2,
  "ecdsa-sha2-nistp256": 2,
  "ecdsa-sha2-nistp384": 2,
  "ecdsa-sha2-nistp521": 2,
};
const USERS = 1;
const FOREVER = 2n ** 64n - 1n;

/** Reads a certificate as ssh-keygen writes it to `KEY-cert.pub`; undefined: it is none that can be shown here. */
export function readCertificate(text: string): Certificate | undefined {
  const [, base64] = /^\s*\S+-cert-v01@openssh\.com\s+([A-Za-z0-9+/=]+)/.exec(text) ?? [];
  return base64 === undefined ? undefined : parseCertificate(Buffer.from(base64, "base64"));
}

export function parseCertificate(bytes: Buffer): Certificate | undefined {
  try {
    const reader = new SshReader(bytes);
    const type = reader.string().toString();
    const keyType = type.slice(0, -suffix.length);
    const parts = type.endsWith(suffix) ? keyParts[keyType] : undefined;
    if (parts === undefined) return undefined;
    reader.string(); // a number that is used once
    const key = Array.from({ length: parts }, () => sshString(reader.string()));
    reader.uint64(); // the serial number
    const isUsers = reader.uint32() === USERS;
    const id = reader.string().toString();
    const principals = stringsIn(reader.string());
    const [validAfter, validBefore] = [reader.uint64(), reader.uint64()];
    return {
      ...{ keyType, key: Buffer.concat([sshString(keyType), ...key]), bytes },
      ...{ isUsers, id, principals, validAfter, validBefore },
    };
  } catch (error) {
    if (error instanceof CutOff) return undefined;
    throw error;
  }
}

export function readCertificateFile(path: string): Certificate | undefined {
  const outcome = textOf(path);
  return "text" in outcome ? readCertificate(outcome.text) : undefined;
}

function stringsIn(bytes: Buffer): string[] {
  const reader = new SshReader(bytes);
  const all: string[] = [];
  while (reader.rest > 0) all.push(reader.string().toString());
  return all;
}

/** Why no host would take it, now; undefined: one may. */
export function troubleOf({ isUsers, validAfter, validBefore }: Certificate, nowMs = Date.now()): string | undefined {
  const now = BigInt(Math.floor(nowMs / 1000));
  if (!isUsers) return "it is a host's, not a user's";
  if (now < validAfter) return `it is valid from ${timeOf(validAfter)} on: is the clock right?`;
  if (now >= validBefore) return `it ended at ${timeOf(validBefore)}: have it signed anew`;
  return undefined;
}

/** For messages: whom it names, and until when. */
export function describeCertificate({ keyType, id, principals, validBefore }: Certificate): string {
  const whom = principals.length > 0 ? `for ${quoted(principals.join(", "))}` : "for nobody by name";
  const end = validBefore === FOREVER ? "without end" : `until ${timeOf(validBefore)}`;
  return `${keyType} certificate "${quoted(id)}" ${whom}, ${end}`;
}

function timeOf(seconds: bigint): string {
  const milliseconds = Number(seconds) * 1000;
  return milliseconds > 8.64e15 ? "the end of time" : new Date(milliseconds).toISOString();
}

const shown = new WeakMap<ParsedKey, Certificate>();
const RSA = { request: `rsa-sha2-512${suffix}`, signature: "rsa-sha2-512", hash: "sha512" };

/** How a key of a certificate signs, and what the signature is called. */
export function signatureOf({ keyType }: Certificate): { readonly name: string; readonly hash: string | undefined } {
  return keyType === "ssh-rsa" ? { name: RSA.signature, hash: RSA.hash } : { name: keyType, hash: undefined };
}

/** The certificate as a key to offer: ssh2 asks by it, and showCertificates signs. */
export function asKey(certificate: Certificate): ParsedKey | undefined {
  const { keyType, key, bytes } = certificate;
  const plain = readPublicKey(`${keyType} ${key.toString("base64")}`);
  if (!plain) return undefined;
  const offered = Object.create(plain, {
    type: { value: keyType === "ssh-rsa" ? RSA.request : keyType + suffix },
    getPublicSSH: { value: () => bytes },
  }) as ParsedKey; // all else is as in the plain one
  shown.set(offered, certificate);
  return offered;
}

type Sign = (data: Buffer, done: (signature: Buffer) => void) => void;

/** What is used of ssh2's own, which has no method for certificates: the signature would get the certificate's name. */
interface Protocol {
  authPK(user: string, key: ParsedKey, algorithm?: string | Sign, sign?: Sign): void;
  readonly _kex: { readonly sessionID: Buffer };
  readonly _authsQueue: string[];
  readonly _packetRW: { readonly write: Writer };
}
interface Writer {
  readonly allocStart: number;
  alloc(size: number): Buffer;
  finalize(packet: Buffer): Buffer;
}

const USERAUTH_REQUEST = 50;

/** Makes a client that is about to connect able to log in by certificates; false: its ssh2 is not the one that is known here. */
export function showCertificates(client: Client): boolean {
  const protocol = (client as unknown as { readonly _protocol?: Protocol })._protocol;
  if (!protocol || !isKnown(protocol)) return false;
  const plain = protocol.authPK.bind(protocol);
  protocol.authPK = (user, key, algorithm, sign) => {
    const certificate = shown.get(key);
    const signer = typeof algorithm === "function" ? algorithm : sign;
    if (certificate && signer) sendSigned(protocol, { user, key, certificate, signer });
    else plain(user, key, algorithm, sign);
  };
  return true;
}

/** True where an ssh2 of another version did not change what is used of it. */
function isKnown(protocol: Readonly<Record<keyof Protocol, unknown>>): boolean {
  return (
    typeof protocol.authPK === "function" &&
    Array.isArray(protocol._authsQueue) &&
    isWriter((protocol._packetRW as { write?: Partial<Writer> } | undefined)?.write)
  );
}

function isWriter(write: Partial<Writer> | undefined): boolean {
  return [typeof write?.alloc, typeof write?.finalize, typeof write?.allocStart].join() === "function,function,number";
}

interface Signed {
  readonly user: string;
  readonly key: ParsedKey;
  readonly certificate: Certificate;
  readonly signer: Sign;
}

/** RFC 4252, 7: the request names the certificate, the signature the key inside. */
function sendSigned(protocol: Protocol, { user, key, certificate, signer }: Signed): void {
  const { convertSignature, sendPacket } = ssh2Packets();
  const request = Buffer.concat([
    Buffer.of(USERAUTH_REQUEST),
    ...[user, "ssh-connection", "publickey"].map(sshString),
    Buffer.of(1),
    sshString(key.type),
    sshString(certificate.bytes),
  ]);
  signer(Buffer.concat([sshString(protocol._kex.sessionID), request]), (signature) => {
    const { name } = signatureOf(certificate);
    const converted = convertSignature(signature, certificate.keyType);
    if (!converted) throw new Error("the signature is none");
    const payload = Buffer.concat([request, sshString(Buffer.concat([sshString(name), sshString(converted)]))]);
    const { write } = protocol._packetRW;
    const packet = write.alloc(payload.length);
    packet.set(payload, write.allocStart);
    protocol._authsQueue.push("publickey");
    sendPacket(protocol, write.finalize(packet));
  });
}
