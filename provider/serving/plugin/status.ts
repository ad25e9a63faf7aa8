import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb";

/** What exists although an operation failed, as the state has to keep it. */
export interface Left {
  readonly id: string;
  readonly properties: Struct;
  /** Only for a read. */
  readonly inputs?: Struct | undefined;
}

/** An error as it crosses to the engine. */
export class Told extends Error {
  constructor(
    message: string,
    readonly left?: Left,
    readonly code = status.UNKNOWN,
  ) {
    super(message);
  }
}

/** This provider has no such call; the sentence says what to use. */
export function unimplemented(sentence: string): Told {
  return new Told(sentence, undefined, status.UNIMPLEMENTED);
}

/** The error in gRPC's terms; what is left travels as its detail. */
export function statusOf(error: unknown): Pick<ServiceError, "code" | "details" | "metadata"> {
  const told = error instanceof Told ? error : new Told(error instanceof Error ? error.message : String(error));
  const metadata = new Metadata();
  if (told.left) metadata.set("grpc-status-details-bin", Buffer.from(detail(told.message, told.left)));
  return { code: told.code, details: told.message, metadata };
}

function detail(message: string, { id, properties, inputs }: Left): Uint8Array {
  const failed = new ErrorResourceInitFailed();
  failed.setId(id);
  failed.setProperties(properties);
  failed.setInputs(inputs);
  failed.setReasonsList([message]);
  // The next run looks at the host before it decides.
  failed.setRefreshBeforeUpdate(true);
  const any = new Any();
  any.pack(failed.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const told = new Status();
  told.setCode(status.UNKNOWN);
  told.setMessage(message);
  told.addDetails(any);
  return told.serializeBinary();
}
