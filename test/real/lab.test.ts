// What ends a lab from outside ends all that would have come after it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describeInLab } from "../e2e/engine";

jest.setTimeout(60_000);

const script = (name: string): string => pathToFileURL(join(__dirname, "../../scripts", name)).href;
const program = `
  import { inLab } from "${script("lab.mjs")}";
  import { main } from "${script("shell.mjs")}";
  await main(async () => {
    for (const run of [1, 2]) await inLab(["bash", "-c", "echo run " + run + "; sleep 100"]);
  });
`;

describeInLab("a lab that is ended", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("by %s is followed by no other", async (signal) => {
    // A group of its own, as a terminal's: Ctrl-C reaches all of it.
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], { detached: true });
    let [out, err] = ["", ""];
    child.stderr.on("data", (data) => (err += String(data)));
    await new Promise<void>((resolve) =>
      child.stdout.on("data", (data) => {
        out += String(data);
        if (out.includes("run 1")) resolve();
      }),
    );
    process.kill(-(child.pid ?? 0), signal);
    const [code] = (await once(child, "exit")) as [number];
    expect([out, code]).toEqual(["run 1\n", signal === "SIGINT" ? 130 : 143]);
    expect(err).toContain(`ended by ${signal}\n`);
  });
});
