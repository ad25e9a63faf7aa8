import { judgeAccount, libvirtIn } from "../../../provider/resources/host/account";
import { findingsOf, lacksOf } from "../../../provider/resources/host/lacks";
import { printVersion, type Seen } from "../../../provider/resources/host/observe";
import { parseXml } from "../../../provider/xml";

const devices = { firmwares: ["bios", "efi"], secureBoot: true, tpm: true, graphics: ["vnc", "spice"] };

const capabilitiesOf = (pages: string, model = "apparmor") =>
  parseXml(
    `<capabilities><host><topology><cells><cell>${pages}</cell></cells></topology><secmodel><model>${model}</model></secmodel></host></capabilities>`,
  );
const small = "<pages unit='KiB' size='4'>4774453</pages>";
const huge = "<pages unit='KiB' size='2048'>512</pages>";

/** A host that lacks nothing. */
const whole: Seen = {
  driver: "qemu",
  session: false,
  facts: { uuid: "u", arch: "x86_64", hardwareVirtualisation: true, domainTypes: ["qemu", "kvm"] },
  hostname: "host1",
  versions: { libvirt: "9.0.0", hypervisor: "7.2.22" },
  node: { model: "x86_64", memory: 1024n, cpus: 1, mhz: 0, nodes: 1, sockets: 1, cores: 1, threads: 1 },
  freeBytes: 1n,
  capabilities: capabilitiesOf(small + huge),
  guests: { arch: "x86_64", domainTypes: ["qemu", "kvm"], machines: ["q35"] },
  devices,
  mayChange: true,
  networks: [{ name: "lan", running: true }],
  pools: [{ name: "images", running: true }],
};
const session: Partial<Seen> = { session: true };
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
    [["pool"], { pools: [{ name: "images", running: false }] }],
    [["network"], { networks: [] }],
    [["network"], { networks: [{ name: "default", running: false }] }],
    [[], { ...session, networks: [], capabilities: capabilitiesOf(small + huge, "none") }],
    [["vnc"], { devices: { ...devices, graphics: ["spice"] } }],
    [["changes"], { mayChange: false, devices: undefined }],
    [["confinement"], { capabilities: capabilitiesOf(small + huge, "none") }],
    [["hugePages"], { capabilities: capabilitiesOf(small) }],
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

describe("what is found", () => {
  const says = (seen: Partial<Seen>, what: string): string | undefined =>
    findingsOf({ ...whole, ...seen }).find((one) => one.what === what)?.says;

  it.each<[string, Partial<Seen>, string]>([
    ["libvirt", {}, "9.0.0 on host1 (x86_64, CPUs: 1)"],
    ["emulator", {}, "QEMU 7.2.22 for x86_64: qemu, kvm"],
    ["hugePages", {}, "512 of 2048 KiB"],
    [
      "freeMemory",
      { freeBytes: 2n ** 30n, node: { ...whole.node, memory: 2n ** 22n } },
      "1024 of 4096 MiB; what caches hold is not in it",
    ],
    [
      "pool",
      {
        pools: [
          { name: "a", running: true },
          { name: "b", running: false },
        ],
      },
      "a; stopped: b",
    ],
    ["network", { networks: [{ name: "default", running: false }] }, "none of its networks runs (default)"],
  ])("%s, with its fact", (what, seen, fact) => {
    expect(says(seen, what)).toBe(fact);
  });

  it("says what does not show from here, and how to look", () => {
    const unclear = findingsOf(whole).filter(({ state }) => state === "unclear");
    expect(unclear.map(({ what, remedy }) => [what, typeof remedy])).toEqual([
      ["spiceTls", "string"],
      ["dnsmasq", "string"],
    ]);
  });
});

describe("an account", () => {
  const libvirt = libvirtIn("root:x:0:\nlibvirt-qemu:x:64055:\nlibvirt:x:111:alice,bob\n");
  const alice = { name: "alice", uid: 1000, groups: [1000], libvirt };

  it("is of the group libvirt from the next login on", () => {
    expect(libvirt).toEqual({ gid: 111, members: ["alice", "bob"] });
    expect(judgeAccount({ ...alice, groups: [1000, 111] })).toEqual({ fact: "alice (1000), of the group libvirt" });
    expect(judgeAccount(alice)).toEqual({ why: "alice (1000) came to the group libvirt after this login" });
  });

  it("may be of no such group", () => {
    expect(judgeAccount({ ...alice, name: "eve" })).toEqual({ fact: "eve (1000), not of the group libvirt" });
    expect(judgeAccount({ ...alice, libvirt: libvirtIn("") })).toEqual({
      fact: "alice (1000); this machine has no group libvirt",
    });
    expect(judgeAccount({ ...alice, name: "root", uid: 0 })).toEqual({ fact: "root (0)" });
  });
});
