import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeInLab, environmentIn, pluginLines, virsh } from "./engine";

const root = join(__dirname, "../..");
const path = `${process.env["PATH"] ?? ""}:/usr/local/go/bin`;

/** One program in several languages: a pool, a blank volume in it, a network, and a machine that is turned off. */
interface Language {
  readonly runtime: string;
  readonly files: Readonly<Record<string, string>>;
  readonly environment?: (folder: string) => Readonly<Record<string, string>>;
  /** What a user does before the first run. */
  readonly prepare?: (folder: string) => void;
}

const yaml: Language = {
  runtime: "yaml",
  files: {
    "Main.yaml": `resources:
  pool:
    type: kvm:StoragePool
    properties: { path: /var/lib/libvirt/images/languages }
  disk:
    type: kvm:Volume
    properties: { pool: "\${pool.name}", capacity: 0.25 }
  lan:
    type: kvm:Network
    properties:
      ips: [{ address: 10.77.0.1/24, dhcp: {} }]
  web:
    type: kvm:Domain
    properties:
      type: qemu
      memory: 64
      powerState: stopped
      disks: [{ volume: "\${disk.id}" }]
      interfaces: [{ network: "\${lan.name}" }]
      graphics: { spice: { password: hunter2secret } }
outputs:
  macs: \${web.macs}
`,
  },
};

const python: Language = {
  runtime: "python",
  files: {
    "__main__.py": `import pulumi
import pulumi_kvm as kvm

pool = kvm.StoragePool("pool", path="/var/lib/libvirt/images/languages")
disk = kvm.Volume("disk", pool=pool.name, capacity=0.25)
lan = kvm.Network("lan", ips=[{"address": "10.77.0.1/24", "dhcp": {}}])
web = kvm.Domain(
    "web",
    type=kvm.DomainType.QEMU,
    memory=64,
    power_state=kvm.DomainPowerState.STOPPED,
    disks=[kvm.DomainDiskArgs(volume=disk.id)],
    interfaces=[{"network": lan.name}],
    graphics={"spice": {"password": "hunter2secret"}},
)
pulumi.export("macs", web.macs)
`,
  },
  environment: (folder) => ({ PYTHONPATH: join(folder, "site") }),
  prepare: (folder) => {
    // A build leaves files beside its sources.
    cpSync(join(root, "sdk/python"), join(folder, "sdk"), { recursive: true });
    const offline = ["--no-deps", "--no-index", "--no-build-isolation", "--quiet"];
    execFileSync("pip", ["install", ...offline, "--target", join(folder, "site"), join(folder, "sdk")], {
      stdio: "pipe",
    });
  },
};

const go: Language = {
  runtime: "go",
  files: {
    "main.go": `package main

import (
	"github.com/pulumi-kvm/pulumi-kvm/sdk/go/kvm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		pool, err := kvm.NewStoragePool(ctx, "pool", &kvm.StoragePoolArgs{
			Path: pulumi.String("/var/lib/libvirt/images/languages"),
		})
		if err != nil {
			return err
		}
		disk, err := kvm.NewVolume(ctx, "disk", &kvm.VolumeArgs{Pool: pool.Name, Capacity: pulumi.Float64(0.25)})
		if err != nil {
			return err
		}
		lan, err := kvm.NewNetwork(ctx, "lan", &kvm.NetworkArgs{
			Ips: kvm.NetworkIpArray{kvm.NetworkIpArgs{
				Address: pulumi.String("10.77.0.1/24"),
				Dhcp:    kvm.NetworkIpDhcpArgs{},
			}},
		})
		if err != nil {
			return err
		}
		web, err := kvm.NewDomain(ctx, "web", &kvm.DomainArgs{
			Type:       kvm.DomainTypeQemu,
			Memory:     pulumi.Float64(64),
			PowerState: kvm.DomainPowerStateStopped,
			Disks:      kvm.DomainDiskArray{kvm.DomainDiskArgs{Volume: disk.ID()}},
			Interfaces: kvm.DomainInterfaceArray{kvm.DomainInterfaceArgs{Network: lan.Name}},
			Graphics: kvm.DomainGraphicsArgs{
				Spice: kvm.DomainGraphicsSpiceArgs{Password: pulumi.String("hunter2secret")},
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("macs", web.Macs)
		return nil
	})
}
`,
  },
  prepare: (folder) => {
    // In the SDK's own module, whose sums are known: there is no network here. The host compiles it.
    cpSync(join(root, "sdk/go"), folder, { recursive: true });
  },
  environment: () => ({
    CGO_ENABLED: "0",
    GOWORK: "off",
    GOPROXY: "off",
    GOFLAGS: "-mod=readonly -buildvcs=false",
    PATH: path,
  }),
};

const typescript: Language = {
  runtime: "nodejs",
  files: {
    "package.json": JSON.stringify({ name: "languages", private: true, main: "index.ts" }),
    "index.ts": `import * as kvm from "pulumi-kvm/plugin";

const pool = new kvm.StoragePool("pool", { path: "/var/lib/libvirt/images/languages" });
const disk = new kvm.Volume("disk", { pool: pool.name, capacity: 0.25 });
const lan = new kvm.Network("lan", { ips: [{ address: "10.77.0.1/24", dhcp: {} }] });
const web = new kvm.Domain("web", {
  type: kvm.DomainType.Qemu,
  memory: 64,
  powerState: "stopped",
  disks: [{ volume: disk.id }],
  interfaces: [{ network: lan.name }],
  graphics: { spice: { password: "hunter2secret" } },
});
export const macs = web.macs;
`,
  },
  prepare: (folder) => {
    mkdirSync(join(folder, "node_modules"));
    for (const name of ["@pulumi", "@types", "typescript"])
      symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
    symlinkSync(root, join(folder, "node_modules/pulumi-kvm"));
  },
};

/** A project with a state of its own; every command has to succeed. */
class Stack {
  private readonly folder = mkdtempSync(join(tmpdir(), "pulumi-kvm-language-"));
  private readonly environment: NodeJS.ProcessEnv;

  constructor(language: Language) {
    this.environment = environmentIn(this.folder, language.environment?.(this.folder));
    writeFileSync(join(this.folder, "Pulumi.yaml"), `name: languages\nruntime: ${language.runtime}\n${pluginLines()}`);
    for (const [name, text] of Object.entries(language.files)) writeFileSync(join(this.folder, name), text);
    language.prepare?.(this.folder);
    this.run("stack", "init", "dev");
  }

  run(...words: readonly string[]): string {
    const done = spawnSync("pulumi", [...words, "--non-interactive", "--color", "never"], {
      cwd: this.folder,
      env: this.environment,
      encoding: "utf8",
      timeout: 240_000,
    });
    if (done.status !== 0)
      throw new Error(`pulumi ${words.join(" ")} ended with ${String(done.status)}:\n${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const hasGo = spawnSync("go", ["version"], { env: { ...process.env, PATH: path } }).status === 0;

describeInLab("a program in", () => {
  jest.setTimeout(400_000);

  it.each(Object.entries({ yaml, typescript, python, ...(hasGo ? { go } : {}) }))(
    "%s makes what it says, sees no change, and takes it away",
    (_, language) => {
      const stack = new Stack(language);
      try {
        expect(stack.run("preview")).toContain("5 to create");
        stack.run("up", "--yes", "--skip-preview");
        const machine = virsh("list", "--all", "--name");
        expect(machine).toMatch(/^web-[0-9a-f]{7}$/);
        expect(virsh("domblklist", machine)).toContain("/var/lib/libvirt/images/languages/disk-");
        const macs = JSON.parse(stack.run("stack", "output", "macs", "--json")) as string[];
        expect(virsh("domiflist", machine)).toContain(macs[0]);
        expect(stack.run("stack", "export")).not.toContain("hunter2secret");
        stack.run("preview", "--expect-no-changes");
        stack.run("destroy", "--yes", "--skip-preview");
        expect(
          virsh("list", "--all", "--name") +
            virsh("pool-list", "--all", "--name") +
            virsh("net-list", "--all", "--name"),
        ).toBe("");
      } finally {
        stack.close();
      }
    },
  );
});
