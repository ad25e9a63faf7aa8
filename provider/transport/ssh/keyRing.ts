import { existsSync } from "node:fs";
import type { Access } from "../access";
import { DialError } from "../outcome";
import { type Certificate, describeCertificate } from "./certificate";
import { agentsCertified, certificatesIn, certified, settingsCertificate } from "./certified";
import { fingerprint } from "./hostKey";
import { type KeyTrouble, readKey, readKeyFile, readPublicHalf, type SigningKey } from "./keys";
import { agentMs, signingMs } from "./agent";
import { ssh2, type ParsedKey } from "./library";
import type { Hop, Identity } from "./route";

/** A key to offer, wherever it lies. */
export interface Offer {
  /** For messages: where it is from. */
  readonly from: string;
  readonly key: ParsedKey;
  readonly certificate?: Certificate;
  sign(data: Buffer, hash: string | undefined): Promise<Buffer>;
}

/** The keys to offer to a host, in order, and what stood in the way of others. */
export interface KeyRing {
  readonly offers: readonly Offer[];
  readonly notes: string[];
}

export type Source = "agent" | "privkey";

const remedies: Readonly<Record<KeyTrouble, string>> = {
  absent: "there is no such file",
  unreadable: "this user may not read it",
  "open to others": "others may read it, so it is not used: run `chmod 600` on it",
  encrypted:
    "it is encrypted and no passphrase is given: set kvm:privateKeyPassphrase (secret), or add the key to an agent",
  "wrong passphrase": "kvm:privateKeyPassphrase does not open it",
  "no key": "it holds no private key that can be read here (OpenSSH, or PEM with RSA, ECDSA or Ed25519)",
};

/** Gathers keys: the setting's alone where there is one, else the agent's and those in files, with their certificates. */
export async function gather(hop: Hop, access: Access, sources: readonly Source[]): Promise<KeyRing> {
  const { privateKey, privateKeyPassphrase: passphrase, privateKeyCertificate } = access;
  const notes: string[] = [];
  if (privateKey !== undefined) {
    const key = readKey(privateKey, passphrase);
    if (typeof key === "string") throw new DialError(`kvm:privateKey: ${remedies[key]}`, false);
    const offers = [offerOf(key, "kvm:privateKey")];
    const given = privateKeyCertificate === undefined ? [] : [settingsCertificate(privateKeyCertificate)];
    const named = [...given, ...certificatesIn(hop.certificates, notes)];
    return { offers: [...certified(named, offers, notes), ...offers], notes };
  }
  // Asked at once: an agent that hangs is waited for only once.
  const [held, signed] = sources.includes("agent")
    ? await Promise.all([agentOffers(hop, notes), agentsCertified(hop, notes)])
    : [[], []];
  const named = hop.identities.map((identity) => ({ identity, half: readPublicHalf(identity.path) }));
  const isNamed = (offer: Offer): boolean => named.some(({ half }) => half !== undefined && same(half, offer.key));
  const ofAgent = [...held.filter(isNamed), ...(hop.identitiesOnly ? [] : held.filter((one) => !isNamed(one)))];
  const inAgent = named.filter(({ half }) => half !== undefined && held.some(({ key }) => same(half, key)));
  const missing = hop.identities.filter((one) => !inAgent.some(({ identity }) => identity === one));
  const ofFiles = sources.includes("privkey") ? missing.flatMap((one) => fileOffer(one, passphrase, notes)) : [];
  const plain = sources[0] === "privkey" ? [...ofFiles, ...ofAgent] : [...ofAgent, ...ofFiles];
  const given = certified(certificatesIn(hop.certificates, notes), plain, notes);
  // Those beside the keys count where none is named.
  const names = hop.certificates.length > 0 ? [] : hop.identities.map(({ path }) => `${path}-cert.pub`);
  const beside = certified(
    certificatesIn(
      names.filter((path) => existsSync(path)),
      notes,
    ),
    plain,
    notes,
  );
  const isNamedToo = ({ certificate }: Offer): boolean =>
    certificate !== undefined && named.some(({ half }) => half?.getPublicSSH().equals(certificate.key));
  const ofAgentToo = signed.filter((one) => !hop.identitiesOnly || isNamedToo(one));
  return { offers: inOrder(given, plain, [...ofAgentToo, ...beside]), notes };
}

/**
 * OpenSSH's order: certificates that somebody named, then each key and its certificate. A host that takes a key is asked with
 * that first: a certificate may allow less than the key does.
 */
function inOrder(given: readonly Offer[], plain: readonly Offer[], certificates: readonly Offer[]): Offer[] {
  const withTheirs = plain.flatMap((offer) => [offer, ...certificates.filter((one) => isOf(one, offer))]);
  const alone = certificates.filter((one) => !plain.some((offer) => isOf(one, offer)));
  const all = [...given, ...withTheirs, ...alone];
  return all.filter((offer, index) => all.findIndex((one) => same(one.key, offer.key)) === index);
}

function isOf({ certificate }: Offer, { key }: Offer): boolean {
  return certificate?.key.equals(key.getPublicSSH()) ?? false;
}

function fileOffer(identity: Identity, passphrase: string | undefined, notes: string[]): Offer[] {
  const { path, named } = identity;
  const key = readKeyFile(path, passphrase);
  if (typeof key !== "string") return [offerOf(key, path)];
  if (named === "uri") throw new DialError(`the key file ${path}: ${remedies[key]}`, false);
  if (named === "config" || key !== "absent") notes.push(`${path}: ${remedies[key]}`);
  return [];
}

function offerOf(one: SigningKey, from: string): Offer {
  return { from, key: one.key, sign: (data, hash) => Promise.resolve(one.sign(data, hash)) };
}

function same(one: ParsedKey, other: ParsedKey): boolean {
  return one.getPublicSSH().equals(other.getPublicSSH());
}

async function agentOffers(hop: Hop, notes: string[]): Promise<Offer[]> {
  if (hop.agent === undefined) return [];
  const from = `the agent at ${hop.agent}`;
  const agent = ssh2().createAgent(hop.agent);
  const listing = within<ParsedKey[]>(agentMs, (done) => {
    agent.getIdentities((error, keys) => {
      done(error ?? undefined, keys as ParsedKey[] | undefined); // an agent's own keys are parsed ones
    });
  });
  const keys = await listing.catch((error: unknown) => {
    notes.push(
      `${from} does not list its keys (${error instanceof Error ? error.message : String(error)}): is it running?`,
    );
    return [];
  });
  const sign = (key: ParsedKey, data: Buffer, hash: string | undefined): Promise<Buffer> =>
    within<Buffer>(signingMs, (done) => {
      agent.sign(key, data, hash === undefined ? {} : { hash: hash as "sha256" }, (error, signature) => {
        done(error ?? undefined, signature);
      });
    });
  return keys.map((key) => ({ from, key, sign: (data, hash) => sign(key, data, hash) }));
}

/** The answer, or an error where it is none or takes too long. */
function within<T>(ms: number, ask: (done: (error?: Error, answer?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`no answer within ${ms / 1000} s`));
    }, ms);
    ask((error, answer) => {
      clearTimeout(timer);
      if (error !== undefined || answer === undefined) reject(error ?? new Error("no answer"));
      else resolve(answer);
    });
  });
}

/** The ring as ssh2 takes it: an agent that signs with whatever key is offered, and never by SHA-1. */
export function asAgent({ offers, notes }: KeyRing): InstanceType<ReturnType<typeof ssh2>["BaseAgent"]> {
  const { BaseAgent } = ssh2();
  const signed = async (key: ParsedKey, data: Buffer, hash: string | undefined): Promise<Buffer> => {
    const offer = offers.find((one) => same(one.key, key));
    if (offer === undefined) throw new Error("a key that was never offered");
    if (key.type === "ssh-rsa" && hash !== "sha256" && hash !== "sha512") {
      throw new Error("the host takes RSA keys with SHA-1 signatures only, which are refused: use an Ed25519 key");
    }
    return offer.sign(data, hash);
  };
  return new (class extends BaseAgent<ParsedKey> {
    override getIdentities(callback: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
      callback(
        undefined,
        offers.map(({ key }) => key),
      );
    }

    override sign(
      key: ParsedKey | Buffer | string,
      data: Buffer,
      options: unknown,
      callback?: (error?: Error, signature?: Buffer) => void,
    ): void {
      const told = typeof options === "function" ? (options as typeof callback) : callback;
      const hash = (options as { hash?: string }).hash;
      signed(key as ParsedKey, data, hash).then(
        (signature) => told?.(undefined, signature),
        (error: unknown) => {
          const reason = error instanceof Error ? error : new Error(String(error));
          notes.push(`${labelOf(key as ParsedKey)} could not sign: ${reason.message}`);
          told?.(reason);
        },
      );
    }
  })();
}

/** An offer for messages. */
export function told({ key, certificate, from }: Offer): string {
  return `${certificate ? describeCertificate(certificate) : labelOf(key)} (${from})`;
}

/** A key for messages. */
function labelOf(key: ParsedKey): string {
  return `${key.type} ${fingerprint(key.getPublicSSH())}`;
}
