import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import { virsh } from "../e2e/engine";
import { Driven } from "./driven";
import { agentInitrd, cmdline, guestFiles } from "./guestFiles";
import { placeOf } from "./request";

// What goes by the guest agent, with QEMU's own in the guest.
jest.setTimeout(180_000);

const place = placeOf();
const { kernel, initrd } = guestFiles();
const withAgent = { kernel, initrd: agentInitrd(), cmdline };
const base = {
  type: "qemu",
  memory: 224,
  os: withAgent,
  interfaces: [{ user: {} }],
  waitFor: { agent: true, timeout: 60 },
  whenRestartNeeded: "restart",
};
/** The guest's first user data: a script that runs when the guest is up. */
const runs = (script: string): Values => ({ pool: "agent", userData: `#!/bin/sh\n${script}\n` });
/** The machine with a seed that gives its guest a name. */
const seeded = (name: string): Values => ({
  ...base,
  cloudInit: { pool: "agent", userData: `#cloud-config\nhostname: ${name}\n` },
});
const deaf = "sleep 1; while :; do for reader in $(pidof head); do kill -9 $reader; done; sleep 1; done";
const answers = (machine: Driven): boolean => {
  try {
    virsh("qemu-agent-command", machine.id ?? "", "--timeout", "1", '{"execute":"guest-ping"}');
    return true;
  } catch {
    return false;
  }
};

beforeAll(() => {
  virsh("pool-define-as", "agent", "dir", "--target", "/var/lib/libvirt/images/agent");
  virsh("pool-build", "agent");
  virsh("pool-start", "agent");
});
afterAll(async () => {
  await place.host.close();
});
afterEach(() => {
  for (const name of virsh("list", "--name").split("\n").filter(Boolean)) virsh("destroy", name);
});

async function until(seen: () => boolean): Promise<void> {
  for (let tries = 0; tries < 120 && !seen(); tries++) await new Promise((done) => setTimeout(done, 250));
}

describe("a machine whose guest has an agent", () => {
  it("is there once the agent answers, and has the addresses that the agent alone knows", async () => {
    const web = new Driven(domain, place, "web");
    await web.up({ ...base, waitFor: { agent: true, address: true } });
    expect(answers(web)).toBe(true);
    // User networking has no leases on the host.
    expect(web.outputs["addresses"]).toContain("10.0.2.15");
    await web.destroy();
  });

  it("is named when no agent answers, and kept", async () => {
    const web = new Driven(domain, place, "silent");
    const args = { ...base, os: { ...withAgent, initrd }, waitFor: { agent: true, timeout: 3 } };
    await expect(web.up(args)).rejects.toThrow(/runs, but has no answer of the guest agent after 3 s/);
    expect(virsh("list", "--name")).toContain("silent");
    await web.up({ ...args, waitFor: {} });
    await web.destroy();
  });

  it("stops by its agent where its power button is dead", async () => {
    const web = new Driven(domain, place, "deaf");
    const args = { ...base, cloudInit: runs(deaf), shutdown: { timeout: 40 } };
    await web.up(args);
    const run = virsh("domid", web.id ?? "");
    await web.up({ ...args, memory: 256 });
    expect(virsh("domid", web.id ?? "")).not.toBe(run);
    expect(virsh("dumpxml", web.id ?? "")).toContain("<memory unit='KiB'>262144</memory>");
    expect(web.said.join("\n")).not.toContain("turned off");
    await web.destroy();
  });

  it("that hears neither agent nor button is left as it is in time, and turned off where that is allowed", async () => {
    const web = new Driven(domain, place, "stubborn");
    const args = { ...base, cloudInit: runs(`sleep 8; killall -STOP qemu-ga; ${deaf}`), shutdown: { timeout: 3 } };
    await web.up(args);
    await until(() => !answers(web));
    const run = virsh("domid", web.id ?? "");
    // libvirt itself waits longer for an agent.
    await expect(web.up({ ...args, memory: 256 })).rejects.toThrow(/did not stop within 3 s and was left as it is/);
    expect(virsh("domid", web.id ?? "")).toBe(run);
    await web.up({ ...args, memory: 256, shutdown: { timeout: 3, thenForce: true } });
    expect(virsh("domid", web.id ?? "")).not.toBe(run);
    expect(web.said.join("\n")).toContain("did not stop by itself and is turned off");
    await web.destroy();
  });

  it("stops by its power button where its agent hangs", async () => {
    const web = new Driven(domain, place, "hanging");
    const args = { ...base, cloudInit: runs("sleep 8; killall -STOP qemu-ga"), shutdown: { timeout: 40 } };
    await web.up(args);
    await until(() => !answers(web));
    const run = virsh("domid", web.id ?? "");
    await web.up({ ...args, memory: 256 });
    expect(virsh("domid", web.id ?? "")).not.toBe(run);
    expect(web.said.join("\n")).not.toContain("turned off");
    await web.destroy();
  });

  it("that holds the CD of its seed is said to, and has the new one once it let go", async () => {
    const web = new Driven(domain, place, "mounted");
    await web.up(seeded("one"));
    const run = virsh("domid", web.id ?? "");
    await expect(web.up(seeded("two"))).rejects.toThrow(
      /tray of 'sdz'; the guest holds its CD: unmount it there and run up again, or power the machine off/,
    );
    const unmount = { execute: "guest-exec", arguments: { path: "/bin/umount", arg: ["/seed"] } };
    virsh("qemu-agent-command", web.id ?? "", JSON.stringify(unmount));
    await web.up(seeded("two"));
    expect(virsh("domid", web.id ?? "")).toBe(run);
    expect(virsh("vol-list", "agent").match(/mounted-\S+-seed-\w+\.iso /g)).toHaveLength(1);
    expect((await web.preview(seeded("two"))).changes).toBe(false);
    await web.destroy();
  });

  it("leaves no seed behind where another hand's power cycle brought the new one", async () => {
    const web = new Driven(domain, place, "cycled");
    const seeds = (): number => virsh("vol-list", "agent").match(/cycled-\S+-seed-\w+\.iso /g)?.length ?? 0;
    await web.up(seeded("one"));
    await expect(web.up(seeded("two"))).rejects.toThrow(/the guest holds its CD/);
    virsh("destroy", web.id ?? "");
    virsh("start", web.id ?? "");
    expect([(await web.preview(seeded("two"))).differences, seeds()]).toEqual([[], 2]);
    await web.up(seeded("two"));
    expect([(await web.preview(seeded("two"))).changes, seeds()]).toEqual([false, 1]);

    await until(() => answers(web));
    await expect(web.up(seeded("three"))).rejects.toThrow(/the guest holds its CD/);
    virsh("destroy", web.id ?? "");
    virsh("start", web.id ?? "");
    await web.destroy();
    expect(seeds()).toBe(0);
  });

  it("confirms a change by its agent, and has the former one back where the agent is silent", async () => {
    const web = new Driven(domain, place, "sure");
    const args = { ...base, confirm: { by: "agent", within: 60 }, shutdown: { timeout: 40 } };
    await web.up(args);
    const run = virsh("domid", web.id ?? "");
    await web.up({ ...args, title: "live" });
    expect([virsh("domid", web.id ?? ""), virsh("desc", web.id ?? "", "--title")]).toEqual([run, "live"]);

    await web.up({ ...args, title: "live", memory: 256 });
    expect(virsh("dumpxml", web.id ?? "")).toContain("<memory unit='KiB'>262144</memory>");

    const broken = {
      ...args,
      title: "live",
      memory: 256,
      os: { ...withAgent, initrd },
      confirm: { by: "agent", within: 10 },
    };
    await expect(web.up(broken)).rejects.toThrow(
      /not confirmed: agent did not answer within 10 s\. The former definition is back/,
    );
    expect(virsh("dumpxml", web.id ?? "")).toContain(`<initrd>${withAgent.initrd}</initrd>`);
    await until(() => answers(web));
    const open = await web.preview(broken);
    expect(open.differences.map(({ path }) => path.join("."))).toEqual(["os.initrd"]);
    await web.destroy();
  });
});
