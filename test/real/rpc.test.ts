// Needs a libvirtd: lab.sh npx jest test/real/rpc
import { existsSync, mkdtempSync, readFileSync, statSync } from "node:fs";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Code,
  ConnectionError,
  Host,
  isUnknownProcedure,
  LibvirtError,
  typedParamMap,
  type EventOf,
  type Hole,
} from "../../provider/rpc";
import { parseUri } from "../../provider/transport";

const describeReal = existsSync("/run/libvirt/libvirt-sock") ? describe : describe.skip;

const domainXml = (name: string, uuid: string): string => `
<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><memory unit='MiB'>32</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>`;

async function* trickle(data: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += size) {
    await Promise.resolve();
    yield data.subarray(at, at + size);
  }
}

async function collected(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

const sha = (data: Buffer): string => createHash("sha256").update(data).digest("hex");

describeReal("qemu:///system", () => {
  const host = Host.at(parseUri("qemu:///system"));
  afterAll(() => host.close());

  it("tells the version, host name, URI and node", async () => {
    expect((await host.call("CONNECT_GET_LIB_VERSION", {})).lib_ver).toBeGreaterThanOrEqual(9_000_000n);
    expect((await host.call("CONNECT_GET_HOSTNAME", {})).hostname).not.toBe("");
    expect((await host.call("CONNECT_GET_URI", {})).uri).toBe("qemu:///system");
    const node = await host.call("NODE_GET_INFO", {});
    expect(node.model).toMatch(/^[\w-]+$/);
    expect(node.cpus).toBe(node.nodes * node.sockets * node.cores * node.threads);
    expect((await host.call("CONNECT_GET_CAPABILITIES", {})).capabilities).toContain("<capabilities>");
    const { capabilities } = await host.call("CONNECT_GET_DOMAIN_CAPABILITIES", { virttype: "qemu", flags: 0 });
    expect(capabilities).toContain("<domainCapabilities>");
  });

  it("defines, finds, reads, lists, renames and undefines a domain", async () => {
    const uuid = randomUUID();
    const { dom } = await host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: domainXml("rpc-a", uuid), flags: 0 });
    expect(dom).toEqual({ name: "rpc-a", uuid, id: -1 });
    expect((await host.call("DOMAIN_LOOKUP_BY_UUID", { uuid: uuid.toUpperCase() })).dom).toEqual(dom);
    expect((await host.call("DOMAIN_LOOKUP_BY_NAME", { name: "rpc-a" })).dom).toEqual(dom);
    expect((await host.call("DOMAIN_GET_XML_DESC", { dom, flags: 0 })).xml).toContain("<name>rpc-a</name>");
    expect(await host.call("DOMAIN_GET_STATE", { dom, flags: 0 })).toEqual({ state: 5, reason: 0 });
    expect((await host.call("DOMAIN_GET_INFO", { dom })).maxMem).toBe(32_768n);
    expect((await host.call("CONNECT_LIST_ALL_DOMAINS", { need_results: 1, flags: 0 })).domains).toContainEqual(dom);
    const { retStats } = await host.call("CONNECT_GET_ALL_DOMAIN_STATS", { doms: [dom], stats: 0, flags: 0 });
    expect(typedParamMap(retStats[0]?.params ?? []).get("state.state")).toBe(5);
    const key = { type: 2, key: "t", uri: "http://example.org/t" };
    await host.call("DOMAIN_SET_METADATA", { dom, metadata: "<note>hej</note>", ...key, flags: 2 });
    const found = await host.call("DOMAIN_GET_METADATA", { dom, type: 2, uri: "http://example.org/t", flags: 2 });
    expect(found.metadata).toContain("hej");
    await host.call("DOMAIN_RENAME", { dom, new_name: "rpc-b", flags: 0 });
    await host.call("DOMAIN_UNDEFINE_FLAGS", { dom: { ...dom, name: "rpc-b" }, flags: 0 });
  });

  it("keeps libvirt's code, domain and level of a refusal", async () => {
    const error = await host.call("DOMAIN_LOOKUP_BY_NAME", { name: "nobody" }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(LibvirtError);
    expect(error).toMatchObject({ code: Code.NO_DOMAIN, domain: 10, level: 2 });
    expect((error as Error).message).toContain("nobody");
    await expect(host.call("STORAGE_POOL_LOOKUP_BY_NAME", { name: "x" })).rejects.toMatchObject({ code: 49 });
    await expect(host.call("NETWORK_LOOKUP_BY_UUID", { uuid: randomUUID() })).rejects.toMatchObject({ code: 43 });
    await expect(host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: "<domain", flags: 0 })).rejects.toMatchObject({
      code: 35,
    });
  });

  it("recognises a procedure that the daemon does not know", async () => {
    // 453 procedures exist in the newest libvirt; 9.0 ends at 443 and has no DOMAIN_GRAPHICS_RELOAD (448).
    const { lib_ver } = await host.call("CONNECT_GET_LIB_VERSION", {});
    if (lib_ver >= 10_002_000n) return;
    const dom = { name: "x", uuid: randomUUID(), id: -1 };
    const error = await host
      .call("DOMAIN_GRAPHICS_RELOAD", { dom, type: 0, flags: 0 })
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 39, domain: 7 });
    expect(isUnknownProcedure(error)).toBe(true);
    expect((await host.call("CONNECT_GET_URI", {})).uri).toBe("qemu:///system");
  });

  it("hears a domain's life, and nothing after leaving", async () => {
    const heard: (EventOf<"domainLifecycle"> | "resync")[] = [];
    const leave = await host.subscribe("domainLifecycle", (event) => heard.push(event));
    const uuid = randomUUID();
    const { dom } = await host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: domainXml("rpc-events", uuid), flags: 0 });
    await host.call("DOMAIN_CREATE_WITH_FLAGS", { dom, flags: 1 });
    await host.call("DOMAIN_DESTROY_FLAGS", { dom, flags: 0 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await leave();
    await host.call("DOMAIN_UNDEFINE_FLAGS", { dom, flags: 0 });
    const steps = heard.map((event) => (event === "resync" ? event : `${event.dom.name} ${event.event}`));
    expect(steps[0]).toBe("rpc-events 0");
    expect(steps).toContain("rpc-events 2"); // started
    expect(steps.at(-1)).toBe("rpc-events 5"); // stopped
  });

  it("reads on after its connections were cut, and says of a write that it may have happened", async () => {
    await host.call("CONNECT_GET_URI", {});
    const { read, write } = (host as unknown as { places: Map<string, { read: Lines; write: Lines }> }).places.get(
      "hypervisor",
    )!;
    interface Lines {
      use<T>(work: (connection: { drop(cause: Error): void }) => T): Promise<T>;
    }
    const reading = host.call("CONNECT_GET_CAPABILITIES", {});
    await Promise.resolve();
    await read.use((connection) => {
      connection.drop(new Error("cut by the test"));
    });
    expect((await reading).capabilities).toContain("<capabilities>");
    const uuid = randomUUID();
    const line = await write.use((connection) => connection);
    const writing = host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: domainXml("rpc-cut", uuid), flags: 0 });
    setImmediate(() => {
      line.drop(new Error("cut by the test"));
    });
    const outcome = await writing.catch((caught: unknown) => caught);
    expect(outcome).toBeInstanceOf(ConnectionError);
    expect(outcome).toMatchObject({ sent: true, uri: "qemu:///system" });
    await host
      .call("DOMAIN_UNDEFINE_FLAGS", { dom: { name: "rpc-cut", uuid, id: -1 }, flags: 0 })
      .catch((error: unknown) => {
        if (!(error instanceof LibvirtError && error.code === Code.NO_DOMAIN)) throw error;
      });
  });

  it("answers 64 calls at once", async () => {
    const answers = await Promise.all(Array.from({ length: 64 }, () => host.call("CONNECT_GET_URI", {})));
    expect(new Set(answers.map(({ uri }) => uri))).toEqual(new Set(["qemu:///system"]));
  });

  it("lets the process end while it is idle", async () => {
    const before = process.getActiveResourcesInfo().filter((one) => one === "PipeWrap").length;
    const other = Host.at(parseUri("qemu:///system"));
    await other.subscribe("domainLifecycle", () => undefined);
    await other.call("STORAGE_POOL_LOOKUP_BY_NAME", { name: "none" }).catch(() => undefined);
    await other
      .call("DOMAIN_DESTROY_FLAGS", { dom: { name: "none", uuid: randomUUID(), id: -1 }, flags: 0 })
      .catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(process.getActiveResourcesInfo().filter((one) => one === "PipeWrap")).toHaveLength(before);
    await other.close();
  });

  it("refuses changes on the read-only socket", async () => {
    const watcher = Host.at(parseUri("qemu:///system"), { readOnly: true });
    await expect(
      watcher.call("DOMAIN_DEFINE_XML_FLAGS", { xml: domainXml("ro", randomUUID()), flags: 0 }),
    ).rejects.toMatchObject({
      code: Code.OPERATION_DENIED,
    });
    await watcher.close();
  });
});

describeReal("volumes of a directory pool", () => {
  const host = Host.at(parseUri("qemu:///system"));
  const folder = mkdtempSync(join(tmpdir(), "rpc-pool-"));
  const uuid = randomUUID();
  const pool = { name: "rpc-pool", uuid };
  const size = 5 * 1_048_576 + 4_711;

  const createVolume = async (name: string, bytes: number) => {
    const xml = `<volume><name>${name}</name><capacity unit='bytes'>${bytes}</capacity><allocation>0</allocation><target><format type='raw'/></target></volume>`;
    return (await host.call("STORAGE_VOL_CREATE_XML", { pool, xml, flags: 0 })).vol;
  };

  beforeAll(async () => {
    const xml = `<pool type='dir'><name>${pool.name}</name><uuid>${uuid}</uuid><target><path>${folder}</path></target></pool>`;
    await host.call("STORAGE_POOL_DEFINE_XML", { xml, flags: 0 });
    await host.call("STORAGE_POOL_CREATE", { pool, flags: 0 });
  });

  afterAll(async () => {
    for (const vol of (await host.call("STORAGE_POOL_LIST_ALL_VOLUMES", { pool, need_results: 1, flags: 0 })).vols) {
      await host.call("STORAGE_VOL_DELETE", { vol, flags: 0 });
    }
    await host.call("STORAGE_POOL_DESTROY", { pool });
    await host.call("STORAGE_POOL_UNDEFINE", { pool });
    await host.close();
  });

  it("writes a volume in segments and reads the same bytes back", async () => {
    const vol = await createVolume("plain", size);
    const data = randomBytes(size);
    await host.upload(vol, { offset: 0n, length: BigInt(size) }, trickle(data, 70_001), { segmentBytes: 2_000_000 });
    expect(sha(readFileSync(join(folder, "plain")))).toBe(sha(data));
    expect(sha(await collected(host.download(vol, { offset: 0n, length: BigInt(size) })))).toBe(sha(data));
    expect(sha(await collected(host.download(vol, { offset: 0n, length: 0n })))).toBe(sha(data));
    const part = await collected(host.download(vol, { offset: 1_000n, length: 2_000n }));
    expect(part.equals(data.subarray(1_000, 3_000))).toBe(true);
    const info = await host.call("STORAGE_VOL_GET_INFO", { vol });
    expect(info.capacity).toBe(BigInt(size));
  });

  it("writes holes that stay holes, across segments and at the end", async () => {
    const capacity = 64 * 1_048_576;
    const vol = await createVolume("sparse", capacity);
    const head = randomBytes(300_000);
    const tail = randomBytes(5_000);
    const holes: Hole[] = [
      { hole: 40n * 1_048_576n },
      { hole: BigInt(capacity - head.length - tail.length) - 40n * 1_048_576n },
    ];
    await host.uploadSparse(vol, { offset: 0n, length: BigInt(capacity) }, [head, holes[0]!, tail, holes[1]!], {
      segmentBytes: 16_777_216,
    });
    const file = readFileSync(join(folder, "sparse"));
    const wanted = Buffer.alloc(capacity);
    head.copy(wanted);
    tail.copy(wanted, head.length + 40 * 1_048_576);
    expect(sha(file)).toBe(sha(wanted));
    expect(statSync(join(folder, "sparse")).blocks * 512).toBeLessThan(2_000_000);
    let data = 0;
    let hole = 0n;
    for await (const item of host.downloadSparse(vol, { offset: 0n, length: BigInt(capacity) })) {
      if (Buffer.isBuffer(item)) data += item.length;
      else hole += item.hole;
    }
    expect(BigInt(data) + hole).toBe(BigInt(capacity));
    expect(hole).toBeGreaterThan(60n * 1_048_576n);
  });

  it("refuses data that is shorter or longer than the range", async () => {
    const vol = await createVolume("short", 8192);
    await expect(host.upload(vol, { offset: 0n, length: 8192n }, [Buffer.alloc(8000)])).rejects.toThrow(
      "ends 192 bytes before",
    );
    await expect(host.upload(vol, { offset: 0n, length: 8192n }, [Buffer.alloc(8193)])).rejects.toThrow(
      "more data than 8192",
    );
    await host.upload(vol, { offset: 0n, length: 8192n }, [Buffer.alloc(8192)]);
  });

  it("lets a reader leave early and a slow reader wait", async () => {
    const vol = await createVolume("leave", 48 * 1_048_576);
    const seen: number[] = [];
    for await (const part of host.download(vol, { offset: 0n, length: 0n })) {
      seen.push(part.length);
      if (seen.length > 2) break;
    }
    let bytes = 0;
    for await (const part of host.download(vol, { offset: 0n, length: 0n })) {
      if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 200));
      bytes += part.length;
    }
    expect(bytes).toBe(48 * 1_048_576);
  });

  it("passes on a refusal to upload, and the next upload works", async () => {
    const vol = await createVolume("refused", 4096);
    const missing = { ...vol, key: "/nowhere", name: "nowhere" };
    await expect(host.upload(missing, { offset: 0n, length: 1n }, [Buffer.alloc(1)])).rejects.toMatchObject({
      code: Code.NO_STORAGE_VOL,
    });
    await host.upload(vol, { offset: 0n, length: 1n }, [Buffer.from("x")]);
  });
});

describeReal("test:///default", () => {
  it("keeps the test driver's state between calls until the host is closed", async () => {
    const host = Host.at(parseUri("test:///default"));
    const xml = `<domain type='test'><name>kept</name><memory>8192</memory><os><type>hvm</type></os></domain>`;
    const { dom } = await host.call("DOMAIN_DEFINE_XML_FLAGS", { xml, flags: 0 });
    await host.call("DOMAIN_CREATE_WITH_FLAGS", { dom, flags: 0 });
    const { ifaces } = await host.call("DOMAIN_INTERFACE_ADDRESSES", { dom, source: 0, flags: 0 });
    expect(ifaces).toEqual([]);
    await host.call("DOMAIN_DESTROY_FLAGS", { dom, flags: 0 });
    expect((await host.call("DOMAIN_LOOKUP_BY_NAME", { name: "kept" })).dom.uuid).toBe(dom.uuid);
    const { nets } = await host.call("CONNECT_LIST_ALL_NETWORKS", { need_results: 1, flags: 0 });
    expect(nets.map(({ name }) => name)).toEqual(["default"]);
    await host.close();
    await expect(host.call("CONNECT_GET_URI", {})).rejects.toBeInstanceOf(ConnectionError);
  });
});
