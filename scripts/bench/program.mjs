// Pulumi projects to measure, and the one that is the same for either package: 50 volumes, and 50 machines that are defined
// and not started.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../places.mjs";
import { engineEnvironment } from "../setup/engine.mjs";

/** Resources of ours in the program. */
export const count = 100;
export const pool = "bench";

const packages = { "pulumi-kvm": projectRoot, nothing: join(projectRoot, "scripts/bench/nothing") };

/** The project over one of the packages. */
export const project = (name) => projectOf({ source: source(name), packages: { [name]: packages[name] } });

/** A folder with a program, the packages that it requires (by their folders) and perhaps a plugin; `close` removes it. */
export function projectOf({ source, packages, plugin }) {
  const javascript = { main: "index.js", runtime: { name: "nodejs", options: { typescript: false } } };
  const { folder, write, ...made } = projectIn({ ...javascript, ...pluginsOf(plugin) });
  write("package.json", JSON.stringify({ name: "bench", private: true, main: "index.js" }));
  write("index.js", source);
  mkdirSync(join(folder, "node_modules"));
  for (const [name, path] of Object.entries(packages)) symlinkSync(path, join(folder, "node_modules", name), "dir");
  symlinkSync(join(projectRoot, "node_modules/@pulumi"), join(folder, "node_modules/@pulumi"), "dir");
  return { folder, ...made };
}

/** A folder with resources in Pulumi's YAML, whose host is the lightest there is: what is measured is engine and plugin. */
export function yamlProjectOf({ resources, plugin }) {
  const { write, ...made } = projectIn({ runtime: "yaml", ...pluginsOf(plugin) });
  write("Main.yaml", JSON.stringify({ resources }));
  return made;
}

const pluginsOf = (plugin) => (plugin === undefined ? {} : { plugins: { providers: [plugin] } });

function projectIn(settings) {
  const folder = mkdtempSync(join(tmpdir(), "pulumi-kvm-bench-"));
  const write = (file, text) => writeFileSync(join(folder, file), text);
  // YAML reads JSON.
  write("Pulumi.yaml", JSON.stringify({ name: "bench", ...settings }));
  const env = { ...engineEnvironment(join(folder, "state")), KVM_URI: "qemu:///system" };
  return { folder, write, env, close: () => rmSync(folder, { recursive: true, force: true }) };
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
