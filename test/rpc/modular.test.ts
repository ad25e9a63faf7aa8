import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Host, procedures, type ProcedureName } from "../../provider/rpc";
import { daemonOf } from "../../provider/rpc/place";
import { parseUri } from "../../provider/transport";
import { FakeDaemon, text, words } from "./fakeDaemon";

const before = process.env["XDG_RUNTIME_DIR"];
const runtime = mkdtempSync(join(tmpdir(), "modular-"));

beforeAll(() => {
  mkdirSync(join(runtime, "libvirt"));
  process.env["XDG_RUNTIME_DIR"] = runtime;
});

afterAll(() => {
  if (before === undefined) delete process.env["XDG_RUNTIME_DIR"];
  else process.env["XDG_RUNTIME_DIR"] = before;
  rmSync(runtime, { recursive: true });
});

it("sends each call and each subscription to the daemon of its noun, under that daemon's URI", async () => {
  const opened: Record<string, Buffer> = {};
  const start = async (name: string): Promise<FakeDaemon> => {
    const daemon = await FakeDaemon.start(join(runtime, "libvirt", `${name}-sock`));
    return daemon.on(1, ({ payload }) => ((opened[name] = payload), Buffer.alloc(0)));
  };
  const [qemu, network, storage] = [await start("virtqemud"), await start("virtnetworkd"), await start("virtstoraged")];
  qemu.on(59, () => text("h"));
  network.on(46, () => Buffer.concat([text("n"), Buffer.alloc(16)])).on(313, () => words(0));
  storage.on(281, () => words(0, 0));
  const host = Host.at(parseUri("qemu:///session"));
  expect(await host.call("NETWORK_LOOKUP_BY_NAME", { name: "n" })).toEqual({
    net: { name: "n", uuid: "00000000-0000-0000-0000-000000000000" },
  });
  expect(await host.call("CONNECT_GET_HOSTNAME", {})).toEqual({ hostname: "h" });
  expect(await host.call("CONNECT_LIST_ALL_STORAGE_POOLS", { need_results: 1, flags: 0 })).toEqual({
    pools: [],
    ret: 0,
  });
  await host.subscribe("networkLifecycle", () => undefined);
  const openArguments = (uri: string): Buffer => Buffer.concat([words(1), text(uri), words(0)]);
  expect(opened).toEqual({
    virtqemud: openArguments("qemu:///session"),
    virtnetworkd: openArguments("network:///session"),
    virtstoraged: openArguments("storage:///session"),
  });
  await host.close();
  for (const daemon of [qemu, network, storage]) await daemon.stop();
});

it("knows the daemon of every procedure of another noun than the machine", () => {
  const names = Object.keys(procedures) as ProcedureName[];
  const others = names.filter(
    (name) => daemonOf(name) === "hypervisor" && /NETWORK|STORAGE|SECRET|NODE_DEVICE|NWFILTER|INTERFACE/.test(name),
  );
  expect(others).toEqual([
    "DOMAIN_GET_INTERFACE_PARAMETERS",
    "DOMAIN_INTERFACE_ADDRESSES",
    "DOMAIN_SET_INTERFACE_PARAMETERS",
  ]);
});

it("gives no number to two procedures", () => {
  const numbers = Object.values(procedures).map(({ program, number }) => `${program} ${number}`);
  expect(new Set(numbers).size).toBe(numbers.length);
});
