import type { PeerCertificate } from "node:tls";
import { DialError, quoted } from "../outcome";
import type { Credentials } from "./credentials";

interface TlsError extends NodeJS.ErrnoException {
  readonly cert?: PeerCertificate;
}

type Sentence = (host: string, credentials: Credentials, error: TlsError) => string;

const unknownCa: Sentence = (host, { ca }) =>
  `the certificate of ${host} is not signed by the CA of ${ca.place}: put there the CA that signed it (/etc/pki/CA/cacert.pem on the host)`;
const noTls: Sentence = (host) =>
  `what listens there speaks no TLS: is the port that of libvirt's TLS on ${host}, 16514 where nothing else is set?`;
const tooOld: Sentence = (host) =>
  `${host} speaks no TLS 1.2 or later: renew its libvirt, or correct tls_priority in its libvirtd.conf`;
const renewed = "renew it, and see that the clocks of both machines are right";
const staleCrl: Sentence = (_, { ca }) =>
  `the list of revoked certificates beside ${ca.place} is too old or not of that CA: renew cacrl.pem`;

/** Why a host is not believed, by OpenSSL's names (https://nodejs.org/api/tls.html#x509-certificate-error-codes). */
const sentences: Readonly<Record<string, Sentence>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: (host, _, { cert }) =>
    `the certificate of ${host} is for ${namesOf(cert)}: write one of these as the host of the URI, or make a certificate whose subjectAltName is ${host}`,
  UNABLE_TO_GET_ISSUER_CERT: unknownCa,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownCa,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownCa,
  SELF_SIGNED_CERT_IN_CHAIN: unknownCa,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownCa,
  CERT_SIGNATURE_FAILURE: unknownCa,
  CERT_HAS_EXPIRED: (host) => `the certificate of ${host}, or its CA's, has expired: ${renewed}`,
  CERT_NOT_YET_VALID: (host) => `the certificate of ${host}, or its CA's, is not valid yet: ${renewed}`,
  CERT_REVOKED: (host) => `the certificate of ${host} is revoked: make a new one for it`,
  UNABLE_TO_GET_CRL: staleCrl,
  CRL_HAS_EXPIRED: staleCrl,
  CRL_SIGNATURE_FAILURE: staleCrl,
  INVALID_PURPOSE: (host) =>
    `the certificate of ${host} is not one of a server: make one whose extendedKeyUsage is serverAuth`,
  INVALID_CA: (_, { ca }) => `the certificate of ${ca.place} is no CA's: put there the CA that signed the host's`,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  ERR_SSL_UNSUPPORTED_PROTOCOL: tooOld,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: tooOld,
};

/** We do not believe the host; nothing but TLS's greeting was sent. */
export function refusedByUs(error: TlsError, host: string, credentials: Credentials): DialError {
  const code = error.code ?? "unknown";
  const sentence = sentences[code]?.(host, credentials, error);
  const reason = sentence ?? `TLS with ${host} failed: is its certificate made for a server, and TLS 1.2 spoken there?`;
  return new DialError(`${reason} (${code})`, false);
}

function namesOf(cert: PeerCertificate | undefined): string {
  const names = cert?.subjectaltname?.replace(/IP Address:/g, "IP:") ?? [cert?.subject.CN ?? []].flat().join(", ");
  return quoted(names) || "nobody";
}

/** The host does not believe us. It says no word why: it hangs up where else it would send one byte. */
export function refusedByHost(host: string, { client, looked }: Credentials, now = new Date()): DialError {
  const refused = `${host} did not accept this client`;
  if (client === undefined) {
    return new DialError(
      `${refused}: it wants a certificate, and there is none: tried ${looked}; put certificate and key there, or set kvm:clientCertificate and kvm:clientKey`,
      false,
    );
  }
  const { certificate, place } = client;
  const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  if (now > to || now < from) {
    const state = now > to ? `has expired on ${day(to)}` : `is not valid before ${day(from)}`;
    return new DialError(`${refused}: the certificate of ${place} ${state}: renew it`, false);
  }
  const name = quoted(certificate.subject.split("\n").join(","));
  return new DialError(
    `${refused}: the certificate of ${place} is "${name}"; it must be signed by the CA of the host (/etc/pki/CA/cacert.pem there), fit for clients, and where libvirtd.conf has a tls_allowed_dn_list, be named there; the log of libvirtd says which`,
    false,
  );
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
