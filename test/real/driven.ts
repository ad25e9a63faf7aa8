import type { Failure, Values } from "../../provider/fields";
import type { Place } from "../../provider/resources/place";
import { type Created, type Diff, PartialFailure, type Request, type Resource } from "../../provider/resources/port";
import { requestFor } from "./request";

/** One resource of a program, driven as the engine drives it: check, diff, then create, update or replace. */
export class Driven {
  id: string | undefined;
  /** What the engine's state holds. */
  outputs: Values = {};
  inputs: Values | undefined;
  /** What the last operation said. */
  said: readonly string[] = [];

  constructor(
    private readonly resource: Resource,
    private readonly place: Place,
    readonly name: string,
    private readonly stack = "real",
  ) {}

  /** The request of one operation. */
  request(preview = false): Request {
    const token = this.resource.token;
    const former = this.inputs ? { oldInputs: this.inputs } : {};
    const request = requestFor(this.name, this.place, { token, preview, ...former });
    const said: string[] = [];
    const say = (message: string): void => {
      said.push(message);
    };
    this.said = said;
    return { ...request, owner: { ...request.owner, stack: this.stack }, info: say, warn: say };
  }

  check(news: Values): Promise<{ readonly inputs: Values; readonly failures: readonly Failure[] }> {
    return this.resource.check(this.request(), this.inputs, news);
  }

  async preview(news: Values): Promise<Diff> {
    const inputs = await this.checked(news);
    return this.resource.diff(this.request(true), this.id ?? "", this.outputs, inputs);
  }

  /** Creates it, or updates or replaces it where a diff says so. */
  async up(news: Values): Promise<Diff | undefined> {
    const inputs = await this.checked(news);
    const { id, outputs } = this;
    if (id === undefined) {
      await this.record(inputs, () => this.resource.create(this.request(), inputs));
      return undefined;
    }
    const diff = await this.resource.diff(this.request(), id, outputs, inputs);
    if (diff.replaces.length > 0) {
      if (diff.deleteBeforeReplace) await this.resource.delete(this.request(), id, outputs);
      await this.record(inputs, () => this.resource.create(this.request(), inputs));
      if (!diff.deleteBeforeReplace) await this.resource.delete(this.request(), id, outputs);
    } else if (diff.changes) {
      const update = () => this.resource.update(this.request(), id, outputs, inputs);
      await this.record(inputs, async () => ({ id, ...(await update()) }));
    }
    this.inputs = inputs;
    return diff;
  }

  /** Refreshes the state; false where the object is gone. */
  async refresh(): Promise<boolean> {
    const read = await this.resource.read(this.request(), this.id ?? "", this.outputs);
    if (read) [this.outputs, this.inputs] = [read.outputs, read.inputs];
    return read !== undefined;
  }

  async destroy(): Promise<void> {
    await this.resource.delete(this.request(), this.id ?? "", this.outputs);
  }

  private async checked(news: Values): Promise<Values> {
    const { inputs, failures } = await this.check(news);
    if (failures.length > 0) throw new Error(JSON.stringify(failures));
    return inputs;
  }

  /** What the engine's state holds afterwards, also where the operation fails half-way. */
  private async record(inputs: Values, act: () => Promise<Created>): Promise<void> {
    try {
      const { id, outputs } = await act();
      [this.id, this.outputs, this.inputs] = [id, outputs, inputs];
    } catch (error) {
      if (error instanceof PartialFailure) [this.id, this.outputs, this.inputs] = [error.id, error.outputs, inputs];
      throw error;
    }
  }
}
