/** An image that cannot be made, read or believed; the message says which and why. */
export class MediaError extends Error {
  override readonly name = "MediaError";
}
