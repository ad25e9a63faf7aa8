import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeInLab, killGroup, Program, until, virsh } from "./engine";

const uri = { "kvm:uri": "qemu:///system" };
const folder = mkdtempSync(join(tmpdir(), "kvm-e2e-pool-"));

function storage(more = "", capacity = 1): string {
  return `
    const pool = new kvm.StoragePool("disks", { name: "e2e-disks", type: "dir", path: ${JSON.stringify(join(folder, "pool"))} });
    const base = new kvm.Volume("base", { name: "base", pool: pool.name, capacity: ${capacity} });
    const root = new kvm.Volume("root", { name: "root", pool: pool.name, backing: base.id, capacity: 2 });
    const note = new kvm.Volume("note", {
      name: "note", pool: pool.name, format: "raw", content: new pulumi.asset.StringAsset("hello from an asset\\n"),
    });
    const seed = new kvm.CloudInitDisk("seed", { name: "seed.iso", pool: pool.name, userData: "#cloud-config\\npassword: hunter2\\n" });
    ${more}
    exports.path = note.path;`;
}

describeInLab("pools and volumes through the engine", () => {
  let program: Program | undefined;
  afterEach(() => {
    program?.close();
    program = undefined;
  }, 120_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("are made, seen unchanged, kept secret, grown, and leave nothing behind", () => {
    program = new Program({ source: storage(), config: uri });
    program.upped();
    expect(readFileSync(String(program.outputs()["path"]), "utf8")).toBe("hello from an asset\n");
    expect(program.stateText()).not.toContain("hunter2");
    expect(program.preview().steps).toEqual([]);

    program.write(storage("", 1.5));
    expect(program.preview().steps).toEqual([{ op: "update", what: "Volume base", replaceReasons: [] }]);
    program.upped();
    expect(virsh("vol-info", "base", "--pool", "e2e-disks")).toContain("1.50 GiB");
    expect(program.preview().steps).toEqual([]);

    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(virsh("pool-list", "--all", "--name")).toBe("");
    expect(existsSync(join(folder, "pool"))).toBe(false);
  }, 300_000);

  it("are mended when somebody stops the pool or deletes a volume", () => {
    program = new Program({ source: storage(), config: uri });
    program.upped();
    virsh("vol-delete", "seed.iso", "--pool", "e2e-disks");
    expect(program.preview().steps).toEqual([{ op: "update", what: "CloudInitDisk seed", replaceReasons: [] }]);
    program.upped();
    virsh("pool-destroy", "e2e-disks");
    expect(program.preview().steps.map(({ what }) => what)).toContain("StoragePool disks");
    program.upped();
    expect(program.preview().steps).toEqual([]);
    expect(virsh("vol-list", "e2e-disks").match(/^ *(base|root|note|seed\.iso) /gm)).toHaveLength(4);
  }, 300_000);

  it("are one each after a kill in the middle of an upload", async () => {
    const file = join(folder, "image.raw");
    writeFileSync(file, Buffer.alloc(256 * 1024 * 1024, 7));
    const more = `new kvm.Volume("big", { name: "big", pool: pool.name, source: ${JSON.stringify(file)} });`;
    program = new Program({ source: storage(more), config: uri });
    const child = program.start("up", "--yes", "--skip-preview");
    expect(await until(() => existsSync(join(folder, "pool/big")))).toBe(true);
    await killGroup(child);
    program.unlock();
    program.recover(storage(more), storage(more).replace(/name: "/g, `adopt: true, name: "`));
    expect(readFileSync(join(folder, "pool/big")).equals(readFileSync(file))).toBe(true);
    expect(program.preview().steps).toEqual([]);
  }, 300_000);

  it("refuse a replacement that would destroy what a guest has written", () => {
    program = new Program({ source: storage(), config: uri });
    program.upped();
    // What a guest does: the volume's bytes are newer than its making.
    utimesSync(join(folder, "pool/root"), new Date(), new Date(Date.now() + 60_000));
    program.write(
      storage().replace(`name: "root", pool`, `name: "root", format: "raw", pool`).replace("backing: base.id, ", ""),
    );
    const shown = program.preview();
    expect(shown.code).not.toBe(0);
    expect(shown.text).toContain("allowDataLoss");
    expect(shown.text).toContain("root");
    program.write(storage());
    expect(program.preview().steps).toEqual([]);
  }, 300_000);
});
