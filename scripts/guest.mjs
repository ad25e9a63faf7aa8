// Makes a Linux guest of a few megabytes from the distribution's own kernel and busybox packages; no root is needed.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { cpio, unpackedKernel } from "./guest/bytes.mjs";
import { early, late, withNeeds } from "./guest/modules.mjs";
import { depends, unpacked } from "./guest/packages.mjs";
import { cacheDir, projectRoot } from "./places.mjs";
import { Stop, isProgram, main, say } from "./shell.mjs";
import { distribution } from "./setup/distribution.mjs";
import { ensureLists } from "./setup/packages.mjs";

const recipe = [
  "guest.mjs",
  "guest/bytes.mjs",
  "guest/modules.mjs",
  "guest/init.sh",
  "guest/page.sh",
  "guest/dhcp.sh",
  "guest/packages.mjs",
];

const kernelPackage = {
  debian: { x64: "linux-image-cloud-amd64", arm64: "linux-image-cloud-arm64" },
  ubuntu: { x64: "linux-image-virtual", arm64: "linux-image-virtual" },
};

/** Absolute paths of the guest: `kernel` boots fastest, `vmlinuz` is the packed form, `initrd` goes with both. */
export function guest() {
  const folder = join(cacheDir, `guest-${recipeHash()}`);
  if (!existsSync(folder)) make(folder);
  return { kernel: join(folder, "kernel"), vmlinuz: join(folder, "vmlinuz"), initrd: join(folder, "initrd") };
}

function recipeHash() {
  const hash = createHash("sha256").update(process.arch);
  for (const file of recipe) hash.update(readFileSync(join(projectRoot, "scripts", file)));
  return hash.digest("hex").slice(0, 12);
}

function make(folder) {
  say("guest: making a small Linux from the distribution's kernel and busybox packages (once; it boots in seconds)");
  mkdirSync(cacheDir, { recursive: true });
  const work = mkdtempSync(join(cacheDir, ".guest-"));
  try {
    const root = unpacked(work, [...kernelPackages(), "busybox-static"]);
    const made = join(work, "made");
    mkdirSync(made);
    const vmlinuz = readFileSync(onlyFile(join(root, "boot"), /^vmlinuz-/));
    writeFileSync(join(made, "vmlinuz"), vmlinuz);
    // Under software emulation the boot loader's unpacking takes half a second; the bare kernel needs none.
    writeFileSync(join(made, "kernel"), (process.arch === "x64" && unpackedKernel(vmlinuz)) || vmlinuz);
    writeFileSync(join(made, "initrd"), initrd(root));
    renameSync(made, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The versioned packages behind the meta package: the image, and the modules where they are packed apart. */
function kernelPackages() {
  const { family } = distribution();
  const meta = kernelPackage[family]?.[process.arch];
  if (meta === undefined) throw new Stop(`guest: no kernel package is known for ${family} on ${process.arch}.`);
  ensureLists(meta);
  const image = depends(meta).find((name) => /^linux-image-\d/.test(name));
  if (image === undefined) {
    throw new Stop(`guest: ${meta} is not in apt's lists. Run: apt-get update`);
  }
  return [image, ...depends(image).filter((name) => /^linux-modules-\d/.test(name))];
}

function onlyFile(folder, pattern) {
  const name = readdirSync(folder).find((file) => pattern.test(file));
  if (name === undefined) throw new Stop(`guest: the kernel package has no ${pattern} in ${folder}.`);
  return join(folder, name);
}

function initrd(root) {
  const text = (name) => readFileSync(join(projectRoot, "scripts/guest", name));
  const tree = ["lib/modules", "usr/lib/modules"].map((path) => join(root, path)).find((path) => existsSync(path));
  const busybox = ["bin/busybox", "usr/bin/busybox"].map((path) => join(root, path)).find((path) => existsSync(path));
  if (tree === undefined || busybox === undefined) throw new Stop("guest: the packages lack modules or busybox.");
  const done = new Set();
  const directory = (name) => ({ name, mode: 0o040755, data: Buffer.alloc(0) });
  const file = (name, data) => ({ name, mode: 0o100755, data });
  const modules = (stage, wanted) =>
    withNeeds(wanted, tree, done).map(({ name, data }, index) =>
      file(`modules/${stage}/${String(index).padStart(2, "0")}-${name}.ko`, data),
    );
  return gzipSync(
    cpio([
      ...["bin", "dev", "modules", "modules/early", "modules/late"].map(directory),
      file("bin/busybox", readFileSync(busybox)),
      file("init", text("init.sh")),
      file("page.sh", text("page.sh")),
      file("dhcp.sh", text("dhcp.sh")),
      ...modules("early", early),
      ...modules("late", late),
    ]),
    { level: 9 },
  );
}

if (isProgram(import.meta)) {
  await main(() => {
    const files = guest();
    for (const [name, path] of Object.entries(files)) say(`${name}: ${path}`);
  });
}
