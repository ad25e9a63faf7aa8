import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const shell = pathToFileURL(join(__dirname, "../../scripts/shell.mjs")).href;

it("waits for a program that Ctrl-C reached as well, and passes on its exit code", () => {
  const program = "kill -INT $PPID; sleep 0.3; echo ended; exit 7";
  const source = `import { show } from ${JSON.stringify(shell)}; process.exit(show(["sh", "-c", ${JSON.stringify(program)}]));`;
  const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", source], { encoding: "utf8" });
  expect([status, stdout]).toEqual([7, "ended\n"]);
});
