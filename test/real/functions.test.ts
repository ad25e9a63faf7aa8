import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Values } from "../../provider/fields";
import { loadLookup, type LookupName } from "../../provider/resources";
import { domain } from "../../provider/resources/domain/lifecycle";
import { answer } from "../../provider/resources/lookup";
import { network } from "../../provider/resources/network/lifecycle";
import { pool } from "../../provider/resources/pool/lifecycle";
import { volume } from "../../provider/resources/volume/lifecycle";
import { virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

jest.setTimeout(60_000);

const UUID = "c7a5fdbd-edaf-4455-926a-d65c16db1809";
const folder = mkdtempSync(join(tmpdir(), "functions-"));
const place = placeOf();
const { signal } = new AbortController();

const ask = (name: LookupName, args: Values = {}, at = place): Promise<Values> =>
  answer(loadLookup(name), { place: at, signal }, args);

const images = new Driven(pool, place, "images");
const root = new Driven(volume, place, "root");
const lab = new Driven(network, place, "lab");
const web = new Driven(domain, place, "web");
const machine = {
  name: "fn-web",
  type: "qemu",
  memory: 64,
  title: "A machine",
  disks: [{ volume: "fn-images/fn-root" }],
  interfaces: [{ network: "fn-lab", mac: "52:54:00:00:00:01" }],
  waitFor: {},
  shutdown: { timeout: 0, thenForce: true },
};

beforeAll(async () => {
  await images.up({ name: "fn-images", path: folder });
  await root.up({ name: "fn-root", pool: "fn-images", capacity: 0.25 });
  await lab.up({ name: "fn-lab", ips: [{ address: "10.93.0.1/24", dhcp: {} }] });
  await web.up(machine);
});

afterAll(async () => {
  for (const one of [web, lab, root, images]) await one.destroy();
  await place.host.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("getHost", () => {
  it("tells what the host is and has", async () => {
    expect(await ask("getHost")).toMatchObject({
      hostname: virsh("hostname").trim(),
      driver: "qemu",
      libvirtVersion: /libvirt ([0-9.]+)/.exec(virsh("version"))?.[1],
      hypervisorVersion: /QEMU ([0-9.]+)\s*$/.exec(virsh("version"))?.[1],
      arch: "x86_64",
      cpu: { count: expect.any(Number) as number, threads: expect.any(Number) as number },
      numaNodes: [{ id: 0, memory: expect.any(Number) as number, cpus: expect.arrayContaining([0]) as number[] }],
      guests: {
        arch: "x86_64",
        domainTypes: expect.arrayContaining(["qemu"]) as string[],
        machines: expect.arrayContaining(["q35", "pc"]) as string[],
        firmwares: expect.arrayContaining(["bios"]) as string[],
        graphics: expect.arrayContaining(["vnc"]) as string[],
      },
      networks: ["fn-lab"],
      pools: ["fn-images"],
    });
  });

  it("names what the host lacks, each with its remedy, and nothing that it has", async () => {
    const host = await ask("getHost");
    const lacks = host["lacks"] as { what: string; why: string; remedy: string }[];
    // The machine that the tests run on may be one of iron or not, with UEFI, TPM and SPICE or without.
    const words = ["kvm", "uefi", "secureBoot", "tpm", "spice", "confinement", "hugePages"];
    expect(words).toEqual(expect.arrayContaining(lacks.map(({ what }) => what)));
    for (const { why, remedy } of lacks) expect([why, remedy]).toEqual([expect.any(String), expect.any(String)]);
  });

  it("says which architectures there are where the one asked for is not", async () => {
    expect(await ask("getHost", { arch: "i686" })).toMatchObject({ arch: "x86_64", guests: { arch: "i686" } });
    await expect(ask("getHost", { arch: "riscv64" })).rejects.toThrow(
      /^qemu:\/\/\/system has no emulator for riscv64 \(it has: .*x86_64.*\): install QEMU for it on the host$/,
    );
  });

  it("asks a driver that knows less for less", async () => {
    const mock = placeOf("test:///default");
    expect(await ask("getHost", {}, mock)).toMatchObject({ driver: "test", guests: { graphics: [] }, lacks: [] });
    await mock.host.close();
  });
});

describe("getDomain", () => {
  it("tells of a machine by name and by UUID", async () => {
    const found = await ask("getDomain", { name: "fn-web" });
    expect(found).toEqual({
      id: web.id,
      uuid: web.id,
      name: "fn-web",
      state: "running",
      title: "A machine",
      owner: "organization/tests/real::kvm:index:Domain::web",
      memory: 64,
      currentMemory: 64,
      vcpus: 1,
      autostart: true,
      persistent: true,
      disks: [{ target: "vda", bus: "virtio", device: "disk", format: "qcow2", file: join(folder, "fn-root") }],
      interfaces: [
        {
          mac: "52:54:00:00:00:01",
          network: "fn-lab",
          bridge: virsh("net-info", "fn-lab").match(/Bridge: +(\S+)/)?.[1],
          device: expect.stringMatching(/^vnet/) as string,
          model: "virtio",
        },
      ],
      memoryDevices: [],
      macs: ["52:54:00:00:00:01"],
      addresses: expect.any(Array) as string[],
      restartPending: [],
    });
    expect(await ask("getDomain", { uuid: web.id })).toMatchObject({ name: "fn-web" });
  });

  it("tells what waits for a power cycle", async () => {
    await web.up({ ...machine, memory: 96 });
    expect(await ask("getDomain", { name: "fn-web" })).toMatchObject({ restartPending: ["memory"] });
    await web.up(machine);
  });

  it("says what is not there, where, and what next", async () => {
    await expect(ask("getDomain", { name: "nobody" })).rejects.toThrow(
      'qemu:///system has no domain named "nobody" (libvirt: 42, no domain): look at what `getDomains` lists, or give `{ provider }` to ask another host',
    );
    await expect(ask("getDomain", { uuid: UUID })).rejects.toThrow(`has no domain with UUID ${UUID}`);
  });
});

describe("getDomains", () => {
  it("lists machines by name, those of a state where one is asked for", async () => {
    const file = join(folder, "stray.xml");
    const xml = `<domain type="qemu"><name>fn-stray</name><memory>65536</memory><os><type>hvm</type></os></domain>`;
    spawnSync("tee", [file], { input: xml });
    virsh("define", file);
    const stray = { name: "fn-stray", state: "stopped", memory: 64, vcpus: 1 };
    expect(await ask("getDomains")).toMatchObject({
      domains: [stray, { name: "fn-web", state: "running", title: "A machine", owner: /./ }].map((one) =>
        "owner" in one ? { ...one, owner: expect.stringContaining("::web") as string } : one,
      ),
    });
    const { domains } = (await ask("getDomains", { state: "stopped" })) as { domains: Values[] };
    expect(domains.map(({ name }) => name)).toEqual(["fn-stray"]);
    expect(domains[0]).not.toHaveProperty("owner", expect.any(String));
    virsh("undefine", "fn-stray");
  });
});

describe("networks, pools and volumes", () => {
  it("are told by name and by UUID", async () => {
    expect(await ask("getNetwork", { name: "fn-lab" })).toMatchObject({
      id: lab.id,
      bridgeName: expect.stringMatching(/^virbr/) as string,
      active: true,
      autostart: true,
      persistent: true,
      owner: "organization/tests/real::kvm:index:Network::lab",
      ips: [{ address: "10.93.0.1/24", dhcp: { ranges: [{ start: "10.93.0.2", end: "10.93.0.254" }] } }],
    });
    expect(await ask("getNetwork", { uuid: lab.id })).toMatchObject({ name: "fn-lab" });
    expect(await ask("getPool", { name: "fn-images" })).toMatchObject({
      id: images.id,
      type: "dir",
      path: folder,
      active: true,
      autostart: true,
      persistent: true,
    });
    expect(await ask("getPool", { uuid: images.id })).toMatchObject({ name: "fn-images" });
    const disk = { id: "fn-images/fn-root", format: "qcow2", capacity: 0.25, path: join(folder, "fn-root") };
    expect(await ask("getVolume", { id: "fn-images/fn-root" })).toMatchObject(disk);
    expect(await ask("getVolume", { pool: "fn-images", name: "fn-root" })).toMatchObject(disk);
  });

  it("are told where they do not run", async () => {
    virsh("net-destroy", "fn-lab");
    virsh("pool-destroy", "fn-images");
    expect(await ask("getNetwork", { name: "fn-lab" })).toMatchObject({ active: false, autostart: true });
    expect(await ask("getPool", { name: "fn-images" })).toMatchObject({ active: false, capacity: 0, available: 0 });
    await expect(ask("getVolume", { id: "fn-images/fn-root" })).rejects.toThrow(
      'qemu:///system: pool "fn-images" is stopped, so its volumes cannot be seen',
    );
    virsh("net-start", "fn-lab");
    virsh("pool-start", "fn-images");
  });

  it("are named where they are not there", async () => {
    await expect(ask("getNetwork", { name: "x" })).rejects.toThrow('has no network named "x" (libvirt: 43');
    await expect(ask("getPool", { uuid: UUID })).rejects.toThrow(`has no pool with UUID ${UUID} (libvirt: 49`);
    await expect(ask("getVolume", { id: "x/y" })).rejects.toThrow('has no pool named "x" (libvirt: 49');
    await expect(ask("getVolume", { id: "fn-images/y" })).rejects.toThrow(
      'has no volume named "y" in pool "fn-images" (libvirt: 50',
    );
  });
});

describe("getNodeDevices", () => {
  it("lists devices of one kind as virsh does, and all of them", async () => {
    const names = async (args: Values): Promise<unknown[]> =>
      ((await ask("getNodeDevices", args)) as { devices: Values[] }).devices.map(({ name }) => name);
    const listed = (...args: string[]): string[] =>
      virsh("nodedev-list", ...args)
        .split("\n")
        .filter(Boolean)
        .sort();
    expect(await names({})).toEqual(listed());
    for (const kind of ["system", "pci", "net", "storage", "usb_device", "scsi_host", "mdev_types"]) {
      expect(await names({ capability: kind })).toEqual(listed("--cap", kind));
    }
  });

  it("tells what a device is", async () => {
    const { devices } = (await ask("getNodeDevices", { capability: "net" })) as { devices: Values[] };
    expect(devices).toContainEqual(
      expect.objectContaining({ capability: "net", interface: "lo", address: "00:00:00:00:00:00" }),
    );
  });
});
