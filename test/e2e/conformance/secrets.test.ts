// Every secret input: what of it is seen in states, logs and errors, through both doors.
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Table } from "../../../provider/fields";
import { cloudInitDisk } from "../../../provider/resources/cloudInitDisk/fields";
import { domain } from "../../../provider/resources/domain/fields";
import { network } from "../../../provider/resources/network/fields";
import { pool } from "../../../provider/resources/pool/fields";
import { volume } from "../../../provider/resources/volume/fields";
import { describeInLab, virsh } from "../engine";
import { type Door, DoorProgram, doors } from "./doors";
import { fieldAt, inputsOf } from "./table";

/** One word for each secret, found again wherever it is printed. */
const words: Readonly<Record<string, string>> = {
  "Domain.graphics.spice.password": "canary-spice",
  "Domain.graphics.vnc.password": "canary7",
  "Domain.cloudInit.userData": "canary-user",
  "Domain.cloudInit.networkConfig": "canary-lan",
  "CloudInitDisk.userData": "canary-seed",
  "CloudInitDisk.networkConfig": "canary-link",
};
const word = (path: string): string => words[path] ?? "";

function program(title: string): string {
  return `
    const pool = new kvm.StoragePool("pool", { name: "veiled", type: "dir", path: "/var/lib/libvirt/images/veiled" });
    new kvm.CloudInitDisk("seed", {
      name: "veiled.iso", pool: pool.name,
      userData: "#cloud-config\\n# ${word("CloudInitDisk.userData")}\\n",
      networkConfig: "version: 2\\n# ${word("CloudInitDisk.networkConfig")}\\n",
    });
    new kvm.Domain("vm", {
      name: "veiled-vm", type: "qemu", memory: 64, os: { machine: "q35" }, powerState: "stopped", title: "${title}",
      graphics: {
        spice: { password: "${word("Domain.graphics.spice.password")}" },
        vnc: { password: "${word("Domain.graphics.vnc.password")}" },
      },
      cloudInit: {
        pool: pool.name,
        userData: "#cloud-config\\n# ${word("Domain.cloudInit.userData")}\\n",
        networkConfig: "version: 2\\n# ${word("Domain.cloudInit.networkConfig")}\\n",
      },
    });`;
}

const tables: Readonly<Record<string, Table>> = {
  Domain: domain,
  Network: network,
  StoragePool: pool,
  Volume: volume,
  CloudInitDisk: cloudInitDisk,
};

/** A file's text, or all texts below a folder. */
function textsIn(path: string): string {
  if (!statSync(path).isDirectory()) return readFileSync(path, "utf8");
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
}

/** At level 9 the engine itself prints each value that it packs or unpacks, wrapped ones too: none of our doing. */
const enginesOwn =
  /"msg":"(Unm|M)arshaling property|(Unm|M)arshaling property|Planner decided|RegisterResource RPC|eventSink::Debug/;

const SECRET_MARK = "4dabf18193072939515e22adb298388d";

/** The same value without what Pulumi wraps as a secret. */
function unwrapped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapped);
  if (typeof value !== "object" || value === null) return value;
  if (SECRET_MARK in value) return "[secret]";
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, unwrapped(inner)]));
}

interface Rpc {
  readonly method: string;
  readonly request?: unknown;
  readonly response?: unknown;
}

/** The methods whose messages show a secret outside of Pulumi's wrapping, as `Create request`. */
function leaks(log: string, secret: string): string[] {
  const calls = log
    .split("\n")
    .filter((line) => line.includes(secret) && !enginesOwn.test(line))
    .map((line) => JSON.parse(line) as Rpc);
  const found = calls.flatMap(({ method, request, response }) =>
    Object.entries({ request, response })
      .filter(([, message]) => JSON.stringify(unwrapped(message) ?? null).includes(secret))
      .map(([side]) => `${method.split("/").at(-1) ?? method} ${side}`),
  );
  return [...new Set(found)].sort();
}

/**
 * Where the engine itself carries plain text. To the dynamic host, which takes no secrets, all goes in the clear, and comes
 * back so. A generated SDK wraps what stands at a resource's top level; what stands deeper comes as the program wrote it, and
 * is wrapped from the plugin's answer to Check on.
 */
function clear(door: Door, path: string): RegExp {
  if (door === "dynamic") return /^(Check|Diff|Create|Update|Read|Delete|Configure) (request|response)$/;
  return path.split(".").length > 2 ? /^(RegisterResource|Check) request$/ : /^never$/;
}

it("has a word for each secret of each table", () => {
  const secrets = Object.entries(tables).flatMap(([token, table]) =>
    inputsOf(table)
      .filter((path) => fieldAt(table, path).secret)
      .map((path) => `${token}.${path}`),
  );
  expect(secrets.sort()).toEqual(Object.keys(words).sort());
});

describeInLab.each(doors)("secrets through the %s door", (door) => {
  it("stand in no state, no log and no error", () => {
    const log = join(tmpdir(), `kvm-grpc-${process.pid}-${door}.json`);
    const made = new DoorProgram(door, program("a"), { environment: { PULUMI_DEBUG_GRPC: log } });
    const verbose = ["--logtostderr", "-v", "9", "--diff"];
    const texts = [made.run("up", "--yes", ...verbose).text];
    expect(virsh("list", "--all", "--name")).toBe("veiled-vm");
    texts.push(made.stateText(), textsIn(join(made.folder, "state")));
    // An error while all of them are at hand: without its pool the machine's seed cannot be written.
    virsh("pool-destroy", "veiled");
    virsh("pool-undefine", "veiled");
    made.write(program("b").replace('"veiled-vm"', '"bad name"'));
    const refused = made.up(...verbose);
    expect(refused.code).not.toBe(0);
    texts.push(refused.text);
    for (const [path, secret] of Object.entries(words)) {
      const shown = texts.flatMap((text) =>
        text.split("\n").filter((line) => line.includes(secret) && !enginesOwn.test(line)),
      );
      expect({ path, shown: shown.map((line) => line.slice(0, 300)) }).toEqual({ path, shown: [] });
      expect(leaks(readFileSync(log, "utf8"), secret).filter((call) => !clear(door, path).test(call))).toEqual([]);
    }
    made.close();
    // Its pool was taken away under it, so the destroy may have stopped before it.
    if (virsh("list", "--all", "--name").includes("veiled-vm")) virsh("undefine", "veiled-vm");
    rmSync(log);
  }, 240_000);
});
