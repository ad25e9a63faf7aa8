import { createServer, type Socket } from "node:net";

/** A port of the loopback that is open at once: whoever comes waits until somebody serves. */
export class Entrance {
  private readonly waiting: Socket[] = [];
  private serve: ((socket: Socket) => void) | undefined;
  // Nothing is read from a socket before it is served.
  private readonly server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    if (this.serve) this.serve(socket);
    else this.waiting.push(socket);
  });

  /** Resolves to the port. */
  open(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(0, "127.0.0.1", () => {
        const address = this.server.address();
        resolve(typeof address === "object" && address ? address.port : 0);
      });
    });
  }

  /** Serves those who wait and all who come. */
  lead(serve: (socket: Socket) => void): void {
    this.serve = serve;
    for (const socket of this.waiting.splice(0)) serve(socket);
  }

  close(): void {
    this.server.close();
  }
}

/** Opens the port and tells it, the only line on stdout; nothing where only the version is asked for. */
export async function opened(words: readonly string[]): Promise<Entrance | undefined> {
  if (words.includes("--version")) return undefined;
  const tell = guardOutput();
  const entrance = new Entrance();
  tell(String(await entrance.open()));
  return entrance;
}

/** Stdout belongs to the protocol: whatever else is printed goes to stderr. */
function guardOutput(): (line: string) => void {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return (line) => {
    write(`${line}\n`);
  };
}
