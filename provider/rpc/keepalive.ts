import type { Packet } from "./packet";

const Procedure = { PING: 1, PONG: 2 } as const;
const tickMs = 5_000;
const silentTicksAllowed = 6;
const pongIntervalMs = 100;

export interface KeepalivePort {
  send(procedure: number): void;
  lost(reason: string): void;
}

/**
 * Answers the peer's pings, and pings it while calls wait, so that a frozen peer is noticed within 30 s.
 * Ticks are counted, not the clock: a busy event loop must not look like a silent peer.
 */
export class Keepalive {
  private timer: NodeJS.Timeout | undefined;
  private silentTicks = 0;
  private lastPong = -Infinity;

  constructor(private readonly port: KeepalivePort) {}

  /** Anything that arrives proves that the peer lives. */
  heard(): void {
    this.silentTicks = 0;
  }

  /** A keepalive packet came; a flood of pings is answered ten times a second. */
  receive(packet: Packet): void {
    if (packet.procedure !== Procedure.PING) return;
    const now = performance.now();
    if (now - this.lastPong < pongIntervalMs) return;
    this.lastPong = now;
    this.port.send(Procedure.PONG);
  }

  watch(waiting: boolean): void {
    if (waiting === (this.timer !== undefined)) return;
    clearInterval(this.timer);
    this.timer = undefined;
    if (!waiting) return;
    this.silentTicks = 0;
    this.timer = setInterval(() => {
      this.tick();
    }, tickMs);
    this.timer.unref(); // the socket holds the process while calls wait
  }

  private tick(): void {
    this.silentTicks += 1;
    if (this.silentTicks > silentTicksAllowed - 1) {
      this.port.lost(`nothing was heard from the daemon for ${(silentTicksAllowed * tickMs) / 1000} s`);
    } else {
      this.port.send(Procedure.PING);
    }
  }
}
