import { AuthError, ConnectionError, Host, LibvirtError } from "../../provider/rpc";
import { parseUri } from "../../provider/transport";
import { FakeDaemon, frame, KEEPALIVE, refusal, text, wide, words, type Call } from "./fakeDaemon";

const GET_HOSTNAME = 59;
const LIST_ALL_DOMAINS = 273;
const DEFINE = 350;
const DOWNLOAD = 209;

let daemon: FakeDaemon;
let host: Host;

beforeEach(async () => {
  daemon = await FakeDaemon.start();
  host = Host.at(parseUri(daemon.uri));
});

afterEach(async () => {
  await host.close();
  await daemon.stop();
});

const outcome = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);
const define = (): Promise<unknown> => outcome(host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: "<domain/>", flags: 0 }));
const causeOf = (error: unknown): string => String((error as Error).cause);
const raw =
  (bytes: Buffer) =>
  (call: Call): undefined => {
    call.peer.socket.write(bytes);
  };

describe("H1, H2, H3: lengths", () => {
  it.each([0, 4, 27, 33_554_437, 0xffff_ffff])("fails the call and closes on a packet of length %d", async (length) => {
    daemon.on(DEFINE, raw(words(length)));
    const error = await define();
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ sent: true, uri: daemon.uri });
    expect(causeOf(error)).toContain("ProtocolError");
    expect((error as Error).message).toContain("may have been executed");
  });

  it("asks for no memory for packets that never come whole", async () => {
    daemon.on(GET_HOSTNAME, (call) => {
      call.peer.socket.write(frame({ procedure: GET_HOSTNAME, serial: call.serial, payload: text("a") }));
      call.peer.socket.write(Buffer.concat([words(33_554_436), Buffer.alloc(100_000)]));
      return undefined;
    });
    const before = process.memoryUsage().arrayBuffers;
    await host.call("CONNECT_GET_HOSTNAME", {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
  });
});

describe("H4, H6, H16: answers", () => {
  it.each([
    ["a count of 2^32-1", words(-1, 0)],
    ["a count over the limit", words(16_385, 0)],
    ["a count that does not fit", words(16_384, 0)],
    ["a byte too many", Buffer.concat([words(0, 0), Buffer.alloc(1)])],
  ])("fails on %s", async (_, payload) => {
    daemon.on(LIST_ALL_DOMAINS, () => payload);
    const error = await outcome(host.call("CONNECT_LIST_ALL_DOMAINS", { need_results: 1, flags: 0 }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(causeOf(error)).toContain("ProtocolError");
  });

  const domain = Buffer.concat([text("web"), Buffer.alloc(16, 7), words(3)]);
  const error42 = refusal(42, 10, "Domain not found");

  it("fails, and does not hang, where an answer is cut at any byte", async () => {
    for (let end = 0; end < domain.length; end += 1) {
      daemon.on(DEFINE, () => domain.subarray(0, end));
      expect(await define()).toMatchObject({ sent: true, name: "ConnectionError" });
    }
    daemon.on(DEFINE, () => domain);
    expect(await define()).toEqual({ dom: { name: "web", uuid: "07070707-0707-0707-0707-070707070707", id: 3 } });
  });

  it("fails, and does not hang, where an error is cut at any byte", async () => {
    for (let end = 0; end < error42.length; end += 1) {
      daemon.on(DEFINE, (call) => {
        call.peer.reply(call, error42.subarray(0, end), { status: 1 });
        return undefined;
      });
      expect(await define()).toMatchObject({ sent: true, name: "ConnectionError" });
    }
  });

  it("fails where the daemon closes at any byte of an answer", async () => {
    for (const end of [0, 1, 4, 27, 28, 40]) {
      daemon.on(DEFINE, (call) => {
        call.peer.socket.end(frame({ procedure: DEFINE, serial: call.serial, payload: domain }).subarray(0, end));
        return undefined;
      });
      expect(await define()).toMatchObject({ sent: true, name: "ConnectionError" });
    }
  });

  it("refuses answers that carry file descriptors", async () => {
    daemon.on(DEFINE, (call) => {
      call.peer.reply(call, words(1), { type: 5 });
      return undefined;
    });
    expect(causeOf(await define())).toContain("type 5");
  });
});

describe("H7: answers to the wrong question", () => {
  it.each([
    ["version", { version: 2 }],
    ["program", { program: 0x20008087 }],
    ["procedure", { procedure: 351 }],
    ["status", { status: 2 }],
  ])("closes on a wrong %s", async (_, wrong) => {
    daemon.on(DEFINE, (call) => {
      call.peer.reply(call, Buffer.alloc(0), wrong);
      return undefined;
    });
    const error = await define();
    expect(error).toMatchObject({ sent: true });
    expect(causeOf(error)).toContain("ProtocolError");
  });

  it("ignores answers to nobody and second answers, and gives each caller its own", async () => {
    daemon.on(GET_HOSTNAME, (call) => {
      const { peer, serial } = call;
      peer.send({ procedure: GET_HOSTNAME, serial: serial + 1000, payload: text("nobody") });
      peer.reply(call, text(`to ${serial}`));
      peer.reply(call, text("twice"));
      return undefined;
    });
    const names = await Promise.all(
      Array.from({ length: 20 }, async () => (await host.call("CONNECT_GET_HOSTNAME", {})).hostname),
    );
    expect(new Set(names).size).toBe(20);
    expect(names.every((name) => /^to \d+$/.test(name))).toBe(true);
  });

  it("closes after a thousand packets for nobody", async () => {
    daemon.on(DEFINE, ({ peer }) => {
      for (let serial = 5000; serial < 6001; serial += 1) peer.send({ procedure: GET_HOSTNAME, serial });
      return undefined;
    });
    expect(causeOf(await define())).toContain("1001 packets belong to no call");
  });
});

describe("H9: downloads", () => {
  const vol = { pool: "p", name: "v", key: "/v" };
  const drain = async (): Promise<void> => {
    for await (const item of host.downloadSparse(vol, { offset: 0n, length: 1000n })) expect(item).toBeDefined();
  };

  it.each([
    ["a negative hole", wide(-1n), "hole is -1"],
    ["an empty hole", wide(0n), "hole is 0"],
    ["a hole of 2^63-1", wide(2n ** 63n - 1n), "more came than 1000"],
  ])("fails on %s", async (_, length, reason) => {
    daemon.on(DOWNLOAD, (call) => {
      if (call.type !== 0) return undefined;
      call.peer.reply(call);
      call.peer.reply(call, Buffer.concat([length, words(0)]), { type: 6, status: 2 });
      return undefined;
    });
    const error = (await outcome(drain())) as Error;
    expect(`${error.message} ${causeOf(error)}`).toContain(reason);
  });

  it("fails on more data than was asked for", async () => {
    daemon.on(DOWNLOAD, (call) => {
      if (call.type !== 0) return undefined;
      call.peer.reply(call);
      call.peer.reply(call, Buffer.alloc(1001), { type: 3, status: 2 });
      return undefined;
    });
    await expect(drain()).rejects.toThrow("more came than 1000");
  });
});

describe("H10: a flood of events", () => {
  it("keeps serving calls and says that events were lost", async () => {
    const event = Buffer.concat([words(0), text("web"), Buffer.alloc(16, 1), words(1, 2, 0)]);
    daemon.on(316, () => words(0)).on(GET_HOSTNAME, () => text("busy"));
    const heard = { events: 0, resyncs: 0 };
    const leave = await host.subscribe("domainLifecycle", (one) => {
      if (one === "resync") heard.resyncs += 1;
      else heard.events += 1;
    });
    const channel = daemon.peers.at(-1)!;
    const flood = Buffer.concat(
      Array.from({ length: 10_000 }, () => frame({ procedure: 318, type: 2, payload: event })),
    );
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 20; round += 1) {
      channel.socket.write(flood);
      expect((await host.call("CONNECT_GET_HOSTNAME", {})).hostname).toBe("busy");
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000);
    const wanted = { ...heard };
    for (let wait = 0; wait < 100 && heard.events === wanted.events; wait += 1) {
      channel.send({ procedure: 318, type: 2, payload: event });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(heard.resyncs).toBeGreaterThan(0);
    expect(heard.events).toBeGreaterThan(wanted.events);
    await leave();
  });

  it("turns an event that cannot be read into a resync", async () => {
    daemon.on(316, () => words(0));
    const heard: unknown[] = [];
    await host.subscribe("domainLifecycle", (one) => heard.push(one));
    daemon.peers.at(-1)!.send({ procedure: 318, type: 2, payload: words(0, -1) });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(heard).toEqual(["resync"]);
  });
});

describe("H11: keepalive", () => {
  const tick = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      jest.advanceTimersByTime(1000);
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  };

  it("answers a flood of pings a few times only", async () => {
    daemon.on(GET_HOSTNAME, () => text("h"));
    await host.call("CONNECT_GET_HOSTNAME", {});
    const peer = daemon.peers[0]!;
    const ping = frame({ program: KEEPALIVE, procedure: 1, type: 2 });
    peer.socket.write(Buffer.concat(Array.from({ length: 5_000 }, () => ping)));
    await host.call("CONNECT_GET_HOSTNAME", {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(peer.pongs).toBeGreaterThanOrEqual(1);
    expect(peer.pongs).toBeLessThanOrEqual(5);
  });

  it("gives a frozen daemon up after 30 s of silence, not before", async () => {
    daemon.on(DEFINE, () => Buffer.concat([text("web"), Buffer.alloc(16), words(-1)]));
    await host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: "", flags: 0 });
    daemon.on(DEFINE, () => undefined);
    daemon.answersPings = false;
    jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask", "performance"] });
    let error: unknown;
    void define().then((caught) => (error = caught));
    await tick(29);
    expect(error).toBeUndefined();
    await tick(2);
    jest.useRealTimers();
    expect(error).toMatchObject({ sent: true });
    expect((error as Error).message).toContain("nothing was heard from the daemon for 30 s");
  });
});

describe("H15: logins", () => {
  it("says that an unknown kind is not supported", async () => {
    daemon.on(66, () => words(1, 9));
    const error = await outcome(host.call("CONNECT_GET_HOSTNAME", {}));
    expect(error).toBeInstanceOf(AuthError);
    expect(error).toMatchObject({ sent: false });
    expect((error as Error).message).toMatch(/kind 9.*not supported; use its unix socket/);
    expect(daemon.calls).toEqual([66]);
  });

  it("lets polkit decide", async () => {
    daemon.on(66, () => words(1, 2)).on(70, () => words(1));
    daemon.on(GET_HOSTNAME, () => text("h"));
    expect(await host.call("CONNECT_GET_HOSTNAME", {})).toEqual({ hostname: "h" });
    expect(daemon.calls).toEqual([66, 70, 1, GET_HOSTNAME]);
  });

  it("refuses a list of a million logins", async () => {
    daemon.on(66, () => words(1_000_000));
    expect(await outcome(host.call("CONNECT_GET_HOSTNAME", {}))).toBeInstanceOf(ConnectionError);
  });
});

it("H17: cuts an error of 4 MB and makes its control characters harmless", async () => {
  daemon.on(DEFINE, (call) => {
    call.peer.reply(call, refusal(27, 10, "\u001b[31m\u202eevil\n" + "x".repeat(4_000_000)), { status: 1 });
    return undefined;
  });
  const error = await define();
  expect(error).toBeInstanceOf(LibvirtError);
  expect(error).toMatchObject({ code: 27, domain: 10, level: 2, int1: -1, int2: -1 });
  expect((error as Error).message).toMatch(/^\\u\{1b\}\[31m\\u\{202e\}evil x+\.\.\.$/);
  expect((error as Error).message.length).toBeLessThan(2100);
});
