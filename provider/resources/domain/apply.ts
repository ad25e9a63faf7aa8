import { find, parseXml, printXml } from "../../xml";
import type { Goal } from "../definition";
import { doing } from "../errors";
import { Refusal, type Request } from "../port";
import { notDone } from "./confirm/takeBack";
import { DomainXml } from "./flags";
import { runLive } from "./live";
import { type FoundDomain, handleOf } from "./observe";
import type { Plan } from "./plan";
import { runPower } from "./power/power";
import { proveStart } from "./proof/proof";
import { tell } from "./words";

// virDomainDefineFlags
const VALIDATE = 1;

/** Writes the definition, which libvirt checks, then changes the running guest; what it refuses is shown by the next diff. */
export async function apply(
  request: Request,
  found: FoundDomain | undefined,
  goal: Goal,
  planned: Plan,
): Promise<void> {
  const { host } = request.place;
  const definition = planned.definition ?? found?.inactive;
  if (planned.restarts && definition)
    await proveStart(request, goal.name, goal.id, definition, found?.live).catch((error: unknown) => {
      throw error instanceof Refusal
        ? new Refusal(`${error.message}${inBrackets(planned)}`, { cause: error.cause })
        : error;
    });
  if (planned.definition) {
    if (found) await refuseOtherHand(request, found);
    // Another name is another machine to libvirt: one that runs gets it when it is stopped.
    const renamed = found ? withName(planned.definition, found.name) : planned.definition;
    const xml = printXml(renamed);
    const action = found
      ? `change the definition of domain "${goal.name}"${inBrackets(planned)}`
      : `define domain "${goal.name}"`;
    await doing(action, () => host.call("DOMAIN_DEFINE_XML_FLAGS", { xml, flags: VALIDATE }));
  }
  if (planned.autostart !== undefined) {
    const autostart = planned.autostart ? 1 : 0;
    await doing(`set autostart of domain "${goal.name}"`, () =>
      host.call("DOMAIN_SET_AUTOSTART", { dom: handleOf(goal.id), autostart }),
    );
  }
  if (found?.power === "stopped") await rename(request, found, planned);
  if (!found || planned.live.length === 0) return;
  // A guest that is to go on hears what it is told; one that is paused lets go of nothing.
  if (planned.power.at(-1) === "resume") await runPower(request, goal.name, goal.id, "resume", goal.inputs);
  const { xml } = await host.call("DOMAIN_GET_XML_DESC", { dom: handleOf(goal.id), flags: DomainXml.SECURE_INACTIVE });
  const told = await runLive({ request, found, definition: parseXml(xml) }, planned.live);
  if (told.left.length > 0) throw await notDone(request, found, told);
}

export async function rename({ place }: Request, found: FoundDomain, { rename: new_name }: Plan): Promise<void> {
  if (new_name === undefined) return;
  await doing(`rename domain "${found.name}" to "${new_name}"`, () =>
    place.host.call("DOMAIN_RENAME", { dom: found.handle, new_name, flags: 0 }),
  );
}

/** What an act is about: libvirt's own words seldom name the property. */
function inBrackets({ changes }: Plan): string {
  return changes.length === 0 ? "" : ` (${changes.map(tell).join(", ")})`;
}

function withName(root: Plan["definition"] & object, name: string): typeof root {
  const node = find(root, "name");
  if (node) node.children = [{ text: name }];
  return root;
}

/** The definition is re-read just before it is written: a change by another hand is not lost. */
async function refuseOtherHand(request: Request, found: FoundDomain): Promise<void> {
  const { xml } = await request.place.host.call("DOMAIN_GET_XML_DESC", {
    dom: found.handle,
    flags: DomainXml.SECURE_INACTIVE,
  });
  if (xml === printXml(found.inactive) || printXml(parseXml(xml)) === printXml(found.inactive)) return;
  throw new Refusal(`domain "${found.name}" was changed by another hand just now; nothing was done, run up again`);
}
