// The certificates to offer, each with the key that signs for it.
import { DialError, quoted } from "../outcome";
import { agentCertificates, agentMs, signByAgent, signingMs } from "./agent";
import { asKey, type Certificate, readCertificate, readCertificateFile, signatureOf, troubleOf } from "./certificate";
import { fingerprint } from "./hostKey";
import type { Offer } from "./keyRing";
import type { ParsedKey } from "./library";
import type { Hop } from "./route";

/** A certificate, and where it is from. */
interface FoundCertificate {
  readonly from: string;
  readonly certificate: Certificate;
}

export function settingsCertificate(text: string): FoundCertificate {
  const certificate = readCertificate(text);
  if (certificate) return { from: "kvm:privateKeyCertificate", certificate };
  throw new DialError(
    "kvm:privateKeyCertificate: it holds no certificate that can be read here: give the text of KEY-cert.pub",
    false,
  );
}

export function certificatesIn(paths: readonly string[], notes: string[]): FoundCertificate[] {
  return paths.flatMap((path) => {
    const certificate = readCertificateFile(path);
    if (certificate) return [{ from: path, certificate }];
    notes.push(
      `the certificate ${path} is not shown: it cannot be read here (OpenSSH's of RSA, ECDSA or Ed25519 keys)`,
    );
    return [];
  });
}

/** Offers of the certificates whose keys are here. */
export function certified(found: readonly FoundCertificate[], plain: readonly Offer[], notes: string[]): Offer[] {
  return found.flatMap(({ from, certificate }) => {
    const offer = plain.find(({ key }) => key.getPublicSSH().equals(certificate.key));
    const missing = offer ? undefined : `its key ${fingerprint(certificate.key)} is not here`;
    const key = usable(certificate, from, notes, missing);
    const { hash } = signatureOf(certificate);
    return offer && key ? [{ from, key, certificate, sign: (data: Buffer) => offer.sign(data, hash) }] : [];
  });
}

/** Those that an agent holds, with their keys. */
export async function agentsCertified({ agent }: Hop, notes: string[]): Promise<Offer[]> {
  if (agent === undefined) return [];
  // That it does not list its keys is told where they were asked for.
  const held = await agentCertificates(agent, agentMs).catch(() => []);
  const from = `the agent at ${agent}`;
  return held.flatMap((certificate) => {
    const key = usable(certificate, from, notes);
    const sign = (data: Buffer): Promise<Buffer> => signByAgent(agent, certificate, data, signingMs);
    return key ? [{ from, key, certificate, sign }] : [];
  });
}

/** The key to offer; nothing, and a note, where no host would take it. */
function usable(certificate: Certificate, from: string, notes: string[], missing?: string): ParsedKey | undefined {
  const trouble = troubleOf(certificate) ?? missing;
  if (trouble === undefined) return asKey(certificate);
  notes.push(`the certificate "${quoted(certificate.id)}" (${from}) is not shown: ${trouble}`);
  return undefined;
}
