import { type handleUnaryCall, Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { type IResourceProviderServer, ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import {
  CheckResponse,
  ConfigureResponse,
  GetSchemaResponse,
  ProviderHandshakeResponse,
} from "@pulumi/pulumi/proto/provider_pb";
import { type PluginAttach, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import type * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { isLookup, isResource, load, loadLookup } from "../../resources";
import { providerTable } from "../settings";
import { check, create, diff, diffOf, failureOf, read, remove, update } from "./acts";
import { changedSettings, checkSettings, configurationOf, settingsOf } from "./config";
import { Door, type Find, type FindLookup } from "./door";
import { Engine } from "./engine";
import type { Entrance } from "./entrance";
import { invoke } from "./invoke";
import { Operations } from "./operation";
import { maskOf, open, seal, tableSecrets } from "./secrets";
import { statusOf, unimplemented } from "./status";

const MESSAGE_BYTES = 400 * 1024 * 1024;

/** What the plugin says of itself. */
export interface About {
  readonly version: string;
  /** The text of schema.json. */
  readonly schema: string;
}

/** The provider as a gRPC server, for whoever comes through an entrance. */
export class Plugin {
  readonly engine = new Engine();
  readonly operations = new Operations();
  private entrance: Entrance | undefined;
  private readonly server = new Server({
    "grpc.max_receive_message_length": MESSAGE_BYTES,
    "grpc.max_send_message_length": MESSAGE_BYTES,
  });

  constructor(
    about: About,
    find: Find = (token) => (isResource(token) ? load(token) : undefined),
    findLookup: FindLookup = (token) => (isLookup(token) ? loadLookup(token) : undefined),
  ) {
    const door = new Door(about.version, find, this.engine, this.operations, findLookup);
    this.server.addService(ResourceProviderService, handlers(about, door));
  }

  /** Serves all who come. */
  serve(entrance: Entrance): void {
    this.entrance = entrance;
    const injector = this.server.createConnectionInjector(ServerCredentials.createInsecure());
    entrance.lead((socket) => {
      injector.injectConnection(socket);
      socket.resume();
    });
  }

  /** Ends all operations as a cancel does, then the server. */
  async close(reason: string): Promise<void> {
    this.operations.cancel(reason);
    await this.operations.idle();
    this.engine.close();
    this.entrance?.close();
    this.server.forceShutdown();
  }
}

/** One call of the protocol: an answer, or an error in gRPC's terms. */
function unary<Asked, Answer>(act: (asked: Asked) => Answer | Promise<Answer>): handleUnaryCall<Asked, Answer> {
  return (call, callback) => {
    const answered = (async () => act(call.request))();
    answered.then(
      (answer) => {
        callback(null, answer);
      },
      (error: unknown) => {
        callback(statusOf(error));
      },
    );
  };
}

const NO_COMPONENTS = "pulumi-kvm has no components and no methods in this version";

/** What is not in it is answered as unimplemented by the server itself. */
function handlers(about: About, door: Door): UntypedServiceImplementation {
  return {
    handshake: unary((asked: rpc.ProviderHandshakeRequest) => {
      door.engine.connect(asked.getEngineAddress());
      door.operations.rearm();
      return handshake();
    }),
    attach: unary((asked: PluginAttach) => {
      door.engine.connect(asked.getAddress());
      return new Empty();
    }),
    getPluginInfo: unary(() => {
      const answer = new PluginInfo();
      answer.setVersion(about.version);
      return answer;
    }),
    getSchema: unary(() => {
      const answer = new GetSchemaResponse();
      answer.setSchema(about.schema);
      return answer;
    }),
    checkConfig: unary(checkConfig),
    diffConfig: unary(diffConfig),
    configure: unary((asked: rpc.ConfigureRequest) => {
      door.configuration = configurationOf(settingsOf(providerTable, open(asked.getArgs()).values));
      door.operations.rearm();
      return configured();
    }),
    check: unary((asked: rpc.CheckRequest) => check(door, asked)),
    diff: unary((asked: rpc.DiffRequest) => diff(door, asked)),
    create: unary((asked: rpc.CreateRequest) => create(door, asked)),
    read: unary((asked: rpc.ReadRequest) => read(door, asked)),
    update: unary((asked: rpc.UpdateRequest) => update(door, asked)),
    delete: unary(async (asked: rpc.DeleteRequest) => {
      await remove(door, asked);
      return new Empty();
    }),
    cancel: unary(() => {
      door.operations.cancel("cancelled by the engine");
      return new Empty();
    }),
    invoke: unary((asked: rpc.InvokeRequest) => invoke(door, asked)),
    call: unary((asked: rpc.CallRequest) => Promise.reject(unimplemented(`${asked.getTok()}: ${NO_COMPONENTS}`))),
    construct: unary((asked: rpc.ConstructRequest) =>
      Promise.reject(unimplemented(`${asked.getType()}: ${NO_COMPONENTS}`)),
    ),
  } satisfies Partial<IResourceProviderServer>;
}

function handshake(): ProviderHandshakeResponse {
  const answer = new ProviderHandshakeResponse();
  answer.setAcceptSecrets(true);
  answer.setAcceptResources(true);
  answer.setAcceptOutputs(true);
  answer.setSupportsAutonamingConfiguration(true);
  return answer;
}

function configured(): ConfigureResponse {
  const answer = new ConfigureResponse();
  answer.setAcceptsecrets(true);
  answer.setAcceptresources(true);
  answer.setAcceptoutputs(true);
  answer.setSupportspreview(true);
  answer.setSupportsAutonamingConfiguration(true);
  return answer;
}

function checkConfig(asked: rpc.CheckRequest): CheckResponse {
  const news = open(asked.getNews());
  const settings = settingsOf(providerTable, news.values);
  const mask = maskOf(providerTable, [{ ...news, values: settings }]);
  const answer = new CheckResponse();
  answer.setInputs(seal(providerTable, news.values, news.secrets));
  const secrets = new Set([...tableSecrets(providerTable), ...news.secrets].map(([name]) => name));
  // A URI may have a user and a password in it.
  const hides = (name: string): boolean => secrets.has(name) || /@/.test(String(settings[name]));
  answer.setFailuresList(
    checkSettings(providerTable, settings).map((one) => failureOf(one, mask, hides(one.property))),
  );
  return answer;
}

function diffConfig(asked: rpc.DiffRequest): rpc.DiffResponse {
  const [olds, news] = [open(asked.getOldInputs() ?? asked.getOlds()), open(asked.getNews())];
  const before = settingsOf(providerTable, olds.values);
  const after = settingsOf(providerTable, news.values);
  const names = changedSettings(before, after);
  const changes = names.map((name) => {
    const kind = before[name] === undefined ? "add" : after[name] === undefined ? "delete" : "update";
    return [name, { kind, replaces: false, inputDiff: true }] as const;
  });
  return diffOf({
    changes: names.length > 0,
    detailed: new Map(changes),
    diffs: names,
    replaces: [],
    stables: [],
    deleteBeforeReplace: false,
  });
}
