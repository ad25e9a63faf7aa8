import { execFileSync } from "node:child_process";
import { domain } from "../../provider/resources/domain/lifecycle";
import type { Place } from "../../provider/resources/place";
import { run } from "../../provider/serving/cli/commands";
import { Driven } from "./driven";
import { guestFiles } from "./guestFiles";
import { placeOf } from "./request";

// `pulumi-kvm pending` beside real machines: one hears its power button, one does not.
jest.setTimeout(180_000);

const virsh = (...args: string[]): string =>
  execFileSync("virsh", ["-q", "-c", "qemu:///system", ...args], { encoding: "utf8" });

async function pending(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: "", err: "" };
  const code = await run(["pending", ...words], {
    out: (text) => (said.out += text),
    err: (text) => (said.err += text),
  });
  return { code, ...said };
}

let place: Place;
beforeAll(() => {
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(() => {
  for (const name of virsh("list", "--all", "--name").split("\n").filter(Boolean)) {
    if (virsh("domstate", name).trim() !== "shut off") virsh("destroy", name);
    virsh("undefine", name);
  }
});

const small = { type: "qemu", memory: 64, os: { machine: "q35" }, waitFor: {}, shutdown: { timeout: 0 } };

describe("pending", () => {
  it("says that nothing waits", async () => {
    expect(await pending()).toEqual({ code: 0, out: "No machine waits for a power cycle.\n", err: "" });
  });

  it("lists machines, properties, age and who changed them, and applies them with a power cycle", async () => {
    const { kernel, initrd } = guestFiles();
    const web = new Driven(domain, place, "web");
    const args = { ...small, name: "web", memory: 192, os: { kernel, initrd, cmdline: "console=ttyS0 quiet" } };
    await web.up(args);
    await web.up({ ...args, memory: 224 });
    const other = new Driven(domain, place, "other");
    await other.up({ ...small, name: "other" });
    virsh("setvcpus", "other", "2", "--config", "--maximum");

    expect(await pending()).toMatchObject({
      code: 0,
      out:
        "other: vcpus, by another hand\n" +
        "web: memory, for 0 minutes, by organization/tests/real::kvm:index:Domain::web\n",
    });
    const { pending: told } = JSON.parse((await pending("--json")).out) as {
      pending: { name: string; since?: string }[];
    };
    expect(told.map(({ name }) => name)).toEqual(["other", "web"]);
    expect(Date.now() - Date.parse(told[1]?.since ?? "")).toBeLessThan(120_000);

    const closed = new Date(Date.now() + 2 * 3600_000).getHours();
    const window = `${closed}:00-${closed}:01`;
    expect(await pending("--apply", "--window", window)).toMatchObject({
      code: 0,
      err: "2 not begun, because the window is closed: other, web\n",
    });

    virsh("destroy", "other");
    const run = virsh("domid", "web");
    const paid = await pending("--apply", "--max", "2");
    expect(paid.err).toContain("web: power-cycled, memory applied\n");
    expect(paid.code).toBe(0);
    expect(virsh("domid", "web")).not.toBe(run);
    expect(virsh("dumpxml", "web")).toContain("<memory unit='KiB'>229376</memory>");
    expect((await pending()).out).toBe("No machine waits for a power cycle.\n");
    expect((await web.preview({ ...args, memory: 224 })).changes).toBe(false);
  });

  it("leaves a machine that does not stop as it is, and says so", async () => {
    const deaf = new Driven(domain, place, "deaf");
    await deaf.up({ ...small, name: "deaf" });
    await deaf.up({ ...small, name: "deaf", memory: 96 });
    const run = virsh("domid", "deaf");
    const { code, err } = await pending("--apply");
    expect([code, virsh("domid", "deaf")]).toEqual([1, run]);
    expect(err).toContain("did not stop within 60 s and was left as it is");
  });
});
