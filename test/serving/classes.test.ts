import * as pulumi from "@pulumi/pulumi";
import * as kvm from "../../provider";
import { type InputsOf, withSecrets } from "../../provider/serving/inputs";
import { table } from "./fake";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly id?: string | undefined;
}

const registered: Registered[] = [];

function named(name: string): Registered {
  const found = registered.find((one) => one.name === name);
  if (!found) throw new Error(`${name} was not registered`);
  return found;
}

function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, id }) => {
        registered.push({ type, name, inputs: inputs as Registered["inputs"], id });
        return { id: id || `${name}-id`, state: { ...(inputs as object), uuid: "u-1" } };
      },
      call: () => ({}),
    },
    "project",
    "stack",
    false,
    "acme",
  );
});

describe("the classes of the dynamic door", () => {
  it("register the constant text as their provider: under 100 bytes, for ever", async () => {
    await valueOf(new kvm.Domain("golden", { memory: 256 }).urn);
    const { type, inputs } = named("golden");
    expect(type).toBe("pulumi-nodejs:dynamic/kvm:Domain");
    expect(inputs["__provider"]).toBe('exports.handler=()=>require("pulumi-kvm/dynamic").provider("Domain")');
    expect(String(inputs["__provider"]).length).toBeLessThan(100);
  });

  it("keep the contract of a real dynamic resource: type, key of the text, `handler` in it", async () => {
    class Real extends pulumi.dynamic.Resource {
      constructor(name: string) {
        const provider = { create: () => Promise.resolve({ id: "1", outs: {} }) };
        super(provider, name, { memory: 1 }, undefined, "kvm", "Domain");
      }
    }
    await valueOf(new Real("real").urn);
    await valueOf(new kvm.Domain("ours", { memory: 1 }).urn);
    const [real, ours] = [named("real"), named("ours")];
    expect(ours.type).toBe(real.type);
    expect(Object.keys(real.inputs).filter((key) => key.startsWith("__"))).toEqual(["__provider"]);
    expect(real.inputs["__provider"]).toContain("exports.handler = ");
    expect(ours.inputs["__provider"]).toMatch(/^exports\.handler=/);
  });

  it("hand the owner over, in the plugin's words and with the parents", async () => {
    class Desk extends pulumi.ComponentResource {
      readonly machine: kvm.Domain;
      constructor(name: string) {
        super("acme:desk:Desk", name);
        this.machine = new kvm.Domain("machine", { memory: 256 }, { parent: this });
      }
    }
    const child = new kvm.Network("child", {}, { parent: new Desk("desk").machine });
    await valueOf(child.urn);
    expect(named("machine").inputs["__owner"]).toEqual({
      organization: "acme",
      project: "project",
      stack: "stack",
      type: "acme:desk:Desk$kvm:index:Domain",
      name: "machine",
    });
    expect(named("child").inputs["__owner"]).toMatchObject({
      type: "acme:desk:Desk$kvm:index:Domain$kvm:index:Network",
    });
  });

  it("declare every output before the engine has answered", async () => {
    const machine = new kvm.Domain("outputs", { memory: 256 });
    expect(pulumi.Output.isInstance(machine.addresses)).toBe(true);
    expect(pulumi.Output.isInstance(machine.addresses[0])).toBe(true);
    expect(await valueOf(machine.uuid)).toBe("u-1");
  });

  it("give the stack's uri to a provider that names none", async () => {
    pulumi.runtime.setConfig("kvm:uri", "test:///default");
    await valueOf(new kvm.Provider("here").urn);
    await valueOf(new kvm.Provider("there", { uri: "qemu+ssh://host/system" }).urn);
    expect(named("here")).toMatchObject({
      type: "pulumi:providers:pulumi-nodejs",
      inputs: { "kvm:uri": "test:///default" },
    });
    expect(named("there").inputs).toEqual({ "kvm:uri": "qemu+ssh://host/system" });
  });

  it("read what exists by its id", async () => {
    const id = "c7a5fdbd-edaf-9455-926a-d65c16db1809";
    const found = kvm.Domain.get("found", id);
    expect(await valueOf(found.id)).toBe(id);
    expect(named("found").inputs["__provider"]).toContain("pulumi-kvm/dynamic");
  });

  it("take values of other resources at every depth (held by the compiler)", async () => {
    const net = new kvm.Network("net", {});
    const args: kvm.DomainArgs = {
      memory: pulumi.output(256),
      interfaces: [{ name: "lan", network: net.name }],
      cloudInit: pulumi.output({ userData: "x", pool: "p" }),
      powerState: "running",
    };
    await valueOf(new kvm.Domain("deep", args).urn);
    expect(named("deep").inputs["interfaces"]).toEqual([{ name: "lan" }]);
  });
});

describe("secrets", () => {
  async function secretness(value: unknown): Promise<boolean> {
    return pulumi.isSecret(value as pulumi.Output<unknown>);
  }

  it("are wrapped wherever the table has one, in plain text too", async () => {
    const args: InputsOf<typeof table> = { size: 1, token: "t", login: { user: "u", password: "p" } };
    const wrapped = withSecrets(table, args) as { token: unknown; size: unknown; login: Record<string, unknown> };
    expect(await secretness(wrapped.token)).toBe(true);
    expect(await secretness(wrapped.login["password"])).toBe(true);
    expect(wrapped.login["user"]).toBe("u");
    expect(wrapped.size).toBe(1);
  });

  it("are wrapped inside values that come later", async () => {
    const { login } = withSecrets(table, { login: pulumi.output({ user: "u", password: "p" }) });
    const inner = await valueOf(login as pulumi.Output<{ user: string; password: unknown }>);
    expect(inner.user).toBe("u");
  });
});
