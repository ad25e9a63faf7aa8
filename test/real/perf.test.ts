import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { changesLive, clear, costs, small, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

// What the host counts of real machines in their firmware; a virtual machine has the kernel's own counters alone.
jest.setTimeout(60_000);

let place: Place;
beforeAll(() => {
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(clear);

const counting = (perf: Values) => ({ ...small, perf });

/** The events that are counted. */
const counted = ({ id = "" }: Driven, ...scope: string[]): (string | undefined)[] =>
  [...virsh("dumpxml", id, ...scope).matchAll(/<event name='(\w+)' enabled='yes'/g)].map((found) => found[1]);

describe("perf events", () => {
  it("are counted, and counted no more, on a running machine", async () => {
    const web = new Driven(domain, place, "perf");
    await web.up(small);
    const two = counting({ cpuClock: true, pageFaults: true, contextSwitches: false });
    const { live, inactive } = await changesLive(web, two);
    for (const xml of [live, inactive]) {
      expect(xml).toMatch(/<event name='cpu_clock' enabled='yes'\/>\s*<event name='page_faults' enabled='yes'\/>/);
    }
    expect([counted(web), counted(web, "--inactive")]).toEqual([
      ["cpu_clock", "page_faults"],
      ["cpu_clock", "page_faults"],
    ]);
    expect(virsh("domstats", "--perf", web.id ?? "")).toMatch(/perf\.cpu_clock=\d+/);
    await changesLive(web, counting({ cpuClock: true, contextSwitches: true }));
    expect(counted(web)).toEqual(["cpu_clock", "context_switches"]);
    const none = await changesLive(web, small);
    expect(counted(web)).toEqual([]);
    expect(none.inactive).not.toContain("<perf>");
  });

  it("are the same after a power cycle, and drift is put right", async () => {
    const web = new Driven(domain, place, "again");
    const args = counting({ taskClock: true });
    await web.up(args);
    const id = web.id ?? "";
    expect(counted(web)).toEqual(["task_clock"]);
    virsh("destroy", id);
    virsh("start", id);
    await web.refresh();
    expect((await web.preview(args)).changes).toBe(false);
    virsh("perf", id, "--disable", "task_clock", "--live");
    expect(await costs(web, args)).toEqual(["perf.taskClock live"]);
    await web.up(args);
    expect(counted(web)).toEqual(["task_clock"]);
  });

  it("that the host has not are an error with libvirt's reason, and open in the next preview", async () => {
    const web = new Driven(domain, place, "lacks");
    await web.up(small);
    const args = counting({ cmt: true });
    await expect(web.up(args)).rejects.toThrow(
      /change perf\.cmt .*libvirt refused \(74, .*cmt.*the host has no such counter: take it out of perf, or the machine does not start again/,
    );
    expect(await costs(web, args)).toEqual(["perf live"]);
    const id = web.id ?? "";
    virsh("destroy", id);
    expect(() => virsh("start", id)).toThrow("unable to enable host cpu perf event for cmt");
    await web.up(small);
    expect([virsh("domstate", id).trim(), (await web.preview(small)).changes]).toEqual(["running", false]);
  });
});
