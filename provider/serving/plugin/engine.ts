import { credentials, Metadata } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { printed } from "../printed";

export type Severity = "info" | "warning";

const SEVERITIES: Readonly<Record<Severity, LogSeverity>> = { info: LogSeverity.INFO, warning: LogSeverity.WARNING };
const ANSWER_WITHIN_MS = 5_000;

/** The engine that started the plugin, as far as a provider speaks to it: lines at a resource. */
export class Engine {
  private client: EngineClient | undefined;
  private address = "";
  private readonly underWay = new Set<Promise<void>>();

  /** Goes to the engine at an address, once for each address. */
  connect(address: string | undefined): void {
    if (!address || address === this.address) return;
    this.client?.close();
    this.address = address;
    // A proxy for the world outside must not stand between two processes of one machine.
    this.client = new EngineClient(address, credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });
  }

  /** Shows a line at a resource; one that is `passing` is replaced by the next and kept nowhere. */
  say(severity: Severity, urn: string, message: string, passing = false): void {
    const { client } = this;
    if (!client) return;
    const request = new LogRequest();
    request.setSeverity(SEVERITIES[severity]);
    request.setUrn(urn);
    request.setMessage(printed(message));
    request.setEphemeral(passing);
    const sent = new Promise<void>((done) => {
      // An engine that went away misses its lines; the operation goes on.
      client.log(request, new Metadata(), { deadline: Date.now() + ANSWER_WITHIN_MS }, () => {
        done();
      });
    });
    this.underWay.add(sent);
    void sent.then(() => this.underWay.delete(sent));
  }

  /** Waits until all lines have arrived: after the answer to an operation they would be too late. */
  async heard(): Promise<void> {
    await Promise.all(this.underWay);
  }

  close(): void {
    this.client?.close();
    this.client = undefined;
    this.address = "";
  }
}
