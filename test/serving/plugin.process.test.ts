import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { GetSchemaRequest } from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";

const root = resolve(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "kvm-plugin-"));
const file = join(folder, "pulumi-resource-kvm");
const caches = join(folder, "caches");

/** A plugin that runs, all that it printed, and how it ended. */
interface Started {
  readonly child: ChildProcess;
  readonly port: Promise<number>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function start(...words: readonly string[]): Started {
  const child = spawn(file, words, { cwd: folder, env: { ...process.env, XDG_CACHE_HOME: caches } });
  const printed = { stdout: "", stderr: "" };
  child.stderr.on("data", (data: Buffer) => (printed.stderr += data.toString()));
  const port = new Promise<number>((done) => {
    child.stdout.on("data", (data: Buffer) => {
      printed.stdout += data.toString();
      done(Number(printed.stdout));
    });
  });
  const ended = new Promise<Awaited<Started["ended"]>>((done) => {
    child.once("close", (code) => {
      done({ code, ...printed });
    });
  });
  return { child, port, ended };
}

describe("pulumi-resource-kvm, one file", () => {
  beforeAll(() => {
    const done = spawnSync(process.execPath, [join(root, "scripts/bundle.mjs"), file], { encoding: "utf8" });
    expect(done.stderr).toBe("");
  }, 60_000);
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("prints its port and nothing else, serves schema and version, and ends with a signal", async () => {
    const { child, port, ended } = start("127.0.0.1:1");
    const client = new ResourceProviderClient(`127.0.0.1:${await port}`, credentials.createInsecure());
    const schema = await new Promise<string>((done, fail) => {
      client.getSchema(new GetSchemaRequest(), (error, answer) => {
        if (error) fail(error);
        else done(answer.getSchema());
      });
    });
    expect(JSON.parse(schema)).toMatchObject({ name: "kvm" });
    const version = await new Promise<string>((done, fail) => {
      client.getPluginInfo(new Empty(), (error, answer) => {
        if (error) fail(error);
        else done(answer.getVersion());
      });
    });
    expect((JSON.parse(schema) as { version: string }).version).toBe(version);
    client.close();
    child.kill("SIGTERM");
    expect(await ended).toEqual({ code: 0, stdout: `${await port}\n`, stderr: "" });
  }, 30_000);

  it("ends when the engine dies without a word", async () => {
    const { child, port, ended } = start("127.0.0.1:1");
    await port;
    child.stdin?.end();
    expect((await ended).code).toBe(0);
  }, 30_000);

  it("tells its version to people", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect((await start("--version").ended).stdout).toBe(`${version}\n`);
  }, 30_000);

  it("keeps its compiled code for the next start, and makes it anew where it is damaged", async () => {
    const codeOf = (name: string): string => join(caches, "pulumi-kvm", name);
    const served = async (pauseMs: number): Promise<void> => {
      const { child, port, ended } = start("127.0.0.1:1");
      expect(await port).toBeGreaterThan(0);
      await new Promise((wake) => setTimeout(wake, pauseMs));
      child.kill("SIGTERM");
      expect(await ended).toMatchObject({ code: 0, stderr: "" });
    };
    await served(2_500);
    const [name = "nothing was kept", ...others] = readdirSync(join(caches, "pulumi-kvm"));
    expect(others).toEqual([]);
    const kept = statSync(codeOf(name));
    expect(kept.mode & 0o777).toBe(0o600);

    await served(2_500);
    expect(statSync(codeOf(name)).mtimeMs).toBe(kept.mtimeMs);

    const damaged = readFileSync(codeOf(name)).fill(0, 5_000, 6_000);
    writeFileSync(codeOf(name), damaged);
    await served(2_500);
    expect(readFileSync(codeOf(name)).equals(damaged)).toBe(false);

    // Where nothing can be kept it serves all the same.
    rmSync(caches, { recursive: true });
    writeFileSync(caches, "");
    await served(1_500);
    rmSync(caches);
  }, 60_000);
});
