// Small enough to stay in the processor's cache while it is compared again and again.
const zeros = Buffer.alloc(64 * 1024);

/** True where every byte is nought: such a stretch of an image can be left a hole. */
export function isZero(chunk: Buffer): boolean {
  for (let at = 0; at < chunk.length; at += zeros.length) {
    const end = Math.min(at + zeros.length, chunk.length);
    if (chunk.compare(zeros, 0, end - at, at, end) !== 0) return false;
  }
  return true;
}
