import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dial, DialError, parseUri } from "../../provider/transport";
import { candidates } from "../../provider/transport/sockets";

const paths = (uri: string, daemon: Parameters<typeof candidates>[1], readOnly = false): string[] =>
  candidates(parseUri(uri), daemon, readOnly).map(({ path, shared }) => `${path}${shared ? " shared" : ""}`);

describe("the sockets of a URI", () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env = { ...before };
  });

  it("are the monolithic daemon's first, then the modular one's", () => {
    expect(paths("qemu:///system", "hypervisor")).toEqual([
      "/run/libvirt/libvirt-sock shared",
      "/var/run/libvirt/libvirt-sock shared",
      "/run/libvirt/virtqemud-sock",
      "/var/run/libvirt/virtqemud-sock",
    ]);
    expect(paths("lxc:///system", "hypervisor")[2]).toBe("/run/libvirt/virtlxcd-sock");
    expect(paths("xen:///system", "network")[2]).toBe("/run/libvirt/virtnetworkd-sock");
    expect(paths("qemu:///system", "nodedev", true)[2]).toBe("/run/libvirt/virtnodedevd-sock-ro");
    expect(paths("test:///default", "hypervisor")).toHaveLength(2);
  });

  it("follow mode= and socket=", () => {
    expect(paths("qemu:///system?mode=direct", "storage")).toEqual([
      "/run/libvirt/virtstoraged-sock",
      "/var/run/libvirt/virtstoraged-sock",
    ]);
    expect(paths("qemu:///system?mode=legacy", "storage")).toHaveLength(2);
    expect(paths("qemu+unix:///system?socket=/s", "storage")).toEqual(["/s shared"]);
  });

  it("of a session stand in the user's runtime folder, else in the cache", () => {
    process.env["XDG_RUNTIME_DIR"] = "/run/user/7";
    expect(paths("qemu:///session", "hypervisor")).toEqual([
      "/run/user/7/libvirt/libvirt-sock shared",
      "/run/user/7/libvirt/virtqemud-sock",
    ]);
    delete process.env["XDG_RUNTIME_DIR"];
    process.env["XDG_CACHE_HOME"] = "/c";
    expect(paths("qemu:///session", "hypervisor")[0]).toBe("/c/libvirt/libvirt-sock shared");
  });
});

describe("dialling", () => {
  it("names each path that it tried and what to do", async () => {
    const error = await dial(parseUri("qemu+unix:///system?socket=/nowhere/sock"), "hypervisor", {
      timeoutMs: 1000,
    }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DialError);
    expect(error).toMatchObject({ absent: true });
    expect((error as Error).message).toBe(
      "connect qemu+unix:///system?socket=/nowhere/sock: no socket of libvirt answers: tried /nowhere/sock (ENOENT); " +
        "is libvirtd running? `sudo systemctl start libvirtd` (or virtqemud.socket) starts it",
    );
  });

  it("names the daemon that is wanted where each driver has its own", async () => {
    const uri = parseUri("qemu:///system?mode=direct");
    const error = await dial(uri, "storage", { timeoutMs: 1000 }).catch((caught: unknown) => caught);
    expect((error as Error).message).toContain("/run/libvirt/virtstoraged-sock (ENOENT)");
    expect((error as Error).message).toContain("(or virtstoraged.socket) starts it");
  });

  it.each(["192.0.2.1", "[2001:db8::1]", "kvm.test", "127.0.0.1.kvm.test", "localhost.kvm.test", "0.0.0.0"])(
    "never speaks plain TCP with %s",
    async (host) => {
      const options = { timeoutMs: 1000, access: { allowPlainTcp: true } };
      await expect(dial(parseUri(`qemu+tcp://${host}/system`), "hypervisor", options)).rejects.toThrow(
        `plain TCP to ${host} would let everybody on the way rule that host: use qemu+tls://${host}/system`,
      );
    },
  );

  it.each(["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LocalHost"])(
    "speaks plain TCP with %s where that is allowed",
    async (host) => {
      const uri = parseUri(`qemu+tcp://${host}:1/system`);
      await expect(dial(uri, "hypervisor", { timeoutMs: 1000 })).rejects.toThrow("set kvm:allowPlainTcp to true");
      const options = { timeoutMs: 1000, access: { allowPlainTcp: true } };
      await expect(dial(uri, "hypervisor", options)).rejects.toThrow(/nothing listens at .*:1: /);
    },
  );

  it("reaches a socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "dial-"));
    const path = join(folder, "sock");
    const server = createServer((socket) => socket.on("error", () => undefined));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const { socket, ...rest } = await dial(parseUri(`qemu+unix:///system?socket=${path}`), "network", {
      timeoutMs: 1000,
    });
    expect(rest).toEqual({ path, shared: true, user: String(process.getuid?.()) });
    socket
      .on("error", () => undefined)
      .resume()
      .destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
});
