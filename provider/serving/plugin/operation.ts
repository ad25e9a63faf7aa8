import { setMaxListeners } from "node:events";
import { type Created, PartialFailure, Refusal } from "../../resources/port";

// The engine waits for what is under way when it cancels; what does not end by then is answered for.
const GRACE_MS = 1_500;

interface Running {
  readonly stop: (reason: string) => void;
  readonly ended: Promise<unknown>;
}

/** The bounds of one operation. */
export interface Bounds {
  /** `customTimeouts`, in milliseconds; absent: none. */
  readonly timeoutMs?: number | undefined;
}

/** What an operation can say of itself while it runs. */
export interface Telling {
  /** What has to stand in the state where it gives no answer in time. */
  readonly begun: (left: Created) => void;
  /** From now on it is waited for, also after it was stopped: a guest or a network would stay off. */
  readonly mustEnd: () => void;
}

type Act<T> = (signal: AbortSignal, telling: Telling) => Promise<T>;

/** All operations under way: each ends by itself, by its time, or with the engine's cancel. */
export class Operations {
  private readonly running = new Set<Running>();
  private cancelled: string | undefined;

  /** Lets operations begin again: the engine cancels at the end of every run, and may come back. */
  rearm(): void {
    this.cancelled = undefined;
  }

  /** Ends what is under way, and whatever begins from now on. */
  cancel(reason: string): void {
    this.cancelled = reason;
    for (const { stop } of this.running) stop(reason);
  }

  /** Waits until nothing is under way. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.running].map(({ ended }) => ended));
  }

  /** Runs an operation. One that is stopped ends within 1.5 s, with what has to stand in the state, unless it says that it must end. */
  async run<T>({ timeoutMs }: Bounds, act: Act<T>): Promise<T> {
    const controller = new AbortController();
    const { signal } = controller;
    // One listener for each call under way.
    setMaxListeners(0, signal);
    const stop = (reason: string): void => {
      controller.abort(new Error(reason));
    };
    if (this.cancelled !== undefined) throw new Error(this.cancelled);
    const timer = timeoutMs === undefined ? undefined : setTimeout(stop, timeoutMs, tooLong(timeoutMs));
    const ended = this.bounded(signal, act);
    const one = { stop, ended };
    this.running.add(one);
    try {
      return await ended;
    } finally {
      clearTimeout(timer);
      this.running.delete(one);
    }
  }

  private async bounded<T>(signal: AbortSignal, act: Act<T>): Promise<T> {
    let left: Created | undefined;
    let waitedFor = false;
    const answer = act(signal, {
      begun: (created) => {
        left = created;
      },
      mustEnd: () => {
        waitedFor = true;
      },
    });
    const late = new Late(signal, () => waitedFor);
    try {
      return await Promise.race([answer, late.promise]);
    } catch (error) {
      // Only `stop` aborts, with an Error.
      throw signal.aborted ? explained(error, signal.reason as Error, left) : error;
    } finally {
      late.forget();
      answer.catch(() => undefined);
    }
  }
}

function tooLong(timeoutMs: number): string {
  return `it did not end within ${timeoutMs / 1000} s (customTimeouts)`;
}

/** Nothing was heard of an operation for the whole grace after it was stopped. */
class Silence extends Error {}

/** Rejects when a stopped operation gives no answer, and is not to be waited for. */
class Late {
  readonly promise: Promise<never>;
  private timer: NodeJS.Timeout | undefined;
  private readonly begin: () => void;

  constructor(
    private readonly signal: AbortSignal,
    waitedFor: () => boolean,
  ) {
    let fail: (error: Error) => void = () => undefined;
    this.promise = new Promise((_, reject) => {
      fail = reject;
    });
    this.begin = () => {
      this.timer = setTimeout(() => {
        if (!waitedFor()) fail(new Silence("no answer yet"));
      }, GRACE_MS);
    };
    signal.addEventListener("abort", this.begin, { once: true });
  }

  forget(): void {
    this.signal.removeEventListener("abort", this.begin);
    clearTimeout(this.timer);
  }
}

/** The error of a stopped operation: why it was stopped first, and with what the state has to keep. */
function explained(error: unknown, stopped: Error, left: Created | undefined): unknown {
  if (error instanceof Refusal) return error;
  if (error instanceof PartialFailure) {
    const message = told(error, stopped);
    return new PartialFailure(message, error.id, error.outputs, { cause: error });
  }
  if (error instanceof Silence) {
    const message = `${stopped.message}; the host may still be at work on it, so the next run looks again`;
    return left ? new PartialFailure(message, left.id, left.outputs) : new Error(message);
  }
  return new Error(told(error, stopped), { cause: error });
}

/** An act that heard the signal says its reason already, mostly behind what it was doing. */
function told(error: unknown, stopped: Error): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.includes(stopped.message) ? message : `${stopped.message}; ${message}`;
}
