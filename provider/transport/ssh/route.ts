import { join, resolve } from "node:path";
import type { HostUri } from "../uri";
import { type Asked, expand, Options, whereabouts } from "./config";
import type { HostName } from "./knownHosts";
import { fromHome, type System } from "./system";
import { ConfigError, type Line } from "./words";

/** A host on the way, with all that the URI and the SSH configuration say of it. */
export interface Hop {
  /** The name or address to connect to. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly name: HostName;
  readonly identities: readonly Identity[];
  /** Offer no key of the agent that is not among the identities. */
  readonly identitiesOnly: boolean;
  /** The agent's socket. */
  readonly agent: string | undefined;
  readonly knownHosts: readonly string[];
  /** True where the URI names that file. */
  readonly knownHostsGiven: boolean;
  readonly revokedKeys: string | undefined;
  /** Files with certificates, beside those that lie beside the identities. */
  readonly certificates: readonly string[];
}

/** A file with a private key; one that was named by somebody is missed where it is absent. */
export interface Identity {
  readonly path: string;
  readonly named: "uri" | "config" | "default";
}

const mostHops = 8;
const usualIdentities = ["id_rsa", "id_ecdsa", "id_ed25519"];

/** The hosts on the way to the URI's, which is the last; throws ConfigError where the configuration cannot be followed. */
export function routeTo(uri: HostUri, system: System): Hop[] {
  const asked = { host: uri.host ?? "", user: uri.user, port: uri.port };
  return way(asked, system, { keyfile: uri.parameters.get("keyfile"), knownHosts: uri.parameters.get("known_hosts") });
}

interface Wish {
  readonly keyfile?: string | undefined;
  readonly knownHosts?: string | undefined;
}

type Target = Omit<Asked, "localUser">;

function way(target: Target, system: System, wish: Wish, depth = 0): Hop[] {
  if (depth > mostHops) {
    throw new ConfigError(
      `the SSH configuration: ProxyJump to ${target.host} goes over more than ${mostHops} hosts: is it a circle?`,
    );
  }
  const options = optionsFor(target, system);
  const jumps = jumpsOf(options).flatMap((jump, index) =>
    index === 0 ? way(jump, system, {}, depth + 1) : [hopOf(jump, optionsFor(jump, system), system, {})],
  );
  return [...jumps, hopOf(target, options, system, wish)];
}

function optionsFor(target: Target, system: System): Options {
  const starts = [
    { path: join(system.home, ".ssh/config"), user: true },
    { path: "/etc/ssh/ssh_config", user: false },
  ];
  return Options.of({ ...target, localUser: system.localUser }, starts, system.files);
}

function jumpsOf(options: Options): Target[] {
  const line = options.first("proxyjump", "proxycommand");
  const [value = ""] = line?.args ?? [];
  if (line === undefined || value.toLowerCase() === "none") return [];
  if (line.keyword === "proxycommand") {
    throw new ConfigError(
      `${whereabouts(line)}: ProxyCommand would run a program here, which the provider never does: write ProxyJump HOST, or "ProxyCommand none" for this host`,
    );
  }
  return value.split(",").map((one) => jumpOf(one, line));
}

const jumpParts = /^(?:ssh:\/\/)?(?:([^@]+)@)?(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/;

function jumpOf(text: string, line: Line): Target {
  const [, user, host, port] = jumpParts.exec(text) ?? [];
  if (host === undefined) {
    throw new ConfigError(
      `${whereabouts(line)}: ProxyJump "${text}" is none: write [user@]host[:port], apart by commas`,
    );
  }
  return { host: host.replace(/^\[|\]$/g, ""), user, ...(port === undefined ? {} : { port: Number(port) }) };
}

function hopOf(target: Target, options: Options, system: System, wish: Wish): Hop {
  const { hostname: host, port, user } = options;
  const alias = options.text("hostkeyalias");
  const { home, environment } = system;
  const tokens = {
    "%": "%", d: home, h: host, i: String(system.uid), k: alias ?? target.host, L: system.localHost.split(".")[0] ?? "",
    l: system.localHost, n: target.host, p: String(port), r: user, u: system.localUser,
  }; // prettier-ignore
  const path = (text: string, keyword: string): string =>
    fromHome(expand(fromEnvironment(text, environment, keyword), tokens, keyword), home);
  const files = (keyword: string, usual: readonly string[]): string[] => {
    const given = options.first(keyword)?.args;
    if (given === undefined) return [...usual];
    return given[0]?.toLowerCase() === "none" ? [] : given.map((one) => path(one, keyword));
  };
  const revoked = options.text("revokedhostkeys");
  const ownKnownHosts =
    wish.knownHosts === undefined
      ? files("userknownhostsfile", [join(home, ".ssh/known_hosts"), join(home, ".ssh/known_hosts2")])
      : [resolve(fromHome(wish.knownHosts, home))];
  const sharedKnownHosts =
    wish.knownHosts === undefined
      ? files("globalknownhostsfile", ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"])
      : [];
  return {
    host,
    port,
    user,
    name: { host, port, alias },
    identities: identitiesOf(options, wish.keyfile, home, (text) => path(text, "IdentityFile")),
    identitiesOnly: options.text("identitiesonly")?.toLowerCase() === "yes",
    agent: agentOf(options.text("identityagent"), environment, (text) => path(text, "IdentityAgent")),
    knownHosts: [...ownKnownHosts, ...sharedKnownHosts],
    knownHostsGiven: wish.knownHosts !== undefined,
    revokedKeys:
      revoked === undefined || revoked.toLowerCase() === "none" ? undefined : path(revoked, "RevokedHostKeys"),
    certificates: options
      .all("certificatefile")
      .filter((text) => text.toLowerCase() !== "none")
      .map((text) => path(text, "CertificateFile")),
  };
}

function identitiesOf(
  options: Options,
  keyfile: string | undefined,
  home: string,
  path: (text: string) => string,
): Identity[] {
  const own: Identity[] = keyfile === undefined ? [] : [{ path: resolve(fromHome(keyfile, home)), named: "uri" }];
  const given = options.all("identityfile");
  const named = given.filter((text) => text.toLowerCase() !== "none").map((text) => path(text));
  const usual = given.length + own.length > 0 ? [] : usualIdentities.map((name) => join(home, ".ssh", name));
  return [
    ...own,
    ...named.map((one) => ({ path: one, named: "config" as const })),
    ...usual.map((one) => ({ path: one, named: "default" as const })),
  ];
}

function agentOf(
  given: string | undefined,
  environment: System["environment"],
  path: (text: string) => string,
): string | undefined {
  if (given?.toLowerCase() === "none") return undefined;
  const [, name] = /^\$([A-Za-z_]\w*)$/.exec(given ?? "$SSH_AUTH_SOCK") ?? [];
  const socket =
    given === "SSH_AUTH_SOCK" ? environment[given] : name === undefined ? path(given ?? "") : environment[name];
  return socket === undefined || socket === "" ? undefined : socket;
}

function fromEnvironment(text: string, environment: System["environment"], keyword: string): string {
  return text.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = environment[name];
    if (value === undefined)
      throw new ConfigError(`the SSH configuration: ${keyword} ${text}: ${name} is not set in the environment`);
    return value;
  });
}
