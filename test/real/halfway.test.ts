import { execFileSync } from "node:child_process";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { clear, costs, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

// An update of a running guest of which libvirt refuses a part: what was done, what not, and what stands in the definition.
jest.setTimeout(120_000);

const folder = "/var/lib/libvirt/images/halfway";
const small = { type: "qemu", memory: 64, waitFor: {}, shutdown: { timeout: 0, thenForce: true } };
const first = { file: `${folder}/a.raw`, target: "vda" };

let place: Place;
beforeAll(() => {
  execFileSync("mkdir", ["-p", folder]);
  for (const name of ["a", "b"]) execFileSync("truncate", ["-s", "1M", `${folder}/${name}.raw`]);
  place = placeOf();
});
afterAll(() => place.host.close());
afterEach(clear);

const xmlOf = (machine: Driven, ...more: string[]): string => virsh("dumpxml", machine.id ?? "", ...more);

describe("a change of which libvirt refuses a part", () => {
  it("leaves a disk that the guest did not get out of the definition, says what was done, and shows the rest", async () => {
    const web = new Driven(domain, place, "web");
    const args = { ...small, disks: [first], graphics: { vnc: { password: "former" } } };
    await web.up(args);
    const more = {
      ...args,
      title: "told",
      disks: [first, { file: "/nowhere/gone.raw", target: "vdb" }, { file: `${folder}/b.raw`, target: "vdc" }],
      graphics: { vnc: { password: "later" } },
    };
    await expect(web.up(more)).rejects.toThrow(
      /^attach disk vdb of running domain "web-\w+": libvirt refused \(38, system error\): .*gone\.raw.*; done before: change title set to told; not done: attach disk vdc, change graphics\.vnc\.password; the next preview shows what is left$/,
    );
    expect(xmlOf(web, "--inactive")).not.toMatch(/dev='vd[bc]'/);
    expect(xmlOf(web, "--inactive", "--security-info")).toContain("passwd='later'");
    expect(xmlOf(web, "--security-info")).toContain("passwd='former'");
    expect(await costs(web, more)).toEqual(["disks.1 live", "disks.2 live", "graphics.vnc.password live"]);
    virsh("destroy", web.id ?? "");
    virsh("start", web.id ?? "");
    const less = { ...more, disks: [first, more.disks[2]] };
    expect(await costs(web, less)).toEqual(["disks.1 live"]);
    await web.up(less);
    expect(xmlOf(web)).toContain("b.raw");
    expect((await web.preview(less)).changes).toBe(false);
  });

  it("shows a password that the guest was not told, and tells it with the next up", async () => {
    const web = new Driven(domain, place, "secret");
    const args = { ...small, disks: [first], graphics: { vnc: { password: "former" } } };
    await web.up(args);
    const wrong = {
      ...args,
      disks: [first, { file: "/nowhere/gone.raw", target: "vdb" }],
      graphics: { vnc: { password: "later" } },
    };
    await expect(web.up(wrong)).rejects.toThrow(/not done: change graphics\.vnc\.password/);
    const right = { ...wrong, disks: [first] };
    expect(await costs(web, right)).toEqual(["graphics.vnc.password live"]);
    await web.up(right);
    expect(xmlOf(web, "--security-info")).toContain("passwd='later'");
    expect((await web.preview(right)).changes).toBe(false);
  });

  it("takes a title away from the guest that an update took away which a kept disk broke off", async () => {
    const web = new Driven(domain, place, "kept");
    const args = { ...small, disks: [first] };
    const both = { ...args, title: "x", disks: [first, { file: `${folder}/b.raw`, target: "vdb" }] };
    await web.up(both);
    // Its firmware lets go of nothing.
    await expect(web.up(args)).rejects.toThrow(
      /^detach disk vdb of running domain "kept-\w+": the guest did not let go of it within 20 s; it is taken out of the definition only; not done: change title; the next preview shows what is left$/,
    );
    expect(xmlOf(web, "--inactive")).not.toMatch(/dev='vdb'|<title>/);
    expect(await costs(web, args)).toEqual(["disks.1 live", "title live"]);
    virsh("destroy", web.id ?? "");
    virsh("start", web.id ?? "");
    expect((await web.preview(args)).differences).toEqual([]);
  });

  it("is told with its properties where libvirt refuses the definition, and a stopped machine keeps its name then", async () => {
    const web = new Driven(domain, place, "words");
    const args = { ...small, name: "before", powerState: "stopped", disks: [first] };
    await web.up(args);
    const wrong = { ...args, name: "after", title: "t", disks: [{ ...first, serial: "a\u00e4<>b" }] };
    await expect(web.up(wrong)).rejects.toThrow(
      /^change the definition of domain "after" \(name before -> after, title set to t, serial of disk vda vda -> a\u00e4<>b\): libvirt refused \(92, xml invalid schema\)/,
    );
    expect(virsh("list", "--all", "--name").trim()).toBe("before");
    await web.up({ ...args, name: "after" });
    expect(virsh("list", "--all", "--name").trim()).toBe("after");
  });

  it("still waits after a managed save, which brings the former definition back", async () => {
    const web = new Driven(domain, place, "saved");
    const args = { ...small, disks: [first] };
    await web.up(args);
    const cached = { ...args, disks: [{ ...first, cache: "none" }] };
    await web.up(cached);
    expect(web.outputs["restartPending"]).toEqual(["disks[vda].cache"]);
    virsh("managedsave", web.id ?? "");
    virsh("start", web.id ?? "");
    await web.refresh();
    expect(web.outputs["restartPending"]).toEqual(["disks[vda].cache"]);
    virsh("managedsave", web.id ?? "");
    const titled = { ...cached, title: "x" };
    await web.up(titled);
    expect(web.outputs["restartPending"]).toEqual(["disks[vda].cache", "title"]);
    expect(await costs(web, titled)).toEqual([]);
    virsh("destroy", web.id ?? "");
    virsh("start", web.id ?? "");
    await web.refresh();
    expect(web.outputs["restartPending"]).toEqual([]);
    expect((await web.preview(titled)).changes).toBe(false);
  });
});
