import { Duplex } from "node:stream";
import { DialError, quoted } from "../outcome";
import type { ClientChannel } from "./library";

const longestComplaint = 2_000;

/** The streams of a program on the host as one; where it ends in failure before it said anything, its complaint is the error. */
export class HelperStream extends Duplex {
  private complaint = "";
  private spoke = false;

  constructor(
    private readonly channel: ClientChannel,
    private readonly what: string,
  ) {
    super();
    channel.on("data", (chunk: Buffer) => {
      this.spoke = true;
      if (!this.push(chunk)) channel.pause();
    });
    channel.stderr.on("data", (chunk: Buffer) => {
      if (this.complaint.length < longestComplaint) this.complaint += chunk.toString();
    });
    // The exit comes behind the end of the data.
    channel.on("close", (code: number | null | undefined) => {
      this.finish(code);
    });
  }

  override _read(): void {
    this.channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.channel.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.channel.destroy();
    done(error);
  }

  private finish(code: number | null | undefined): void {
    if (this.spoke || code === 0) {
      this.push(null);
      return;
    }
    const remedy =
      code === 127
        ? "install libvirt's client programs there (libvirt-clients on Debian), or leave out proxy="
        : "is libvirtd running there?";
    const reason = `${this.what} ended with ${code ?? "a signal"}: ${quoted(this.complaint)}; ${remedy}`;
    this.destroy(new DialError(reason, false));
  }
}
