import { chmodSync } from "node:fs";
import type { Values } from "../../provider/fields";
import { load } from "../../provider/resources";
import type { Place } from "../../provider/resources/place";
import { Driven } from "./driven";
import { libvirtdAsBefore, libvirtdWith } from "./listening";
import { placeOf } from "./request";
import { Sshd } from "./sshd";

jest.setTimeout(120_000);

// An account of the host that is not of the group libvirt: its socket for changes is closed, the one for looks is open.
describe("an account that may only look", () => {
  let sshd: Sshd;
  let root: Place;
  let nobody: Place;
  let made: Record<"Network" | "StoragePool" | "Volume" | "Domain", Driven>;

  const wishes: Record<keyof typeof made, Values> = {
    Network: { name: "look-lan", ips: [{ address: "10.79.0.1/24", dhcp: {} }] },
    StoragePool: { name: "look-pool", type: "dir", path: "/var/lib/libvirt/images/look" },
    Volume: { name: "look-disk", pool: "look-pool", capacity: 0.125 },
    Domain: {
      name: "look",
      type: "qemu",
      memory: 64,
      disks: [{ volume: "look-pool/look-disk" }],
      interfaces: [{ network: "look-lan" }],
      graphics: { vnc: { password: "secret12" } },
      waitFor: {},
      shutdown: { timeout: 0 },
    },
  };
  const names = Object.keys(wishes) as (keyof typeof made)[];

  beforeAll(async () => {
    root = placeOf();
    sshd = await Sshd.start(2291);
    chmodSync(sshd.folder, 0o755);
    made = Object.fromEntries(names.map((name) => [name, new Driven(load(name), root, name)])) as typeof made;
    for (const name of names) await made[name].up(wishes[name]);
    await libvirtdWith([
      "listen_tls = 0",
      'unix_sock_rw_perms = "0700"',
      'auth_unix_rw = "none"',
      'auth_unix_ro = "none"',
    ]);
    nobody = placeOf(sshd.uri().replace(/\/\/[^@]*@/, "//nobody@"));
  });
  afterAll(async () => {
    await nobody.host.close();
    for (const name of names.reverse()) await made[name].destroy();
    await root.host.close();
    await sshd.close();
    await libvirtdAsBefore();
  });

  /** The same resource of the same state, seen by the other account. */
  const asNobody = (name: keyof typeof made): Driven =>
    Object.assign(new Driven(load(name), nobody, name), {
      id: made[name].id,
      outputs: made[name].outputs,
      inputs: made[name].inputs,
    });

  it("reads no more than that", async () => {
    await expect(nobody.host.call("NETWORK_DEFINE_XML", { xml: "<network/>" })).rejects.toThrow("usermod -aG libvirt");
  });

  it.each(names)("sees a %s without a change, and refreshes it", async (name) => {
    const seen = asNobody(name);
    expect(await seen.preview(wishes[name])).toMatchObject({ differences: [], changes: false });
    expect(await seen.refresh()).toBe(true);
    expect(seen.inputs).toEqual(made[name].inputs);
    expect(await seen.preview(wishes[name])).toMatchObject({ changes: false });
  });

  it("previews a change, also of a password that it cannot see, and may not make it", async () => {
    const seen = asNobody("Domain");
    const news = { ...wishes.Domain, memory: 96, graphics: { vnc: { password: "another1" } } };
    const { differences } = await seen.preview(news);
    expect(differences.map(({ path }) => path.join("."))).toEqual(["memory", "graphics.vnc.password"]);
    await expect(seen.up(news)).rejects.toThrow("usermod -aG libvirt");
    await expect(seen.destroy()).rejects.toThrow("usermod -aG libvirt");
    expect(await made.Domain.preview(wishes.Domain)).toMatchObject({ changes: false });
  });
});
