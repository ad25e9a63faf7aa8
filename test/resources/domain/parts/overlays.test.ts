import type { Values } from "../../../../provider/fields";
import { changesOf } from "../../../../provider/resources/domain/changes";
import { forbidLoss, recalled, refuseMoved, refuseUnclear } from "../../../../provider/resources/domain/parts/overlays";
import { complete } from "../../../../provider/resources/domain/wanted";
import { facts, found, ID, inputs, mark, requestTo, type Stage, volumeXml } from "../fakeHost";

const definition = (disk: string): string =>
  `<domain type="kvm"><name>web</name><uuid>${ID}</uuid>${mark()}<memory unit="KiB">65536</memory>` +
  `<currentMemory unit="KiB">65536</currentMemory><vcpu>2</vcpu><os><type arch="x86_64" machine="pc-q35-7.2">hvm</type></os>` +
  `<cpu mode="host-model"/><clock offset="utc"/><devices>${disk}</devices></domain>`;
const disk = (path: string, format = "qcow2", below = ""): string =>
  `<disk type="file" device="disk"><driver name="qemu" type="${format}"/><source file="${path}"/>${below}<target dev="vda" bus="virtio"/></disk>`;
const overlay = (path: string, below: string, format = "qcow2"): string =>
  `<volume type="file"><target><path>${path}</path><format type="qcow2"/></target>` +
  `<backingStore><path>${below}</path><format type="${format}"/></backingStore></volume>`;
const args = (source: Values): Values => ({ powerState: "stopped", disks: [{ target: "vda", ...source }] });

/** What an update would change of the machine, and what it refuses. */
async function judged(stage: Stage, wish: Values, former = wish): Promise<string[]> {
  const machine = await found(stage, args({ ...former, ...wish }));
  const [wanted, managed] = [complete(inputs(args(wish)), ID, inputs(args(former)), facts), inputs(args(former))];
  const changes = changesOf(recalled(machine, managed), wanted, managed);
  const lines = changes.map(({ path, kind }) => `${path.join(".")} ${kind}`);
  try {
    refuseUnclear(requestTo(stage), machine, wanted, changes);
    refuseMoved(requestTo(stage), machine, wanted, changes, managed);
    return lines;
  } catch (error) {
    return [...lines, (error as Error).message.split(",")[0] ?? ""];
  }
}

const base = { file: "/pool/base", format: "qcow2" };

describe("a disk of a machine that is off, whose definition tells nothing below its image", () => {
  const volumes = {
    "default/s1": overlay("/pool/s1", "/pool/base"),
    "default/s2": overlay("/pool/s2", "/pool/s1"),
    "default/base": volumeXml("/pool/base"),
    "default/raw.s1": overlay("/pool/raw.s1", "/pool/raw", "raw"),
    // A guest wrote this header.
    "default/raw": overlay("/pool/raw", "/pool/base"),
    "default/loop": overlay("/pool/loop", "/pool/loop"),
  };
  const on = (image: string): Stage => ({ inactive: definition(disk(image)), pools: { "/pool": "default" }, volumes });

  it.each([
    ["one overlay above it", "/pool/s1", base],
    ["two overlays above it", "/pool/s2", base],
    ["an overlay above a raw one", "/pool/raw.s1", { file: "/pool/raw" }],
    ["an overlay above a volume", "/pool/s1", { volume: "default/base" }],
  ])("is on its image: %s", async (_, image, wish) => {
    expect(await judged(on(image), wish)).toEqual([]);
  });

  it("is on none that a raw image names: its guest may have written that", async () => {
    expect(await judged(on("/pool/raw.s1"), base)).toEqual(["disks.0.file update"]);
  });

  it("is on another image where its pool shows all that it rests on", async () => {
    expect(await judged(on("/pool/s2"), { ...base, file: "/pool/else" }, base)).toEqual(["disks.0.file update"]);
    expect(await judged({ ...on("/pool/base") }, { ...base, file: "/pool/else" })).toEqual(["disks.0.file update"]);
  });

  it.each(["/none/s1", "/pool/loop"])("is refused where libvirt cannot tell: %s", async (image) => {
    expect(await judged(on(image), base)).toEqual([`domain "web": disk vda is on ${image} now`]);
    expect(await judged(on(image), { volume: "default/base" }, base)).toEqual([
      "disks.0.volume add",
      `domain "web": disk vda is on ${image} now`,
    ]);
  });

  it.each([
    ["that its pool shows", "/pool/s2", base],
    ["of a volume", "/pool/s1", { volume: "default/base" }],
    ["that libvirt cannot tell", "/none/s1", base],
  ])("is not moved to another target without its overlay: one %s", async (_, image, source) => {
    const moved = { ...source, target: "vdb" };
    expect(await judged(on(image), moved, source)).toEqual([
      "disks.0 add",
      "disks.0 delete",
      `domain "web": disks: disk vda writes to ${image} now`,
    ]);
  });

  it.each([
    ["the overlay, which the program names at its new target", "/pool/s1", { file: "/pool/s1", format: "qcow2" }],
    ["another image", "/pool/s1", { file: "/pool/else" }],
    ["an image that nothing lies above", "/pool/base", base],
  ])("gives its place to %s", async (_, image, source) => {
    const moved = { ...source, target: "vdb" };
    expect(await judged(on(image), moved, base)).toEqual(["disks.0 add", "disks.0 delete"]);
  });

  it("keeps its machine from being replaced, which would start below the overlay", async () => {
    const machine = await found(on("/pool/s1"), args(base));
    expect(forbidLoss(machine, args(base))).toContain("disk vda writes to /pool/s1 now, above the image");
    expect(forbidLoss(machine, args({ file: "/pool/s1" }))).toBeUndefined();
    expect(forbidLoss(await found(on("/pool/base"), args(base)), args(base))).toBeUndefined();
  });

  it("takes another image that the program names since", async () => {
    expect(await judged(on("/none/s1"), { ...base, file: "/pool/else" }, base)).toEqual(["disks.0.file update"]);
  });
});

it.each([
  ["its wanted image", disk("/pool/base"), base],
  ["a raw image", disk("/none/other", "raw"), base],
  ["an image with nothing below", disk("/none/other", "qcow2", "<backingStore/>"), base],
])("no pool is asked where a disk is on %s", async (_, image, wish) => {
  const lines = await judged({ inactive: definition(image) }, wish);
  expect(lines.join()).not.toContain("domain");
});
