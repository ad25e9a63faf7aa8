/** Bytes of a logical block: every extent of an ISO image begins on one. */
export const sectorBytes = 2048;

/** A number of 16 bits in both byte orders, little first (ECMA-119 7.2.3). */
export function bothEndian16(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt16LE(value, at);
  bytes.writeUInt16BE(value, at + 2);
}

/** A number of 32 bits in both byte orders, little first (ECMA-119 7.3.3). */
export function bothEndian32(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at);
  bytes.writeUInt32BE(value, at + 4);
}
