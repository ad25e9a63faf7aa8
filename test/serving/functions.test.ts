import * as pulumi from "@pulumi/pulumi";
import type { Values } from "../../provider/fields";
import * as kvm from "../../provider";

let loaded = false;
const asked: { name: string; uri: unknown; args: Values }[] = [];

jest.mock("../../provider/serving/asking", () => {
  loaded = true;
  return {
    ask: (name: string, configuration: (key: string) => unknown, args: Values) => {
      asked.push({ name, uri: configuration("kvm:uri"), args });
      return Promise.resolve({ name, lacks: [] });
    },
  };
});

function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

describe("functions in a unit test of a program", () => {
  beforeAll(async () => {
    const newResource = ({ name }: { name: string }): pulumi.runtime.MockResourceResult => ({ id: name, state: {} });
    const call = ({ token, inputs }: pulumi.runtime.MockCallArgs): Values => ({ token, inputs: inputs as Values });
    await pulumi.runtime.setMocks({ newResource, call });
  });

  it("are answered by its mocks, by the plugin's tokens", async () => {
    expect(await kvm.getDomain({ name: "web" })).toEqual({ token: "kvm:index:getDomain", inputs: { name: "web" } });
    expect(await valueOf(kvm.getHostOutput())).toEqual({ token: "kvm:index:getHost", inputs: {} });
  });
});

describe("functions of the dynamic door", () => {
  let provider: kvm.Provider;
  beforeAll(() => {
    provider = new kvm.Provider("there", { uri: "test:///default" });
    // An engine that is never spoken to.
    pulumi.runtime.resetOptions("project", "stack", 1, "127.0.0.1:1", "mock", false, "acme");
    pulumi.runtime.setConfig("kvm:uri", "qemu:///system");
  });
  beforeEach(() => {
    asked.length = 0;
  });

  it("load the code behind them when the first is called, not before", async () => {
    expect(loaded).toBe(false);
    await kvm.getHost();
    expect(loaded).toBe(true);
  });

  it("ask the host of the stack, of a provider, or of a parent's provider", async () => {
    const parent = new pulumi.ComponentResource("my:app:App", "app", {}, { providers: [provider] });
    await kvm.getDomains({ state: "running" });
    await kvm.getHost({}, { provider });
    await kvm.getHost({}, { parent });
    expect(asked).toEqual([
      { name: "getDomains", uri: "qemu:///system", args: { state: "running" } },
      { name: "getHost", uri: "test:///default", args: {} },
      { name: "getHost", uri: "test:///default", args: {} },
    ]);
  });

  it("wait for values that come later", async () => {
    const { name } = kvm.getNetworkOutput({ name: pulumi.output(Promise.resolve("lan")) }, { provider });
    expect(await valueOf(name)).toBe("getNetwork");
    expect(asked).toEqual([{ name: "getNetwork", uri: "test:///default", args: { name: "lan" } }]);
  });

  it("tell nothing in secret but what was asked in secret", async () => {
    const hidden = new kvm.Provider("hidden", { uri: pulumi.secret("test:///default") });
    expect(await pulumi.isSecret(kvm.getHostOutput({}, { provider: hidden }))).toBe(false);
    expect(await pulumi.isSecret(kvm.getDomainOutput({ name: pulumi.secret("web") }, { provider }))).toBe(true);
  });

  it("refuse a provider of others", async () => {
    const other = new (class extends pulumi.ProviderResource {})("aws", "other");
    await expect(kvm.getHost({}, { provider: other })).rejects.toThrow(
      "make it with `new kvm.Provider(name, { uri })`",
    );
  });
});
