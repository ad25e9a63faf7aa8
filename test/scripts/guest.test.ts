import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const scripts = join(__dirname, "../../scripts");

/** The scripts are ES modules, which jest does not load: a Node of their own evaluates the expression, with `module` at hand. */
function evaluated(file: string, expression: string): unknown {
  const source = `import * as module from ${JSON.stringify(pathToFileURL(join(scripts, file)).href)};
    process.stdout.write(JSON.stringify(${expression}));`;
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", source], { encoding: "utf8" }));
}

describe("guest/bytes", () => {
  it("writes a cpio archive that the kernel's newc reader takes", () => {
    const archive = evaluated(
      "guest/bytes.mjs",
      `module.cpio([{ name: "a", mode: 0o100755, data: Buffer.from("hello") }]).toString("latin1")`,
    );
    expect(archive).toBe(
      "070701" +
        "00000001" +
        "000081ed" +
        "00000000" +
        "00000000" +
        "00000001" +
        "00000000" +
        "00000005" +
        "00000000" +
        "00000000" +
        "00000000" +
        "00000000" +
        "00000002" +
        "00000000" +
        "a\0" +
        "hello\0\0\0" +
        "070701" +
        "00000000" +
        "00000000" +
        "00000000" +
        "00000000" +
        "00000001" +
        "00000000" +
        "00000000" +
        "00000000" +
        "00000000" +
        "00000000" +
        "00000000" +
        "0000000b" +
        "00000000" +
        "TRAILER!!!\0" +
        "\0\0\0",
    );
  });

  it("unpacks LZ4 with a match that overlaps its own output", () => {
    // One block: token 0x43 = 4 literals, then a match of 3 + 4 bytes at distance 1, then 1 literal.
    const block = "[0x43, 0x7f, 0x45, 0x4c, 0x46, 0x01, 0x00, 0x10, 0x21]";
    const image = `Buffer.from([0xeb, 0x02, 0x21, 0x4c, 0x18, 9, 0, 0, 0, ...${block}, 0, 0, 0, 0])`;
    expect(evaluated("guest/bytes.mjs", `module.unpackedKernel(${image}).toString("latin1")`)).toBe("\x7fELFFFFFFFF!");
  });

  it("leaves a kernel that is packed otherwise as it is", () => {
    expect(evaluated("guest/bytes.mjs", `module.unpackedKernel(Buffer.from("no magic")) ?? null`)).toBeNull();
  });
});

describe("setup/version", () => {
  it.each([
    ["v3.250.0", "3.180.0", true],
    ["v3.180.0", "3.180.0", true],
    ["v3.79.5", "3.180.0", false],
    ["v3.181.0-alpha.1", "3.180.0", true],
    ["v2.999.0", "3.180.0", false],
  ])("%s is at least %s: %s", (found, wanted, expected) => {
    expect(evaluated("setup/version.mjs", `module.atLeast("${found}", "${wanted}")`)).toBe(expected);
  });
});

describe("setup/engine", () => {
  it("hears nothing of the user's own Pulumi", () => {
    const environment = evaluated(
      "setup/engine.mjs",
      `(process.env.PULUMI_ACCESS_TOKEN = "x", module.engineEnvironment("/tmp/pulumi-kvm-state"))`,
    );
    expect(environment).toMatchObject({
      PULUMI_BACKEND_URL: "file:///tmp/pulumi-kvm-state",
      PULUMI_HOME: "/tmp/pulumi-kvm-state/home",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    });
    expect(environment).not.toHaveProperty("PULUMI_ACCESS_TOKEN");
  });
});
