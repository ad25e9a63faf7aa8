import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Access } from "../access";
import { lookUp } from "../network";
import { DialError, quoted } from "../outcome";
import { HostKeys } from "./hostKey";
import { showCertificates } from "./certificate";
import { asAgent, gather, type KeyRing, type Source, told } from "./keyRing";
import { type AnyAuthMethod, type Client, ssh2 } from "./library";
import type { Hop } from "./route";

/** How long the greeting, the keys and the login of one host may take together. */
export const readyMs = 20_000;
const tcpKeepaliveMs = 10_000;

// The fast ones first: group exchange alone takes two seconds. Nothing with SHA-1, CBC or groups below 2048 bits.
const algorithms = {
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group-exchange-sha256",
  ],
  cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr"],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
  compress: ["none"],
} as const;

/** What a login needs beside the host. */
export interface Login {
  readonly access: Access;
  readonly sources: readonly Source[];
  /** False on the way: a host in between is never told the password. */
  readonly last: boolean;
  readonly deadlineMs: number;
}

/** A stream to the host, opened here unless another host forwards it. */
export function tcpTo({ host, port }: Hop): Socket {
  const socket = connectTcp({ host, port, lookup: lookUp });
  socket.setNoDelay(true); // else each small packet waits 40 ms for an acknowledgement
  socket.setKeepAlive(true, tcpKeepaliveMs);
  return socket;
}

/** Logs in to one host; throws DialError with the reason and the remedy. */
export async function login(hop: Hop, reach: () => Duplex, options: Login): Promise<Client> {
  const { access, sources, deadlineMs } = options;
  const at = `${hop.user}@${hop.host}:${hop.port}`;
  const hostKeys = HostKeys.of(hop, access);
  const ring = await gather(hop, access, sources);
  const tried = new Attempts(ring, hop, options);
  const client = new (ssh2().Client)();
  const socket = reach(); // nothing waits between here and the listeners
  let complaint: string | undefined;
  // A plain function that returns a boolean: ssh2 takes a promise, and all that is not `false`, for a yes.
  const verifier = (key: Buffer): boolean => {
    complaint = hostKeys.complaint(key);
    return complaint === undefined;
  };
  return new Promise((resolve, reject) => {
    const end = (error: DialError): void => {
      client.end();
      socket.destroy();
      reject(error);
    };
    client.on("error", (error: Error & { level?: string; code?: unknown }) => {
      if (error.level === "agent") return; // a key that could not sign; the next one is tried
      end(
        complaint === undefined
          ? (tried.refusal(error) ?? new DialError(...reasonOf(error, at, deadlineMs)))
          : new DialError(complaint, false),
      );
    });
    client.on("change password", () => {
      end(new DialError(`the password of ${at} has expired: change it on the host`, false));
    });
    client.on("close", () => {
      end(
        new DialError(
          `${at} closed the connection during the login: its sshd may be restarting or have too many logins at once (MaxStartups)`,
          true,
        ),
      );
    });
    client.on("ready", () => {
      resolve(client);
    });
    client.connect({
      sock: socket,
      username: hop.user,
      hostVerifier: verifier,
      algorithms: { ...spread(algorithms), serverHostKey: hostKeys.algorithms },
      authHandler: tried.next,
      readyTimeout: deadlineMs,
      strictVendor: false, // other servers than OpenSSH say themselves what they cannot
      agentForward: false,
    });
    if (ring.offers.some(({ certificate }) => certificate) && !showCertificates(client))
      end(new DialError("certificates cannot be shown by this version of ssh2: run `npm install ssh2@~1.17.0`", false));
  });
}

function spread<T extends Readonly<Record<string, readonly string[]>>>(
  lists: T,
): { -readonly [K in keyof T]: T[K][number][] } {
  return Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...list]])) as never; // the same lists, to be changed
}

/** The ways to log in, one after the other, and what to say when none is left. */
class Attempts {
  private readonly ways: AnyAuthMethod[];
  private offered: readonly string[] = [];
  private partly = false;
  private asked = false;

  constructor(
    private readonly ring: KeyRing,
    private readonly hop: Hop,
    private readonly options: Login,
  ) {
    const { user: username } = hop;
    const { password } = options.access;
    const keys: AnyAuthMethod[] = ring.offers.length === 0 ? [] : [{ type: "agent", username, agent: asAgent(ring) }];
    const words: AnyAuthMethod[] = password === undefined || !options.last ? [] : passwordWays(username, password);
    this.ways = [...keys, ...words];
  }

  // The types leave out that nothing is known before the first answer, and that false ends it.
  readonly next = (left: readonly string[] | null, partly: boolean | null, tell: (way: never) => void): void => {
    this.offered = left ?? this.offered;
    this.partly ||= partly ?? false;
    const way = this.ways.shift() ?? this.question();
    // Where passwords are taken as such, being asked for one would only count as a second wrong one.
    const skips = way?.type === "keyboard-interactive" && this.offered.includes("password");
    tell((way === undefined || skips ? false : way) as never);
  };

  /** The error of a refused login; nothing for any other. */
  refusal(error: { level?: string }): DialError | undefined {
    if (error.level !== "client-authentication") return undefined;
    const { hop, ring } = this;
    const shown = [...ring.offers.slice(0, 6).map(told), ...(this.told ? ["the password"] : [])];
    const what =
      shown.length === 0 ? "there is no key and no password to show" : `it took none of: ${shown.join(", ")}`;
    const takes = this.offered.length === 0 ? "" : `; it takes ${quoted(this.offered.join(", "))}`;
    const more = this.partly ? "; it wants more than one of them" : "";
    const notes = ring.notes.map((note) => `; ${note}`).join("");
    const remedy = `add a public key to ~/.ssh/authorized_keys there, or name another with kvm:privateKey, ?keyfile=, IdentityFile or an agent`;
    return new DialError(
      `${hop.host}:${hop.port} does not let in ${hop.user}: ${what}${takes}${more}${notes}; ${remedy}`,
      false,
    );
  }

  /** Keys are refused without a word about what else would do: asked at the end, the host says it. */
  private question(): AnyAuthMethod | undefined {
    if (this.asked || this.offered.length > 0) return undefined;
    this.asked = true;
    return { type: "none", username: this.hop.user };
  }

  private get told(): boolean {
    return this.options.access.password !== undefined && this.options.last;
  }
}

function passwordWays(username: string, password: string): AnyAuthMethod[] {
  return [
    { type: "password", username, password },
    {
      type: "keyboard-interactive",
      username,
      prompt: (_name, _instructions, _language, prompts, answer) => {
        const [only, ...others] = prompts;
        answer(only !== undefined && only.echo !== true && others.length === 0 ? [password] : []);
      },
    },
  ];
}

const sentences: Readonly<Record<string, { readonly text: string; readonly passes: boolean }>> = {
  ECONNREFUSED: {
    text: "nothing listens there: is sshd running? `sudo systemctl start ssh` (or sshd) starts it",
    passes: true,
  },
  ENOTFOUND: {
    text: "there is no host of that name: correct it in kvm:uri, or give it a HostName in ~/.ssh/config",
    passes: false,
  },
  EAI_AGAIN: { text: "the name cannot be looked up now: is the network up?", passes: true },
  EHOSTUNREACH: { text: "the host cannot be reached: is it on, and the network up?", passes: true },
  ENETUNREACH: { text: "its network cannot be reached: is a VPN missing?", passes: true },
  ETIMEDOUT: { text: "the host does not answer: is it on, and does a firewall let SSH through?", passes: true },
  ECONNRESET: { text: "the connection was reset during the login", passes: true },
};

function reasonOf(
  error: Error & { level?: string; code?: unknown },
  at: string,
  deadlineMs: number,
): [string, boolean] {
  if (error.level === "client-timeout") {
    return [
      `${at} did not finish the login within ${deadlineMs / 1000} s: it is frozen, overloaded or behind a firewall`,
      false,
    ];
  }
  const known = typeof error.code === "string" ? sentences[error.code] : undefined;
  if (known !== undefined) return [`${at}: ${known.text} (${String(error.code)})`, known.passes];
  if (error.level === "handshake") {
    return [`${at}: no common ground for SSH (${quoted(error.message)}): the host needs a current OpenSSH`, false];
  }
  const reason = quoted(error.message);
  return [
    `${at} ended the login: ${reason}: with many keys in an agent, name one with IdentityFile and IdentitiesOnly`,
    false,
  ];
}
