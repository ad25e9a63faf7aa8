// Programs that are built from Go modules, pinned in scripts/pulumi.
import { spawn } from "node:child_process";
import { createWriteStream, readFileSync, rmSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../places.mjs";
import { Stop, which } from "../shell.mjs";

/** Path of the Go tool, or undefined; its installer does not put it on PATH. */
export const goProgram = () => which("go") ?? which("go", "/usr/local/go/bin");

// A compiler that collects its garbage only near this limit takes a tenth less time; as many run at once as there are CPUs.
const compilerMiB = Math.max(256, Math.floor(totalmem() / 2 ** 20 / 4 / availableParallelism()));

/** For commands in one of the pinned modules of scripts/pulumi. */
export const moduleOptions = (folder) => ({
  cwd: join(projectRoot, "scripts/pulumi", folder),
  env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off", GOGC: "off", GOMEMLIMIT: `${compilerMiB}MiB` },
});

/** Builds one program of a pinned module into a folder. */
export function compile(go, folder, { output, flags, main }, made) {
  const log = join(made, `.${output}.log`);
  // The linker strips what debuggers read, so it need not be made.
  const lean = ["-buildvcs=false", "-gcflags=all=-dwarf=false", "-ldflags", flags];
  const args = ["build", "-mod=readonly", ...lean, "-o", join(made, output), main];
  const child = spawn(go, args, { ...moduleOptions(folder), stdio: ["ignore", "pipe", "pipe"] });
  const told = createWriteStream(log);
  child.stdout.pipe(told, { end: false });
  child.stderr.pipe(told, { end: false });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) =>
      told.end(() => {
        const output = readFileSync(log, "utf8");
        rmSync(log);
        if (code === 0) resolve();
        else reject(new Stop(`go build of ${main} failed (${code}):\n${output.split("\n").slice(-20).join("\n")}`));
      }),
    );
  });
}
