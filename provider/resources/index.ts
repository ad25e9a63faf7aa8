/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports --
   loaded when first asked for: the process that serves a stack starts with what the stack has */
import type { Lookup, Resource } from "./port";

const all = {
  Domain: () => (require("./domain/lifecycle") as typeof import("./domain/lifecycle")).domain,
  Network: () => (require("./network/lifecycle") as typeof import("./network/lifecycle")).network,
  StoragePool: () => (require("./pool/lifecycle") as typeof import("./pool/lifecycle")).pool,
  Volume: () => (require("./volume/lifecycle") as typeof import("./volume/lifecycle")).volume,
  CloudInitDisk: () =>
    (require("./cloudInitDisk/lifecycle") as typeof import("./cloudInitDisk/lifecycle")).cloudInitDisk,
  DhcpHost: () => (require("./dhcpHost/lifecycle") as typeof import("./dhcpHost/lifecycle")).dhcpHost,
  DnsHost: () => (require("./dnsHost/lifecycle") as typeof import("./dnsHost/lifecycle")).dnsHost,
} as const satisfies Readonly<Record<string, () => Resource>>;

/** The names in the tokens of all resources: `Domain` of `kvm:index:Domain`. */
export type Token = keyof typeof all;

export const tokens: readonly Token[] = Object.keys(all) as Token[]; // the keys of a constant

/** True for the name of a resource that this version has. */
export function isResource(token: string): token is Token {
  return Object.hasOwn(all, token);
}

/** Loads a resource with the code behind it. */
export function load(token: Token): Resource {
  return all[token]();
}

const lookups = {
  getHost: () => (require("./host/lookup") as typeof import("./host/lookup")).getHost,
  getDomain: () => (require("./domain/lookup") as typeof import("./domain/lookup")).getDomain,
  getDomains: () => (require("./domain/lookup") as typeof import("./domain/lookup")).getDomains,
  getNetwork: () => (require("./network/lookup") as typeof import("./network/lookup")).getNetwork,
  getPool: () => (require("./pool/lookup") as typeof import("./pool/lookup")).getPool,
  getVolume: () => (require("./volume/lookup") as typeof import("./volume/lookup")).getVolume,
  getNodeDevices: () => (require("./nodeDevice/lookup") as typeof import("./nodeDevice/lookup")).getNodeDevices,
} as const satisfies Readonly<Record<string, () => Lookup>>;

/** The functions by name, with their tables' types. */
export type Lookups = { readonly [K in keyof typeof lookups]: ReturnType<(typeof lookups)[K]> };

/** The names in the tokens of all functions: `getHost` of `kvm:index:getHost`. */
export type LookupName = keyof Lookups;

export const lookupNames: readonly LookupName[] = Object.keys(lookups) as LookupName[]; // the keys of a constant

/** True for the name of a function that this version has. */
export function isLookup(name: string): name is LookupName {
  return Object.hasOwn(lookups, name);
}

/** Loads a function with the code behind it. */
export function loadLookup(name: LookupName): Lookup {
  return lookups[name]();
}
