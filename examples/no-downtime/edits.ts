import * as pulumi from "@pulumi/pulumi";

/** Twelve edits in their order; the link's is two, down and up. */
const edits = [
  "vcpus",
  "memory",
  "disk",
  "grow",
  "cd",
  "card",
  "dhcp-host",
  "link-down",
  "link-up",
  "io-limit",
  "password",
  "metadata",
  "machine-type",
] as const;

const last = new pulumi.Config().get<(typeof edits)[number]>("edit", { allowedValues: [...edits] });

/** True where the configuration's `edit` is this one or a later one. */
export function made(edit: (typeof edits)[number]): boolean {
  return last !== undefined && edits.indexOf(edit) <= edits.indexOf(last);
}
