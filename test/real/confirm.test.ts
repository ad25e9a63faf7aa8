import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { PartialFailure } from "../../provider/resources/port";
import { virsh } from "./changing";
import { Driven } from "./driven";
import { cmdline, guestFiles } from "./guestFiles";
import { placeOf } from "./request";

// A change that its guest must confirm, on a real guest that takes a lease, serves a page and hears its power button.
jest.setTimeout(180_000);

let place: Place;
let args: Values;
beforeAll(() => {
  const { kernel, initrd } = guestFiles();
  const network =
    "<network><name>confirm</name><bridge name='virbrc'/><ip address='10.98.0.1' netmask='255.255.255.0'>" +
    "<dhcp><range start='10.98.0.10' end='10.98.0.99'/></dhcp></ip></network>";
  execFileSync("bash", ["-c", "cat > /tmp/confirm.xml"], { input: network });
  virsh("net-define", "/tmp/confirm.xml");
  virsh("net-start", "confirm");
  place = placeOf();
  args = {
    type: "qemu",
    memory: 192,
    os: { kernel, initrd, cmdline },
    interfaces: [{ network: "confirm" }],
    whenRestartNeeded: "restart",
    shutdown: { timeout: 20 },
    confirm: { by: "tcp:80", within: 60 },
  };
});
afterAll(async () => {
  await place.host.close();
});
afterEach(() => {
  for (const name of virsh("list", "--name").split("\n").filter(Boolean)) virsh("destroy", name);
});

describe("a change that the guest must confirm", () => {
  it("stays when the guest answers, live or after a restart, and comes back by itself when it does not", async () => {
    const web = new Driven(domain, place, "web");
    await web.up(args);
    const run = (): string => virsh("domid", web.id ?? "").trim();
    const first = run();

    await web.up({ ...args, title: "confirmed" });
    expect([run(), virsh("desc", web.id ?? "", "--title").trim()]).toEqual([first, "confirmed"]);

    // Cut off, it answers nobody: its cable is plugged again.
    const cut = {
      ...args,
      title: "confirmed",
      interfaces: [{ network: "confirm", link: { state: "down" } }],
      confirm: { by: "tcp:80", within: 3 },
    };
    await expect(web.up(cut)).rejects.toThrow(
      /change was not confirmed: tcp:80 did not answer within 3 s\. The former definition is back, and the next preview shows the change as open/,
    );
    expect(run()).toBe(first);
    expect(virsh("dumpxml", web.id ?? "") + virsh("dumpxml", web.id ?? "", "--inactive")).not.toContain("state='down'");
    expect((await web.preview(cut)).differences.map(({ path }) => path.join("."))).toEqual(["interfaces.0.link"]);
    expect((await web.preview({ ...args, title: "confirmed" })).differences).toEqual([]);

    // A kernel without its first program never serves a page: the former one is started again.
    const broken = {
      ...args,
      title: "confirmed",
      os: { ...(args["os"] as Values), cmdline: "console=ttyS0 rdinit=/nowhere" },
      confirm: { by: "tcp:80", within: 8 },
    };
    await expect(web.up(broken)).rejects.toThrow(
      /not confirmed: tcp:80 did not answer within 8 s\. The former definition is back/,
    );
    expect(virsh("domstate", web.id ?? "").trim()).toBe("running");
    expect(virsh("dumpxml", web.id ?? "")).not.toContain("nowhere");
    expect((await web.preview(broken)).differences.map(({ path }) => path.join("."))).toEqual(["os.cmdline"]);

    const more = { ...args, title: "confirmed", memory: 224 };
    await web.up(more);
    expect(virsh("dumpxml", web.id ?? "")).toContain("<memory unit='KiB'>229376</memory>");
    expect((await web.preview(more)).changes).toBe(false);
    await web.destroy();
  });

  it("by its console, takes a shell's prompt for an answer, and a panic for none", async () => {
    const shell = `${cmdline} rdinit=/bin/busybox -- sh`;
    const box = new Driven(domain, place, "box");
    const booted = (words: string, memory: number, within: number): Values => ({
      ...args,
      memory,
      waitFor: {},
      os: { ...(args["os"] as Values), cmdline: words },
      shutdown: { timeout: 0, thenForce: true },
      confirm: { by: "console", within },
    });
    await box.up(booted(shell, 192, 60));
    await box.up(booted(shell, 224, 60));
    expect(virsh("dumpxml", box.id ?? "")).toContain("<memory unit='KiB'>229376</memory>");
    expect((await box.preview(booted(shell, 224, 60))).changes).toBe(false);

    // It writes a lot before it panics, and nothing afterwards.
    const panic = booted("console=ttyS0 rdinit=/nowhere", 224, 12);
    await expect(box.up(panic)).rejects.toThrow(
      /not confirmed: console did not answer within 12 s\. The former definition is back, and/,
    );
    expect(virsh("domstate", box.id ?? "").trim()).toBe("running");
    expect(virsh("dumpxml", box.id ?? "")).toContain(`<cmdline>${shell}</cmdline>`);
    expect((await box.preview(panic)).differences.map(({ path }) => path.join("."))).toEqual(["os.cmdline"]);
    await box.destroy();
  });

  /** An update that is cancelled while it asks; what the state would hold then, where its answer arrives. */
  const cutOff = async (machine: Driven, news: Values): Promise<PartialFailure> => {
    const controller = new AbortController();
    const { inputs } = await machine.check(news);
    const request = machine.request();
    const update = domain.update({ ...request, signal: controller.signal }, machine.id ?? "", machine.outputs, inputs);
    const failure = update.then(
      () => undefined,
      (error: unknown) => error,
    );
    while (!virsh("dumpxml", machine.id ?? "").includes("state='down'")) await sleep(200);
    await sleep(1500);
    const begin = performance.now();
    controller.abort();
    const error = await failure;
    expect(performance.now() - begin).toBeLessThan(2000);
    if (!(error instanceof PartialFailure)) throw new Error(`no partial failure: ${String(error)}`);
    return error;
  };
  const unplugged = (within: number, link = "down"): Values => ({
    ...args,
    name: "cut",
    interfaces: [{ network: "confirm", link: { state: link } }],
    confirm: { by: "tcp:80", within },
  });
  const inactive = (machine: Driven): string => virsh("dumpxml", machine.id ?? "", "--inactive");

  it("is not confirmed where its update was cut off: the next one asks again, and knows the way back", async () => {
    const web = new Driven(domain, place, "cut");
    await web.up(unplugged(60, "up"));

    // Killed: the state has the former inputs.
    await cutOff(web, unplugged(60));
    expect(web.said.join("\n")).toContain("tcp:80 has not confirmed it: the next up asks again");
    expect(inactive(web)).toContain("unconfirmed=");
    expect((await web.preview(unplugged(3))).differences).toEqual([
      { path: ["confirm"], kind: "update", cost: "live", before: "not confirmed", after: "tcp:80" },
    ]);
    expect(web.said).toEqual(["cut: an earlier update is not confirmed yet: its guest is asked again"]);
    await expect(web.up(unplugged(3))).rejects.toThrow(
      /tcp:80 did not answer within 3 s\. The former definition is back, and/,
    );
    expect(inactive(web) + virsh("dumpxml", web.id ?? "")).not.toContain("state='down'");
    expect(inactive(web)).not.toContain("unconfirmed=");
    await web.up(unplugged(60, "up"));

    // Cancelled: the state has the new ones, and the mark alone knows the former.
    const left = await cutOff(web, unplugged(60));
    [web.outputs, web.inputs] = [left.outputs, (await web.check(unplugged(60))).inputs];
    await expect(web.up(unplugged(3))).rejects.toThrow(
      /tcp:80 did not answer within 3 s\. The former definition is back, and/,
    );
    expect(inactive(web) + virsh("dumpxml", web.id ?? "")).not.toContain("state='down'");

    // Asked again, it answers: another hand plugged its cable in.
    await web.up(unplugged(60, "up"));
    await cutOff(web, unplugged(60));
    virsh("domif-setlink", web.id ?? "", String(web.outputs["macs"]), "up");
    const title = { ...unplugged(60, "up"), title: "well" };
    await web.up(title);
    expect(inactive(web)).not.toContain("unconfirmed=");
    expect((await web.preview(title)).changes).toBe(false);
    await web.destroy();
  });

  it.each(["ssh", "tcp:0", "tcp:65536"])("names what may confirm it, in place of %s", async (by) => {
    const { failures } = await new Driven(domain, place, "x").check({ ...args, confirm: { by } });
    expect(failures).toEqual([{ property: "confirm.by", reason: 'must be "agent", "console" or "tcp:PORT"' }]);
  });
});
