import { createServer } from "node:net";
import { CancelledError, ConnectionError, DeadlineError, EncodingError, Host } from "../../provider/rpc";
import { parseUri } from "../../provider/transport";
import { FakeDaemon, Peer, refusal, text, words, type Call } from "./fakeDaemon";

const GET_HOSTNAME = 59;
const CREATE = 196;
const UNDEFINE = 231;
const DEFINE = 350;
const UPLOAD = 208;
const DOWNLOAD = 209;

const vol = { pool: "p", name: "v", key: "/v" };
const dom = { name: "web", uuid: "00000000-0000-4000-8000-000000000001", id: -1 };
const domBytes = Buffer.concat([text("web"), Buffer.from("00000000000040008000000000000001", "hex"), words(-1)]);

let daemon: FakeDaemon;
let host: Host;

beforeEach(async () => {
  daemon = await FakeDaemon.start();
  daemon.on(GET_HOSTNAME, () => text("h")).on(DEFINE, () => domBytes);
  host = Host.at(parseUri(daemon.uri));
});

afterEach(async () => {
  await host.close();
  await daemon.stop();
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const outcome = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);
const hostname = (): Promise<{ hostname: string }> => host.call("CONNECT_GET_HOSTNAME", {});
const define = (options = {}): Promise<unknown> =>
  outcome(host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: "<domain/>", flags: 1 }, options));

describe("a call", () => {
  it("greets with AUTH_LIST and CONNECT_OPEN, then sends its arguments", async () => {
    const payloads: string[] = [];
    daemon.on(1, (call) => (payloads.push(call.payload.toString("hex")), Buffer.alloc(0)));
    daemon.on(DEFINE, (call) => (payloads.push(call.payload.toString("hex")), domBytes));
    expect(await define()).toEqual({ dom });
    const open = Buffer.concat([words(1), text("qemu:///system"), words(0)]).toString("hex");
    expect(payloads).toEqual([open, open, Buffer.concat([text("<domain/>"), words(1)]).toString("hex")]);
    expect(daemon.calls).toEqual([66, 1, 66, 1, DEFINE]);
  });

  it("sends nothing where an argument cannot be sent, and names it", async () => {
    const error = await outcome(host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: "a\0b", flags: 0 }));
    expect(error).toBeInstanceOf(EncodingError);
    expect((error as Error).message).toBe("DOMAIN_DEFINE_XML_FLAGS: xml: a NUL character cannot be sent");
    expect(daemon.calls).not.toContain(DEFINE);
  });

  it("keeps 32 callers to four at a time on each connection, reads apart from writes and long calls", async () => {
    const slow = async (): Promise<Buffer> => (await pause(20), domBytes);
    daemon
      .on(DEFINE, slow)
      .on(GET_HOSTNAME, async () => (await pause(5), text("h")))
      .on(CREATE, slow);
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        await Promise.all([define(), hostname(), host.call("DOMAIN_CREATE_WITH_FLAGS", { dom, flags: 0 })]);
      }),
    );
    expect(Math.max(...daemon.peers.map((peer) => peer.mostInFlight))).toBe(4);
    expect(daemon.peers).toHaveLength(1 + 1 + 8);
  });

  it("reads at once while writes and long calls wait", async () => {
    let release: (value: Buffer) => void = () => undefined;
    const gate = new Promise<Buffer>((resolve) => (release = resolve));
    daemon.on(DEFINE, () => gate).on(CREATE, () => gate);
    const waiting = [
      ...Array.from({ length: 10 }, () => define()),
      ...Array.from({ length: 8 }, () => outcome(host.call("DOMAIN_CREATE_WITH_FLAGS", { dom, flags: 0 }))),
    ];
    expect(await hostname()).toEqual({ hostname: "h" });
    release(domBytes);
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 18 }, () => ({ dom })));
  });
});

describe("a lost connection", () => {
  it("is opened again for a read, which its caller does not notice", async () => {
    let first = true;
    daemon.on(GET_HOSTNAME, ({ peer }) => {
      if (!first) return text("second");
      first = false;
      peer.socket.destroy();
      return undefined;
    });
    expect(await hostname()).toEqual({ hostname: "second" });
  });

  it("fails a read the second time", async () => {
    daemon.on(GET_HOSTNAME, (call) => void call.peer.socket.destroy());
    expect(await outcome(hostname())).toMatchObject({ name: "ConnectionError", sent: true });
    expect(daemon.calls.filter((procedure) => procedure === GET_HOSTNAME)).toHaveLength(2);
  });

  it("never sends a write twice", async () => {
    daemon.on(DEFINE, (call) => void call.peer.socket.destroy());
    expect(await define()).toMatchObject({ name: "ConnectionError", sent: true, uri: daemon.uri });
    expect(daemon.calls.filter((procedure) => procedure === DEFINE)).toHaveLength(1);
  });

  it("tells calls that were still in the queue that nothing was sent", async () => {
    daemon.on(DEFINE, () => undefined);
    await hostname();
    const calls = Array.from({ length: 6 }, () => define());
    await pause(50);
    daemon.peers[1]!.socket.destroy();
    const sent = (await Promise.all(calls)).map((error) => (error as ConnectionError).sent);
    expect(sent).toEqual([true, true, true, true, false, false]);
  });

  it("counts a half-closed one as lost", async () => {
    daemon.on(DEFINE, (call) => void call.peer.socket.end());
    expect(await define()).toMatchObject({ sent: true });
  });

  it("waits for a daemon that restarts", async () => {
    await hostname();
    await daemon.die();
    const reading = hostname();
    await pause(150);
    await daemon.listen();
    expect(await reading).toEqual({ hostname: "h" });
    expect(await define()).toEqual({ dom });
  });

  it("tells listeners to look again, and goes on telling them events", async () => {
    daemon.on(316, () => words(0));
    const heard: unknown[] = [];
    await host.subscribe("domainLifecycle", (event) => heard.push(event === "resync" ? event : event.event));
    const event = Buffer.concat([words(0), domBytes, words(2, 0)]);
    daemon.peers.at(-1)!.send({ procedure: 318, type: 2, payload: event });
    await pause(30);
    daemon.peers.at(-1)!.socket.destroy();
    await pause(300);
    daemon.peers.at(-1)!.send({ procedure: 318, type: 2, payload: event });
    await pause(30);
    expect(heard).toEqual([2, "resync", 2]);
  });

  it("does not trouble a listener who comes while the last one leaves", async () => {
    daemon.on(316, async () => (await pause(10), words(0)));
    const leave = await host.subscribe("domainLifecycle", () => undefined);
    const heard: unknown[] = [];
    const [, second] = await Promise.all([
      leave(),
      host.subscribe("domainLifecycle", (event) => heard.push(event)),
      host.subscribe("domainLifecycle", () => undefined),
    ]);
    daemon.peers.at(-1)!.send({ procedure: 318, type: 2, payload: Buffer.concat([words(0), domBytes, words(5, 0)]) });
    await pause(50);
    expect(heard).toContainEqual({ callbackID: 0, dom, event: 5, detail: 0 });
    expect(daemon.calls.filter((procedure) => procedure === 316)).toHaveLength(2);
    await second();
  });

  it("is not waited for at the first try: the error names the socket and the remedy", async () => {
    await daemon.die();
    const error = await define();
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ sent: false });
    expect((error as Error).message).toContain(`tried ${daemon.path} (ENOENT); is libvirtd running?`);
    await daemon.listen();
  });

  it("is tried again where the daemon closes in the greeting, as one with too many clients does", async () => {
    let refusals = 2;
    daemon.on(66, ({ peer }) => {
      if (refusals === 0) return words(0);
      refusals -= 1;
      peer.socket.destroy();
      return undefined;
    });
    expect(await hostname()).toEqual({ hostname: "h" });
  });

  it("is tried again where the daemon closes before it read the greeting, which the system reports as a reset", async () => {
    await daemon.die();
    let refusals = 2;
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      if (refusals === 0) {
        daemon.peers.push(new Peer(socket, daemon));
        return void socket.resume();
      }
      refusals -= 1;
      setTimeout(() => socket.destroy(), 20);
    });
    await new Promise<void>((ready) => server.listen(daemon.path, ready));
    const answer = await outcome(hostname());
    await host.close();
    await new Promise((closed) => server.close(closed));
    expect(answer).toEqual({ hostname: "h" });
    expect(refusals).toBe(0);
  });
});

describe("deadlines and cancelling", () => {
  it("ends a call at its deadline, drops its connection and opens another", async () => {
    daemon.on(DEFINE, () => undefined);
    const error = await define({ deadlineMs: 50 });
    expect(error).toBeInstanceOf(DeadlineError);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ sent: true });
    daemon.on(DEFINE, () => domBytes);
    expect(await define()).toEqual({ dom });
  });

  it("says of a call that waited too long in the queue that it was not sent", async () => {
    daemon.on(DEFINE, () => undefined);
    const first = Array.from({ length: 4 }, () => define());
    await pause(30);
    expect(await define({ deadlineMs: 30 })).toMatchObject({ name: "DeadlineError", sent: false });
    daemon.peers[1]!.socket.destroy();
    await Promise.all(first);
  });

  it("lets a caller go, and gives its answer to nobody", async () => {
    let call: Call | undefined;
    daemon.on(DEFINE, (one) => void (call = one));
    const controller = new AbortController();
    const cancelled = define({ signal: controller.signal });
    await pause(30);
    controller.abort(new Error("enough"));
    expect(await cancelled).toBeInstanceOf(CancelledError);
    expect(await cancelled).toMatchObject({ sent: true });
    call!.peer.reply(call!, domBytes);
    daemon.on(UNDEFINE, () => Buffer.alloc(0));
    expect(await host.call("DOMAIN_UNDEFINE_FLAGS", { dom, flags: 0 })).toEqual({});
    expect(await define({ signal: AbortSignal.abort() })).toMatchObject({ sent: false });
  });

  it("drops a connection whose cancelled call is never answered", async () => {
    daemon.on(DEFINE, () => undefined);
    const controller = new AbortController();
    const cancelled = define({ signal: controller.signal, deadlineMs: 100 });
    await pause(30);
    controller.abort();
    expect(await cancelled).toBeInstanceOf(CancelledError);
    await pause(150);
    expect(daemon.peers[1]!.socket.destroyed).toBe(true);
  });

  it("fails what is under way when the host is closed", async () => {
    daemon.on(DEFINE, () => undefined);
    const waiting = define();
    await pause(30);
    await host.close();
    expect(await waiting).toMatchObject({ sent: true });
    expect(await define()).toMatchObject({ sent: false });
  });
});

describe("an upload", () => {
  /** Collects the packets of each stream; answers its end with `ending`. */
  const collect = (
    ending: (call: Call) => void = (call) => {
      call.peer.reply(call, Buffer.alloc(0), { type: 3 });
    },
  ): { opened: string[]; packets: Buffer[] } => {
    const seen = { opened: [] as string[], packets: [] as Buffer[] };
    daemon.on(UPLOAD, (call) => {
      if (call.type === 0) {
        seen.opened.push(call.payload.subarray(-20).toString("hex"));
        return Buffer.alloc(0);
      }
      if (call.status === 0) ending(call);
      else seen.packets.push(call.payload);
      return undefined;
    });
    return seen;
  };

  it("goes in segments, on one connection, in packets of at most 1 MiB, small ones joined", async () => {
    const seen = collect();
    const data = Array.from({ length: 50 }, (_, index) => Buffer.alloc(65_536, index));
    const total = 50 * 65_536;
    await host.upload(vol, { offset: 4096n, length: BigInt(total) }, data, { segmentBytes: 2_097_152 });
    expect(Buffer.concat(seen.packets).equals(Buffer.concat(data))).toBe(true);
    const quarter = 262_144;
    expect(seen.packets.map((packet) => packet.length)).toEqual([...Array<number>(12).fill(quarter), 131_072]);
    // offset, length, flags
    expect(seen.opened).toEqual([
      "0000000000001000" + "0000000000200000" + "00000000",
      "0000000000201000" + "0000000000120000" + "00000000",
    ]);
    expect(daemon.peers).toHaveLength(2);
  });

  it("never sends an empty packet, which would mean the end", async () => {
    const seen = collect();
    await host.upload(vol, { offset: 0n, length: 4n }, [
      Buffer.alloc(0),
      Buffer.from("ab"),
      Buffer.alloc(0),
      Buffer.from("cd"),
      Buffer.alloc(0),
    ]);
    expect(seen.packets.map(String)).toEqual(["abcd"]);
  });

  it("sends holes as packets of type 6 and cuts them at segments", async () => {
    const types: [number, string][] = [];
    daemon.on(UPLOAD, (call) => {
      if (call.type === 0) return Buffer.alloc(0);
      if (call.status === 0) call.peer.reply(call, Buffer.alloc(0), { type: 3 });
      else types.push([call.type, call.payload.toString("hex")]);
      return undefined;
    });
    await host.uploadSparse(
      vol,
      { offset: 0n, length: 10n },
      [Buffer.from("ab"), { hole: 7n }, { hole: 0n }, Buffer.from("c")],
      { segmentBytes: 6 },
    );
    expect(types).toEqual([
      [3, "6162"],
      [6, "0000000000000004" + "00000000"],
      [6, "0000000000000003" + "00000000"],
      [3, "63"],
    ]);
  });

  it.each([
    ["a stream packet", 3],
    ["an answer", 1],
  ])("fails with libvirt's error where it comes as %s, and closes the connection", async (_, type) => {
    collect((call) => {
      call.peer.reply(call, refusal(38, 0, "No space left on device"), { type, status: 1 });
    });
    const error = await outcome(host.upload(vol, { offset: 0n, length: 1n }, [Buffer.from("x")]));
    expect(error).toMatchObject({ name: "LibvirtError", code: 38 });
    await pause(30);
    expect(daemon.peers[1]!.socket.destroyed).toBe(true);
  });

  it("waits where the daemon does not read, so that the image is not held in memory", async () => {
    let made = 0;
    daemon.on(UPLOAD, (call) => {
      if (call.type === 0) call.peer.socket.pause();
      return call.type === 0 ? Buffer.alloc(0) : undefined;
    });
    function* image(): Generator<Buffer> {
      for (; made < 256; made += 1) yield Buffer.alloc(1_048_576);
    }
    const work = outcome(
      host.upload(vol, { offset: 0n, length: 256n * 1_048_576n }, image(), { segmentBytes: 268_435_456 }),
    );
    await pause(300);
    expect(made).toBeLessThan(8);
    daemon.peers[1]!.socket.destroy();
    expect(await work).toMatchObject({ name: "ConnectionError", sent: true });
  });

  it("stops at an abort", async () => {
    collect();
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        await pause(5);
        yield Buffer.alloc(1000);
      }
    }
    async function* stalled(): AsyncGenerator<Buffer> {
      yield Buffer.alloc(1000);
      await new Promise(() => undefined);
    }
    const work = outcome(host.upload(vol, { offset: 0n, length: 1n << 40n }, endless(), { signal: controller.signal }));
    await pause(50);
    controller.abort();
    expect(await work).toMatchObject({
      name: "ConnectionError",
      message: expect.stringContaining("cancelled") as string,
    });
    const lost = outcome(host.upload(vol, { offset: 0n, length: 1n << 40n }, stalled()));
    await pause(50);
    daemon.peers.at(-1)!.socket.destroy();
    expect(await lost).toMatchObject({ name: "ConnectionError" });
  });
});

it("a download that comes slowly keeps its order and confirms its end", async () => {
  const ends: number[] = [];
  daemon.on(DOWNLOAD, (call) => {
    const { peer } = call;
    if (call.type !== 0) {
      ends.push(call.status);
      peer.reply(call, Buffer.alloc(0), { type: 3 });
      return undefined;
    }
    peer.reply(call);
    for (const part of ["ab", "cd", ""])
      setTimeout(() => {
        peer.reply(call, Buffer.from(part), { type: 3, status: 2 });
      }, 20);
    return undefined;
  });
  const parts: string[] = [];
  for await (const part of host.download(vol, { offset: 0n, length: 4n })) parts.push(part.toString());
  expect(parts).toEqual(["ab", "cd"]);
  expect(ends).toEqual([0]);
});
