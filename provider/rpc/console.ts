import type { Connection } from "./connection";
import type { Domain } from "./objects";

// virDomainConsoleFlags: fail rather than share a console that another client has
const SAFE = 2;

/**
 * True when a guest writes something on its first serial console, after a line end was sent to it; the console is closed then.
 * Throws LibvirtError where the machine has none, or another client has it.
 */
export async function consoleAnswers(connection: Connection, dom: Domain, timeoutMs: number): Promise<boolean> {
  const stream = await connection.openStream("DOMAIN_OPEN_CONSOLE", { dom, dev_name: undefined, flags: SAFE });
  let timer: NodeJS.Timeout | undefined;
  try {
    await stream.send([Buffer.from("\r")]);
    const silence = new Promise<false>((resolve) => {
      timer = setTimeout(() => {
        resolve(false);
      }, timeoutMs);
    });
    const answer = stream.next().then((data) => data !== undefined);
    answer.catch(() => undefined); // the connection is dropped below
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
    stream.abandon(new Error("the console was closed"));
  }
}
