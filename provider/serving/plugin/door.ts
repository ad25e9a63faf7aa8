import { type Looking, type Lookup, PartialFailure, type Request, type Resource } from "../../resources/port";
import { printed } from "../printed";
import { type Configuration, placeFor } from "../settings";
import type { Engine } from "./engine";
import type { Operations } from "./operation";
import { type Call, requestFor } from "./request";
import { maskOf, type Opened, seal } from "./secrets";
import { Told, unimplemented } from "./status";

/** The resource of a name (`Domain`), or nothing where this version has none. */
export type Find = (token: string) => Resource | undefined;

/** The function of a name (`getHost`), or nothing where this version has none. */
export type FindLookup = (token: string) => Lookup | undefined;

/** One operation of the engine's, with all values that came with it. */
export interface Asked extends Call {
  readonly given: readonly Opened[];
}

type Act<T> = (resource: Resource, request: Request) => Promise<T>;

/** Runs the engine's operations on resources: bounded, heard, and with no secret in any error. */
export class Door {
  configuration: Configuration = () => undefined;

  constructor(
    private readonly version: string,
    private readonly find: Find,
    readonly engine: Engine,
    readonly operations: Operations,
    private readonly findLookup: FindLookup,
  ) {}

  /** Runs one operation; its errors come out as Told. */
  async run<T>(asked: Asked, act: Act<T>): Promise<T> {
    const resource = this.resourceOf(asked.urn);
    const mask = maskOf(resource.table, asked.given);
    const { engine } = this;
    try {
      const place = placeFor(this.configuration);
      return await this.operations.run({ timeoutMs: asked.timeoutMs }, (signal, telling) =>
        act(resource, requestFor(asked, { place, engine, mask, signal, ...telling })),
      );
    } catch (error) {
      throw this.told(error, resource, asked.given, (text) => printed(mask(text)));
    } finally {
      await engine.heard();
    }
  }

  /** The function of a token (`kvm:index:getHost`). */
  lookupOf(token: string): Lookup {
    const [, name] = /^kvm:index:([A-Za-z]+)$/.exec(token) ?? [];
    const lookup = name === undefined ? undefined : this.findLookup(name);
    if (lookup) return lookup;
    throw unimplemented(
      `pulumi-kvm ${this.version} has no function "${token}": install the version that this program was written for`,
    );
  }

  /** Looks at the host; errors come out as Told. */
  async look<T>({ args }: Lookup, given: Opened, act: (from: Looking) => Promise<T>): Promise<T> {
    const mask = maskOf(args, [given]);
    try {
      const place = placeFor(this.configuration);
      return await this.operations.run({}, (signal) => act({ place, signal }));
    } catch (error) {
      throw new Told(printed(mask(error instanceof Error ? error.message : String(error))));
    }
  }

  private told(error: unknown, { table }: Resource, given: readonly Opened[], clean: (text: string) => string): Told {
    const message = clean(error instanceof Error ? error.message : String(error));
    if (!(error instanceof PartialFailure)) return new Told(message);
    const secrets = given.flatMap((one) => one.secrets);
    const inputs = error instanceof Unhealthy ? error.inputs : undefined;
    return new Told(message, {
      id: error.id,
      properties: seal(table, error.outputs, secrets),
      inputs: inputs && seal(table, inputs.values, inputs.secrets),
    });
  }

  private resourceOf(urn: string): Resource {
    // urn:pulumi:STACK::PROJECT::PARENTS$TYPE::NAME
    const type = urn.split("::")[2]?.split("$").at(-1) ?? "";
    const [, token] = /^kvm:index:([A-Za-z]+)$/.exec(type) ?? [];
    const resource = token === undefined ? undefined : this.find(token);
    if (resource) return resource;
    throw new Told(
      `pulumi-kvm ${this.version} has no resource "${type}": install the version that this program was written for`,
    );
  }
}

/** The object's host gives no answer that could be trusted: the state stays as it is. */
export class Unhealthy extends PartialFailure {
  constructor(
    id: string,
    state: Opened,
    readonly inputs: Opened | undefined,
    message: string,
  ) {
    super(message, id, state.values);
  }
}
