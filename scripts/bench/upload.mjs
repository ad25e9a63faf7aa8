// An image on its way into a directory pool, through the Volume resource, against dd into the same directory.
import { mkdirSync, mkdtempSync, openSync, closeSync, ftruncateSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { randomFillSync } from "node:crypto";
import { join } from "node:path";
import { projectRoot } from "../places.mjs";
import { must } from "../shell.mjs";
import { child, inTurn, libvirtd, median, medianRatio, memoryKib, seconds, virsh } from "./measure.mjs";

const MIB = 1024 * 1024;
const ourLimitMib = 90;
const daemonLimitMib = 64;
const pool = "bench-upload";

export async function* upload({ quick }) {
  // On the disk of the checkout: in /tmp or /var/lib/libvirt there may be memory only.
  mkdirSync(join(projectRoot, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(projectRoot, ".cache/bench-"));
  try {
    const target = join(folder, "pool");
    mkdirSync(target);
    virsh("pool-define-as", pool, "dir", "--target", target);
    virsh("pool-start", pool);
    const random = image(join(folder, "random"), 512, 1);
    const sparse = image(join(folder, "sparse"), 2048, 4);
    const runs = await inTurn(quick ? 1 : 5, { dd: () => dd(random, target), ours: () => ours(random) });
    const large = ours(sparse);
    yield* rows(runs, large);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function* rows({ dd: theirs, ours: small }, large) {
  const what = "512 MiB of random bytes into a directory";
  const rate = medianRatio(
    theirs,
    small.map((run) => run.createSeconds),
  );
  yield { what: `${what}, rate / dd bs=1M conv=fsync`, ratio: rate, goal: { least: 0.5 } };
  const share = (list, key, limit) => median(list.map((run) => run[key])) / limit;
  const memory = { ourGrowthMib: ["our process", ourLimitMib], daemonGrowthMib: ["libvirtd", daemonLimitMib] };
  for (const [key, [name, limit]] of Object.entries(memory)) {
    yield { what: `growth of ${name}, 512 MiB / ${limit} MiB`, ratio: share(small, key, limit), goal: 1 };
    yield {
      what: `growth of ${name}, 2 GiB, a quarter not zero / ${limit} MiB`,
      ratio: share([large], key, limit),
      goal: 1,
    };
  }
}

/** A file of so many MiB; one of `every` is random, the others are holes. */
function image(path, mebibytes, every) {
  const file = openSync(path, "w");
  const block = Buffer.alloc(MIB);
  for (let at = 0; at < mebibytes; at += every) writeSync(file, randomFillSync(block), 0, MIB, at * MIB);
  ftruncateSync(file, mebibytes * MIB);
  closeSync(file);
  return path;
}

async function dd(source, target) {
  const copy = join(target, "dd");
  settle();
  const taken = await seconds(() => must(["dd", `if=${source}`, `of=${copy}`, "bs=1M", "conv=fsync"]));
  rmSync(copy);
  return taken;
}

function ours(source) {
  settle();
  const before = forgetPeak(libvirtd());
  const run = child("upload/child.mjs", source, pool);
  return { ...run, daemonGrowthMib: (memoryKib(libvirtd(), "VmHWM") - before) / 1024 };
}

/** What one side left for the disk to do must not slow the other. */
const settle = () => must(["sync"]);

/** Makes the kernel count a process's peak from now on; returns what it has now, in KiB. */
function forgetPeak(pid) {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  return memoryKib(pid, "VmHWM");
}
