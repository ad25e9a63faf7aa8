import { lacksOf } from "../../../provider/resources/host/lacks";
import { printVersion, type Seen } from "../../../provider/resources/host/seen";
import { element } from "../../../provider/xml";

const devices = { firmwares: ["bios", "efi"], secureBoot: true, tpm: true, graphics: ["vnc", "spice"] };

/** A host that lacks nothing. */
const whole: Seen = {
  driver: "qemu",
  facts: { uuid: "u", arch: "x86_64", hardwareVirtualisation: true, domainTypes: ["qemu", "kvm"] },
  hostname: "host1",
  versions: { libvirt: "9.0.0", hypervisor: "7.2.22" },
  node: { model: "x86_64", memory: 1024n, cpus: 1, mhz: 0, nodes: 1, sockets: 1, cores: 1, threads: 1 },
  freeBytes: 1n,
  capabilities: element("capabilities"),
  guests: { arch: "x86_64", domainTypes: ["qemu", "kvm"], machines: ["q35"] },
  devices,
  networks: [],
  pools: ["images"],
};
const words = (seen: Partial<Seen>): string[] => lacksOf({ ...whole, ...seen }).map(({ what }) => what);

describe("what a host lacks", () => {
  it("is nothing where it has all", () => {
    expect(words({})).toEqual([]);
  });

  it.each<[string[], Partial<Seen>]>([
    [["kvm"], { facts: { ...whole.facts, hardwareVirtualisation: false } }],
    [["kvm"], { facts: { ...whole.facts, domainTypes: ["qemu"] } }],
    [["uefi", "secureBoot"], { devices: { ...devices, firmwares: ["bios"], secureBoot: false } }],
    [["secureBoot"], { devices: { ...devices, secureBoot: false } }],
    [["tpm"], { devices: { ...devices, tpm: false } }],
    [["spice"], { devices: { ...devices, graphics: ["vnc"] } }],
    [["networkDriver"], { networks: undefined }],
    [["storageDriver"], { pools: undefined }],
    [["pool"], { pools: [] }],
    [["emulator"], { guests: { ...whole.guests, domainTypes: [] }, devices: undefined }],
  ])("is %j", (lacks, seen) => {
    expect(words(seen)).toEqual(lacks);
  });

  it("is said with a reason and a remedy", () => {
    expect(lacksOf({ ...whole, devices: { ...devices, tpm: false } })).toEqual([
      {
        what: "tpm",
        why: "there is no TPM emulator",
        remedy: "install swtpm on the host (Debian also: swtpm-tools) and restart libvirt",
      },
    ]);
  });

  it("is not asked of a driver that has no such things, nor of another architecture", () => {
    expect(words({ driver: "lxc", guests: { ...whole.guests, domainTypes: ["lxc"] }, devices: undefined })).toEqual([]);
    expect(words({ guests: { arch: "aarch64", domainTypes: ["qemu"], machines: ["virt"] } })).toEqual([]);
  });
});

it("a version is read from libvirt's number", () => {
  expect([9_000_000n, 7_002_022n, 10_010_003n].map(printVersion)).toEqual(["9.0.0", "7.2.22", "10.10.3"]);
});
