/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports --
   loaded when a URI first needs it: it takes longer to load than all the rest */

// The only door to ssh2. It accepts any host's key unless a verifier returns exactly `false` at once: connect.ts wires
// ours, which is a plain function that returns a boolean.
export const ssh2 = (): typeof import("ssh2") => require("ssh2") as typeof import("ssh2");

/** How its protocol writes packets: what it has no method for is written through it. */
export const ssh2Packets = (): {
  convertSignature: (signature: Buffer, keyType: string) => Buffer | undefined;
  sendPacket: (protocol: object, packet: Buffer) => void;
} => require("ssh2/lib/protocol/utils.js") as ReturnType<typeof ssh2Packets>;

export type { AnyAuthMethod, Client, ClientChannel, ParsedKey, SFTPWrapper } from "ssh2";
