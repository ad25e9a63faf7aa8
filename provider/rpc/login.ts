import type { Connection } from "./connection";
import { Code, ConnectionError, isLibvirt, LibvirtError, plainText, ProtocolError } from "./errors";
import { hashes, type Mechanism, Scram } from "./scram";

const Auth = { NONE: 0, SASL: 1, POLKIT: 2 } as const;

/** Who logs in where a daemon asks for a name and a password. */
export interface Login {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** The daemon wants a login that we cannot give; another try would end the same. */
export class AuthError extends ConnectionError {
  override readonly name = "AuthError";
}

/** Rules of the host do not let this account in: some of them only forbid changes. */
export class DeniedError extends AuthError {}

export interface Asked {
  readonly login: Login;
  readonly readOnly: boolean;
  readonly signal: AbortSignal;
}

/** Logs in as the daemon asks for it; throws AuthError with the remedy. */
export async function logIn(connection: Connection, types: readonly number[], asked: Asked): Promise<void> {
  if (types.length === 0 || types.includes(Auth.NONE)) return;
  if (types.includes(Auth.POLKIT)) return polkit(connection, asked);
  if (types.includes(Auth.SASL)) return sasl(connection, asked);
  throw refusal(
    connection,
    `the daemon wants a login of kind ${types.join(", ")}, which is not supported; use its unix socket (group libvirt or polkit) or qemu+ssh://`,
  );
}

const denials: readonly number[] = [
  Code.AUTH_FAILED,
  Code.AUTH_CANCELLED,
  Code.AUTH_UNAVAILABLE,
  Code.OPERATION_DENIED,
  Code.ACCESS_DENIED,
];

async function polkit(connection: Connection, { readOnly, signal }: Asked): Promise<void> {
  const action = readOnly ? "org.libvirt.unix.monitor" : "org.libvirt.unix.manage";
  const remedy = `add the user who connects to the group libvirt there (\`sudo usermod -aG libvirt USER\`, then log in anew), or allow ${action} to it by a rule in /etc/polkit-1/rules.d`;
  let denied: LibvirtError | undefined = undefined;
  try {
    const { complete } = await connection.call("AUTH_POLKIT", {}, { signal });
    if (complete === 1) return;
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    denied = error;
  }
  if (denied !== undefined && !denials.includes(denied.code)) {
    throw refusal(
      connection,
      "the daemon lets polkit decide, and polkit cannot be asked there: `sudo systemctl start polkit` on the host, or connect as root",
      denied,
    );
  }
  throw refusal(connection, `polkit does not let this user in: ${remedy}`, denied, DeniedError);
}

/** Speaks SASL's SCRAM (https://libvirt.org/auth.html); the daemon proves itself before its success counts. */
async function sasl(connection: Connection, { login, signal }: Asked): Promise<void> {
  const { user, password } = login;
  const { mechlist } = await connection.call("AUTH_SASL_INIT", {}, { signal }).catch((error: unknown) => {
    if (!(error instanceof LibvirtError)) throw error;
    throw refusal(connection, `the daemon wants a SASL login and offers none: ${mechanismsRemedy}`, error);
  });
  const mech = mechanismOf(connection, mechlist);
  if (user === undefined || password === undefined) {
    const missing = user === undefined ? "kvm:saslUser (or a user in the URI) and kvm:password" : "kvm:password";
    throw refusal(connection, `the daemon wants a SASL login: set ${missing}`);
  }
  const scram = new Scram(mech, user, password);
  try {
    const challenge = await connection.call("AUTH_SASL_START", { mech, ...said(scram.first()) }, { signal });
    const proof = await scram.final(textOf(challenge));
    const verdict = await connection.call("AUTH_SASL_STEP", said(proof), { signal });
    if (!scram.verify(textOf(verdict))) throw new ProtocolError("the daemon does not know the password");
    if (verdict.complete === 1) return;
    // The proof of the daemon came as one more question.
    const { complete } = await connection.call("AUTH_SASL_STEP", said(""), { signal });
    if (complete !== 1) throw new ProtocolError("the daemon asks on after its proof");
  } catch (error) {
    throw unproven(connection, user, error);
  }
}

const mechanismsRemedy =
  "put `mech_list: scram-sha-256` into /etc/sasl2/libvirt.conf there; on plain TCP libvirt never offers that, because it does not encrypt: use qemu+tls:// or qemu+ssh://";

function mechanismOf(connection: Connection, mechlist: string): Mechanism {
  const offered = mechlist.split(/[,\s]+/).filter((word) => word !== "");
  const known = Object.keys(hashes) as Mechanism[]; // keys of the table itself
  const found = known.find((mechanism) => offered.includes(mechanism));
  if (found !== undefined) return found;
  const names = plainText(offered.join(", ")).slice(0, 200);
  throw refusal(
    connection,
    `the daemon offers these SASL logins: ${names || "none"}; here are only ${known.join(", ")}: ${mechanismsRemedy}`,
  );
}

function unproven(connection: Connection, user: string, error: unknown): unknown {
  if (isLibvirt(error, ...denials)) {
    return refusal(
      connection,
      `the daemon does not accept the SASL user ${user} with this password: correct kvm:saslUser and kvm:password, or set the password there with \`sudo saslpasswd2 -a libvirt ${user}\`; a sasl_allowed_username_list in its libvirtd.conf must name the user, too`,
      error,
    );
  }
  if (!(error instanceof ProtocolError)) return error;
  return refusal(connection, `the SASL login was stopped: ${error.message}; is this the right host?`, error);
}

// C's `char data<>`: four bytes on the wire for each; NULL and no bytes are two different answers.
function said(text: string): { nil: number; data: number[] } {
  return { nil: 0, data: [...new Int8Array(Buffer.from(text, "utf8"))] };
}

function textOf({ data }: { readonly data: readonly number[] }): string {
  return Buffer.from(data.map((one) => one & 0xff)).toString("utf8");
}

function refusal(
  connection: Connection,
  reason: string,
  cause?: LibvirtError | ProtocolError,
  Kind: typeof AuthError = AuthError,
): AuthError {
  const told = cause instanceof LibvirtError ? ` (libvirt says: ${cause.message}, code ${cause.code})` : "";
  return new Kind(`connect ${connection.uri}: ${reason}${told}`, connection.uri, false, { cause });
}
