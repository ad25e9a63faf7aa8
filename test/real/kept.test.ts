import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import { clear, costs, deaf as small, machineAt, virsh } from "./changing";
import { Driven } from "./driven";
import { cmdline, guestFiles } from "./guestFiles";
import { placeOf } from "./request";

jest.setTimeout(180_000);

const images = "/var/lib/libvirt/images/kept";
const place = placeOf();
beforeAll(() => {
  mkdirSync(images, { recursive: true });
  virsh("pool-define-as", "kept", "dir", "--target", images);
  virsh("pool-start", "kept");
});
afterAll(() => place.host.close());
afterEach(clear);

const machine = (name: string, args: Values): Promise<Driven> => machineAt(place, name, args);
const idOf = ({ id }: Driven): string => id ?? "";
const seedOf = (one: Driven): string => /\S+-seed-\S+/.exec(virsh("domblklist", idOf(one), "--inactive"))?.[0] ?? "";

it("a machine with a seed is imported with values that check takes, and its seed stays", async () => {
  const web = await machine("seeded", { ...small, cloudInit: { pool: "kept", userData: "#cloud-config\n" } });
  const taken = new Driven(domain, place, "seeded");
  const request = { ...taken.request(), warn: (message: string) => void said.push(message) };
  const said: string[] = [];
  const read = await domain.read(request, idOf(web), {});
  expect(said.join()).toMatch(/cloudInit is not imported. The seed stays as it is/);
  const given = Object.fromEntries(Object.entries(read?.inputs ?? {}).filter(([name]) => !name.startsWith("__")));
  expect((await domain.check(web.request(), undefined, given)).failures).toEqual([]);
  expect(given["cloudInit"]).toBeUndefined();
  [taken.id, taken.outputs, taken.inputs] = [web.id, read?.outputs ?? {}, read?.inputs];
  expect(await costs(taken, given)).toEqual([]);
  const seed = seedOf(web);
  await taken.up({ ...given, title: "t" });
  await taken.up({
    ...given,
    title: "u",
    whenRestartNeeded: "restart",
    memory: 96,
    shutdown: { timeout: 0, thenForce: true },
  });
  expect([seedOf(web), existsSync(seed)]).toEqual([seed, true]);
  // Whoever gives one then has it.
  await taken.up({ ...given, title: "u", memory: 96, cloudInit: { pool: "kept", userData: "#cloud-config\n# 2\n" } });
  expect([seedOf(web) === seed, existsSync(seed)]).toEqual([false, false]);
});

describe("what was taken away and put back in one run of the guest", () => {
  it("waits for nothing: screens and the host's CPU model", async () => {
    const args = { ...small, graphics: { vnc: {} }, cpu: { mode: "host-model" } };
    const web = await machine("back", args);
    await web.up({ ...small, cpu: { mode: "maximum" } });
    expect(web.outputs["restartPending"]).toEqual(["cpu.mode", "graphics"]);
    expect(await costs(web, args)).toEqual(["cpu.mode live", "graphics live"]);
    await web.up(args);
    expect(web.outputs["restartPending"]).toEqual([]);
    expect(await costs(web, { ...args, whenRestartNeeded: "restart" })).toEqual([]);
  });

  it("waits where it comes back otherwise", async () => {
    const web = await machine("other", { ...small, graphics: { vnc: {} }, cpu: { mode: "maximum" } });
    await web.up(small);
    const args = { ...small, graphics: { vnc: { port: 5999 } }, cpu: { mode: "host-model" } };
    await web.up(args);
    expect(web.outputs["restartPending"]).toEqual(["cpu.mode", "graphics"]);
  });
});

it("a description with Windows line ends has no difference", async () => {
  const args = { ...small, description: "a\r\nb" };
  const web = await machine("lines", args);
  expect(await costs(web, args)).toEqual([]);
  expect(await costs(web, { ...args, description: "a\r\nc" })).toEqual(["description live"]);
});

it("a crashed machine that is kept can have another name", async () => {
  const args = { ...small, onCrash: "preserve", powerState: "stopped", name: "one" };
  const web = await machine("crashed", args);
  const xml = virsh("dumpxml", idOf(web), "--inactive").replace("</devices>", "<panic model='isa'/></devices>");
  writeFileSync(`${images}/panic.xml`, xml);
  virsh("define", `${images}/panic.xml`);
  virsh("start", "one");
  virsh("qemu-monitor-command", "one", "--hmp", "o /b 0x505 1");
  await sleep(1000);
  expect(virsh("domstate", "one").trim()).toBe("crashed");
  await web.up({ ...args, name: "two" });
  expect(virsh("domstate", "two").trim()).toBe("shut off");
});

describe('a machine with onPoweroff: "restart"', () => {
  const on = async (name: string, timeout: number): Promise<[Driven, Values]> => {
    const { kernel, initrd } = guestFiles();
    const os = { machine: "q35", kernel, initrd, cmdline };
    const args = { ...small, memory: 192, os, onPoweroff: "restart", shutdown: { timeout } };
    return [await machine(name, args), args];
  };

  it("is off when the program stops it, and comes back by itself later as before", async () => {
    const [web, args] = await on("stops", 40);
    await sleep(12_000);
    await web.up({ ...args, powerState: "stopped" });
    expect(virsh("domstate", idOf(web)).trim()).toBe("shut off");
    await web.up(args);
    expect(virsh("dumpxml", idOf(web))).toContain("<on_poweroff>restart</on_poweroff>");
  });

  it("is as it was where it does not stop", async () => {
    const web = await machine("deaf", { ...small, onPoweroff: "restart", shutdown: { timeout: 1 } });
    await expect(
      web.up({ ...small, onPoweroff: "restart", shutdown: { timeout: 1 }, powerState: "stopped" }),
    ).rejects.toThrow("did not stop");
    expect(virsh("dumpxml", idOf(web))).toContain("<on_poweroff>restart</on_poweroff>");
  });
});
