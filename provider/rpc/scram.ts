import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { ProtocolError } from "./errors";

// SCRAM is RFC 5802; its messages are drawn in section 7, without channel binding ("n,,").

/** SASL's mechanisms that we speak, the best first. */
export const hashes = {
  "SCRAM-SHA-512": { name: "sha512", bytes: 64 },
  "SCRAM-SHA-256": { name: "sha256", bytes: 32 },
  "SCRAM-SHA-1": { name: "sha1", bytes: 20 },
} as const;

export type Mechanism = keyof typeof hashes;

// Fewer would let whoever listens guess the password; more would stop this process.
const fewestRounds = 4096;
const mostRounds = 1_000_000;
const noBinding = "n,,";
const stretch = promisify(pbkdf2);

/** One login of a client: `first`, then `final` of the server's answer, then `verify` of the next. */
export class Scram {
  private readonly bare: string;
  private expected: Buffer = Buffer.alloc(0);

  constructor(
    private readonly mechanism: Mechanism,
    user: string,
    private readonly password: string,
    private readonly nonce = randomBytes(18).toString("base64"),
  ) {
    this.bare = `n=${prepared(user).replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}`;
  }

  first(): string {
    return noBinding + this.bare;
  }

  /** Proves that we know the password, which itself is never sent. */
  async final(serverFirst: string): Promise<string> {
    const { nonce, salt, rounds } = this.challengeOf(serverFirst);
    const { name, bytes } = hashes[this.mechanism];
    const hmac = (key: Buffer, text: string): Buffer => createHmac(name, key).update(text).digest();
    const salted = await stretch(prepared(this.password), salt, rounds, bytes, name);
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash(name).update(clientKey).digest();
    const withoutProof = `c=${Buffer.from(noBinding).toString("base64")},r=${nonce}`;
    const whole = `${this.bare},${serverFirst},${withoutProof}`;
    const mask = hmac(storedKey, whole);
    const proof = clientKey.map((byte, index) => byte ^ (mask[index] ?? 0));
    this.expected = hmac(hmac(salted, "Server Key"), whole);
    return `${withoutProof},p=${Buffer.from(proof).toString("base64")}`;
  }

  /** True where the server has proved that it knows the password, too. */
  verify(serverFinal: string): boolean {
    const shown = Buffer.from(/^v=([^,]*)/.exec(serverFinal)?.[1] ?? "", "base64");
    return this.expected.length > 0 && shown.length === this.expected.length && timingSafeEqual(shown, this.expected);
  }

  private challengeOf(serverFirst: string): { nonce: string; salt: Buffer; rounds: number } {
    const [, nonce = "", salt = "", digits = ""] = /^r=([^,]+),s=([^,]+),i=(\d{1,9})(?:,.*)?$/s.exec(serverFirst) ?? [];
    const rounds = Number(digits);
    if (nonce.length <= this.nonce.length || !nonce.startsWith(this.nonce)) {
      throw new ProtocolError("the daemon's SCRAM challenge is not an answer to ours");
    }
    if (rounds < fewestRounds || rounds > mostRounds) {
      throw new ProtocolError(`the daemon's SCRAM asks for ${rounds} rounds, not ${fewestRounds} to ${mostRounds}`);
    }
    return { nonce, salt: Buffer.from(salt, "base64"), rounds };
  }
}

/** SASLprep (RFC 4013), as far as passwords need it: one form for each text, blanks as blanks, what is not seen left out. */
function prepared(text: string): string {
  return text
    .replace(/[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/gu, "")
    .replace(/\p{Zs}/gu, " ")
    .normalize("NFKC");
}
