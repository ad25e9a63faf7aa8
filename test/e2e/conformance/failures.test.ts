// What fails half-way is in the state, and the next up goes on with it.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { describeInLab, virsh } from "../engine";
import { type Door, DoorProgram, doors } from "./doors";

const images = "/var/lib/libvirt/images";
const mount = `${images}/half`;

/** A machine whose agent never answers, a bridge whose name is taken, a pool in a file's place, a pool that is full. */
function halves(waitFor: string): string {
  return `
    new kvm.Domain("vm", {
      name: "half-vm", type: "qemu", memory: 64, os: { machine: "q35" }, shutdown: { timeout: 0 }, ${waitFor}
    });
    new kvm.Network("net", { name: "half-net", bridge: { name: "half-br" } });
    new kvm.StoragePool("pool", { name: "half-pool", type: "dir", path: "${images}/blocked/pool" });
    const small = new kvm.StoragePool("small", { name: "half-small", type: "dir", path: "${mount}" });
    new kvm.Volume("volume", { name: "half-volume", pool: small.name, source: "${images}/half-source", format: "raw" });`;
}

function block(): void {
  execFileSync("ip", ["link", "add", "half-br", "type", "bridge"]);
  writeFileSync(`${images}/blocked`, "");
  writeFileSync(`${images}/half-source`, Buffer.alloc(4 * 1024 * 1024, 7));
  mkdirSync(mount, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1M", "half", mount]);
}

function unblock(): void {
  execFileSync("ip", ["link", "del", "half-br"]);
  rmSync(`${images}/blocked`);
  execFileSync("mount", ["-o", "remount,size=16M", mount]);
}

describeInLab.each(doors)("a failure half-way through the %s door", (door) => {
  let program: DoorProgram | undefined;
  afterEach(() => {
    program?.close();
    program = undefined;
    execFileSync("umount", [mount]);
    rmSync(`${images}/blocked`, { recursive: true, force: true });
  }, 240_000);

  it("stands in the state with what went wrong, and the next up finishes it, once each", () => {
    block();
    program = new DoorProgram(door, halves("waitFor: { agent: true, timeout: 2 }"));
    const ran = program.up("--continue-on-error");
    expect(ran.code).not.toBe(0);
    const failed = program.recorded().filter(({ initErrors = [] }) => initErrors.length > 0);
    expect(failed.map(({ urn }) => urn.split("::").at(-1)).sort()).toEqual(["net", "pool", "vm"]);
    const ids = Object.fromEntries(failed.map(({ urn, id }) => [urn, id]));

    unblock();
    program.write(halves("waitFor: {}"));
    program.upped();
    for (const { urn, id, initErrors } of program.recorded()) {
      expect(initErrors ?? []).toEqual([]);
      expect(id).toBe(ids[urn] ?? id);
    }
    expect(program.plan().planned).toEqual({});
    expect(virsh("list", "--all", "--name")).toBe("half-vm");
    expect(virsh("net-list", "--name")).toBe("half-net");
    const pools = virsh("pool-list", "--name").split("\n");
    expect(pools.map((name) => name.trim()).sort()).toEqual(["half-pool", "half-small"]);
    expect(virsh("vol-list", "half-small").match(/half-volume/g)).toHaveLength(2); // its name and its path
    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(virsh("list", "--all", "--name") + virsh("net-list", "--all", "--name")).toBe("");
  }, 300_000);
});

/** Pulumi enforces nothing of the dynamic door, and hands the bound over to the plugin. */
const bounds: Readonly<Record<Door, RegExp>> = {
  dynamic: /runs, but has .* after 8 s/,
  plugin: /within 2 s \(customTimeouts\)|after 2 s/,
};

describeInLab.each(doors)("customTimeouts through the %s door", (door) => {
  it("end a create in the plugin, and are not seen by the dynamic door", () => {
    const program = new DoorProgram(
      door,
      `new kvm.Domain("vm", {
         name: "half-vm", type: "qemu", memory: 64, os: { machine: "q35" }, shutdown: { timeout: 0 },
         waitFor: { agent: true, timeout: 8 },
       }, { customTimeouts: { create: "2s" } });`,
    );
    const ran = program.up();
    expect(ran.code).not.toBe(0);
    expect(ran.text).toMatch(bounds[door]);
    expect(program.recorded().map(({ initErrors = [] }) => initErrors.length)).toEqual([1]);
    expect(virsh("list", "--name")).toBe("half-vm");
    expect(program.destroy()).toMatchObject({ code: 0 });
    expect(virsh("list", "--all", "--name")).toBe("");
    program.close();
  }, 240_000);
});
