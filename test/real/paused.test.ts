import type { Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { clear, virsh } from "./changing";
import { Driven } from "./driven";
import { cmdline, guestFiles } from "./guestFiles";
import { placeOf } from "./request";

// Paused guests that have to stop: one hears its power button once it runs, one never does.
jest.setTimeout(180_000);

let place: Place;
let hearing: Values;
beforeAll(() => {
  const { kernel, initrd } = guestFiles();
  place = placeOf();
  hearing = {
    type: "qemu",
    memory: 192,
    os: { kernel, initrd, cmdline },
    powerState: "paused",
    whenRestartNeeded: "restart",
  };
});
afterAll(async () => {
  await place.host.close();
});
afterEach(clear);

const deaf: Values = {
  name: "box",
  type: "qemu",
  memory: 64,
  os: { machine: "q35" },
  powerState: "paused",
  whenRestartNeeded: "restart",
  shutdown: { timeout: 2 },
};
const state = (machine: Driven): string => virsh("domstate", machine.id ?? "").trim();

describe("a paused guest", () => {
  it("is resumed to hear that it shall stop, is started paused again, and can be stopped for good", async () => {
    const web = new Driven(domain, place, "web");
    await web.up(hearing);
    const run = virsh("domid", web.id ?? "");
    const more = { ...hearing, memory: 224 };
    await web.up(more);
    expect([state(web), virsh("domid", web.id ?? "") === run]).toEqual(["paused", false]);
    expect(virsh("dumpxml", web.id ?? "")).toContain("<memory unit='KiB'>229376</memory>");
    expect((await web.preview(more)).changes).toBe(false);

    await web.up({ ...more, powerState: "stopped" });
    expect(state(web)).toBe("shut off");
  });

  it("that does not stop is paused again, and the error says so", async () => {
    const box = new Driven(domain, place, "box");
    await box.up(deaf);
    const run = virsh("domid", box.id ?? "");
    const said =
      /domain "box" did not stop within 2 s and is paused again, as it was \(it was asked, and may stop yet\): stop it by hand, or set shutdown/;
    await expect(box.up({ ...deaf, powerState: "stopped" })).rejects.toThrow(said);
    expect([state(box), virsh("domid", box.id ?? "")]).toEqual(["paused", run]);
    await expect(box.up({ ...deaf, memory: 96 })).rejects.toThrow(said);
    expect([state(box), virsh("domid", box.id ?? "")]).toEqual(["paused", run]);
    await box.up({ ...deaf, memory: 96, shutdown: { timeout: 1, thenForce: true } });
    expect([state(box), virsh("domid", box.id ?? "") === run]).toEqual(["paused", false]);
  });
});
