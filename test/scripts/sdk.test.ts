import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const sdk = join(__dirname, "../../sdk");

const has = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;

/** The dependencies that the generated build file names, as Maven writes them. */
function dependenciesOf(gradle: string): string {
  const found = [...gradle.matchAll(/implementation\("([^:"]+):([^:"]+):([^:"]+)"\)/g)];
  return found
    .map(
      ([, group, artifact, version]) =>
        `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
    )
    .join("");
}

describe("a generated SDK", () => {
  jest.setTimeout(300_000);
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pulumi-kvm-sdk-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  (has("mvn") && has("javac") ? it : it.skip)("compiles in Java", () => {
    const dependencies = dependenciesOf(readFileSync(join(sdk, "java/build.gradle"), "utf8"));
    expect(dependencies).toContain("<artifactId>pulumi</artifactId>");
    const java = "<maven.compiler.source>11</maven.compiler.source><maven.compiler.target>11</maven.compiler.target>";
    const about =
      "<modelVersion>4.0.0</modelVersion><groupId>kvm</groupId><artifactId>kvm</artifactId><version>0</version>";
    const sources = `<build><sourceDirectory>${join(sdk, "java/src/main/java")}</sourceDirectory></build>`;
    const utf8 = "<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>";
    writeFileSync(
      join(folder, "pom.xml"),
      `<project>${about}<properties>${java}${utf8}</properties>${sources}<dependencies>${dependencies}</dependencies></project>`,
    );
    execFileSync("mvn", ["-q", "-B", "compile"], { cwd: folder, stdio: "pipe" });
  });

  (has("dotnet") ? it : it.skip)("compiles in C#", () => {
    cpSync(join(sdk, "dotnet"), folder, { recursive: true });
    execFileSync("dotnet", ["build", "--nologo"], { cwd: folder, stdio: "pipe" });
  });
});
