import { isRecord, type Values } from "../fields";
import type { Owner } from "../resources/owner";

/** The stub's own text: the host requires the provider by it, from inputs and from outputs. */
export const PROVIDER = "__provider";
/** Who owns the object; the dynamic host knows neither URN nor stack, so the class hands it over. */
export const OWNER = "__owner";

/** The text that stands in states for ever as the provider of a resource. */
export function stub(token: string): string {
  return `exports.handler=()=>require("pulumi-kvm/dynamic").provider("${token}")`;
}

/** The resource's type in this door. */
export function dynamicType(token: string): string {
  return `pulumi-nodejs:dynamic/kvm:${token}`;
}

/** The resource's type in the plugin. */
export function pluginType(token: string): string {
  return `kvm:index:${token}`;
}

/** A qualified type with our dynamic types written as the plugin's, so that the owner is the same in both doors. */
export function withoutDoor(qualifiedType: string): string {
  return qualifiedType.replace(/pulumi-nodejs:dynamic\/kvm:([A-Za-z0-9]+)/g, (_, token: string) => pluginType(token));
}

/** The owner that a URN names (urn:pulumi:STACK::PROJECT::TYPE::NAME); an organization does not stand in it. */
export function ownerIn(urn: string, organization: string): Owner {
  const [head = "", project = "", type = "", ...name] = urn.split("::");
  const stack = head.slice("urn:pulumi:".length);
  return { organization, project, stack, type: withoutDoor(type), name: name.join("::") };
}

/** The values that resources know: without what only this door carries. */
export function withoutHidden(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name !== PROVIDER && name !== OWNER));
}

/** What this door has to carry along from inputs to outputs. */
export function hiddenOf(values: Values): Record<string, unknown> {
  const kept = [PROVIDER, OWNER].filter((name) => values[name] !== undefined);
  return Object.fromEntries(kept.map((name) => [name, values[name]]));
}

/** The owner as the class handed it over; throws where the resource is not of our classes. */
export function ownerOf(values: Values): Owner {
  const owner = values[OWNER];
  if (!isRecord(owner)) {
    throw new Error(
      "the resource does not say whose it is: make it with the classes of pulumi-kvm, or run `pulumi up` once",
    );
  }
  const text = (name: keyof Owner): string => (typeof owner[name] === "string" ? owner[name] : "");
  return {
    organization: text("organization"),
    project: text("project"),
    stack: text("stack"),
    type: text("type"),
    name: text("name"),
  };
}
