import { hasUnknown, inWords, type Values } from "../../fields";
import type { Request } from "../port";
import { network as table } from "./fields";
import { type Attached, attachedTo, namesOf } from "./guests";
import { restartChanges } from "./plan";
import { bridgeOf, type FoundNetwork } from "./observe";

/** Says in the preview what a restart of the network would meet, where it goes on all the same. */
export async function announce(request: Request, found: FoundNetwork, inputs: Values): Promise<void> {
  const changes = open(request, found, inputs);
  if (changes.length === 0) return;
  const known = changes.every(({ after }) => !hasUnknown(after));
  if (known && inputs["disruptive"] !== true) return;
  const attached = await attachedTo(request, found.id, { name: found.name, bridge: bridgeOf(found) });
  if (attached.length === 0) return;
  const fields = changes.map((one) => inWords(one, table));
  request.warn(restartText(found, fields, attached, inputs["disruptive"] === true ? GOES_ON : WILL_BE_REFUSED));
}

/** Why an update must not happen: it would cut running machines off, which the program does not allow. */
export async function forbidUpdate(request: Request, found: FoundNetwork, inputs: Values): Promise<string | undefined> {
  if (!found.active || inputs["disruptive"] === true) return undefined;
  const costly = open(request, found, inputs).filter(({ after }) => !hasUnknown(after));
  if (costly.length === 0) return undefined;
  const attached = await attachedTo(request, found.id, { name: found.name, bridge: bridgeOf(found) });
  if (attached.length === 0) return undefined;
  const fields = costly.map((one) => inWords(one, table));
  return restartText(found, fields, attached, REFUSED);
}

function open(request: Request, found: FoundNetwork, inputs: Values): ReturnType<typeof restartChanges> {
  return restartChanges(found, inputs, request.oldInputs).filter(({ path }) => request.ignores?.(path) !== true);
}

const REMEDY = "stop or detach them first, or set `disruptive: true` to restart it under them";
export const REFUSED = `Nothing was changed: ${REMEDY}`;
export const GOES_ON = "Their packets are lost meanwhile; their cards are plugged in again afterwards";
// A value that only the update knows may turn out to be no change.
const WILL_BE_REFUSED = `An update that changes it is refused: ${REMEDY}`;

/** A restart of a network under running machines, and what becomes of it. */
export function restartText(
  found: FoundNetwork,
  fields: readonly string[],
  attached: readonly Attached[],
  outcome: string,
): string {
  const machines = `running machines are attached: ${namesOf(attached)}`;
  return `network "${found.name}" needs a restart for ${fields.join(", ")}, and ${machines}. ${outcome}`;
}
