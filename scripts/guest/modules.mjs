// Kernel modules of the guest, in an order in which each finds what it needs already loaded.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { must } from "../shell.mjs";

/** Loaded before the seed is read: everything that the seed and the network stand on. */
export const early = ["virtio_pci", "virtio_scsi", "sr_mod", "isofs", "virtio_blk", "virtio_net"];

/** Loaded once the page is served: power button, memory balloon, memory that comes and goes, random numbers, console, plain SCSI disks. */
export const late = ["button", "evdev", "virtio_balloon", "virtio_mem", "virtio-rng", "virtio_console", "sd_mod"];

const unpackers = { ".xz": ["xz", "-dc"], ".zst": ["zstd", "-dc"], ".gz": ["gzip", "-dc"] };

/** { name, data } of the wanted modules and all they need. A name that is not there is built into the kernel. */
export function withNeeds(wanted, tree, done = new Set()) {
  const files = filesByName(tree);
  const list = [];
  const add = (name) => {
    const file = files.get(canonical(name));
    if (file === undefined || done.has(canonical(name))) return;
    done.add(canonical(name));
    const data = read(file);
    for (const need of needs(data)) add(need);
    list.push({ name: canonical(name), data });
  };
  for (const name of wanted) add(name);
  return list;
}

const canonical = (name) => name.replaceAll("-", "_");

function filesByName(tree) {
  const paths = readdirSync(tree, { recursive: true }).filter((path) => /\.ko(\.\w+)?$/.test(path));
  return new Map(paths.map((path) => [canonical(basename(path).replace(/\.ko.*/, "")), join(tree, path)]));
}

function read(file) {
  const unpack = unpackers[/\.\w+$/.exec(file)[0]];
  return unsigned(unpack === undefined ? readFileSync(file) : must([...unpack, file], { encoding: "buffer" }));
}

const signed = "~Module signature appended~\n";

/** Without the distribution's signature, which an emulated guest takes long to prove. */
function unsigned(data) {
  const end = data.length - signed.length;
  if (data.toString("latin1", end) !== signed) return data;
  const noteBytes = 12; // their last four are the length of the signature before them
  return data.subarray(0, end - noteBytes - data.readUInt32BE(end - 4));
}

/** The module's own note of what it stands on (`depends=a,b` in its .modinfo section). */
function needs(data) {
  const start = data.indexOf("\0depends=");
  if (start < 0) return [];
  const text = data.toString("latin1", start + 9, data.indexOf(0, start + 9));
  return text.split(",").filter((name) => name !== "");
}
