// The first door: our resources as Pulumi dynamic providers. The stub in each state requires this file through
// `pulumi-kvm/dynamic` and calls `provider`; it starts with every run, so it loads no Pulumi and no more than it needs.
import { checkValues, type Failure, ownInputs, type Values } from "../fields";
import { isResource, load } from "../resources";
import { PartialFailure, type Request, type Resource } from "../resources/port";
import { hiddenOf, PROVIDER, withoutHidden } from "./hidden";
import { requestFor } from "./request";
import { type Configuration, placeFor, uriComplaint } from "./settings";
import { fromWire, toWire } from "./wire";

interface ConfigureRequest {
  readonly config: { get(key: string): unknown };
}

/** A dynamic provider as Pulumi's host calls it: all values are plain, with its marker for unknown ones. */
export interface DynamicProvider {
  configure(request: ConfigureRequest): Promise<void>;
  check(olds: Values, news: Values): Promise<{ inputs: Values; failures: readonly Failure[] }>;
  diff(
    id: string,
    olds: Values,
    news: Values,
  ): Promise<{ changes: boolean; replaces: string[]; stables: string[]; deleteBeforeReplace: boolean }>;
  create(inputs: Values): Promise<{ id: string; outs: Values }>;
  /** An empty id: the object is gone. */
  read(id: string, olds: Values): Promise<{ id: string; props: Values; inputs?: Values }>;
  update(id: string, olds: Values, news: Values): Promise<{ outs: Values }>;
  delete(id: string, olds: Values): Promise<void>;
}

/** The provider of one resource type, by the name in its token (`Domain`). */
export function provider(token: string): DynamicProvider {
  if (!isResource(token)) {
    throw new DoorError(`this version of pulumi-kvm has no resource "${token}": install the one that made this stack`);
  }
  return serve(() => load(token));
}

/** Serves a resource through this door. */
export function serve(resource: () => Resource): DynamicProvider {
  const door = new Door(resource);
  return {
    configure: async (request) => {
      door.configuration = (key) => request.config.get(key);
      return Promise.resolve();
    },
    check: (olds, news) => told(news, () => door.check(fromWire(olds), fromWire(news))),
    diff: (id, olds, news) => told(news, () => door.diff(id, fromWire(olds), fromWire(news))),
    create: (inputs) => told(inputs, () => door.create(fromWire(inputs))),
    read: (id, olds) => told(olds, () => door.read(id, fromWire(olds))),
    update: (id, olds, news) => told(news, () => door.update(id, fromWire(olds), fromWire(news))),
    delete: (id, olds) => told(olds, () => door.delete(id, fromWire(olds))),
  };
}

class Door {
  configuration: Configuration = () => undefined;
  private known: Resource | undefined;

  constructor(private readonly open: () => Resource) {}

  async check(olds: Values, news: Values): ReturnType<DynamicProvider["check"]> {
    const wanted = withoutHidden(news);
    const complaint = uriComplaint(this.configuration);
    if (complaint !== undefined) {
      const failures = checkValues(this.resource.table, wanted);
      return { inputs: toWire(news), failures: [{ property: "provider.uri", reason: complaint }, ...failures] };
    }
    const before = withoutHidden(olds);
    const request = this.request(news, before);
    const former = Object.keys(before).length > 0 ? before : undefined;
    const { inputs, failures } = await this.resource.check(request, former, wanted);
    return { inputs: toWire({ ...inputs, ...hiddenOf(news) }), failures };
  }

  async diff(id: string, olds: Values, news: Values): ReturnType<DynamicProvider["diff"]> {
    const request = this.request(news, this.formerInputs(olds));
    const diff = await this.resource.diff(request, id, withoutHidden(olds), withoutHidden(news));
    return {
      // Delete and Read run by the text in the outputs, which only an update renews.
      changes: diff.changes || diff.replaces.length > 0 || olds[PROVIDER] !== news[PROVIDER],
      replaces: [...diff.replaces],
      stables: [...diff.stables],
      deleteBeforeReplace: diff.deleteBeforeReplace,
    };
  }

  async create(inputs: Values): ReturnType<DynamicProvider["create"]> {
    const { id, outputs } = await this.resource.create(this.request(inputs), withoutHidden(inputs));
    return { id, outs: toWire({ ...outputs, ...hiddenOf(inputs) }) };
  }

  async read(id: string, olds: Values): ReturnType<DynamicProvider["read"]> {
    const request = this.request(olds, this.formerInputs(olds));
    const found = await this.resource.read(request, id, withoutHidden(olds));
    if (!found) return { id: "", props: {} };
    const hidden = hiddenOf(olds);
    return {
      id: found.id,
      props: toWire({ ...found.outputs, ...hidden }),
      inputs: toWire({ ...found.inputs, ...hidden }),
    };
  }

  async update(id: string, olds: Values, news: Values): ReturnType<DynamicProvider["update"]> {
    const request = this.request(news, this.formerInputs(olds));
    const { outputs } = await this.resource.update(request, id, withoutHidden(olds), withoutHidden(news));
    return { outs: toWire({ ...outputs, ...hiddenOf(news) }) };
  }

  async delete(id: string, olds: Values): Promise<void> {
    await this.resource.delete(this.request(olds, this.formerInputs(olds)), id, withoutHidden(olds));
  }

  private get resource(): Resource {
    this.known ??= this.open();
    return this.known;
  }

  /** The host does not hand the former inputs over: they are the outputs without what the provider added. */
  private formerInputs(outputs: Values): Values {
    return ownInputs(this.resource.table, outputs);
  }

  private request(values: Values, oldInputs?: Values): Request {
    // Check refuses a wrong URI, but refresh and destroy go by the configuration in the state and call no check.
    return requestFor(this.resource.token, placeFor(this.configuration), values, oldInputs);
  }
}

/** An error in the shape that the host shows best: its message, and no stack. */
class DoorError extends Error {
  // Declared only: the host takes whatever has an `id` for an object that exists.
  declare readonly id?: string;
  declare readonly properties?: Values;
  declare readonly reasons?: readonly string[];

  constructor(message: string, left?: { id: string; properties: Values }) {
    super(message);
    if (left) Object.assign(this, left, { reasons: [message] });
    // The host prints `${error}: ${error.stack}` of check, diff, read and delete.
    this.name = "pulumi-kvm";
    this.stack = message;
  }

  override toString(): string {
    return this.name;
  }
}

/** Runs an operation; a partial failure leaves with all that must stand in the state, `__provider` before all. */
async function told<T>(values: Values, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof PartialFailure)) throw new DoorError(message);
    const properties = { ...toWire(error.outputs), ...hiddenOf(values) };
    throw new DoorError(message, { id: error.id, properties });
  }
}
