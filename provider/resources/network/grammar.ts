import type { Values } from "../../fields";
import { canonical, parseAddress, parseSubnet } from "./addresses";

/** An IPv4 or IPv6 address. */
export const address = (value: string): string | undefined =>
  parseAddress(value) ? undefined : "must be an IPv4 or IPv6 address";
/** Equality of addresses, however they are written. */
export const sameAddress = (wanted: string, found: string): boolean => canonical(wanted) === canonical(found);
/** An address with the length of its prefix. */
export const subnet = (value: string): string | undefined =>
  parseSubnet(value) ? undefined : 'must be an address with its prefix, such as "10.20.0.1/24" or "fd00:20::1/64"';
/** Equality of what has no case (a MAC). */
export const sameText = (wanted: string, found: string): boolean => wanted.toLowerCase() === found.toLowerCase();
/** A name in DNS that may begin with an underscore (`_ldap`, `_acme-challenge.example`). */
export const dnsName = (value: string): string | undefined =>
  value.split(".").every((label) => /^_?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
    ? undefined
    : "must be a DNS name: labels of letters, digits, inner '-' and a leading '_', joined by '.'";
/** dnsmasq splits a TXT record at commas, and quotes would end the word in its file. */
export const txtValue = (value: string): string | undefined =>
  /^[^",\\]*$/.test(value) ? undefined : "must have no comma, quote or backslash: dnsmasq would split it";

// Options that run programs or touch files of the host, as root: no text of a program may reach them.
const FORBIDDEN_OPTIONS =
  /^(conf-(file|dir|script)|servers-file|resolv-file|addn-hosts|hostsdir|dhcp-(script|scriptuser|luascript|hostsfile|hostsdir|optsfile|optsdir|leasefile)|leasefile-ro|log-facility|pid-file|user|group|dumpfile|tftp-root|enable-tftp|enable-dbus|enable-ubus|connmark-allowlist(-enable)?)(=|$)/;

/** An option of dnsmasq that stays within its network. */
export function dnsmasqOption(value: string): string | undefined {
  if (!/^[a-z0-9][a-z0-9-]*(=\S+)?$/.test(value))
    return 'must be an option of dnsmasq without spaces, such as "no-ping"';
  const forbidden = FORBIDDEN_OPTIONS.exec(value)?.[1];
  return forbidden === undefined
    ? undefined
    : `must not be ${forbidden}: it reaches files or programs of the host as root`;
}

/** A key made of several properties. */
export const joinedKey =
  (...names: readonly string[]) =>
  (item: Values): string | undefined => {
    const parts = names.map((name) => item[name]);
    const known = parts.every((part) => part === undefined || typeof part === "string" || typeof part === "number");
    return known && parts.some((part) => part !== undefined)
      ? parts.map((part) => canonical(String(part ?? ""))).join(" ")
      : undefined;
  };
