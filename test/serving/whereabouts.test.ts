import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { isFound, missing, namesPlugin, warnWhenMissing } from "../../provider/serving/whereabouts";

let root = "";
beforeEach(() => (root = mkdtempSync(join(tmpdir(), "kvm-where-"))));
afterEach(() => {
  rmSync(root, { recursive: true });
  jest.restoreAllMocks();
});

/** Writes a file below the test's folder. */
function put(name: string, text = "", mode = 0o644): string {
  const file = join(root, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

/** Whether 0.1.0 is found from `project/src`, in an environment that has nothing else. */
function found(environment: NodeJS.ProcessEnv = {}): boolean {
  const folder = join(root, "project/src");
  mkdirSync(folder, { recursive: true });
  return isFound({ folder, environment: { PATH: "", PULUMI_HOME: join(root, "home"), ...environment } }, "0.1.0");
}

describe("the plugin", () => {
  it("is missing where nothing names it", () => {
    put("project/Pulumi.yaml", "name: demo\nruntime: nodejs\n");
    expect(found()).toBe(false);
  });

  it("is found by the project file above the program, the nearest alone", () => {
    put("Pulumi.yaml", "plugins:\n  providers:\n    - { name: kvm, path: x }\n");
    expect(found()).toBe(true);
    put("project/Pulumi.yaml", "name: demo\nruntime: nodejs\n");
    expect(found()).toBe(false);
    put("project/Pulumi.yaml", "name: demo\nruntime: nodejs\nplugins:\n  providers:\n    - name: kvm\n      path: x\n");
    expect(found()).toBe(true);
  });

  it("is found in a project file of JSON", () => {
    put("project/Pulumi.json", `{"name":"demo","plugins":{"providers":[{"name":"kvm","path":"x"}]}}`);
    expect(found()).toBe(true);
  });

  it("is found on PATH when it may be run and PATH counts", () => {
    put("bin/pulumi-resource-kvm", "", 0o644);
    const PATH = `/nowhere:${join(root, "bin")}`;
    expect(found({ PATH })).toBe(false);
    put("bin/pulumi-resource-kvm", "", 0o755);
    expect(found({ PATH })).toBe(true);
    expect(found({ PATH, PULUMI_IGNORE_AMBIENT_PLUGINS: "0" })).toBe(true);
    expect(found({ PATH, PULUMI_IGNORE_AMBIENT_PLUGINS: "TRUE" })).toBe(false);
  });

  it("is found installed, whole and in the very version", () => {
    put("home/plugins/resource-kvm-v0.2.0/pulumi-resource-kvm");
    expect(found()).toBe(false);
    put("home/plugins/resource-kvm-v0.1.0/pulumi-resource-kvm");
    expect(found()).toBe(true);
    put("home/plugins/resource-kvm-v0.1.0.partial");
    expect(found()).toBe(false);
  });

  it("is found where the engine is told to attach to it", () => {
    expect(found({ PULUMI_DEBUG_PROVIDERS: "aws:4000,kvm:5000" })).toBe(true);
    expect(found({ PULUMI_DEBUG_PROVIDERS: "notkvm:5000" })).toBe(false);
  });
});

describe("Pulumi.yaml", () => {
  it.each([
    "plugins:\n  providers:\n    - { name: kvm, path: node_modules/pulumi-kvm/dist/plugin }\n",
    "plugins:\n  providers:\n  - path: x\n    name: kvm\n",
    `plugins: { providers: [{ name: "kvm", path: x }] }\n`,
    "name: demo\nplugins:\n\n  # ours\n  providers:\n    - name: 'kvm' # ours\n      path: x\nruntime: nodejs\n",
    "plugins:\r\n  providers:\r\n    - name: kvm\r\n      path: x\r\n",
    `plugins: {"providers":[{"name":"kvm","path":"x"}]}\n`,
    "packages:\n  kvm: ../provider\n",
    "packages: { kvm: ../provider }\n",
  ])("names it: %j", (yaml) => {
    expect(namesPlugin(yaml)).toBe(true);
  });

  it.each([
    "",
    "name: kvm\nruntime: nodejs\n",
    "plugins:\n  providers:\n    - { name: aws, path: node_modules/pulumi-kvm/dist/plugin }\n",
    "plugins:\n  providers:\n    - name: kvm-tools\n      path: x\n",
    "plugins:\n  providers:\n    # - { name: kvm, path: x }\n    - { name: aws, path: x }\n",
    "plugins:\n  providers: []\nconfig:\n  kvm:\n    uri: x\n",
    "packages:\n  aws: ../kvm\n",
  ])("does not name it: %j", (yaml) => {
    expect(namesPlugin(yaml)).toBe(false);
  });
});

describe("a program without the plugin", () => {
  const nowhere = { PATH: "", PULUMI_HOME: "/nowhere", PULUMI_DEBUG_PROVIDERS: undefined };

  it("is warned with the lines to add, below an engine alone", () => {
    const said = jest.spyOn(process.stderr, "write").mockReturnValue(true);
    jest.replaceProperty(process, "env", nowhere);
    jest.spyOn(process, "cwd").mockReturnValue(root);
    warnWhenMissing("0.1.0");
    expect(said).not.toHaveBeenCalled();

    jest.spyOn(pulumi.runtime, "getEngine").mockReturnValue({} as ReturnType<typeof pulumi.runtime.getEngine>);
    warnWhenMissing("0.1.0");
    expect(said).toHaveBeenCalledWith(`${missing("0.1.0")}\n`);
    put("Pulumi.yaml", "packages:\n  kvm: ../provider\n");
    warnWhenMissing("0.1.0");
    expect(said).toHaveBeenCalledTimes(1);
  });

  it("reads lines that mend it", () => {
    expect(missing("0.1.0")).toContain(
      "\n\nplugins:\n  providers:\n    - { name: kvm, path: node_modules/pulumi-kvm/dist/plugin }\n\n",
    );
    expect(namesPlugin(missing("0.1.0"))).toBe(true);
  });
});
