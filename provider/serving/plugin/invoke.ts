import { InvokeResponse } from "@pulumi/pulumi/proto/provider_pb";
import type * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { answer, complaints } from "../../resources/lookup";
import { failureOf } from "./acts";
import type { Door } from "./door";
import { maskOf, open, seal, tableSecrets } from "./secrets";

/** Calls a function. */
export async function invoke(door: Door, asked: rpc.InvokeRequest): Promise<InvokeResponse> {
  const lookup = door.lookupOf(asked.getTok());
  const { args, results } = lookup;
  const given = open(asked.getArgs());
  const response = new InvokeResponse();
  const failures = complaints(lookup, given.values);
  if (failures.length > 0) {
    const mask = maskOf(args, [given]);
    const secrets = new Set([...tableSecrets(args), ...given.secrets].map(([name]) => name));
    response.setFailuresList(failures.map((one) => failureOf(one, mask, secrets.has(one.property))));
    return response;
  }
  const found = await door.look(lookup, given, (from) => answer(lookup, from, given.values));
  // What was asked for with a secret tells it.
  const secrets = given.secrets.length > 0 ? Object.keys(found).map((name) => [name]) : [];
  response.setReturn(seal(results, found, secrets));
  return response;
}
