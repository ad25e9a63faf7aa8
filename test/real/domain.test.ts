import { execFileSync } from "node:child_process";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { PowerStep } from "../../provider/resources/domain/power/power";
import { runPower } from "../../provider/resources/domain/power/power";
import type { Place } from "../../provider/resources/place";
import type { Request } from "../../provider/resources/port";
import { virsh } from "./changing";
import { placeOf, requestFor } from "./request";

// A real libvirtd with QEMU in software emulation; the machines have no disk and stay in their firmware.
jest.setTimeout(60_000);

let place: Place;
beforeAll(() => {
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});

/** A machine through the port, as a door drives it. */
class Machine {
  id = "";
  outputs: Values = {};
  inputs: Values = {};
  constructor(readonly name: string) {}

  request(options: Partial<Request> = {}): ReturnType<typeof requestFor> {
    return requestFor(this.name, place, { ...options, ...(this.id ? { oldInputs: this.inputs } : {}) });
  }
  async checked(args: Values): Promise<Values> {
    const { inputs, failures } = await domain.check(this.request(), this.id ? this.inputs : undefined, args);
    expect(failures).toEqual([]);
    return inputs;
  }
  async up(args: Values): Promise<ReturnType<typeof requestFor>> {
    const news = await this.checked(args);
    const request = this.request();
    if (this.id === "") {
      const created = await domain.create(request, news);
      this.id = created.id;
      this.outputs = created.outputs;
    } else {
      this.outputs = (await domain.update(request, this.id, this.outputs, news)).outputs;
    }
    this.inputs = news;
    return request;
  }
  /** Path, kind and cost of each difference. */
  async diff(args: Values): Promise<string[]> {
    const diff = await domain.diff(this.request(), this.id, this.outputs, await this.checked(args));
    return diff.differences.map(({ path, kind, cost }) => `${path.join(".")} ${kind} ${cost}`);
  }
  async destroy(): Promise<void> {
    await domain.delete(this.request(), this.id, this.outputs);
  }
}

afterEach(() => {
  for (const name of virsh("list", "--all", "--name").split("\n").filter(Boolean)) {
    if (virsh("domstate", name).trim() !== "shut off") virsh("destroy", name);
    virsh("undefine", name, "--managed-save", "--snapshots-metadata");
  }
});

const small = { type: "qemu", memory: 64, os: { machine: "q35" }, shutdown: { timeout: 0 } };

describe("a machine on a real host", () => {
  it("plugs a card of QEMU's own network into the running guest", async () => {
    const web = new Machine("cards");
    const args = { ...small, interfaces: [{ name: "a", user: {} }] };
    await web.up(args);
    const run = virsh("domid", web.id);
    const more = { ...args, interfaces: [...args.interfaces, { name: "b", user: { address: "10.0.9.0/24" } }] };
    expect(await web.diff(more)).toEqual(["interfaces.1 add live"]);
    await web.up(more);
    expect(virsh("domiflist", web.id).match(/ user /g)).toHaveLength(2);
    expect(virsh("dumpxml", web.id)).toContain("address='10.0.9.0'");
    expect(await web.diff(more)).toEqual([]);
    expect(virsh("domid", web.id)).toBe(run);
  });

  it("needs to know what a card is plugged into, where it is no session's", async () => {
    const { failures } = await domain.check(requestFor("web", place), undefined, { ...small, interfaces: [{}] });
    expect(failures).toEqual([
      { property: "interfaces[0]", reason: 'needs one of "network", "bridge", "direct", "user"' },
    ]);
  });

  it("is created running, has no difference, and is gone after delete", async () => {
    const web = new Machine("web");
    const args = { ...small, title: "first", waitFor: {} };
    await web.up(args);
    expect(virsh("domstate", web.id).trim()).toBe("running");
    expect(await web.diff(args)).toEqual([]);
    const again = await domain.diff(web.request(), web.id, web.outputs, web.inputs);
    expect(again.changes).toBe(false);
    await web.destroy();
    expect(virsh("list", "--all", "--name").trim()).toBe("");
    await web.destroy();
  });

  it("changes title, vcpus and memory by what each costs, and the guest runs on", async () => {
    const web = new Machine("costs");
    const args = { ...small, vcpus: 2, onlineVcpus: 1 };
    await web.up(args);
    const run = virsh("domid", web.id).trim();
    const changed = { ...args, title: "two", memory: 128, onlineVcpus: 2 };
    expect(await web.diff(changed)).toEqual(["title add live", "memory update restart", "onlineVcpus update live"]);
    const request = await web.up(changed);
    expect(virsh("domid", web.id).trim()).toBe(run);
    expect(virsh("desc", web.id, "--title", "--live").trim()).toBe("two");
    expect(web.outputs["restartPending"]).toEqual(["memory"]);
    expect(request.heard.warn.join()).toContain("memory waits until it is powered off and started");
    expect(await web.diff(changed)).toEqual([]);
    virsh("destroy", web.id);
    virsh("start", web.id);
    const read = await domain.read(web.request(), web.id, web.outputs);
    expect(read?.outputs["restartPending"]).toEqual([]);
    await web.destroy();
  });

  it("shows a machine stopped by hand as drift, and starts it", async () => {
    const web = new Machine("drift");
    const args = { ...small };
    await web.up(args);
    virsh("destroy", web.id);
    expect(await web.diff(args)).toEqual(["powerState update live"]);
    await web.up(args);
    expect(virsh("domstate", web.id).trim()).toBe("running");
    virsh("suspend", web.id);
    expect(await web.diff(args)).toEqual(["powerState update live"]);
    await web.up(args);
    expect(virsh("domstate", web.id).trim()).toBe("running");
    await web.destroy();
  });

  it("attaches and detaches a virtio disk and a card without a restart, at the same addresses in both definitions", async () => {
    execFileSync("truncate", ["-s", "4M", "/var/lib/libvirt/images/extra.raw"]);
    const web = new Machine("plug");
    const args = { ...small };
    await web.up(args);
    const run = virsh("domid", web.id).trim();
    const disks = [{ file: "/var/lib/libvirt/images/extra.raw", target: "vdb" }];
    expect(await web.diff({ ...args, disks })).toEqual(["disks.0 add live"]);
    await web.up({ ...args, disks });
    expect(virsh("domid", web.id).trim()).toBe(run);
    const address = (...flags: string[]): string | undefined =>
      /<target dev='vdb'[\s\S]*?(<address type='pci'[^>]*>)/.exec(virsh("dumpxml", web.id, ...flags))?.[1];
    expect(address()).toBeDefined();
    expect(address()).toBe(address("--inactive"));
    expect(await web.diff({ ...args, disks })).toEqual([]);
    expect(await web.diff(args)).toEqual(["disks.0 delete live"]);
    await web.destroy();
  });

  it("refuses a machine of that name which is not its own, and takes it over with adopt", async () => {
    const other = new Machine("other");
    await other.up({ ...small, name: "shared", powerState: "stopped" });
    const mine = new Machine("mine");
    await expect(mine.up({ ...small, name: "shared", powerState: "stopped" })).rejects.toThrow(
      /belongs to organization\/tests\/real::kvm:index:Domain::other.*not touched.*adopt/,
    );
    await mine.up({ ...small, name: "shared", powerState: "stopped", adopt: true });
    expect(mine.id).toBe(other.id);
    await other.destroy();
    expect(virsh("list", "--all", "--name").trim()).toBe("shared");
    await mine.destroy();
    expect(virsh("list", "--all", "--name").trim()).toBe("");
  });

  it("takes over one that runs, and tells what of the program its guest gets at the next power cycle", async () => {
    const other = new Machine("other");
    await other.up({ ...small, name: "runs" });
    const run = virsh("domid", other.id);
    const mine = new Machine("mine");
    const args = { ...small, name: "runs", memory: 96, adopt: true };
    const request = await mine.up(args);
    expect(virsh("domid", mine.id)).toBe(run);
    expect(mine.outputs["restartPending"]).toEqual(["memory"]);
    expect(request.heard.warn.join()).toMatch(/memory waits until it is powered off and started/);
    expect(await mine.diff(args)).toEqual([]);
    virsh("destroy", mine.id);
    virsh("start", mine.id);
    const read = await domain.read(mine.request(), mine.id, mine.outputs);
    expect(read?.outputs["restartPending"]).toEqual([]);
    await mine.destroy();
  });

  it("refuses a finished machine of its own, as after a replace that was forced", async () => {
    const web = new Machine("again");
    await web.up({ ...small, powerState: "stopped" });
    await expect(domain.create(web.request(), web.inputs)).rejects.toThrow("exists on the host already");
    await web.destroy();
  });

  it("goes on with a machine that an interrupted create left behind", async () => {
    const web = new Machine("cut");
    const inputs = await web.checked({ ...small });
    const { host } = place;
    const call = host.call.bind(host);
    const cut = jest.spyOn(host, "call").mockImplementation(((name: never, ...rest: never[]) => {
      if (name === "DOMAIN_CREATE_WITH_FLAGS") throw new Error("the power went");
      return (call as (...all: unknown[]) => unknown)(name, ...rest);
    }) as never);
    await expect(domain.create(web.request(), inputs)).rejects.toMatchObject({ name: "PartialFailure" });
    cut.mockRestore();
    await web.up({ ...small });
    expect(virsh("list", "--name").trim()).toMatch(/^cut-[0-9a-f]{7}$/);
    await web.destroy();
  });

  it("takes it for done when a machine is where a step leads: an interrupted start goes on by itself", async () => {
    const web = new Machine("ahead");
    await web.up({ ...small });
    const step = (one: PowerStep): Promise<void> => runPower(web.request(), "ahead", web.id, one, {});
    await step("start");
    await step("resume");
    await expect(step("start paused")).rejects.toThrow("domain is already running");
    expect(virsh("domstate", web.id).trim()).toBe("running");
    await step("pause");
    await step("start paused");
    expect(virsh("domstate", web.id).trim()).toBe("paused");
    virsh("destroy", web.id);
    await expect(step("resume")).rejects.toThrow("domain is not running");
    await web.destroy();
  });

  it("deletes a paused machine, one with a snapshot and one with a saved state", async () => {
    const web = new Machine("odd");
    await web.up({ ...small });
    virsh("suspend", web.id);
    await web.destroy();
    const saved = new Machine("saved");
    await saved.up({ ...small });
    virsh("managedsave", saved.id);
    await saved.destroy();
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "/var/lib/libvirt/images/shot.qcow2", "1M"]);
    const shot = new Machine("shot");
    const disks = [{ file: "/var/lib/libvirt/images/shot.qcow2", format: "qcow2" }];
    await shot.up({ ...small, disks, powerState: "stopped" });
    virsh("snapshot-create-as", shot.id, "one");
    await shot.destroy();
    expect(virsh("list", "--all", "--name").trim()).toBe("");
  });

  it("renames a stopped machine and refuses to rename a running one", async () => {
    const web = new Machine("named");
    await web.up({ ...small, name: "before", powerState: "stopped" });
    await web.up({ ...small, name: "after", powerState: "stopped" });
    expect(virsh("list", "--all", "--name").trim()).toBe("after");
    await web.up({ ...small, name: "after" });
    await expect(web.up({ ...small, name: "later" })).rejects.toThrow("stop it first");
    await web.destroy();
  });
});

describe("a machine's disks", () => {
  it("are never set back below an overlay that a snapshot made", async () => {
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "/var/lib/libvirt/images/base.qcow2", "8M"]);
    const web = new Machine("chain");
    const disks = [{ file: "/var/lib/libvirt/images/base.qcow2", format: "qcow2", target: "vda" }];
    await web.up({ ...small, disks });
    virsh("snapshot-create-as", web.id, "s1", "--disk-only", "--no-metadata");
    expect(virsh("domblklist", web.id, "--inactive")).toContain("base.s1");
    expect(await web.diff({ ...small, disks })).toEqual([]);
    expect(await web.diff({ ...small, disks, title: "t" })).toEqual(["title add live"]);
    await web.up({ ...small, disks, title: "t" });
    expect(virsh("domblklist", web.id, "--inactive")).toContain("base.s1");
    await web.destroy();
  });

  it("attached by hand are shown, and an adoption that would take one out is refused", async () => {
    execFileSync("truncate", ["-s", "1M", "/var/lib/libvirt/images/hand.raw"]);
    const web = new Machine("hand");
    await web.up({ ...small, name: "hand" });
    virsh("attach-disk", web.id, "/var/lib/libvirt/images/hand.raw", "vdc", "--persistent");
    expect(await web.diff({ ...small, name: "hand" })).toEqual(["disks.0 delete live"]);
    const other = new Machine("thief");
    await expect(other.up({ ...small, name: "hand", adopt: true })).rejects.toThrow(
      "it has disk vdc, which the program does not name",
    );
    await web.destroy();
  });

  it("that a live edit cannot reach wait for a power cycle: the program hears it before and after", async () => {
    execFileSync("truncate", ["-s", "1M", "/var/lib/libvirt/images/sata.raw"]);
    const web = new Machine("later");
    await web.up(small);
    const disks = [{ file: "/var/lib/libvirt/images/sata.raw", target: "sda", bus: "sata" }];
    expect(await web.diff({ ...small, disks })).toEqual(["disks.0 add restart"]);
    await web.up({ ...small, disks });
    expect(web.outputs["restartPending"]).toEqual(["disks[sda]"]);
    expect(await web.diff({ ...small, disks })).toEqual([]);
    await web.destroy();
  });
});
