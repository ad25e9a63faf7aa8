// Drives the plugin as the engine does: a real gRPC client, and an engine that writes down what it hears.
import { type Client, credentials, type ServiceError, Server, ServerCredentials } from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { Values } from "../../provider/fields";
import type { Lookup, Resource } from "../../provider/resources/port";
import { Entrance } from "../../provider/serving/plugin/entrance";
import { Plugin } from "../../provider/serving/plugin/server";

export const UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** A secret as it crosses the wire. */
export const secret = (value: unknown): Values => ({ [SIGNATURE]: "1b47061264138c4ac30d75fd1eb44270", value });
export const output = (more: Values): Values => ({ [SIGNATURE]: "d0e6a833031e9bbcd3f4e8bde6ca49a4", ...more });
export const reference = (more: Values): Values => ({ [SIGNATURE]: "5cf8f73096256a8f31e491e813e4eb8e", ...more });
export const asset = (text: string): Values => ({ [SIGNATURE]: "c44067f5952c0a294b673a41bacd8c17", text, hash: "h" });

export const urn = "urn:pulumi:dev::shop::kvm:index:Fake::web";

export function struct(values: Values): Struct {
  return Struct.fromJavaScript(values as Parameters<typeof Struct.fromJavaScript>[0]);
}

export interface Line {
  readonly urn: string;
  readonly message: string;
  readonly severity: number;
  readonly passing: boolean;
}

/** What failed, and what the state has to keep. */
export interface Failed {
  readonly message: string;
  readonly code: number;
  readonly left?: {
    id: string;
    properties: Values;
    inputs: Values | undefined;
    reasons: string[];
    refreshBeforeUpdate: boolean;
  };
}

type Unary<Asked, Answer> = (asked: Asked, done: (error: ServiceError | null, answer: Answer) => void) => unknown;

/** A plugin with one resource, and its engine. */
export class Driver {
  heard: Line[] = [];

  private constructor(
    readonly plugin: Plugin,
    readonly client: ResourceProviderClient,
    private readonly engine: Server,
    private readonly engineAddress: string,
  ) {}

  static async start(
    resource: Resource,
    settings: Values = { uri: "test:///default" },
    lookup?: Lookup,
  ): Promise<Driver> {
    const plugin = new Plugin(
      { version: "1.2.3", schema: `{"name":"kvm"}` },
      (token) => (token === resource.token ? resource : undefined),
      (token) => (token === lookup?.token ? lookup : undefined),
    );
    const engine = new Server();
    const heard: Line[] = [];
    engine.addService(EngineService, {
      log: (call: { request: LogRequest }, done: (error: null, answer: Empty) => void) => {
        const line = call.request;
        const message = line.getMessage();
        heard.push({ urn: line.getUrn(), message, severity: line.getSeverity(), passing: line.getEphemeral() });
        done(null, new Empty());
      },
    });
    const enginePort = await new Promise<number>((resolve, reject) => {
      engine.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
        if (error) reject(error);
        else resolve(port);
      });
    });
    const entrance = new Entrance();
    const port = await entrance.open();
    plugin.serve(entrance);
    const client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
    });
    const driver = new Driver(plugin, client, engine, `127.0.0.1:${enginePort}`);
    driver.heard = heard;
    await driver.greet(settings);
    return driver;
  }

  /** Handshake and Configure, as at the start of every run. */
  async greet(settings: Values = { uri: "test:///default" }): Promise<rpc.ProviderHandshakeResponse> {
    const asked = new rpc.ProviderHandshakeRequest();
    asked.setEngineAddress(this.engineAddress);
    const answer = await this.ask<rpc.ProviderHandshakeRequest, rpc.ProviderHandshakeResponse>("handshake", asked);
    const configure = new rpc.ConfigureRequest();
    configure.setArgs(struct(settings));
    await this.ask("configure", configure);
    return answer;
  }

  /** One call; an error is thrown as Failed. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- names the message that is sent
  ask<Asked, Answer>(name: Extract<keyof ResourceProviderClient, string>, asked: Asked): Promise<Answer> {
    const method = (this.client[name] as Unary<Asked, Answer>).bind(this.client);
    return new Promise((resolve, reject) => {
      method(asked, (error, answer) => {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- compared by value in tests
        if (error) reject(failedOf(error));
        else resolve(answer);
      });
    });
  }

  async check(news: Values, olds: Values = {}, more: (asked: rpc.CheckRequest) => void = () => undefined) {
    const asked = new rpc.CheckRequest();
    asked.setUrn(urn);
    asked.setOlds(struct(olds));
    asked.setNews(struct(news));
    more(asked);
    const answer = await this.ask<rpc.CheckRequest, rpc.CheckResponse>("check", asked);
    return { inputs: plain(answer.getInputs()), failures: answer.toObject().failuresList };
  }

  async diff(sides: { olds?: Values; oldInputs?: Values; news?: Values }, ignoreChanges: string[] = []) {
    const asked = new rpc.DiffRequest();
    asked.setId("id-1");
    asked.setUrn(urn);
    asked.setOlds(struct(sides.olds ?? {}));
    asked.setOldInputs(struct(sides.oldInputs ?? {}));
    asked.setNews(struct(sides.news ?? {}));
    asked.setIgnorechangesList(ignoreChanges);
    return (await this.ask<rpc.DiffRequest, rpc.DiffResponse>("diff", asked)).toObject();
  }

  async create(inputs: Values, options: { preview?: boolean; timeout?: number } = {}) {
    const asked = new rpc.CreateRequest();
    asked.setUrn(urn);
    asked.setProperties(struct(inputs));
    asked.setPreview(options.preview ?? false);
    asked.setTimeout(options.timeout ?? 0);
    const answer = await this.ask<rpc.CreateRequest, rpc.CreateResponse>("create", asked);
    return { id: answer.getId(), outputs: plain(answer.getProperties()) };
  }

  async update(olds: Values, news: Values, options: { preview?: boolean; timeout?: number } = {}) {
    const asked = new rpc.UpdateRequest();
    asked.setId("id-1");
    asked.setUrn(urn);
    asked.setOlds(struct(olds));
    asked.setOldInputs(struct({}));
    asked.setNews(struct(news));
    asked.setPreview(options.preview ?? false);
    asked.setTimeout(options.timeout ?? 0);
    return plain((await this.ask<rpc.UpdateRequest, rpc.UpdateResponse>("update", asked)).getProperties());
  }

  async read(id: string, state?: Values, inputs?: Values) {
    const asked = new rpc.ReadRequest();
    asked.setId(id);
    asked.setUrn(urn);
    asked.setProperties(struct(state ?? {}));
    if (inputs) asked.setInputs(struct(inputs));
    const answer = await this.ask<rpc.ReadRequest, rpc.ReadResponse>("read", asked);
    return { id: answer.getId(), outputs: plain(answer.getProperties()), inputs: plain(answer.getInputs()) };
  }

  async delete(olds: Values, timeout = 0): Promise<void> {
    const asked = new rpc.DeleteRequest();
    asked.setId("id-1");
    asked.setUrn(urn);
    asked.setProperties(struct(olds));
    asked.setTimeout(timeout);
    await this.ask("delete", asked);
  }

  async invoke(token: string, args: Values) {
    const asked = new rpc.InvokeRequest();
    asked.setTok(token);
    asked.setArgs(struct(args));
    const answer = await this.ask<rpc.InvokeRequest, rpc.InvokeResponse>("invoke", asked);
    return { results: plain(answer.getReturn()), failures: answer.toObject().failuresList };
  }

  async close(): Promise<void> {
    await this.plugin.close("the test is over");
    (this.client as unknown as Client).close();
    this.engine.forceShutdown();
  }
}

function plain(found: Struct | undefined): Values {
  return found?.toJavaScript() ?? {};
}

function failedOf(error: ServiceError): Failed {
  const [detail] = error.metadata.get("grpc-status-details-bin");
  const base = { message: error.details, code: error.code };
  if (detail === undefined) return base;
  const [any] = Status.deserializeBinary(detail as Buffer).getDetailsList();
  const left = rpc.ErrorResourceInitFailed.deserializeBinary(any!.getValue_asU8());
  return {
    ...base,
    left: {
      id: left.getId(),
      properties: plain(left.getProperties()),
      inputs: left.getInputs()?.toJavaScript(),
      reasons: left.getReasonsList(),
      refreshBeforeUpdate: left.getRefreshBeforeUpdate(),
    },
  };
}
