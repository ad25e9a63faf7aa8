import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { virsh } from "./changing";
import { Driven } from "./driven";
import { cmdline, guestFiles } from "./guestFiles";
import { placeOf } from "./request";

// What a change that a running guest cannot take does to it, on a real guest that hears its power button.
jest.setTimeout(120_000);

const pool = "/var/lib/libvirt/images/restart";
const blank = `${pool}/root.raw`;

let place: Place;
let os: Values;
beforeAll(() => {
  os = { ...guestFiles(), cmdline };
  execFileSync("mkdir", ["-p", pool]);
  virsh("pool-define-as", "restart", "dir", "--target", pool);
  virsh("pool-start", "restart");
  virsh("vol-create-as", "restart", "root.raw", "8M");
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(() => {
  for (const name of virsh("list", "--all", "--name").split("\n").filter(Boolean)) {
    if (virsh("domstate", name).trim() !== "shut off") virsh("destroy", name);
    virsh("undefine", name, "--managed-save", "--nvram");
  }
});

/** A machine whose firmware finds nothing to boot: it never hears that it shall stop. */
const deaf = { type: "qemu", memory: 64, os: { machine: "q35" }, waitFor: {}, shutdown: { timeout: 1 } };
const whole = { ...deaf, memory: 192, disks: [{ file: blank, target: "vda" }] };
const runOf = (machine: Driven): string => virsh("domid", machine.id ?? "").trim();
const memoryOf = (machine: Driven): string | undefined =>
  /Max memory:\s+(\d+)/.exec(virsh("dominfo", machine.id ?? ""))?.[1];
/** Waits until the guest's kernel listens to its power button. */
const booted = async (machine: Driven): Promise<void> => {
  for (let tries = 0; tries < 240; tries++) {
    const used = Number(/cpu.time=(\d+)/.exec(virsh("domstats", machine.id ?? "", "--cpu-total"))?.[1]);
    if (used > 6e9) return;
    await new Promise((done) => setTimeout(done, 250));
  }
};

describe("a change that a running guest cannot take", () => {
  it("restarts the guest where the program says so, after the preview said it, and nothing waits any more", async () => {
    const web = new Driven(domain, place, "web");
    const args = { ...whole, os, shutdown: { timeout: 60 }, whenRestartNeeded: "restart" };
    await web.up(args);
    const run = runOf(web);
    await booted(web);
    const more = { ...args, memory: 224, title: "more" };
    const diff = await web.preview(more);
    expect(diff.differences.map(({ path, cost }) => `${path.join(".")} ${cost}`)).toEqual([
      "title live",
      "memory restart",
    ]);
    expect(web.said.join()).toMatch(/^web-\w+: restarts the guest: title set to more, memory 192 -> 224 MiB$/);
    await web.up(more);
    expect(web.said.join("\n")).toMatch(/domain "web-\w+" is restarted for memory/);
    expect(runOf(web)).not.toBe(run);
    expect([virsh("domstate", web.id ?? "").trim(), memoryOf(web)]).toEqual(["running", String(224 * 1024)]);
    expect(web.outputs["restartPending"]).toEqual([]);
    expect((await web.preview(more)).changes).toBe(false);
    expect(virsh("vol-list", "restart").match(/kvm-proof/)).toBeNull();
  });

  it("is refused in the preview and in the update where the program forbids it", async () => {
    const web = new Driven(domain, place, "forbidden");
    const args = { ...deaf, whenRestartNeeded: "fail" };
    await web.up(args);
    const sentence = /runs, and memory 64 -> 96 MiB needs a power cycle, which whenRestartNeeded: "fail" forbids/;
    await expect(web.preview({ ...args, memory: 96 })).rejects.toThrow(sentence);
    const { inputs } = await web.check({ ...args, memory: 96 });
    await expect(domain.update(web.request(), web.id ?? "", web.outputs, inputs)).rejects.toThrow(sentence);
    expect(virsh("dumpxml", web.id ?? "", "--inactive")).toContain("<memory unit='KiB'>65536</memory>");
    await web.up({ ...args, title: "live goes" });
    expect(virsh("desc", web.id ?? "", "--title", "--live").trim()).toBe("live goes");
  });

  it("leaves the guest running where it does not stop by itself, says so, and is open in the next preview", async () => {
    const web = new Driven(domain, place, "stubborn");
    const args = { ...deaf, whenRestartNeeded: "restart" };
    await web.up(args);
    const run = runOf(web);
    await expect(web.up({ ...args, memory: 96 })).rejects.toThrow(
      /did not stop within 1 s and was left as it is.*Its definition is written already; memory will hold from its next start on/,
    );
    expect(runOf(web)).toBe(run);
    expect(await web.refresh()).toBe(true);
    expect(web.outputs["restartPending"]).toEqual(["memory"]);
    const open = await web.preview({ ...args, memory: 96 });
    expect(open.differences.map(({ path }) => path.join("."))).toEqual(["restartPending"]);
    await web.up({ ...args, memory: 96, shutdown: { timeout: 0, thenForce: true } });
    expect([memoryOf(web), web.outputs["restartPending"]]).toEqual([String(96 * 1024), []]);
  });

  it("is known where it came with a stop that the guest did not obey, and goes when it is taken back", async () => {
    const web = new Driven(domain, place, "stays");
    await web.up(deaf);
    await expect(web.up({ ...deaf, title: "x", powerState: "stopped" })).rejects.toThrow(
      /did not stop within 1 s and was left as it is.*Its definition is written already$/,
    );
    expect(virsh("desc", web.id ?? "", "--title").trim()).toBe("x");
    await web.up(deaf);
    expect(virsh("desc", web.id ?? "", "--title").trim()).toBe("");
    expect((await web.preview(deaf)).changes).toBe(false);
  });

  it("never stops a guest for a definition that this host cannot start", async () => {
    const web = new Driven(domain, place, "proof");
    const args = { ...whole, whenRestartNeeded: "restart", shutdown: { timeout: 0, thenForce: true } };
    await web.up(args);
    const run = runOf(web);
    const before = virsh("dumpxml", web.id ?? "", "--inactive");
    await expect(web.up({ ...args, os: { machine: "q35", kernel: "/nowhere/vmlinuz" } })).rejects.toThrow(
      /was not stopped and not changed: this host cannot start its new definition/,
    );
    expect(runOf(web)).toBe(run);
    expect(virsh("dumpxml", web.id ?? "", "--inactive")).toBe(before);
    expect(virsh("list", "--all", "--name").trim()).toBe(String(web.outputs["name"]));
    expect(virsh("vol-list", "restart")).not.toContain("kvm-proof");
  });

  it("starts the guest again though its update was cancelled while the guest was stopping", async () => {
    const web = new Driven(domain, place, "cancelled");
    const args = { ...whole, os, shutdown: { timeout: 60 }, whenRestartNeeded: "restart" };
    await web.up(args);
    await booted(web);
    const run = runOf(web);
    const { inputs } = await web.check({ ...args, memory: 224 });
    const cancel = new AbortController();
    let meanwhile = "";
    const call = place.host.call.bind(place.host) as (...all: unknown[]) => Promise<unknown>;
    const spy = jest.spyOn(place.host, "call").mockImplementation(((name: string, ...rest: unknown[]) => {
      if (name === "DOMAIN_SHUTDOWN_FLAGS") {
        meanwhile = virsh("dumpxml", web.id ?? "", "--inactive");
        cancel.abort(new Error("cancelled here"));
      }
      return call(name, ...rest);
    }) as never); // one function stands for a call's many types
    let held = false;
    const request = { ...web.request(), signal: cancel.signal, mustEnd: () => void (held = true) };
    await domain.update(request, web.id ?? "", web.outputs, inputs).catch(() => undefined);
    spy.mockRestore();
    expect([cancel.signal.aborted, held]).toEqual([true, true]);
    // A kill at that moment would leave this trace.
    expect(meanwhile).toMatch(/restarting=["']running/);
    await web.up({ ...args, memory: 224 });
    expect(virsh("dumpxml", web.id ?? "", "--inactive")).not.toContain("restarting=");
    expect([virsh("domstate", web.id ?? "").trim(), memoryOf(web)]).toEqual(["running", String(224 * 1024)]);
    expect(runOf(web)).not.toBe(run);
  });

  it.each([
    ["running", "stopped", ["destroy"]],
    ["running", "paused", ["suspend"]],
    ["paused", "stopped", ["destroy"]],
  ])(
    "is %s again where the power cycle was cut off while it was %s, also where others have its power",
    async (goes, was, act) => {
      const web = new Driven(domain, place, `cut-${goes}-${was}`);
      const args = { ...deaf, powerState: "unmanaged" };
      await web.up(args);
      virsh("start", web.id ?? "");
      const mark = `<mark owner='o' incarnation='i' phase='ready' restarting='${goes}'/>`;
      const own = /<kvm:mark [^>]*\/>/.exec(virsh("dumpxml", web.id ?? "", "--inactive"))?.[0] ?? mark;
      const text = own
        .replace("kvm:mark", "mark")
        .replace(/ xmlns:kvm=('|")[^'"]*('|")/, "")
        .replace("/>", ` restarting='${goes}'/>`);
      virsh("metadata", web.id ?? "", "--config", "--key", "kvm", "--uri", "urn:pulumi-kvm:mark:1", "--set", text);
      virsh(...act, web.id ?? "");
      const diff = await web.preview(args);
      expect(diff.differences.map(({ path, before, after }) => [path.join("."), before, after])).toEqual([
        ["powerState", was, goes],
      ]);
      await web.up(args);
      expect(virsh("domstate", web.id ?? "").trim()).toBe(goes);
      expect((await web.preview(args)).changes).toBe(false);
      // Who stops it later means it.
      virsh("destroy", web.id ?? "");
      expect((await web.preview(args)).changes).toBe(false);
    },
  );

  it("brings the former definition back where the guest was stopped and does not start with the new one", async () => {
    const web = new Driven(domain, place, "returns");
    const args = { ...whole, whenRestartNeeded: "restart", shutdown: { timeout: 0, thenForce: true } };
    await web.up(args);
    // What is no bridge is found by a start alone: a twin has no cards.
    const wrong = { ...args, memory: 224, interfaces: [{ bridge: "lo", mac: "52:54:00:00:99:01" }] };
    await expect(web.up(wrong)).rejects.toThrow(
      /the guest was stopped for memory and did not start again: .*'vnet\d+'.*The former definition is back, and the next preview shows the change as open/,
    );
    expect([virsh("domstate", web.id ?? "").trim(), memoryOf(web)]).toEqual(["running", String(192 * 1024)]);
    expect(virsh("dumpxml", web.id ?? "", "--inactive")).not.toContain("52:54:00:00:99:01");
    const open = await web.preview(wrong);
    expect(open.differences.map(({ path, cost }) => `${path.join(".")} ${cost}`)).toEqual([
      "memory restart",
      "interfaces.0 live",
    ]);
    await web.up({ ...args, memory: 224 });
    expect([memoryOf(web), web.outputs["restartPending"]]).toEqual([String(224 * 1024), []]);
  });

  it("proves UEFI machines too, and leaves no variables behind", async () => {
    const web = new Driven(domain, place, "uefi");
    const args = {
      ...deaf,
      os: { firmware: "efi" },
      whenRestartNeeded: "restart",
      shutdown: { timeout: 0, thenForce: true },
    };
    await web.up(args);
    await web.up({ ...args, memory: 96 });
    expect(memoryOf(web)).toBe(String(96 * 1024));
    expect(execFileSync("ls", ["/var/lib/libvirt/qemu/nvram"], { encoding: "utf8" })).not.toContain("kvm-proof");
  });

  it("gives a running machine its new name between stop and start", async () => {
    const web = new Driven(domain, place, "named");
    const args = { ...deaf, name: "old-name", shutdown: { timeout: 0, thenForce: true } };
    await web.up(args);
    await expect(web.preview({ ...args, name: "new-name" })).rejects.toThrow(
      /runs and cannot be renamed to "new-name": stop it/,
    );
    await web.up({ ...args, name: "new-name", whenRestartNeeded: "restart" });
    expect(virsh("domstate", "new-name").trim()).toBe("running");
    expect((await web.preview({ ...args, name: "new-name", whenRestartNeeded: "restart" })).changes).toBe(false);
  });

  it("has a seed that tells its new name, and nothing else of it is a change", async () => {
    const web = new Driven(domain, place, "told");
    const args = (name: string): Values => ({
      ...deaf,
      name,
      powerState: "stopped",
      cloudInit: { pool: "restart", userData: "#cloud-config\n" },
    });
    await web.up(args("one"));
    expect((await web.preview(args("two"))).differences).toMatchObject([
      { path: ["name"], before: "one", after: "two" },
      { path: ["cloudInit", "metaData"], before: "local-hostname: one", after: "local-hostname: two" },
    ]);
    await web.up(args("two"));
    expect((await web.preview(args("two"))).changes).toBe(false);
    expect(virsh("vol-list", "restart").match(/^ (one|two)-seed-/gm)).toEqual([" two-seed-"]);
    const seed = /\S+two-seed-\S+/.exec(virsh("domblklist", "two", "--inactive"))?.[0] ?? "";
    expect(readFileSync(seed, "latin1")).toContain("local-hostname: two\n");
    await web.destroy();
  });

  it("is stopped for no name that another machine has", async () => {
    const other = new Driven(domain, place, "other");
    await other.up({ ...deaf, name: "taken", powerState: "stopped" });
    const web = new Driven(domain, place, "mine");
    const args = { ...deaf, name: "mine", whenRestartNeeded: "restart", shutdown: { timeout: 0, thenForce: true } };
    await web.up(args);
    const sentence = `domain "mine" cannot be renamed to "taken": the domain ${other.id ?? ""} has that name. Nothing was touched`;
    await expect(web.preview({ ...args, name: "taken" })).rejects.toThrow(sentence);
    await expect(web.up({ ...args, name: "taken" })).rejects.toThrow(sentence);
    expect(virsh("domstate", "mine").trim()).toBe("running");
  });

  it("brings a new seed though the guest holds its CD", async () => {
    const holds =
      "#!/bin/sh\nmkdir -p /m\nmount -t iso9660 /dev/sr0 /m\necho held >/dev/ttyS0\nwhile :; do sleep 1; done\n";
    const web = new Driven(domain, place, "holds");
    const args = {
      ...whole,
      os,
      whenRestartNeeded: "restart",
      shutdown: { timeout: 60, thenForce: true },
      cloudInit: { pool: "restart", userData: holds },
    };
    await web.up(args);
    await booted(web);
    const more = { ...args, memory: 224, cloudInit: { pool: "restart", userData: `${holds}# 2\n` } };
    await web.up(more);
    expect((await web.preview(more)).changes).toBe(false);
    expect(virsh("vol-list", "restart").match(/^ \S+-seed-/gm)).toHaveLength(1);
    await web.destroy();
  });

  it("leaves a saved guest the seed that it goes on with", async () => {
    const seed = (userData: string): Values => ({ ...deaf, cloudInit: { pool: "restart", userData } });
    const web = new Driven(domain, place, "seedSaved");
    await web.up(seed("#cloud-config\n"));
    virsh("managedsave", web.id ?? "");
    await web.up(seed("#cloud-config\nhostname: x\n"));
    expect(virsh("domstate", web.id ?? "").trim()).toBe("running");
    virsh("destroy", web.id ?? "");
    await web.up(seed("#cloud-config\nhostname: x\n"));
    expect(virsh("vol-list", "restart").match(/^ \S+-seed-/gm)).toHaveLength(1);
    await web.destroy();
  });

  it("waits for nothing when the program goes back to what the guest has", async () => {
    const web = new Driven(domain, place, "back");
    await web.up(deaf);
    await web.up({ ...deaf, memory: 96, vcpus: 2 });
    expect(web.outputs["restartPending"]).toEqual(["memory", "vcpus"]);
    const back = await web.preview({ ...deaf, vcpus: 2 });
    expect(new Set(back.differences.map(({ cost }) => cost))).toEqual(new Set(["live"]));
    await web.up({ ...deaf, vcpus: 2 });
    expect(web.outputs["restartPending"]).toEqual(["vcpus"]);
    expect((await web.preview({ ...deaf, vcpus: 2 })).changes).toBe(false);
  });

  it("waits with a first seed, for whose drive the guest must be started", async () => {
    const web = new Driven(domain, place, "seeded");
    await web.up(deaf);
    const args = { ...deaf, cloudInit: { pool: "restart", userData: "#cloud-config\n" } };
    const diff = await web.preview(args);
    expect(diff.differences.map(({ path, cost }) => `${path.join(".")} ${cost}`)).toEqual(["cloudInit restart"]);
    await web.up(args);
    expect(web.outputs["restartPending"]).toEqual(["cloudInit"]);
    expect((await web.preview(args)).changes).toBe(false);
    const other = { ...args, cloudInit: { pool: "restart", userData: "#cloud-config\nhostname: b\n" } };
    const second = await web.preview(other);
    expect(second.differences.map(({ path, cost }) => `${path.join(".")} ${cost}`)).toEqual([
      "cloudInit.userData restart",
    ]);
    await web.up(other);
    expect(web.outputs["restartPending"]).toEqual(["cloudInit"]);
    expect(virsh("vol-list", "restart").match(/^ \S+-seed-/gm)).toHaveLength(1);
    virsh("destroy", web.id ?? "");
    await web.up(other);
    expect(web.outputs["restartPending"]).toEqual([]);
    expect(virsh("dumpxml", web.id ?? "")).toContain("ua-kvm-seed");
    await web.destroy();
  });

  it("lets go of a disk and a card when it is resumed for it, and keeps them while it stays paused", async () => {
    virsh("vol-create-as", "restart", "more.raw", "8M");
    const web = new Driven(domain, place, "paused");
    const mac = "52:54:00:00:99:02";
    const less = { ...whole, os, autostart: true };
    const more = {
      ...less,
      disks: [...whole.disks, { file: `${pool}/more.raw`, target: "vdb" }],
      interfaces: [{ user: {}, mac }],
    };
    await web.up(more);
    await booted(web);
    const paused = { ...less, powerState: "paused" };
    const diff = await web.preview(paused);
    expect(diff.differences.map(({ path, cost }) => `${path.join(".")} ${cost}`)).toEqual([
      "disks.1 live",
      "interfaces.0 live",
      "powerState live",
    ]);
    virsh("suspend", web.id ?? "");
    const held = await web.preview(paused);
    expect(held.differences.map(({ path, cost }) => `${path.join(".")} ${cost}`)).toEqual([
      "disks.1 restart",
      "interfaces.0 restart",
    ]);
    await web.up(paused);
    expect(web.outputs["restartPending"]).toEqual(["disks[vdb]", `interfaces[${mac}]`]);
    expect((await web.preview(paused)).changes).toBe(false);
    await web.up({ ...more, powerState: "paused" });
    expect(web.outputs["restartPending"]).toEqual([]);
    const woken = await web.preview(less);
    expect(new Set(woken.differences.map(({ cost }) => cost))).toEqual(new Set(["live"]));
    await web.up(less);
    expect(virsh("domstate", web.id ?? "").trim()).toBe("running");
    expect(virsh("dumpxml", web.id ?? "")).not.toMatch(/vdb|52:54:00:00:99:02/);
    expect([web.outputs["restartPending"], (await web.preview(less)).changes]).toEqual([[], false]);
  });

  it("tells of a saved state, which brings the old definition back", async () => {
    const web = new Driven(domain, place, "saved");
    await web.up(deaf);
    virsh("managedsave", web.id ?? "");
    await web.preview({ ...deaf, memory: 96 });
    expect(web.said.join()).toContain("the next start goes on with the definition that it was saved with");
    await web.up({ ...deaf, memory: 96 });
    expect(web.outputs["restartPending"]).toEqual(["memory"]);
  });
});
