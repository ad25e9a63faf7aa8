import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { UNKNOWN, type Values } from "../../provider/fields";
import { Refusal, type Request, type Resource } from "../../provider/resources/port";
import { Fake, hidden, PartialFailure } from "./fake";
import { asset, Driver, output, reference, secret, struct, UNKNOWN_TEXT, urn } from "./pluginClient";

type Operation = (request: Request) => Promise<never>;

/** The fake with one act of its own. */
class Acting extends Fake {
  readonly stables = ["uuid"];
  act: Operation | undefined;
  override create(request: Request, inputs: Values): ReturnType<Resource["create"]> {
    return this.act ? this.act(request) : super.create(request, inputs);
  }
  override delete(request: Request, id: string, olds: Values): Promise<void> {
    return this.act ? this.act(request) : super.delete(request, id, olds);
  }
}

describe("the plugin door", () => {
  let fake: Acting;
  let driver: Driver;
  beforeEach(async () => {
    fake = new Acting();
    driver = await Driver.start(fake);
  });
  afterEach(async () => {
    await driver.close();
  });

  it("says its version, its schema and what it understands", async () => {
    const info = await driver.ask<Empty, { getVersion(): string }>("getPluginInfo", new Empty());
    expect(info.getVersion()).toBe("1.2.3");
    const schema = await driver.ask<rpc.GetSchemaRequest, rpc.GetSchemaResponse>(
      "getSchema",
      new rpc.GetSchemaRequest(),
    );
    expect(schema.getSchema()).toBe(`{"name":"kvm"}`);
    expect((await driver.greet()).toObject()).toEqual({
      acceptSecrets: true,
      acceptResources: true,
      acceptOutputs: true,
      supportsAutonamingConfiguration: true,
    });
  });

  it("knows the owner from the URN alone, with dynamic parents written as the plugin's", async () => {
    const asked = new rpc.CreateRequest();
    asked.setUrn("urn:pulumi:dev::shop::my:app:App$pulumi-nodejs:dynamic/kvm:Net$kvm:index:Fake::web::1");
    asked.setProperties(struct({ size: 1 }));
    await driver.ask("create", asked);
    expect(fake.asked[0]?.request.owner).toEqual({
      organization: "organization",
      project: "shop",
      stack: "dev",
      type: "my:app:App$kvm:index:Net$kvm:index:Fake",
      name: "web::1",
    });
  });

  it("says in a sentence that this version lacks a resource", async () => {
    const asked = new rpc.CreateRequest();
    asked.setUrn("urn:pulumi:dev::shop::kvm:index:Zone::web");
    await expect(driver.ask("create", asked)).rejects.toMatchObject({
      message: expect.stringMatching(/^pulumi-kvm 1\.2\.3 has no resource "kvm:index:Zone": install/) as string,
    });
  });

  describe("values", () => {
    it("arrive bare: secrets, outputs, references and unknown ones; assets as they are", async () => {
      const boot = asset("boot");
      await driver.check({
        size: output({ value: 3 }),
        token: secret("hunter22"),
        login: { user: output({}), password: output({ value: "pass-word", secret: true }) },
        name: reference({ urn, id: "id-7" }),
        later: reference({ urn, id: "" }),
        boot,
      });
      expect(fake.asked[0]?.act).toBe("check");
      const { inputs } = await driver.check({
        size: UNKNOWN_TEXT,
        name: reference({ urn, id: "id-7" }),
        later: reference({ urn, id: "" }),
        boot,
      });
      expect(inputs).toMatchObject({ size: UNKNOWN_TEXT, name: "id-7", later: UNKNOWN_TEXT, boot });
      await driver.create({ size: output({}), token: secret("hunter22") }, { preview: false });
      expect(fake.asked.at(-1)?.values).toEqual({ size: UNKNOWN, token: "hunter22" });
    });

    it("leave as secrets where the table says so and where they came as secrets, at every depth", async () => {
      const { inputs } = await driver.check({
        size: secret(5),
        token: "plain-text",
        login: { user: "joe", password: "also-plain" },
      });
      expect(inputs).toEqual({
        size: secret(5),
        token: secret("plain-text"),
        login: { user: "joe", password: secret("also-plain") },
        name: "filled",
        __defaults: ["name"],
      });
      const { outputs } = await driver.create({ size: secret(5), login: secret({ user: "joe", password: "p" }) });
      expect(outputs).toMatchObject({ size: secret(5), login: secret({ user: "joe", password: "p" }), uuid: "u-1" });
    });

    it("never stand in errors or lines when they are secret", async () => {
      fake.act = (request) => {
        request.warn(`cannot log in with hunter22 & <pw>`);
        throw new Error("refused: hunter22 in <a>hunter22</a> and odd &amp; &lt;pw&gt;");
      };
      const failed = driver.create({ size: 1, token: secret("hunter22"), login: { password: "odd & <pw>" } });
      await expect(failed).rejects.toMatchObject({ message: "refused: [secret] in <a>[secret]</a> and [secret]" });
      expect(driver.heard.map(({ message }) => message)).toEqual(["cannot log in with [secret] & <pw>"]);
    });

    it("of the other door stay outside, and make no difference", async () => {
      const olds = { size: 1, uuid: "u-1", ...hidden };
      const found = await driver.diff({ olds, oldInputs: { size: 1, ...hidden }, news: { size: 1 } });
      expect(found.changes).toBe(1);
      expect(fake.asked[0]?.request.oldInputs).toEqual({ size: 1 });
    });
  });

  describe("names", () => {
    const named = (mode: rpc.CheckRequest.AutonamingOptions.Mode, name: string) => (asked: rpc.CheckRequest) => {
      const options = new rpc.CheckRequest.AutonamingOptions();
      options.setMode(mode);
      options.setProposedName(name);
      asked.setAutonaming(options);
    };
    const { Mode } = rpc.CheckRequest.AutonamingOptions;

    it("that the project's autonaming proposes or enforces count alike", async () => {
      await driver.check({ size: 1 }, {}, named(Mode.ENFORCE, "web"));
      await driver.check({ size: 1 }, {}, named(Mode.PROPOSE, "web-1"));
      expect(fake.asked.map(({ request }) => request.autonaming)).toEqual(["web", "web-1"]);
    });

    it("are required where automatic ones are forbidden", async () => {
      const { failures } = await driver.check({ size: 1 }, {}, named(Mode.DISABLE, ""));
      expect(failures).toEqual([
        { property: "name", reason: "is required: `pulumi:autonaming` forbids automatic names" },
      ]);
      expect((await driver.check({ size: 1, name: "a" }, {}, named(Mode.DISABLE, ""))).failures).toEqual([]);
    });
  });

  describe("a preview", () => {
    it("of a create knows the inputs, and not what the provider sets; nothing is made", async () => {
      const made = await driver.create({ size: 1, token: secret("hunter22"), name: UNKNOWN_TEXT }, { preview: true });
      const outputs = { size: 1, token: secret("hunter22"), name: UNKNOWN_TEXT, uuid: UNKNOWN_TEXT };
      expect(made).toEqual({ id: "", outputs });
      expect(fake.asked).toEqual([]);
    });

    it("of an update knows what it does not change", async () => {
      const outputs = await driver.update({ size: 1, uuid: "u-1" }, { size: 2 }, { preview: true });
      expect(outputs).toEqual({ size: 2, uuid: "u-1" });
      expect(fake.asked).toEqual([]);
    });
  });

  describe("a failure", () => {
    it("half-way leaves what exists, to be looked at before the next update", async () => {
      fake.failing = new PartialFailure("no address", "id-9", { size: 1, token: "hunter22" });
      await expect(driver.create({ size: 1, token: secret("hunter22") })).rejects.toEqual({
        code: 2,
        message: "no address",
        left: {
          id: "id-9",
          properties: { size: 1, token: secret("hunter22") },
          inputs: undefined,
          reasons: ["no address"],
          refreshBeforeUpdate: true,
        },
      });
    });

    it("before anything exists leaves nothing", async () => {
      fake.failing = new Refusal("it exists");
      await expect(driver.create({ size: 1 })).rejects.toEqual({ code: 2, message: "it exists" });
    });

    it("shows no character that steers a terminal, and at most 16 KiB", async () => {
      fake.failing = new Error(`\u001b[2Jgone${"x".repeat(20_000)}`);
      const failed = await driver.delete({}).catch((error: unknown) => error as { message: string });
      expect(failed && failed.message.startsWith("\\u001b[2Jgone")).toBe(true);
      expect(failed && failed.message.length).toBeLessThan(17_000);
    });
  });

  describe("a read", () => {
    it("for an import has no state, and gives inputs back", async () => {
      expect(await driver.read("lan")).toEqual({
        id: "lan",
        inputs: { size: 7 },
        outputs: { size: 7, uuid: "u-1", __host: "h-1" },
      });
      expect(fake.asked[0]?.values).toEqual({});
      expect(fake.asked[0]?.request.oldInputs).toBeUndefined();
    });

    it("of what is gone has an empty id", async () => {
      fake.gone = true;
      expect((await driver.read("id-1", { size: 1 }, { size: 1 })).id).toBe("");
    });

    it("of a host that is away keeps the state and says so, so that the rest is refreshed", async () => {
      fake.failing = new Error("the host is away");
      const state = { size: 1, token: secret("hunter22"), uuid: "u-1" };
      await expect(driver.read("id-1", state, { size: 1, token: secret("hunter22") })).rejects.toMatchObject({
        left: {
          id: "id-1",
          properties: state,
          inputs: { size: 1, token: secret("hunter22") },
          reasons: ["the host is away; the state stays as it was"],
        },
      });
    });

    it("for an import of a host that is away is an error", async () => {
      fake.failing = new Error("the host is away");
      await expect(driver.read("lan")).rejects.toEqual({ code: 2, message: "the host is away" });
    });
  });

  describe("lines", () => {
    it("stand at the resource; progress passes", async () => {
      fake.act = (request) => {
        request.progress("copy 10 %");
        request.progress("copy 11 %");
        request.info("made");
        request.warn("slow");
        throw new Error("end");
      };
      await expect(driver.create({ size: 1 })).rejects.toBeDefined();
      expect(driver.heard.sort((a, b) => a.severity - b.severity)).toEqual([
        { urn, message: "copy 10 %", severity: 1, passing: true },
        { urn, message: "made", severity: 1, passing: false },
        { urn, message: "slow", severity: 2, passing: false },
      ]);
    });
  });

  describe("an end", () => {
    const waiting: Operation = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          reject(signal.reason as Error);
        });
      });
    const deaf: Operation = (request) => {
      request.begun?.({ id: "id-3", outputs: { size: 1, __unfinished: true } });
      return new Promise(() => undefined);
    };
    const timed = async (act: Promise<unknown>): Promise<{ error: unknown; tookMs: number }> => {
      const began = Date.now();
      const error: unknown = await act.catch((failed: unknown) => failed);
      return { error, tookMs: Date.now() - began };
    };

    it("comes at once with the engine's cancel", async () => {
      fake.act = waiting;
      const create = timed(driver.create({ size: 1 }));
      setTimeout(() => void driver.ask("cancel", new Empty()), 100);
      const { error, tookMs } = await create;
      expect(error).toMatchObject({ message: expect.stringMatching(/^cancelled by the engine/) as string });
      expect(tookMs).toBeLessThan(2_000);
    });

    it("comes within 2 s of a cancel that nobody hears, with what the state has to keep", async () => {
      fake.act = deaf;
      const create = timed(driver.create({ size: 1 }));
      setTimeout(() => void driver.ask("cancel", new Empty()), 100);
      const { error, tookMs } = await create;
      expect(error).toMatchObject({ left: { id: "id-3", properties: { size: 1, __unfinished: true } } });
      expect(tookMs).toBeLessThan(2_100);
    });

    it("is waited for where something must be put together again, and says what happened", async () => {
      fake.act = async (request) => {
        request.begun?.({ id: "id-3", outputs: { size: 1 } });
        request.mustEnd?.();
        await new Promise((done) => setTimeout(done, 2_500));
        throw new Error("it runs again");
      };
      const create = timed(driver.create({ size: 1 }));
      setTimeout(() => void driver.ask("cancel", new Empty()), 100);
      const { error, tookMs } = await create;
      expect(error).toMatchObject({
        message: expect.stringMatching(/cancelled by the engine; it runs again/) as string,
      });
      expect(tookMs).toBeGreaterThan(2_400);
    });

    it("of one run is not the end of the next", async () => {
      await driver.ask("cancel", new Empty());
      await expect(driver.create({ size: 1 })).rejects.toMatchObject({ message: "cancelled by the engine" });
      await driver.greet();
      expect((await driver.create({ size: 1 })).id).toBe("id-1");
    });

    it("comes with customTimeouts", async () => {
      fake.act = waiting;
      const { error, tookMs } = await timed(driver.delete({ size: 1 }, 0.2));
      expect(error).toMatchObject({ message: "it did not end within 0.2 s (customTimeouts)" });
      expect(tookMs).toBeLessThan(1_500);
    });

    it("tells the resource its time", async () => {
      await driver.delete({ size: 1 }, 30);
      expect(fake.asked[0]?.request.timeoutMs).toBe(30_000);
      await driver.delete({ size: 1 });
      expect(fake.asked[1]?.request.timeoutMs).toBeUndefined();
    });
  });

  describe("settings", () => {
    const checked = async (news: Values) => {
      const asked = new rpc.CheckRequest();
      asked.setUrn("urn:pulumi:dev::shop::pulumi:providers:kvm::default");
      asked.setNews(struct(news));
      return (await driver.ask<rpc.CheckRequest, rpc.CheckResponse>("checkConfig", asked)).toObject().failuresList;
    };
    const differing = async (olds: Values, news: Values) => {
      const asked = new rpc.DiffRequest();
      asked.setOlds(struct(olds));
      asked.setOldInputs(struct(olds));
      asked.setNews(struct(news));
      return (await driver.ask<rpc.DiffRequest, rpc.DiffResponse>("diffConfig", asked)).toObject();
    };

    it("that are wrong are named by their key, without user and password", async () => {
      expect(await checked({ uri: "test:///default", version: "1.2.3", __internal: {} })).toEqual([]);
      expect(await checked({ Uri: "test:///default" })).toEqual([
        { property: "Uri", reason: expect.stringContaining(`did you mean "uri"`) as string },
      ]);
      const [failure] = await checked({ uri: "qemu+ext://joe:hunter22@host/system" });
      // The engine prints the value of a property that it is told.
      expect(failure?.property).toBe("");
      expect(failure?.reason).toMatch(/^uri: a password in a URI/);
      expect(failure?.reason).not.toContain("hunter22");
      expect((await checked({ uri: "qemu+ext://host/system" })).map(({ property }) => property)).toEqual(["uri"]);
      expect(await checked({ uri: UNKNOWN_TEXT })).toEqual([]);
    });

    it("never replace, and what is not known yet is no change", async () => {
      const changed = await differing({ uri: "test:///default" }, { uri: "qemu:///system" });
      expect(changed).toMatchObject({ changes: 2, diffsList: ["uri"], replacesList: [] });
      expect(await differing({ uri: "test:///default" }, { uri: UNKNOWN_TEXT })).toMatchObject({ changes: 1 });
      expect(await differing({ uri: "a" }, { uri: "a", version: "2.0.0" })).toMatchObject({ changes: 1 });
    });

    it("that came without a check fail the operation with a sentence", async () => {
      await driver.greet({ uri: "qemu+ext://host/system" });
      await expect(driver.delete({ size: 1 })).rejects.toMatchObject({
        message: expect.stringMatching(/^provider\.uri: .*correct `kvm:uri`/) as string,
      });
    });
  });
});
