import type { Connection } from "./connection";
import type { Domain } from "./objects";
import type { Stream } from "./streams";

// virDomainConsoleFlags: fail rather than share a console that another client has
const SAFE = 2;

/** A guest that writes by itself pauses less than this; what comes within it after a line end is its answer. */
const SILENCE_MS = 500;
/** How long a prompt may take to come. */
const ANSWER_MS = 2000;

/** Prompts of what runs before the guest's own system, or where that could not come up. */
const NOT_THE_GUEST = /grub( rescue)?>|Shell>|iPXE>|\(initramfs\)|dracut:|maintenance/;

/** What a terminal is told to do. */
const ESCAPES = /\x1b(\[[0-9;?]*[ -/]*[@-~]|[^[])/g;
/** A menu draws all over the screen. */
const DRAWS = /\x1b\[\d+;\d+[Hf]/;

/**
 * True when a guest's first serial console gives the same prompt to each of two line ends, within the time. What the guest
 * writes by itself (firmware, kernel, a panic) and a bare echo are no answer. The console is closed then.
 * Throws LibvirtError where the machine has none, or another client has it.
 */
export async function consoleAnswers(connection: Connection, dom: Domain, timeoutMs: number): Promise<boolean> {
  const stream = await connection.openStream("DOMAIN_OPEN_CONSOLE", { dom, dev_name: undefined, flags: SAFE });
  const ear = new Ear(stream, performance.now() + timeoutMs);
  try {
    await ear.untilSilent();
    const first = promptIn(await answer(stream, ear));
    return first !== undefined && first === promptIn(await answer(stream, ear));
  } finally {
    stream.abandon(new Error("the console was closed"));
  }
}

async function answer(stream: Stream, ear: Ear): Promise<string> {
  await stream.send([Buffer.from("\r")]);
  const first = await ear.hear(ANSWER_MS);
  return first === undefined ? "" : first + (await ear.untilSilent());
}

/**
 * The prompt in what came back for a line end: the line end itself, then words of a system that came up. A clock or a counter in
 * it does not make it another one. Undefined: there is none.
 */
export function promptIn(text: string): string | undefined {
  const words = text
    .replace(ESCAPES, "")
    .replace(/[\s\d]+/g, " ")
    .trim();
  const answers = /^[\r\n]/.test(text) && words !== "";
  return answers && !DRAWS.test(text) && !NOT_THE_GUEST.test(words) ? words : undefined;
}

/** Hears a console until a time. */
class Ear {
  private next: Promise<string | undefined> | undefined;

  constructor(
    private readonly stream: Stream,
    private readonly end: number,
  ) {}

  /** What is written next; undefined: nothing within that time, or the console's end. */
  async hear(patienceMs: number): Promise<string | undefined> {
    this.next ??= this.stream.next().then((data) => (Buffer.isBuffer(data) ? data.toString("latin1") : undefined));
    this.next.catch(() => undefined); // the stream is dropped in the end
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<"silent">((resolve) => {
      timer = setTimeout(resolve, Math.max(0, Math.min(patienceMs, this.end - performance.now())), "silent");
    });
    try {
      const heard = await Promise.race([this.next, patience]);
      if (heard === "silent") return undefined;
      this.next = undefined;
      return heard;
    } finally {
      clearTimeout(timer);
    }
  }

  /** All that is written until nothing more comes. */
  async untilSilent(): Promise<string> {
    let all = "";
    for (;;) {
      const more = await this.hear(SILENCE_MS);
      if (more === undefined) return all;
      all += more;
    }
  }
}
