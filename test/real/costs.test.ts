import { mkdirSync, writeFileSync } from "node:fs";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { clear, costs, deaf as small, machineAt, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

// Changes that would cost a power cycle for nothing, or that libvirt refuses on a running guest in some cases only.
jest.setTimeout(120_000);

const images = "/var/lib/libvirt/images/costs";
const vda: Values = { file: `${images}/a.raw`, target: "vda" };

let place: Place;
beforeAll(() => {
  mkdirSync(images, { recursive: true });
  for (const name of ["a.raw", "b.raw", "cd.iso"]) writeFileSync(`${images}/${name}`, Buffer.alloc(1 << 20));
  place = placeOf();
});
afterAll(() => place.host.close());
afterEach(clear);

const machine = (name: string, args: Values): Promise<Driven> => machineAt(place, name, args);
const idOf = ({ id }: Driven): string => id ?? "";
const runOf = (one: Driven): string => virsh("domid", idOf(one)).trim();
const pinsOf = (one: Driven): string[] => virsh("dumpxml", idOf(one)).match(/<vcpupin [^>]*>/g) ?? [];

describe("no power cycle is asked for", () => {
  it("by a memory size that libvirt rounds at each start", async () => {
    const args = { ...small, memory: 64.5, whenRestartNeeded: "restart" };
    const web = await machine("rounded", args);
    const run = runOf(web);
    const seen = await costs(web, args);
    await web.up(args);
    expect([seen, web.outputs["restartPending"], runOf(web)]).toEqual([[], [], run]);
  });

  it("by what another hand wrote to the definition alone", async () => {
    const args = { ...small, whenRestartNeeded: "restart" };
    const web = await machine("written", args);
    const run = runOf(web);
    virsh("setmaxmem", idOf(web), "96M", "--config");
    expect(await costs(web, args)).toEqual(["memory live"]);
    await web.up(args);
    expect(runOf(web)).toBe(run);
    expect((await web.preview(args)).changes).toBe(false);
  });

  it("by taking a change back whose restart the guest refused", async () => {
    const args = { ...small, shutdown: { timeout: 1 }, whenRestartNeeded: "restart" };
    const web = await machine("refused", args);
    await expect(web.up({ ...args, memory: 96 })).rejects.toThrow("did not stop");
    await web.up(args);
    expect(await costs(web, args)).toEqual([]);
  });

  it("by the right path of a disk whose attach failed with a wrong one", async () => {
    const args = { ...small, whenRestartNeeded: "fail" };
    const web = await machine("corrected", args);
    await expect(web.up({ ...args, disks: [{ ...vda, file: `${images}/missing.raw` }] })).rejects.toThrow(
      "attach disk",
    );
    const fixed = { ...args, disks: [vda] };
    expect(await costs(web, fixed)).toEqual(["disks.0 live"]);
    await web.up(fixed);
    expect(virsh("domblklist", idOf(web))).toContain("a.raw");
  });

  it("by an up that starts a saved machine, which tells what waits", async () => {
    const web = await machine("saved", small);
    virsh("managedsave", idOf(web));
    const more = { ...small, title: "t", disks: [vda] };
    await web.up(more);
    expect(await costs(web, more)).toEqual([]);
    expect(web.outputs["restartPending"]).toEqual(["disks[vda]", "title"]);
  });
});

describe("what no running guest takes waits for a power cycle", () => {
  it("the pin of a CPU that waits itself", async () => {
    const web = await machine("pinned", { ...small, vcpus: 1 });
    const vcpupins = [0, 1].map((vcpu) => ({ vcpu, cpuset: String(vcpu) }));
    const more = { ...small, vcpus: 2, cputune: { vcpupins } };
    await web.up(more);
    expect(pinsOf(web)).toEqual(["<vcpupin vcpu='0' cpuset='0'/>"]);
    expect(await costs(web, more)).toEqual([]);
  });

  it("the medium of a disk that becomes a drive", async () => {
    const disk = { target: "sda", bus: "sata" };
    const web = await machine("drive", { ...small, disks: [{ ...disk, file: `${images}/a.raw` }] });
    const after = { ...small, disks: [{ ...disk, file: `${images}/cd.iso`, device: "cdrom" }] };
    expect(await costs(web, after)).toEqual(["disks.0.file restart", "disks.0.device restart"]);
    await web.up(after);
    expect((await web.preview(after)).changes).toBe(false);
  });

  it("the boot place of a new disk that one in the guest has", async () => {
    const web = await machine("order", { ...small, disks: [{ ...vda, bootOrder: 1 }] });
    const second = { file: `${images}/b.raw`, target: "vdb", bootOrder: 1 };
    const more = { ...small, disks: [{ ...vda, bootOrder: 2 }, second] };
    expect(await costs(web, more)).toEqual(["disks.0.bootOrder restart", "disks.1 live", "disks.1.bootOrder restart"]);
    await web.up(more);
    expect(virsh("domblklist", idOf(web))).toContain("vdb");
    expect((await web.preview(more)).changes).toBe(false);
  });
});

it("a pin of a CPU that the machine has not is refused by check: libvirt drops it without a word", async () => {
  const args = { ...small, vcpus: 1, cputune: { vcpupins: [{ vcpu: 3, cpuset: "0" }] } };
  const { failures } = await new Driven(domain, place, "absent").check(args);
  expect(failures).toEqual([{ property: "cputune.vcpupins[0].vcpu", reason: "needs vcpus of 4 or more" }]);
});
