import { execFileSync } from "node:child_process";
import { Resolver } from "node:dns/promises";
import type { Values } from "../../provider/fields";
import { load, type Token } from "../../provider/resources";
import type { Place } from "../../provider/resources/place";
import { cmdline, type GuestFiles, guestFiles } from "./guestFiles";
import { placeOf, requestFor } from "./request";

// A real Linux guest in software emulation: it reads its seed, takes a lease and serves a page.
jest.setTimeout(120_000);

describe("a machine with a guest", () => {
  let place: Place;
  let files: GuestFiles;
  const made: { token: Token; id: string; outputs: Values; name: string }[] = [];

  beforeAll(() => {
    files = guestFiles();
    place = placeOf();
  });
  afterAll(async () => {
    for (const one of made.reverse()) {
      await load(one.token).delete(requestFor(one.name, place, { token: one.token }), one.id, one.outputs);
    }
    await place.host.close();
  });

  async function make(token: Token, name: string, args: Values): Promise<Values> {
    const request = requestFor(name, place, { token });
    const { inputs, failures } = await load(token).check(request, undefined, args);
    expect(failures).toEqual([]);
    const { id, outputs } = await load(token).create(request, inputs);
    made.push({ token, id, outputs, name });
    return { ...outputs, id };
  }

  it("waits for the lease of this boot, which an entry of its own fixes, and the guest tells what its seed said", async () => {
    const pool = await make("StoragePool", "pool", { type: "dir", path: "/var/lib/libvirt/images/guest" });
    const network = await make("Network", "net", {
      forward: { mode: "nat" },
      ips: [{ address: "10.77.0.1/24", dhcp: {} }],
      dnsmasqOptions: ["no-ping"],
    });
    const card = { network: network["name"], mac: "52:54:00:77:00:01" };
    await make("DhcpHost", "fixed", { ...card, ip: "10.77.0.7" });
    await make("DnsHost", "names", { network: network["name"], ip: "10.77.0.7", hostnames: ["shop.example"] });
    const kernel = await make("Volume", "kernel", { pool: pool["name"], source: files.kernel });
    const initrd = await make("Volume", "initrd", { pool: pool["name"], source: files.initrd, format: "raw" });
    const begin = performance.now();
    const machine = await make("Domain", "web", {
      type: "qemu",
      memory: 192,
      os: { kernel: kernel["path"], initrd: initrd["path"], cmdline },
      interfaces: [card],
      cloudInit: { pool: pool["name"], userData: "#cloud-config\nhostname: told-by-seed\n" },
    });
    const seconds = (performance.now() - begin) / 1000;
    const [address] = machine["addresses"] as string[];
    expect(address).toBe("10.77.0.7");
    const resolver = new Resolver();
    resolver.setServers(["10.77.0.1"]);
    expect(await resolver.resolve4("shop.example")).toEqual(["10.77.0.7"]);
    const page = await fetch(`http://${String(address)}/`).then((response) => response.text());
    expect(page).toContain("told-by-seed");
    process.stdout.write(`      create to address: ${seconds.toFixed(1)} s\n`);
    const diff = await load("Domain").diff(requestFor("web", place), String(machine["id"]), machine, machine);
    expect(diff.differences).toEqual([]);
    const start = performance.now();
    const last = made.pop();
    await load("Domain").delete(requestFor("web", place), String(last?.id), last?.outputs ?? {});
    process.stdout.write(`      delete (ACPI): ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
    const left = execFileSync("ls", ["/var/lib/libvirt/images/guest"], { encoding: "utf8" });
    expect(left).not.toContain("seed");
  });
});
