import * as pulumi from "@pulumi/pulumi";
import type { Table, Values } from "../fields";
import { dynamicType, OWNER, pluginType, PROVIDER, stub, withoutDoor } from "./hidden";
import { secretOutputs, withSecrets } from "./inputs";

/** What all classes of this door share: the stub, the owner, secrets and the way to the plugin's types. */
export abstract class KvmResource extends pulumi.CustomResource {
  protected constructor(
    token: string,
    table: Table,
    name: string,
    args: object | undefined,
    options: pulumi.CustomResourceOptions = {},
  ) {
    const limit = Error.stackTraceLimit;
    // Pulumi formats a stack for each promise that it makes, several for each property, which costs more than all the rest.
    Error.stackTraceLimit = 0;
    try {
      super(
        dynamicType(token),
        name,
        propertiesOf(token, table, name, args, options),
        optionsOf(token, table, options),
      );
    } catch (error) {
      Error.stackTraceLimit = limit;
      if (error instanceof Error) Error.captureStackTrace(error);
      throw error;
    } finally {
      Error.stackTraceLimit = limit;
    }
  }
}

function propertiesOf(
  token: string,
  table: Table,
  name: string,
  args: object | undefined,
  options: pulumi.CustomResourceOptions,
): pulumi.Inputs {
  // Named although undefined, so that every output exists before the engine has answered.
  const properties = Object.keys(table).filter((property) => !property.startsWith("__"));
  const outputs = Object.fromEntries(properties.map((property) => [property, undefined]));
  const given = withSecrets(table, (args ?? {}) as Values); // typed arguments are values by name
  return { ...outputs, ...given, [OWNER]: ownerFor(token, name, options), [PROVIDER]: stub(token) };
}

function optionsOf(token: string, table: Table, options: pulumi.CustomResourceOptions): pulumi.CustomResourceOptions {
  // A stack that the plugin made goes on here, and the other way round, without a replacement.
  return pulumi.mergeOptions(options, {
    aliases: [{ type: pluginType(token) }],
    additionalSecretOutputs: secretOutputs(table),
  });
}

function ownerFor(token: string, name: string, options: pulumi.CustomResourceOptions): pulumi.Inputs {
  const urn = pulumi.createUrn(name, dynamicType(token), options.parent);
  return {
    organization: pulumi.getOrganization(),
    project: pulumi.getProject(),
    stack: pulumi.getStack(),
    // urn:pulumi:STACK::PROJECT::TYPE::NAME
    type: urn.apply((text) => withoutDoor(text.split("::")[2] ?? "")),
    name,
  };
}
