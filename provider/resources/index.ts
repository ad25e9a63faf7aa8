/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports --
   loaded when first asked for: the process that serves a stack starts with what the stack has */
import type { Resource } from "./port";

const all = {
  Domain: () => (require("./domain/lifecycle") as typeof import("./domain/lifecycle")).domain,
  Network: () => (require("./network/lifecycle") as typeof import("./network/lifecycle")).network,
  StoragePool: () => (require("./pool/lifecycle") as typeof import("./pool/lifecycle")).pool,
  Volume: () => (require("./volume/lifecycle") as typeof import("./volume/lifecycle")).volume,
  CloudInitDisk: () =>
    (require("./cloudInitDisk/lifecycle") as typeof import("./cloudInitDisk/lifecycle")).cloudInitDisk,
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
