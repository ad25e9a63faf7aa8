import { Fake } from "./fake";
import { getThing } from "./fakeLookup";
import { Driver, secret, UNKNOWN_TEXT } from "./pluginClient";

const token = "kvm:index:getThing";

describe("a function of the plugin", () => {
  let driver: Driver;
  beforeEach(async () => {
    driver = await Driver.start(new Fake(), undefined, getThing);
  });
  afterEach(async () => {
    await driver.close();
  });

  it("answers with what it found, without what is not there, and with its secrets wrapped", async () => {
    const { results, failures } = await driver.invoke(token, { id: "a", pool: null });
    expect(failures).toEqual([]);
    expect(results).toEqual({ name: "a", key: secret("k-123456"), tags: [] });
  });

  it("answers a question that held a secret with secrets alone", async () => {
    const { results } = await driver.invoke(token, { pool: secret("p"), name: "n" });
    expect(results).toEqual({ name: secret("p/n"), key: secret("k-123456"), tags: secret([]) });
  });

  it.each([
    [{ id: 1 }, "id", "must be text, not number 1"],
    [{ tokn: "a", id: "b" }, "tokn", 'unknown property; did you mean "token"?'],
    [{}, "id", 'give "id", or "pool" with "name"'],
    [{ name: "n" }, "name", 'give "id", or "pool" with "name"'],
    [{ id: "a", name: "n" }, "id", 'give "id", or "pool" with "name"'],
    [{ id: UNKNOWN_TEXT }, "id", "is not known yet"],
  ])("names the argument of %j that is wrong", async (args, property, reason) => {
    const { failures, results } = await driver.invoke(token, args);
    expect(failures).toEqual([{ property, reason }]);
    expect(results).toEqual({});
  });

  it("keeps a secret out of its complaints", async () => {
    const { failures } = await driver.invoke(token, { id: "a", token: secret(["hunter22"]) });
    expect(failures).toEqual([{ property: "", reason: "token: must be text, not a list" }]);
  });

  it("says in a sentence what went wrong, where, and what next", async () => {
    await expect(driver.invoke(token, { id: "gone" })).rejects.toMatchObject({
      message:
        'test:///default has no thing named "gone" (libvirt: 42, no domain): look again, or give `{ provider }` to ask another host',
    });
    await expect(driver.invoke(token, { id: "away" })).rejects.toMatchObject({ message: "getThing: the host is away" });
  });

  it("says in a sentence that this version lacks a function", async () => {
    await expect(driver.invoke("kvm:index:getZone", {})).rejects.toMatchObject({
      code: 12,
      message: expect.stringMatching(/^pulumi-kvm 1\.2\.3 has no function "kvm:index:getZone": install/) as string,
    });
  });
});
