// What the tests of the SDKs need: Pulumi's hosts for YAML, Python and Go programs, which come with Pulumi's own release and
// are built where it cannot be had, and Pulumi's package for Python.
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { cacheDir, projectRoot } from "../places.mjs";
import { Stop, must, which } from "../shell.mjs";
import { engineFolder } from "./engine.mjs";
import { compile, goProgram, moduleOptions } from "./golang.mjs";

const folder = join(cacheDir, "languages-2");
const python = join(folder, "python");
const goSdk = join(projectRoot, "sdk/go");
const pythonPackages = ["pulumi==3.239.0", "parver==0.5", "semver==3.0.4", "setuptools==75.8.0"];

// By their module in scripts/pulumi.
const hosts = {
  "pulumi-language-yaml": { module: "yaml", main: "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml" },
  "pulumi-language-python": {
    module: "nodejs",
    main: "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
  },
  "pulumi-language-go": { module: "go", main: "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go" },
};
const pythonScript = "pulumi-language-python-exec";

/** Folders for PATH, in which programs in these languages run. */
export const languagesPath = () => [join(python, "bin"), folder].join(delimiter);

export const languages = {
  missing: () => [
    ...missingHosts(),
    ...(existsSync(join(python, ".made")) ? [] : ["a Python environment with pulumi"]),
    ...(goProgram() === undefined || existsSync(goNote()) ? [] : ["the modules of the SDK for Go"]),
  ],
  does: `making what SDK tests in other languages need in ${folder}`,
  async fix() {
    mkdirSync(folder, { recursive: true });
    await buildHosts(missingHosts());
    if (!existsSync(join(python, ".made"))) makePython();
    if (goProgram() !== undefined && !existsSync(goNote())) fetchGoModules();
  },
};

function missingHosts() {
  const path = [folder, engineFolder() ?? "", process.env.PATH].join(delimiter);
  return [...Object.keys(hosts), pythonScript].filter((name) => which(name, path) === undefined);
}

async function buildHosts(names) {
  if (names.length === 0) return;
  const go = goProgram();
  if (go === undefined)
    throw new Stop(`Tests in other languages need ${names.join(", ")}: install Pulumi's release, or Go.`);
  for (const name of names.filter((one) => one in hosts)) {
    const { module, main } = hosts[name];
    await compile(go, module, { output: name, flags: "-s -w", main }, folder);
  }
  if (names.includes(pythonScript)) copyPythonScript(go);
}

/** The host starts programs through a script that lies with Python's SDK, of the version that the CLI has. */
function copyPythonScript(go) {
  const sdk = must(
    [go, "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3"],
    moduleOptions("cli"),
  ).trim();
  copyFileSync(join(sdk, "python/cmd", pythonScript), join(folder, pythonScript));
  chmodSync(join(folder, pythonScript), 0o755);
}

function makePython() {
  rmSync(python, { recursive: true, force: true });
  must(["python3", "-m", "venv", python]);
  must([join(python, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", ...pythonPackages]);
  writeFileSync(join(python, ".made"), "");
}

/** Says that these modules were fetched: where tests run there is no network. */
function goNote() {
  const sums = createHash("sha256")
    .update(readFileSync(join(goSdk, "go.sum")))
    .digest("hex");
  return join(folder, `.go-${sums.slice(0, 12)}`);
}

/** Compiled as the host will do it, so that its compiler finds all in its cache. */
function fetchGoModules() {
  must([goProgram(), "build", "-mod=readonly", "-buildvcs=false", "./..."], { ...moduleOptions("sdk"), cwd: goSdk });
  writeFileSync(goNote(), "");
}
