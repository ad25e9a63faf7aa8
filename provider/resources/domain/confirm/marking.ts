import { parseXml, printXml } from "../../../xml";
import { doing } from "../../errors";
import { bareMark, type Mark, MARK_NAMESPACE, MARK_PREFIX, readMark, unmarked } from "../../mark";
import { Refusal, type Request } from "../../port";
import { type FoundDomain, handleOf } from "../observe";
import type { Plan } from "../plan";
import type { Goal } from "../../definition";
import { DomainXml, Impact, Metadata } from "../flags";

/** Writes a mark into a definition that stands. */
export async function setMark(request: Request, uuid: string, mark: Mark, action = "mark the machine"): Promise<void> {
  await doing(action, () =>
    request.place.host.call("DOMAIN_SET_METADATA", {
      dom: handleOf(uuid),
      type: Metadata.ELEMENT,
      metadata: printXml(bareMark(mark)),
      key: MARK_PREFIX,
      uri: MARK_NAMESPACE,
      flags: Impact.CONFIG,
    }),
  );
}

/** The mark of a definition as it stands now. */
export async function markNow({ place }: Request, uuid: string): Promise<Mark | undefined> {
  const { xml } = await place.host.call("DOMAIN_GET_XML_DESC", { dom: handleOf(uuid), flags: DomainXml.INACTIVE });
  return readMark(parseXml(xml));
}

/** Takes away what the mark, as it stands now, says no more: the guest has confirmed, or its power cycle is over. */
export async function settle(request: Request, uuid: string, name: "unconfirmed" | "restarting"): Promise<void> {
  const mark = await markNow(request, uuid);
  if (mark?.[name] !== undefined) await setMark(request, uuid, unmarked(mark, name));
}

/**
 * The last step: from here on the machine is finished, another create of it is refused, and its guest has what it was told.
 */
export async function finish(
  request: Request,
  found: FoundDomain | undefined,
  goal: Goal,
  planned: Plan,
): Promise<void> {
  const written = planned.definition && readMark(planned.definition);
  const settled = unmarked(written ?? found?.mark ?? goal.mark, "unconfirmed", "restarting");
  const { applying = [], ...mark } = settled;
  if (mark.phase === "ready" && applying.length === 0) return;
  if (written?.phase === "creating") await refuseOtherRun(request, goal);
  await setMark(request, goal.id, { ...mark, phase: "ready" }, `mark domain "${goal.name}" as finished`);
}

/** A killed engine's provider may act on for a while: a run that took the machine over since then must keep it. */
async function refuseOtherRun(request: Request, goal: Goal): Promise<void> {
  if ((await markNow(request, goal.id))?.incarnation === goal.mark.incarnation) return;
  throw new Refusal(`domain "${goal.name}" was taken over by a later run, which goes on with it`);
}
