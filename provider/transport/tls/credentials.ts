import { X509Certificate } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import type { Access } from "../access";
import { DialError } from "../outcome";
import { textOf } from "../ssh/system";

/** A PEM text and where it was found, for messages. */
export interface Found {
  readonly text: string;
  readonly place: string;
}

export interface Credentials {
  readonly context: SecureContext;
  readonly ca: Found;
  /** Absent where this machine has none: a daemon with `tls_no_verify_certificate` asks for none. */
  readonly client?: { readonly certificate: X509Certificate; readonly place: string };
  /** Where a client's certificate is looked for. */
  readonly looked: string;
}

interface Files {
  readonly ca: string;
  readonly revoked: string;
  readonly certificate: string;
  readonly key: string;
}

/** What proves the host to us and us to the host; throws DialError with the file or the setting to correct. */
export function credentialsOf(
  access: Access,
  pkipath: string | undefined,
  user: { readonly home: string; readonly root: boolean } = thisUser(),
): Credentials {
  const folders = foldersOf(pkipath, user);
  const ca = caOf(access, folders);
  const revoked = access.ca === undefined ? firstOf(folders.map(({ revoked }) => revoked)) : undefined;
  const pair = pairOf(access, folders);
  certificatesIn(ca);
  const [certificate] = pair === undefined ? [] : certificatesIn(pair.certificate);
  const context = contextOf(ca, revoked, pair);
  return {
    context,
    ca,
    looked: folders.map((folder) => folder.certificate).join(", "),
    ...(pair === undefined || certificate === undefined
      ? {}
      : { client: { certificate, place: pair.certificate.place } }),
  };
}

function thisUser(): { home: string; root: boolean } {
  return { home: process.env["HOME"] ?? homedir(), root: process.geteuid?.() === 0 };
}

/** Where libvirt's own client looks, best first (https://libvirt.org/kbase/tlscerts.html). */
function foldersOf(pkipath: string | undefined, user: { readonly home: string; readonly root: boolean }): Files[] {
  const within = (folder: string): Files => ({
    ca: join(folder, "cacert.pem"),
    revoked: join(folder, "cacrl.pem"),
    certificate: join(folder, "clientcert.pem"),
    key: join(folder, "clientkey.pem"),
  });
  if (pkipath !== undefined) return [within(pkipath)];
  const system = {
    ca: "/etc/pki/CA/cacert.pem",
    revoked: "/etc/pki/CA/cacrl.pem",
    certificate: "/etc/pki/libvirt/clientcert.pem",
    key: "/etc/pki/libvirt/private/clientkey.pem",
  };
  return user.root ? [system] : [within(join(user.home, ".pki/libvirt")), system];
}

function caOf(access: Access, folders: readonly Files[]): Found {
  if (access.ca !== undefined) return { text: access.ca, place: "kvm:ca" };
  const files = folders.map(({ ca }) => ca);
  const found = firstOf(files);
  if (found !== undefined) return found;
  throw new DialError(
    `no CA is known to check the host's certificate with: tried ${files.join(", ")}; put the CA's certificate there, or set kvm:ca to its text`,
    false,
  );
}

function pairOf(access: Access, folders: readonly Files[]): { certificate: Found; key: Found } | undefined {
  const { clientCertificate, clientKey } = access;
  if (clientCertificate !== undefined && clientKey !== undefined) {
    return {
      certificate: { text: clientCertificate, place: "kvm:clientCertificate" },
      key: { text: clientKey, place: "kvm:clientKey" },
    };
  }
  if (clientCertificate !== undefined || clientKey !== undefined) {
    const [given, missing] = clientKey === undefined ? ["Certificate", "Key"] : ["Key", "Certificate"];
    throw new DialError(`kvm:client${given} is set without kvm:client${missing}: set both or none`, false);
  }
  for (const files of folders) {
    const certificate = read(files.certificate);
    const key = read(files.key);
    if (certificate !== undefined && key !== undefined) return { certificate, key };
    if (certificate === undefined && key === undefined) continue;
    const [there, missing] = key === undefined ? [files.certificate, files.key] : [files.key, files.certificate];
    throw new DialError(`${there} is there without ${missing}: put both there or none`, false);
  }
  return undefined;
}

function firstOf(paths: readonly string[]): Found | undefined {
  for (const path of paths) {
    const found = read(path);
    if (found !== undefined) return found;
  }
  return undefined;
}

const nothing = new Set(["ENOENT", "ENOTDIR"]);

/** A file that is there and may not be read is an error: another one would be used in silence. */
function read(path: string): Found | undefined {
  const outcome = textOf(path);
  if ("text" in outcome) return { text: outcome.text, place: path };
  if (nothing.has(outcome.code)) return undefined;
  throw new DialError(`${path} cannot be read (${outcome.code}): let this user read it`, false);
}

const pem = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]+-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** Node takes a CA without a certificate in silence, and would then trust nobody without saying why. */
function certificatesIn({ text, place }: Found): X509Certificate[] {
  const found = text.match(pem) ?? [];
  if (found.length === 0) {
    throw new DialError(`${place} holds no certificate: it begins with -----BEGIN CERTIFICATE-----`, false);
  }
  return found.map((one) => {
    try {
      return new X509Certificate(one);
    } catch (error) {
      throw new DialError(`${place} holds a broken certificate (${codeOf(error)}): make it anew`, false);
    }
  });
}

function contextOf(
  ca: Found,
  revoked: Found | undefined,
  pair: { certificate: Found; key: Found } | undefined,
): SecureContext {
  try {
    return createSecureContext({
      minVersion: "TLSv1.2",
      ca: ca.text,
      ...(revoked === undefined ? {} : { crl: revoked.text }),
      ...(pair === undefined ? {} : { cert: pair.certificate.text, key: pair.key.text }),
    });
  } catch (error) {
    throw new DialError(complaint(codeOf(error), revoked, pair), false);
  }
}

/** OpenSSL's own words are left out: they may hold a piece of the key. */
function complaint(
  code: string,
  revoked: Found | undefined,
  pair: { certificate: Found; key: Found } | undefined,
): string {
  const key = pair?.key.place ?? "";
  const certificate = pair?.certificate.place ?? "";
  if (/KEY_VALUES_MISMATCH/.test(code)) {
    return `${key} is not the key of ${certificate}: take the two that were made together`;
  }
  if (/ENCRYPTED/.test(pair?.key.text ?? "")) {
    return `${key} is encrypted, which libvirt cannot read either: decrypt it with \`openssl pkey\``;
  }
  const suspects = [revoked?.place, certificate, key].filter(Boolean).join(", ");
  return `the certificates cannot be used (${code}): is each of these a whole PEM text? ${suspects}`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown";
}
