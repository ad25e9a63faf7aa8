import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Values } from "../../provider/fields";
import { load, type Token } from "../../provider/resources";
import { hand } from "./byHand";
import { clear, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(120_000);

const place = placeOf();
const base = mkdtempSync("/var/lib/libvirt/remade-");

afterAll(async () => {
  clear();
  await place.host.close();
  rmSync(base, { recursive: true, force: true });
});

const nobodys = (xml: string): string => xml.replace(/<uuid>.*<\/uuid>/, "").replace(/<metadata>[^]*<\/metadata>/, "");

const again = {
  Network: () => {
    const xml = nobodys(virsh("net-dumpxml", "again", "--inactive"));
    virsh("net-destroy", "again");
    virsh("net-undefine", "again");
    hand("net-define", xml);
    return virsh("net-uuid", "again").trim();
  },
  StoragePool: () => {
    virsh("pool-destroy", "again");
    virsh("pool-undefine", "again");
    virsh("pool-define-as", "again", "dir", "--target", join(base, "again"));
    return virsh("pool-uuid", "again").trim();
  },
  Domain: () => {
    const xml = nobodys(virsh("dumpxml", "again", "--inactive"));
    virsh("undefine", "again");
    hand("define", xml);
    return virsh("domuuid", "again").trim();
  },
} as const satisfies Partial<Record<Token, () => string>>;

it.each([
  ["Network", { ips: [{ address: "10.91.0.1/24" }] }],
  ["StoragePool", { path: join(base, "again") }],
  ["Domain", { type: "qemu", memory: 32, vcpus: 1, powerState: "stopped" }],
] as const)(
  "a %s that was made again by hand, with another UUID, is refused with the way out, which works",
  async (token, more) => {
    const one = new Driven(load(token), place, "again");
    const wish: Values = { name: "again", ...more };
    await one.up(wish);
    const uuid = again[token]();
    await expect(one.preview(wish)).rejects.toThrow(
      `"again" is another one now (${uuid}, not ${String(one.id)}): other hands made it again. It was not touched. To manage it ` +
        `from this program let the state forget the former one (pulumi refresh) and set \`adopt: true\` for one up`,
    );
    expect(await one.refresh()).toBe(false);
    const adopting = new Driven(load(token), place, "again");
    await adopting.up({ ...wish, adopt: true });
    expect(adopting.id).toBe(uuid);
    expect(await adopting.preview({ ...wish, adopt: true })).toMatchObject({ differences: [], changes: false });
    await adopting.destroy();
  },
);
