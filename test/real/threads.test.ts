import { execFileSync } from "node:child_process";
import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { changesLive, clear, costs, small, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

// I/O threads of real machines in their firmware.
jest.setTimeout(60_000);

const image = "/var/lib/libvirt/images/threads";

let place: Place;
beforeAll(() => {
  execFileSync("truncate", ["-s", "4M", `${image}-a.raw`, `${image}-b.raw`]);
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(clear);

const vda = (more: Values = {}) => ({ file: `${image}-a.raw`, target: "vda", ...more });
const vdb = (more: Values = {}) => ({ file: `${image}-b.raw`, target: "vdb", ...more });

/** The threads that libvirt's client shows, with where they run. */
const threads = (machine: Driven): string[] =>
  virsh("iothreadinfo", machine.id ?? "", "--live")
    .split("\n")
    .filter(Boolean)
    .map((line) => line.trim().replace(/\s+/, " "))
    .sort();

describe("I/O threads", () => {
  it("come and go on a running machine, numbered from 1", async () => {
    const web = new Driven(domain, place, "threads");
    await web.up(small);
    const three = await changesLive(web, { ...small, iothreads: 3 });
    for (const xml of Object.values(three)) expect(xml).toContain("<iothreads>3</iothreads>");
    expect(threads(web).map((line) => line[0])).toEqual(["1", "2", "3"]);
    await changesLive(web, { ...small, iothreads: 1 });
    expect(threads(web).map((line) => line[0])).toEqual(["1"]);
    const none = await changesLive(web, small);
    expect(none.live + none.inactive).not.toContain("iothread");
  });

  it("that another hand numbered otherwise are filled up, and are none too many", async () => {
    const web = new Driven(domain, place, "numbered");
    await web.up(small);
    virsh("iothreadadd", web.id ?? "", "4", "--live", "--config");
    await changesLive(web, { ...small, iothreads: 2 });
    expect(threads(web).map((line) => line[0])).toEqual(["1", "2"]);
  });

  it("come with the disk that they serve, and go with it", async () => {
    const web = new Driven(domain, place, "served");
    await web.up({ ...small, iothreads: 1, disks: [vda({ iothread: 1 })] });
    const both = { ...small, iothreads: 2, disks: [vda({ iothread: 1 }), vdb({ iothread: 2 })] };
    const { live, inactive } = await changesLive(web, both);
    for (const xml of [live, inactive]) expect(xml).toMatch(/iothread='2'[^]*threads-b/);
    expect(await costs(web, { ...small, disks: [vda()] })).toContain("iothreads restart");
    // Firmware never lets go of a disk; a Linux guest does in test/real/walks.
    expect(await costs(web, { ...small, iothreads: 1, disks: [vda({ iothread: 1 })] })).toEqual([
      "iothreads live",
      "disks.1 live",
    ]);
  });

  it("that a disk uses wait for a power cycle, as does another thread for a disk", async () => {
    const web = new Driven(domain, place, "held");
    await web.up({ ...small, iothreads: 2, disks: [vda({ iothread: 2 })] });
    const other = { ...small, iothreads: 1, disks: [vda({ iothread: 1 })] };
    expect(await costs(web, other)).toEqual(["iothreads restart", "disks.0.iothread restart"]);
    await web.up(other);
    expect(web.outputs["restartPending"]).toEqual(["disks[vda].iothread", "iothreads"]);
    expect(threads(web)).toHaveLength(2);
    expect((await web.preview(other)).changes).toBe(false);
    virsh("destroy", web.id ?? "");
    virsh("start", web.id ?? "");
    await web.refresh();
    expect([web.outputs["restartPending"], threads(web).length]).toEqual([[], 1]);
    expect((await web.preview(other)).changes).toBe(false);
  });

  it("are pinned, and go with their pins", async () => {
    const web = new Driven(domain, place, "pinned");
    await web.up(small);
    const pins = (...iothreadpins: Values[]) => ({ ...small, iothreads: 2, cputune: { iothreadpins } });
    const first = await changesLive(web, pins({ iothread: 1, cpuset: "0" }, { iothread: 2, cpuset: "1" }));
    for (const xml of Object.values(first)) {
      expect(xml).toMatch(/iothreadpin iothread='1' cpuset='0'[^]*iothreadpin iothread='2' cpuset='1'/);
    }
    await changesLive(web, pins({ iothread: 1, cpuset: "1" }));
    expect(threads(web)[0]).toBe("1 1");
    expect(threads(web)[1]).toMatch(/^2 0-\d/);
    await changesLive(web, pins({ iothread: 2, cpuset: "0" }));
    const none = await changesLive(web, small);
    expect(none.live + none.inactive).not.toContain("iothread");
  });

  it("are asked for in check where a disk or a pin names them", async () => {
    const disks = [vda({ iothread: 3 }), vdb({ target: "sda", bus: "sata", iothread: 1 })];
    const cputune = { iothreadpins: [{ iothread: 3, cpuset: "0" }] };
    const { failures } = await new Driven(domain, place, "x").check({ ...small, iothreads: 2, disks, cputune });
    expect(failures).toEqual([
      { property: "disks[0].iothread", reason: "needs iothreads of 3 or more" },
      { property: "disks[1].iothread", reason: 'is for disks of bus "virtio"' },
      { property: "cputune.iothreadpins[0].iothread", reason: "needs iothreads of 3 or more" },
    ]);
  });
});
