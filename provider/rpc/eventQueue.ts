import type { Packet } from "./packet";

const packetMaximum = 1024;
const byteMaximum = 4_194_304;
const batch = 64;

/** Holds events between their arrival and their delivery; where they come too fast, all are dropped for one "resync". */
export class EventQueue {
  private queue: Packet[] = [];
  private bytes = 0;
  private lost = false;
  private scheduled = false;

  constructor(private readonly deliver: (event: Packet | "resync") => void) {}

  push(packet: Packet): void {
    if (this.lost) return;
    this.queue.push(packet);
    this.bytes += packet.payload.length;
    if (this.queue.length > packetMaximum || this.bytes > byteMaximum) {
      this.clear();
      this.lost = true;
    }
    this.schedule();
  }

  clear(): void {
    this.queue = [];
    this.bytes = 0;
    this.lost = false;
  }

  // Batches with the event loop between them: a flood of events must leave room for calls.
  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.lost) {
      this.lost = false;
      this.deliver("resync");
    }
    for (const packet of this.queue.splice(0, batch)) {
      this.bytes -= packet.payload.length;
      this.deliver(packet);
    }
    if (this.queue.length > 0) this.schedule();
  }
}
