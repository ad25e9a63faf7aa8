import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { GetSchemaRequest } from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";

const root = resolve(__dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "kvm-plugin-"));
const file = join(folder, "pulumi-resource-kvm");

/** A plugin that runs, all that it printed, and how it ended. */
interface Started {
  readonly child: ChildProcess;
  readonly port: Promise<number>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function start(...words: readonly string[]): Started {
  const child = spawn(file, words, { cwd: folder });
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
});
