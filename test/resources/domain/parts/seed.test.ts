import { changesOf } from "../../../../provider/resources/domain/changes";
import { SEED_AS_IS, seedName } from "../../../../provider/resources/domain/parts/seed";
import { complete } from "../../../../provider/resources/domain/wanted";
import type { Values } from "../../../../provider/fields";
import { facts, found, ID, inputs, mark } from "../fakeHost";

const args: Values = { memory: 64, powerState: "stopped", cloudInit: { pool: "images", userData: "#cloud-config\n" } };
const former = inputs({ ...args, name: "web" });
const seed =
  `<disk type="file" device="cdrom"><driver name="qemu" type="raw"/><source file="/images/${seedName(ID, former)}"/>` +
  `<target dev="sdz" bus="scsi"/><readonly/><alias name="ua-kvm-seed"/></disk>`;
const stage = {
  inactive:
    `<domain type="kvm"><name>web</name><uuid>${ID}</uuid>${mark()}<memory unit="KiB">65536</memory>` +
    `<currentMemory unit="KiB">65536</currentMemory><vcpu>1</vcpu><os><type arch="x86_64" machine="pc-q35-7.2">hvm</type></os>` +
    `<clock offset="utc"/><devices>${seed}</devices></domain>`,
  pools: { "/images": "images" },
};

/** Paths below the seed that change with the machine's name. */
async function ofSeed(cloudInit: unknown): Promise<string[]> {
  const machine = await found(stage, former);
  const wanted = complete({ ...former, name: "other", cloudInit }, ID, former, facts);
  const paths = changesOf(machine, wanted, former).map(({ path }) => path.join("."));
  expect(paths).toContain("name");
  return paths.filter((path) => path.startsWith("cloudInit"));
}

describe("the seed of a machine that gets another name", () => {
  it("tells another host name", async () => {
    expect(await ofSeed(args["cloudInit"])).toEqual(["cloudInit.metaData"]);
  });

  it("tells what else the program changes in it", async () => {
    const cloudInit = { pool: "images", userData: "#cloud-config\n# 2\n" };
    expect(await ofSeed(cloudInit)).toEqual(["cloudInit.userData", "cloudInit.metaData"]);
  });

  it("changes in nothing where it stays as it is", async () => {
    expect(await ofSeed({ ...SEED_AS_IS })).toEqual([]);
  });
});
