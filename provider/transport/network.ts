import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { DialError } from "./outcome";

/** How a port of a host fails before anything is said there. */
const causes: Readonly<Record<string, (where: string) => string>> = {
  ENOTFOUND: () => "the name of the host is not known: correct the URI, or the name service of this machine",
  EAI_AGAIN: () => "the name service does not answer: try again",
  EHOSTUNREACH: () => "no way leads there: is the host up, and its network?",
  ENETUNREACH: () => "no way leads there: is this machine's network up?",
  ETIMEDOUT: (where) => `nothing answers at ${where}: is the host up, and does its firewall let the port through?`,
};

const passing = new Set(["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "EAI_AGAIN"]);

/** The refusal of a port by the system's code; `listens` says how its daemon is started. */
export function unreachable(code: string, where: string, listens: string): DialError {
  const cause = causes[code]?.(where) ?? `nothing listens at ${where}: ${listens}`;
  return new DialError(`${cause} (${code})`, passing.has(code));
}

export function isOfNetwork(code: string): boolean {
  return code === "ECONNREFUSED" || Object.hasOwn(causes, code);
}

/** The system's name service, with its own word for `localhost` where it has none (https://www.rfc-editor.org/rfc/rfc6761#section-6.3). */
export const lookUp: LookupFunction = (name, options, done) => {
  lookup(name, options, (error, address, family) => {
    const loopback = error?.code === "ENOTFOUND" && name.toLowerCase() === "localhost";
    if (!loopback) done(error, address, family);
    else if (options.all === true) done(null, [{ address: "127.0.0.1", family: 4 }]);
    else done(null, "127.0.0.1", 4);
  });
};
