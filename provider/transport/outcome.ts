import type { Duplex } from "node:stream";
import type { Access } from "./access";

/** A byte stream to a daemon; `shared` says that every daemon's calls may go through it. */
export interface Dialled {
  socket: Duplex;
  path: string;
  shared: boolean;
  /** Whose sessions are reached there: the user's number where it is known, else the name. */
  user: string;
}

export interface DialOptions {
  timeoutMs: number;
  /** Reach the read-only socket, where every change is refused. */
  readOnly?: boolean;
  /** Keys, passwords and known hosts of the provider's settings. */
  access?: Access;
}

/** No daemon was reached. */
export class DialError extends Error {
  override readonly name = "DialError";
  constructor(
    message: string,
    /** This may pass, as while a daemon restarts. */
    readonly absent: boolean,
    /** The socket is there, and closed to this account: one for those who only look may be open. */
    readonly denied = false,
  ) {
    super(message);
  }
}

const longest = 300;

/** Text from a host for a message: one line, cut, without characters that steer a terminal. */
export function quoted(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  const cut = line.length > longest ? `${line.slice(0, longest)}...` : line;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`);
}
