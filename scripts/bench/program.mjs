// The same Pulumi project for either package: 50 volumes, and 50 machines that are defined and not started.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../places.mjs";
import { engineEnvironment } from "../setup/engine.mjs";

/** Resources of ours in the program. */
export const count = 100;
export const pool = "bench";

const packages = { "pulumi-kvm": projectRoot, nothing: join(projectRoot, "scripts/bench/nothing") };

/** A folder with the project; `close` removes it. */
export function project(name) {
  const folder = mkdtempSync(join(tmpdir(), "pulumi-kvm-bench-"));
  const write = (file, text) => writeFileSync(join(folder, file), text);
  write("Pulumi.yaml", "name: bench\nmain: index.js\nruntime:\n  name: nodejs\n  options: { typescript: false }\n");
  write("package.json", JSON.stringify({ name: "bench", private: true, main: "index.js" }));
  write("index.js", source(name));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(packages[name], join(folder, "node_modules", name), "dir");
  symlinkSync(join(projectRoot, "node_modules/@pulumi"), join(folder, "node_modules/@pulumi"), "dir");
  const env = { ...engineEnvironment(join(folder, "state")), KVM_URI: "qemu:///system" };
  return { folder, env, close: () => rmSync(folder, { recursive: true, force: true }) };
}

const source = (name) => `
const { Volume, Domain } = require(${JSON.stringify(name)});
for (let index = 0; index < ${count / 2}; index += 1) {
  const disk = new Volume("disk-" + index, { name: "bench-disk-" + index, pool: ${JSON.stringify(pool)}, capacity: 1 });
  new Domain("machine-" + index, {
    name: "bench-machine-" + index,
    type: "qemu",
    memory: 96,
    powerState: "stopped",
    disks: [{ volume: disk.id, target: "vda" }],
  });
}
`;
