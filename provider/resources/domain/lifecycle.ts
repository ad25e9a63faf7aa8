import { deepEqual, type Difference, isRecord, type Values } from "../../fields";
import { Code, isLibvirt } from "../../rpc";
import type { Definition } from "../definition";
import { resource } from "../flow";
import type { Request } from "../port";
import { changesOf } from "./changes";
import { checkMore } from "./check";
import { openGate } from "./confirm/confirm";
import { connectionOf } from "./connection";
import { domain as table } from "./fields";
import { forecast } from "./forecast";
import { forbidUpdate, refuseUnable } from "./guards";
import { type FoundDomain, macsOf, observe } from "./observe";
import { forbidLoss, recalled, refuseMoved, refuseUnclear } from "./parts/overlays";
import { withoutSeed } from "./parts/seed";
import { pendingOf } from "./pending";
import { leftOff, owed } from "./power/restart";
import { reach } from "./reach";
import { remove } from "./remove";
import { complete } from "./wanted";

const definition: Definition<FoundDomain> = {
  token: "Domain",
  noun: "domain",
  table,
  scope: "machines",
  stables: ["uuid", "name"],
  follows: (olds, news) => (deepEqual(olds["interfaces"], news["interfaces"]) ? ["macs"] : []),
  id: (uuid) => uuid,
  checkMore,
  observe,
  occupant,
  recalled,
  wanted: (found, inputs, managed) => complete(inputs, found.id, managed, found.facts),
  changes: changesOf,
  imported: withoutSeed,
  differencesMore,
  forbidUpdate: (_, found, changes, wanted) => forbidUpdate(found, changes, wanted),
  forbidLoss: (_, found, { inputs }) =>
    Promise.resolve(forbidLoss(found, complete(inputs, found.id, undefined, found.facts))),
  announce,
  reach,
  remove,
  outputs,
};

/** The machine: https://libvirt.org/formatdomain.html */
export const domain = resource(definition);

/** Says in the preview already what an update would refuse. */
async function differencesMore(
  request: Request,
  found: FoundDomain,
  wanted: Values,
  changes: readonly Difference[],
  managed: Values,
): Promise<Difference[]> {
  refuseUnclear(request, found, wanted, changes);
  refuseMoved(request, found, wanted, changes, managed);
  await refuseUnable(request, found, wanted, changes);
  return [...owed(found, wanted, changes), ...leftOff(found, wanted), ...openGate(found, wanted)];
}

/** A machine of any owner that has the wanted name. */
async function occupant(request: Request, inputs: Values): Promise<FoundDomain | undefined> {
  try {
    const { dom } = await request.place.host.call("DOMAIN_LOOKUP_BY_NAME", { name: String(inputs["name"]) });
    return await observe(request, dom.uuid, inputs);
  } catch (error) {
    if (isLibvirt(error, Code.NO_DOMAIN)) return undefined;
    throw error;
  }
}

/** Says in words what an up will do, and what of it a running guest gets now or at its next power cycle. */
function announce(request: Request, found: FoundDomain, changes: readonly Difference[], wanted: Values): void {
  const text = forecast(found, changes, wanted);
  if (text !== undefined) request.info(text);
}

function outputs(found: FoundDomain, inputs: Values): Values {
  const wish = complete(inputs, found.id, undefined, found.facts);
  const mine = macsOf(wish);
  const macs = mine.length > 0 ? mine : macsOf(found.values);
  const screens = connectionOf(found.live);
  return {
    uuid: found.id,
    addresses: found.addresses,
    macs,
    restartPending: pendingOf(found),
    ...(isRecord(screens) ? { connection: screens } : {}),
  };
}
