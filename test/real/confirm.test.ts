import { execFileSync } from "node:child_process";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { Driven } from "./driven";
import { guestFiles } from "./guestFiles";
import { placeOf } from "./request";

// A change that its guest must confirm, on a real guest that takes a lease, serves a page and hears its power button.
jest.setTimeout(180_000);

const virsh = (...args: string[]): string =>
  execFileSync("virsh", ["-q", "-c", "qemu:///system", ...args], { encoding: "utf8" });

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
    os: { kernel, initrd, cmdline: "console=ttyS0 quiet" },
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

    const more = { ...args, title: "confirmed", memory: 224, confirm: { by: "console" } };
    await web.up(more);
    expect(virsh("dumpxml", web.id ?? "")).toContain("<memory unit='KiB'>229376</memory>");
    expect((await web.preview(more)).changes).toBe(false);
    await web.destroy();
  });

  it("names what may confirm it", async () => {
    const { failures } = await new Driven(domain, place, "x").check({ ...args, confirm: { by: "ssh" } });
    expect(failures).toEqual([{ property: "confirm.by", reason: 'must be "agent", "console" or "tcp:PORT"' }]);
  });
});
