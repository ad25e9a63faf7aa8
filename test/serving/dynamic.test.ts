import { getMaxListeners } from "node:events";
import { provider, serve } from "../../provider/serving/dynamic";
import { Fake, hidden, PartialFailure, stubText } from "./fake";

const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

function configured(fake: Fake, uri?: string): ReturnType<typeof serve> {
  const door = serve(() => fake);
  void door.configure({ config: { get: (key) => (key === "kvm:uri" ? uri : undefined) } });
  return door;
}

describe("the dynamic door", () => {
  let fake: Fake;
  beforeEach(() => {
    fake = new Fake();
  });

  it("keeps what only this door carries away from the resource, and puts it back", async () => {
    const door = configured(fake, "test:///default");
    const { inputs } = await door.check({}, { size: 1, ...hidden });
    expect(inputs).toEqual({ size: 1, name: "filled", __defaults: ["name"], ...hidden });
    const { id, outs } = await door.create(inputs);
    expect(id).toBe("id-1");
    expect(outs).toEqual({ size: 1, name: "filled", __defaults: ["name"], uuid: "u-1", __host: "h-1", ...hidden });
    expect(Object.keys(fake.asked[1]?.values ?? {})).toEqual(["size", "name", "__defaults"]);
  });

  it("hands the owner over as the class wrote it", async () => {
    await configured(fake, "test:///default").create({ size: 1, ...hidden });
    expect(fake.asked[0]?.request.owner).toEqual(hidden.__owner);
    expect(fake.asked[0]?.request.name).toBe("web");
  });

  it("gives all calls one signal, without Node's warning of a leak", async () => {
    await configured(fake, "test:///default").create({ size: 1, ...hidden });
    const { signal } = fake.asked[0]?.request ?? {};
    expect(signal && getMaxListeners(signal)).toBe(Infinity);
  });

  it("passes unknown values in and out, at every depth", async () => {
    const door = configured(fake, "test:///default");
    const { inputs } = await door.check({}, { size: unknown, login: { user: unknown }, ...hidden });
    expect(inputs["size"]).toBe(unknown);
    expect(inputs["login"]).toEqual({ user: unknown });
  });

  it("strips from outputs what would orphan the object: undefined, bigint, dates", async () => {
    fake.outputs = {
      uuid: undefined,
      sizes: [1n, undefined, { x: undefined, y: 2n ** 60n }],
      at: new Date("2024-01-02T03:04:05Z"),
    };
    const { outs } = await configured(fake, "test:///default").create({ size: 1, ...hidden });
    expect(outs).toEqual({
      size: 1,
      sizes: [1, null, { y: "1152921504606846976" }],
      at: "2024-01-02T03:04:05.000Z",
      ...hidden,
    });
  });

  it("gives the resource its former inputs: outputs without what the provider added", async () => {
    const olds = {
      size: 1,
      name: "a",
      __defaults: ["name"],
      uuid: "u-1",
      __host: "h-1",
      __incarnation: "x",
      ...hidden,
    };
    await configured(fake, "test:///default").diff("id-1", olds, { size: 2, ...hidden });
    expect(fake.asked[0]?.request.oldInputs).toEqual({ size: 1, name: "a", __defaults: ["name"] });
  });

  it("reports a change where only the stub's text differs, or an update would never renew it", async () => {
    const door = configured(fake, "test:///default");
    expect(await door.diff("id-1", { size: 1, ...hidden }, { size: 1, ...hidden })).toMatchObject({ changes: false });
    expect(await door.diff("id-1", { size: 1 }, { size: 1, ...hidden })).toMatchObject({ changes: true });
  });

  it("passes replacements on, and whether the old one has to go first", async () => {
    fake.answer = { ...fake.answer, replaces: ["name"], deleteBeforeReplace: true };
    expect(await configured(fake, "test:///default").diff("id-1", { ...hidden }, { ...hidden })).toEqual({
      changes: true,
      replaces: ["name"],
      stables: ["uuid"],
      deleteBeforeReplace: true,
    });
  });

  it("records a partial failure with all that later runs need", async () => {
    fake.failing = new PartialFailure("no address within 300 s", "id-1", { size: 1, uuid: undefined });
    const failed = configured(fake, "test:///default").create({ size: 1, ...hidden });
    await expect(failed).rejects.toMatchObject({
      message: "no address within 300 s",
      id: "id-1",
      properties: { size: 1, ...hidden },
      reasons: ["no address within 300 s"],
    });
    await expect(failed).rejects.toHaveProperty(["properties", "__provider"], stubText);
  });

  it("shows a plain error's message, never its stack, and no id", async () => {
    fake.failing = new TypeError("host away");
    const failed: unknown = await configured(fake, "test:///default")
      .delete("id-1", { ...hidden })
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Error);
    expect(`${String(failed)}: ${(failed as Error).stack ?? ""}`).toBe("pulumi-kvm: host away");
    expect(failed).not.toHaveProperty("id");
  });

  it("says that an object is gone with an empty id", async () => {
    fake.gone = true;
    expect(await configured(fake, "test:///default").read("id-1", { ...hidden })).toEqual({ id: "", props: {} });
  });

  it("reads inputs back with the stub in them", async () => {
    const read = await configured(fake, "test:///default").read("id-1", { size: 1, ...hidden });
    expect(read.inputs).toEqual({ size: 7, ...hidden });
    expect(read.props).toEqual({ size: 7, uuid: "u-1", __host: "h-1", ...hidden });
  });

  it("refuses a URI that cannot work in check, together with what else is wrong", async () => {
    const { failures } = await configured(fake, "qemu+ext://host/system").check({}, { size: "x", sice: 1, ...hidden });
    expect(failures.map(({ property }) => property)).toEqual(["provider.uri", "size", "sice"]);
    expect(failures[0]?.reason).toContain('transport "ext"');
    expect(fake.asked).toEqual([]);
  });

  it.each([
    [
      "qemu://h/session",
      'path "/session" is not reached with tls: use qemu+tls://h/system, or qemu+ssh://user@h/session',
    ],
    [
      "lxc+tcp://h/",
      "plain TCP to h would let everybody on the way rule that host: use lxc+tls://h/system or lxc+ssh://h/system",
    ],
    [
      "lxc+tcp://127.0.0.1/",
      "plain TCP lets every user of this machine in: set kvm:allowPlainTcp to true if that is meant, or use lxc:///system (libvirt's socket)",
    ],
  ])("refuses %s in check, and says what works", async (uri, reason) => {
    const door = configured(fake, uri);
    expect((await door.check({}, { size: 1, ...hidden })).failures).toEqual([{ property: "provider.uri", reason }]);
    await expect(door.delete("id-1", { ...hidden })).rejects.toThrow(`provider.uri: ${reason}; correct \`kvm:uri\``);
    expect(fake.asked).toEqual([]);
  });

  it("says which resource this version lacks", () => {
    expect(() => provider("Zone")).toThrow('no resource "Zone"');
  });
});
