import { domain } from "../../provider/resources/domain/lifecycle";
import { runLive } from "../../provider/resources/domain/live";
import { observe } from "../../provider/resources/domain/observe";
import type { Place } from "../../provider/resources/place";
import { parseXml } from "../../provider/xml";
import { clear, costs, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

// CPUs of running machines; under software emulation, where a guest's CPU that goes is never reported to libvirt.
jest.setTimeout(60_000);

const tell = (...args: string[]): string => virsh(...args).trim();
const current = (id: string): string => tell("vcpucount", id, "--current", "--live");

let place: Place;
beforeAll(() => {
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(clear);

const args = (onlineVcpus: number) => ({
  type: "qemu",
  memory: 64,
  vcpus: 3,
  onlineVcpus,
  os: { machine: "q35" },
  waitFor: {},
  shutdown: { timeout: 0, thenForce: true },
});
describe("an emulated machine", () => {
  it("gets CPUs live, waits for a power cycle with fewer, and takes that back live", async () => {
    const web = new Driven(domain, place, "cpus");
    await web.up(args(1));
    const id = web.id ?? "";
    const run = tell("domid", id);
    expect(await costs(web, args(3))).toEqual(["onlineVcpus live"]);
    await web.up(args(3));
    expect(current(id)).toBe("3");
    expect(await costs(web, args(2))).toEqual(["onlineVcpus restart"]);
    await web.up(args(2));
    expect([current(id), tell("vcpucount", id, "--current", "--config")]).toEqual(["3", "2"]);
    expect(web.outputs["restartPending"]).toEqual(["onlineVcpus"]);
    expect((await web.preview(args(2))).changes).toBe(false);
    expect(await costs(web, args(3))).toEqual(["onlineVcpus live"]);
    await web.up(args(3));
    expect([current(id), web.outputs["restartPending"], tell("domid", id)]).toEqual(["3", [], run]);
    await web.up(args(2));
    tell("destroy", id);
    tell("start", id);
    expect(current(id)).toBe("2");
    expect((await web.preview(args(2))).changes).toBe(false);
  });

  it("of which another hand listed each CPU has as many as the program says", async () => {
    const web = new Driven(domain, place, "listed");
    await web.up({ ...args(1), powerState: "stopped" });
    const id = web.id ?? "";
    tell("setvcpus", id, "2", "--config", "--hotpluggable");
    expect(tell("dumpxml", id, "--inactive")).toContain("<vcpus>");
    await web.up({ ...args(1), powerState: "stopped" });
    expect(tell("vcpucount", id, "--current", "--config")).toBe("1");
    await web.up({ ...args(3), powerState: "stopped" });
    expect(tell("vcpucount", id, "--current", "--config")).toBe("3");
    expect((await web.preview({ ...args(3), powerState: "stopped" })).changes).toBe(false);
  });

  it("that keeps the CPU it is asked for is an error with the property and both values", async () => {
    const web = new Driven(domain, place, "keeps");
    await web.up(args(1));
    await web.up(args(2));
    const found = await observe(web.request(), web.id ?? "", {});
    if (!found) throw new Error("it is there");
    const definition = parseXml(tell("dumpxml", found.id, "--inactive"));
    const less = { path: ["onlineVcpus"], kind: "update", cost: "live", before: 2, after: 1 } as const;
    // Its firmware does not know of CPUs that go.
    const { left, error } = await runLive({ request: web.request(), found, definition }, [less]);
    expect([left, String(error)]).toEqual([
      [less],
      expect.stringContaining(
        `change onlineVcpus 2 -> 1 of running domain "${found.name}": libvirt refused (1, internal error)`,
      ),
    ]);
    expect(current(found.id)).toBe("2");
  });
});
