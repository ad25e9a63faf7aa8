import type { Duplex } from "node:stream";

type Done = (error?: Error | null) => void;

/** What a stream is told by Node where several writes wait. */
type Waiting = readonly { readonly chunk: Buffer }[];

const packetBytes = 32 * 1024;

/** Lets small writes that wait together leave as one: ssh2 encrypts and sends each by itself. */
export function gathering(channel: Duplex): void {
  const one = (chunk: Buffer, done: Done): void => {
    channel._write(chunk, "buffer" as BufferEncoding, done);
  };
  const oneByOne = ([first, ...rest]: readonly Buffer[], done: Done): void => {
    if (first === undefined) done();
    else
      one(first, (error) => {
        if (error) done(error);
        else oneByOne(rest, done);
      });
  };
  channel._writev = (waiting: Waiting, done: Done): void => {
    const chunks = waiting.map(({ chunk }) => chunk);
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    if (bytes <= packetBytes) one(Buffer.concat(chunks), done);
    else oneByOne(chunks, done);
  };
}
