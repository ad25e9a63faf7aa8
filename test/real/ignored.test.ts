import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import type { Path, Values } from "../../provider/fields";
import { domain } from "../../provider/resources/domain/lifecycle";
import { clear, costs, deaf as small, machineAt, virsh } from "./changing";
import type { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(120_000);

const images = "/var/lib/libvirt/images/ignored";
const place = placeOf();
beforeAll(() => {
  mkdirSync(images, { recursive: true });
  for (const name of ["a.raw", "b.raw", "cd.iso", "cd2.iso"]) writeFileSync(`${images}/${name}`, Buffer.alloc(1 << 20));
  virsh("pool-define-as", "ignored", "dir", "--target", images);
  virsh("pool-start", "ignored");
});
afterAll(() => place.host.close());
afterEach(clear);

const vda: Values = { file: `${images}/a.raw`, target: "vda" };
const machine = (name: string, args: Values): Promise<Driven> => machineAt(place, name, args);
const idOf = ({ id }: Driven): string => id ?? "";
/** A preview and an update with `ignoreChanges`, as the plugin does them. */
const ignoring = async (one: Driven, ignores: (path: Path) => boolean, news: Values): Promise<string[]> => {
  const { inputs } = await one.check(news);
  const request = { ...one.request(), ignores };
  const { differences } = await domain.diff(request, idOf(one), one.outputs, inputs);
  one.outputs = (await domain.update(request, idOf(one), one.outputs, inputs)).outputs;
  return differences.map(({ path, cost }) => `${path.join(".")} ${cost}`);
};
const changeMedium = (one: Driven): string =>
  virsh("change-media", idOf(one), "sda", `${images}/cd2.iso`, "--live", "--config");
const mediumOf = (one: Driven, ...flags: string[]): string | undefined =>
  /sda\s+(\S+)/.exec(virsh("domblklist", idOf(one), ...flags))?.[1];

describe("what another hand changed and ignoreChanges names", () => {
  const drive = { target: "sda", bus: "sata", device: "cdrom" };

  it("stays where another property changes: a medium that the program has as a volume", async () => {
    virsh("pool-refresh", "ignored");
    const disks = [{ ...drive, volume: "ignored/cd.iso" }];
    const web = await machine("volume", { ...small, disks });
    changeMedium(web);
    const seen = await ignoring(web, ([name]) => name === "disks", { ...small, disks, title: "x" });
    expect(seen).toEqual(["title live"]);
    expect([mediumOf(web), mediumOf(web, "--inactive")]).toEqual([`${images}/cd2.iso`, `${images}/cd2.iso`]);
  });

  it.each([
    ["a file", { file: `${images}/cd.iso` }],
    ["a volume", { volume: "ignored/cd.iso" }],
  ])("stays where another part of the same property changes: %s", async (_, source: Values) => {
    virsh("pool-refresh", "ignored");
    const disks = [{ ...drive, ...source }];
    const web = await machine("part", { ...small, disks });
    changeMedium(web);
    const ignores = (path: Path): boolean => ["disks.0.file", "disks.0.volume"].includes(path.join("."));
    const seen = await ignoring(web, ignores, { ...small, disks: [...disks, vda] });
    expect(seen).toEqual(["disks.1 live"]);
    expect([mediumOf(web), mediumOf(web, "--inactive")]).toEqual([`${images}/cd2.iso`, `${images}/cd2.iso`]);
    expect(virsh("domblklist", idOf(web))).toContain("a.raw");
  });

  it("stays in and out of a list whose other items change", async () => {
    const off = { ...small, powerState: "stopped" };
    const web = await machine("list", { ...off, disks: [vda] });
    virsh("attach-disk", idOf(web), `${images}/b.raw`, "vdb", "--config");
    virsh("detach-disk", idOf(web), "vda", "--config");
    const cd = { ...drive, file: `${images}/cd.iso` };
    const disks = [vda, { ...cd, serial: "x" }];
    // One that came, and one that went from the definition.
    const ignores = (path: Path): boolean => path.length === 2 && path[0] === "disks" && path[1] !== 1;
    const seen = await ignoring(web, ignores, { ...off, disks });
    expect(seen).toEqual(["disks.1 restart"]);
    const after = virsh("domblklist", idOf(web), "--inactive");
    expect([after.includes("b.raw"), after.includes("cd.iso"), after.includes("a.raw")]).toEqual([true, true, false]);
  });

  it("takes along nothing that follows from it: autostart, where the power state is ignored", async () => {
    const web = await machine("power", small);
    virsh("destroy", idOf(web));
    const seen = await ignoring(web, ([name]) => name === "powerState", { ...small, title: "x" });
    expect(seen).toEqual(["title live"]);
    const info = virsh("dominfo", idOf(web));
    expect([/Autostart:\s+(\w+)/.exec(info)?.[1], /State:\s+(.+)/.exec(info)?.[1]]).toEqual(["enable", "shut off"]);
  });

  it("is a seed too, where the machine gets another name", async () => {
    const args = { ...small, powerState: "stopped", cloudInit: { pool: "ignored", userData: "#cloud-config\n" } };
    const web = await machine("seed", { ...args, name: "one" });
    const seed = (): string | undefined => /\S+-seed-\S+/.exec(virsh("domblklist", idOf(web), "--inactive"))?.[0];
    const before = seed();
    const seen = await ignoring(web, ([name]) => name === "cloudInit", { ...args, name: "two" });
    expect(seen).toEqual(["name restart"]);
    // Without that the preview tells that the seed has another host name.
    expect(await costs(web, { ...args, name: "three" })).toEqual(["name restart", "cloudInit.metaData live"]);
    expect(seed()).toBe(before);
    execFileSync("test", ["-f", before ?? ""]);
  });
});

it("a change that is not confirmed leads back to the former volume", async () => {
  virsh("pool-refresh", "ignored");
  const args = { ...small, whenRestartNeeded: "restart", confirm: { by: "tcp:22", within: 1 } };
  const web = await machine("back", { ...args, disks: [{ volume: "ignored/a.raw", target: "vda" }] });
  const more = { ...args, disks: [{ volume: "ignored/b.raw", target: "vda" }] };
  await expect(web.up(more)).rejects.toThrow("The former definition is back");
  expect(virsh("domblklist", idOf(web))).toContain("a.raw");
  expect(await costs(web, more)).toEqual(["disks.0.volume restart"]);
});
