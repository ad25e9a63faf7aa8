/** libvirt's error numbers (https://libvirt.org/html/libvirt-virterror.html), by their names without VIR_ERR_. */
export const Code = {
  INTERNAL_ERROR: 1,
  NO_MEMORY: 2,
  NO_SUPPORT: 3,
  NO_CONNECT: 5,
  INVALID_CONN: 6,
  INVALID_DOMAIN: 7,
  INVALID_ARG: 8,
  OPERATION_FAILED: 9,
  OS_TYPE: 16,
  XML_ERROR: 27,
  DOM_EXIST: 28,
  OPERATION_DENIED: 29,
  OPEN_FAILED: 30,
  PARSE_FAILED: 32,
  CONF_SYNTAX: 33,
  XML_DETAIL: 35,
  NETWORK_EXIST: 37,
  SYSTEM_ERROR: 38,
  RPC: 39,
  NO_DOMAIN: 42,
  NO_NETWORK: 43,
  INVALID_MAC: 44,
  AUTH_FAILED: 45,
  INVALID_STORAGE_POOL: 46,
  INVALID_STORAGE_VOL: 47,
  NO_STORAGE_POOL: 49,
  NO_STORAGE_VOL: 50,
  INVALID_NODE_DEVICE: 52,
  NO_NODE_DEVICE: 53,
  NO_SECURITY_MODEL: 54,
  OPERATION_INVALID: 55,
  NO_INTERFACE: 57,
  INVALID_INTERFACE: 58,
  MULTIPLE_INTERFACES: 59,
  INVALID_NWFILTER: 61,
  NO_NWFILTER: 62,
  BUILD_FIREWALL: 63,
  INVALID_SECRET: 65,
  NO_SECRET: 66,
  CONFIG_UNSUPPORTED: 67,
  OPERATION_TIMEOUT: 68,
  HOOK_SCRIPT_FAILED: 70,
  INVALID_DOMAIN_SNAPSHOT: 71,
  NO_DOMAIN_SNAPSHOT: 72,
  INVALID_STREAM: 73,
  ARGUMENT_UNSUPPORTED: 74,
  STORAGE_PROBE_FAILED: 75,
  STORAGE_POOL_BUILT: 76,
  SNAPSHOT_REVERT_RISKY: 77,
  OPERATION_ABORTED: 78,
  AUTH_CANCELLED: 79,
  NO_DOMAIN_METADATA: 80,
  MIGRATE_UNSAFE: 81,
  OVERFLOW: 82,
  BLOCK_COPY_ACTIVE: 83,
  OPERATION_UNSUPPORTED: 84,
  AGENT_UNRESPONSIVE: 86,
  RESOURCE_BUSY: 87,
  ACCESS_DENIED: 88,
  STORAGE_VOL_EXIST: 90,
  CPU_INCOMPATIBLE: 91,
  XML_INVALID_SCHEMA: 92,
  AUTH_UNAVAILABLE: 94,
  AGENT_UNSYNCED: 97,
  DEVICE_MISSING: 99,
  INVALID_DOMAIN_CHECKPOINT: 102,
  NO_DOMAIN_CHECKPOINT: 103,
  CHECKPOINT_INCONSISTENT: 109,
  MULTIPLE_DOMAINS: 110,
  NO_NETWORK_METADATA: 111,
  AGENT_COMMAND_TIMEOUT: 112,
  AGENT_COMMAND_FAILED: 113,
} as const;

const namesByCode = new Map<number, string>(
  Object.entries(Code).map(([name, code]) => [code, name.toLowerCase().replaceAll("_", " ")]),
);

/** The words for an error number, as "config unsupported" for 67; "code 1234" for an unknown one. */
export function codeName(code: number): string {
  return namesByCode.get(code) ?? `code ${code}`;
}

/** What a libvirt error carries on the wire, besides its message. */
export interface ErrorFields {
  code: number;
  domain: number;
  level: number;
  message?: string | undefined;
  str1?: string | undefined;
  str2?: string | undefined;
  str3?: string | undefined;
  int1: number;
  int2: number;
}

/** libvirt said no: the call was received and answered with an error. */
export class LibvirtError extends Error {
  override readonly name = "LibvirtError";
  readonly code: number;
  readonly domain: number;
  readonly level: number;
  readonly str1: string | undefined;
  readonly str2: string | undefined;
  readonly str3: string | undefined;
  readonly int1: number;
  readonly int2: number;

  constructor(fields: ErrorFields) {
    super(plainText(fields.message ?? codeName(fields.code)));
    this.code = fields.code;
    this.domain = fields.domain;
    this.level = fields.level;
    this.str1 = shortened(fields.str1);
    this.str2 = shortened(fields.str2);
    this.str3 = shortened(fields.str3);
    this.int1 = fields.int1;
    this.int2 = fields.int2;
  }
}

/** The connection failed; `sent` says that the call may have been executed, so that only a read-back tells. */
export class ConnectionError extends Error {
  override readonly name: string = "ConnectionError";
  constructor(
    message: string,
    readonly uri: string,
    readonly sent: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The daemon ended the connection by itself; the cause of the ConnectionErrors of its calls. */
export class HungUpError extends Error {
  override readonly name = "HungUpError";
}

/** A call took longer than its deadline; the connection was dropped, the call may have been executed. */
export class DeadlineError extends ConnectionError {
  override readonly name = "DeadlineError";
}

/** The caller's AbortSignal fired; where `sent` is true, the call may have been executed. */
export class CancelledError extends ConnectionError {
  override readonly name = "CancelledError";
}

/** The peer broke the protocol; the connection is closed, its calls fail with a ConnectionError whose cause is this. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** An argument cannot be put on the wire; nothing was sent. */
export class EncodingError extends Error {
  override readonly name = "EncodingError";
}

/** True for an error of libvirt with one of the codes, or with any code where none is given. */
export function isLibvirt(error: unknown, ...codes: number[]): error is LibvirtError {
  return error instanceof LibvirtError && (codes.length === 0 || codes.includes(error.code));
}

const rpcDomain = 7;

/** True where the daemon is too old for the procedure; the connection stays usable. */
export function isUnknownProcedure(error: unknown): boolean {
  // 39/7 is also said of bad frames and missing authentication: only the text tells them apart.
  return (
    isLibvirt(error, Code.RPC) && error.domain === rpcDomain && /unknown procedure|find program/i.test(error.message)
  );
}

const textMaximum = 2048;

/** At most 2 KB with control, bidi and format characters written as \u{...}, fit for a terminal. */
export function plainText(text: string): string {
  const cut = text.length > textMaximum ? `${text.slice(0, textMaximum)}...` : text;
  return cut
    .replace(/\r?\n/g, " ")
    .replace(
      /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
      (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
    );
}

function shortened(text: string | undefined): string | undefined {
  return text === undefined ? undefined : plainText(text);
}
