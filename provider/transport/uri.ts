/** One place where libvirt runs, as its URI says (https://libvirt.org/uri.html). It never holds a password. */
export interface HostUri {
  text: string;
  driver: Driver;
  transport: Transport;
  user?: string;
  host?: string;
  port?: number;
  path: string;
  parameters: ReadonlyMap<string, string>;
  /** What CONNECT_OPEN is told: the URI as the host itself would write it. */
  remoteUri: string;
}

export type Driver = keyof typeof pathsOfDriver;
export type Transport = (typeof transports)[number];

/** A URI that is not understood or not safe; `reason` is a sentence with the remedy and without secrets. */
export class UriError extends Error {
  override readonly name = "UriError";
  constructor(readonly reason: string) {
    super(reason);
  }
}

// An empty path means the first one where libvirt itself reads it so.
const pathsOfDriver = {
  qemu: { paths: ["/system", "/session"], emptyMeansFirst: false },
  lxc: { paths: ["/system"], emptyMeansFirst: true },
  xen: { paths: ["/system"], emptyMeansFirst: true },
  test: { paths: ["/default"], emptyMeansFirst: false },
} as const;

const transports = ["unix", "ssh", "tls", "tcp"] as const;

const refusedTransports: Readonly<Record<string, string>> = {
  ext: 'transport "ext" would run a program of the URI\'s choice; use "ssh", or "unix" with ?socket=/path',
  libssh: 'transport "libssh" is the C library\'s own; write "ssh", which needs no ssh program here either',
  libssh2: 'transport "libssh2" is the C library\'s own; write "ssh", which needs no ssh program here either',
};

/** Says why a value of a known parameter is refused, or undefined where it is fine. */
type Rule = (value: string) => string | undefined;

const any: Rule = () => undefined;
const absolute: Rule = (value) => (value.startsWith("/") ? undefined : "must be an absolute path");
const oneOf =
  (words: readonly string[], remedy: string): Rule =>
  (value) =>
    value.split(",").every((word) => words.includes(word)) ? undefined : remedy;
const never =
  (remedy: string): Rule =>
  () =>
    remedy;

const parameterRules: Readonly<Record<string, Rule>> = {
  name: any,
  mode: oneOf(["auto", "legacy", "direct"], "is auto, legacy or direct"),
  socket: absolute,
  keyfile: any,
  known_hosts: any,
  known_hosts_verify: oneOf(["normal"], 'may only be "normal": put the host\'s key into known_hosts instead'),
  sshauth: oneOf(
    ["agent", "privkey"],
    'may only name "agent" and "privkey": passwords belong into the provider\'s secret settings',
  ),
  proxy: oneOf(
    ["auto", "native", "helper"],
    'may not be "netcat", which runs a program on the host: leave it out, or use proxy=helper',
  ),
  no_tty: any,
  pkipath: absolute,
  tls_priority: never("is a word of GnuTLS, which is not used here: leave it out, TLS 1.2 or later is always spoken"),
  command: never("would run a program of the URI's choice here: leave it out, no ssh program is needed"),
  netcat: never("would run a program of the URI's choice on the host: leave it out, or use proxy=helper"),
  no_verify: never("would accept any host's key: put the host's key into known_hosts, or its CA into pkipath"),
  no_sanity: never("would skip the checks of the certificates: repair them instead"),
  authfile: never("is not read: name credentials in the provider's secret settings"),
};

const uriParts =
  /^(?<driver>[a-z0-9]+)(?:\+(?<transport>[a-z0-9]+))?:\/\/(?:(?<user>[^@/?#]*)@)?(?<host>\[[0-9a-f:.%]+\]|[^@:/?#[\]]*)(?::(?<port>\d{1,5}))?(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/i;

/** Reads a libvirt URI; throws UriError where it is not understood or would run a command or skip a check. */
export function parseUri(text: string): HostUri {
  if (/[\u0000-\u0020\u007f]/.test(text)) throw new UriError("a libvirt URI has no blanks and no control characters");
  const userinfo = /^[^/?#]*:\/\/([^/?#]*)@/.exec(text)?.[1] ?? "";
  if (/:|%3a/i.test(userinfo)) {
    throw new UriError(
      "a password in a URI would stand in state and logs: remove it, and use a key or the provider's secret password",
    );
  }
  const parts = uriParts.exec(text)?.groups;
  if (parts === undefined)
    throw new UriError(
      `"${masked(text)}" is no libvirt URI: one looks like qemu:///system or qemu+ssh://user@host/system`,
    );
  const driver = driverOf(parts["driver"] ?? "");
  const host = decoded("host", parts["host"] ?? "").replace(/^\[|\]$/g, "");
  const transport = transportOf(parts["transport"], host);
  const user = decoded("user", parts["user"] ?? "");
  const path = pathOf(driver, parts["path"] ?? "/");
  const parameters = parametersOf(parts["query"] ?? "");
  const remoteUri = `${driver}://${path}`;
  refuseMisfits(transport, host, user, parameters);
  refuseSessionFromAfar(transport, driver, path, host);
  refuseOtherName(remoteUri, parameters.get("name"));
  return {
    text,
    driver,
    transport,
    path,
    parameters,
    remoteUri,
    ...(user === "" ? {} : { user }),
    ...(host === "" ? {} : { host }),
    ...(parts["port"] === undefined ? {} : { port: portOf(parts["port"]) }),
  };
}

/** The text with everything hidden that could be a user's name or password. */
function masked(text: string): string {
  return text
    .slice(0, 200)
    .replace(/\/\/.*@/, "//***@")
    .replace(/\?.*$/, "?...");
}

function driverOf(word: string): Driver {
  const driver = word.toLowerCase();
  if (Object.hasOwn(pathsOfDriver, driver)) return driver as Driver; // hasOwn has just proved it
  throw new UriError(`driver "${word}" is not supported: use ${Object.keys(pathsOfDriver).join(", ")}`);
}

function transportOf(word: string | undefined, host: string): Transport {
  if (word === undefined) return host === "" ? "unix" : "tls";
  const found = transports.find((transport) => transport === word.toLowerCase());
  if (found !== undefined) return found;
  throw new UriError(
    refusedTransports[word.toLowerCase()] ?? `transport "${word}" is not known: use ${transports.join(", ")}`,
  );
}

function pathOf(driver: Driver, path: string): string {
  const { paths, emptyMeansFirst } = pathsOfDriver[driver];
  if (path === "/" && emptyMeansFirst) return paths[0];
  if ((paths as readonly string[]).includes(path)) return path;
  throw new UriError(
    `path "${path}" is not one of driver ${driver}: use ${paths.map((one) => `${driver}://${one}`).join(" or ")}`,
  );
}

function portOf(digits: string): number {
  const port = Number(digits);
  if (port >= 1 && port <= 65535) return port;
  throw new UriError(`port ${digits} is not between 1 and 65535`);
}

function parametersOf(query: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const item of query.split("&").filter((one) => one !== "")) {
    const [rawName = "", ...rest] = item.split("=");
    const name = decoded("parameter", rawName);
    const value = decoded(name, rest.join("="));
    if (!Object.hasOwn(parameterRules, name)) {
      throw new UriError(
        `parameter "${name.slice(0, 40)}" is not known: use ${Object.keys(parameterRules).slice(0, 10).join(", ")}`,
      );
    }
    if (parameters.has(name)) throw new UriError(`parameter "${name}" stands twice: keep one`);
    const trouble = parameterRules[name]?.(value);
    if (trouble !== undefined) throw new UriError(`parameter "${name}" ${trouble}`);
    parameters.set(name, value);
  }
  return parameters;
}

function refuseMisfits(
  transport: Transport,
  host: string,
  user: string,
  parameters: ReadonlyMap<string, string>,
): void {
  if (transport === "unix" && (host !== "" || user !== "")) {
    throw new UriError("transport unix reaches this machine only: leave out user and host, or use ssh");
  }
  if (transport !== "unix" && host === "")
    throw new UriError(`transport ${transport} needs a host, as in qemu+${transport}://host/system`);
  if (parameters.has("socket") && transport !== "unix" && transport !== "ssh") {
    throw new UriError(`parameter "socket" has no meaning with ${transport}: use it with unix or ssh`);
  }
}

/** Behind a port stands the system's daemon; whose session it would be is not known. */
function refuseSessionFromAfar(transport: Transport, driver: Driver, path: string, host: string): void {
  if (path !== "/session" || transport === "unix" || transport === "ssh") return;
  const name = host.includes(":") ? `[${host}]` : host;
  throw new UriError(
    `path "/session" is not reached with ${transport}: use ${driver}+${transport}://${name}/system, or ${driver}+ssh://user@${name}/session`,
  );
}

/** The daemon opens whatever `name` says, also a program or a third host: it may say no more than the URI itself. */
function refuseOtherName(remoteUri: string, name: string | undefined): void {
  if (name === undefined || name === remoteUri) return;
  throw new UriError(
    `parameter "name" may only be ${remoteUri}, which the URI says already: leave it out, and name driver and path in the URI itself`,
  );
}

function decoded(what: string, text: string): string {
  let plain: string;
  try {
    plain = decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw new UriError(`the ${what} of the URI has a broken %-escape: write % as %25`);
    throw error;
  }
  if (/[\u0000-\u001f\u007f]/.test(plain)) throw new UriError(`the ${what} of the URI holds a control character`);
  return plain;
}
