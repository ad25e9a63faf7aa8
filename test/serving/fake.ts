import { int, object, text, type Values } from "../../provider/fields";
import { type Diff, PartialFailure, type Request, type Resource } from "../../provider/resources/port";

export const table = {
  name: text({ filled: true, change: "replace", doc: "Name." }),
  size: int({ change: "live", required: true, doc: "Size." }),
  login: object(
    { user: text({ doc: "User." }), password: text({ secret: true, doc: "Password." }) },
    { doc: "Login." },
  ),
  token: text({ secret: true, doc: "A token." }),
  uuid: text({ output: true, doc: "UUID." }),
};

/** A resource that lives in memory and writes down what it was asked. */
export class Fake implements Resource {
  readonly token = "Fake";
  readonly table = table;
  readonly asked: { act: string; request: Request; values: Values }[] = [];
  answer: Diff = { differences: [], replaces: [], deleteBeforeReplace: false, stables: ["uuid"], changes: false };
  outputs: Values = { uuid: "u-1", __host: "h-1" };
  gone = false;
  failing: Error | undefined;

  check(request: Request, olds: Values | undefined, news: Values): ReturnType<Resource["check"]> {
    this.note("check", request, olds ?? {});
    return Promise.resolve({ inputs: { ...news, name: news["name"] ?? "filled", __defaults: ["name"] }, failures: [] });
  }

  diff(request: Request, _id: string, _olds: Values, news: Values): Promise<Diff> {
    this.note("diff", request, news);
    return Promise.resolve(this.answer);
  }

  create(request: Request, inputs: Values): ReturnType<Resource["create"]> {
    this.note("create", request, inputs);
    return Promise.resolve({ id: "id-1", outputs: { ...inputs, ...this.outputs } });
  }

  read(request: Request, id: string, olds: Values): ReturnType<Resource["read"]> {
    this.note("read", request, olds);
    if (this.gone) return Promise.resolve(undefined);
    return Promise.resolve({ id, inputs: { size: 7 }, outputs: { size: 7, ...this.outputs } });
  }

  update(request: Request, _id: string, _olds: Values, news: Values): ReturnType<Resource["update"]> {
    this.note("update", request, news);
    return Promise.resolve({ outputs: { ...news, ...this.outputs } });
  }

  delete(request: Request, _id: string, olds: Values): Promise<void> {
    this.note("delete", request, olds);
    return Promise.resolve();
  }

  private note(act: string, request: Request, values: Values): void {
    this.asked.push({ act, request, values });
    if (this.failing && act !== "check") throw this.failing;
  }
}

export const stubText = `exports.handler=()=>require("pulumi-kvm/dynamic").provider("Fake")`;

export const hidden = {
  __provider: stubText,
  __owner: { organization: "o", project: "p", stack: "s", type: "kvm:index:Fake", name: "web" },
};

export { PartialFailure };
