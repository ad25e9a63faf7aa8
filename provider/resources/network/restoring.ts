import type { Network } from "../../rpc";
import { parseXml, printXml, type XmlElement } from "../../xml";
import { Explained, explain } from "../errors";
import { writeMark } from "../mark";
import { type Request, unbound } from "../port";
import { type Attached, namesOf, replug } from "./guests";
import { whileRacing } from "./racing";
import { isActive, start, stop } from "./starting";
import type { Goal } from "../definition";
import { bridgeOf, type FoundNetwork } from "./observe";

/** What a change that fails goes back to. */
export interface Former {
  readonly found: FoundNetwork;
  /** The definition that was replaced; undefined where nobody had defined the network. */
  readonly xml: string | undefined;
  readonly attached: readonly Attached[];
}

/**
 * Stops and starts it; where that fails it is as it was before, running, with the cards of its machines, and the error says so.
 * From the stop on a cancel comes too late: guests are without their network.
 */
export async function restart(
  request: Request,
  net: Network,
  goal: Goal,
  action: string,
  former: Former,
): Promise<void> {
  const free = unbound(request);
  let live = former.found.live;
  try {
    request.signal.throwIfAborted();
    // As it stands now: what another hand put into the running network since it was looked at comes back too.
    live = parseXml((await request.place.host.call("NETWORK_GET_XML_DESC", { net, flags: 0 })).xml);
    await stop(free, net);
    await start(free, net, goal.inputs, action);
  } catch (error) {
    const failed = explain(action, error);
    const outcome = await broughtBack(free, net, goal, former, live).catch((second: unknown) => {
      const reason = explain("bring it back", second).message;
      return `its former definition could not be brought back, and it may not run (${reason}): run up again, which goes on from here`;
    });
    throw new Explained(`${failed.message}; ${outcome}`, { cause: error });
  }
}

/** Brings it back, running and defined as before; says what stands then. */
async function broughtBack(
  request: Request,
  net: Network,
  goal: Goal,
  former: Former,
  live: XmlElement,
): Promise<string> {
  const stopped = !(await isActive(request, net));
  const unplugged = stopped ? await runningAgain(request, net, goal, former, live) : [];
  const left = stopped ? unplugged.length > 0 : former.found.mark?.replug === true;
  // The definition may have been another one than what ran: both are as they were.
  await define(request, former.xml ?? printXml(live), left ? { ...goal.mark, replug: true } : goal.mark);
  const again = "its former definition is back and running";
  if (unplugged.length > 0) return `${again}, but: ${unplugged.join("; ")}`;
  const cards =
    stopped && former.attached.length > 0 ? `, the cards of ${namesOf(former.attached)} are plugged in again` : "";
  return `${again}${cards}; the next preview shows the change as open: correct it and run up again`;
}

async function runningAgain(
  request: Request,
  net: Network,
  goal: Goal,
  { found, attached }: Former,
  live: XmlElement,
): Promise<readonly string[]> {
  const mark = attached.length > 0 ? { ...goal.mark, replug: true as const } : goal.mark;
  await define(request, printXml(live), mark);
  await whileRacing(() => start(request, net, found.values, `start network "${net.name}" again`));
  if (attached.length === 0) return [];
  return replug(request, found.id, attached, { name: found.name, bridge: bridgeOf(found) });
}

/** Writes the former definition back, after a change that the running network did not take; says what stands then. */
export async function definedAgain(request: Request, goal: Goal, { found, xml }: Former): Promise<string> {
  try {
    await define(unbound(request), xml ?? printXml(found.live), goal.mark);
  } catch (error) {
    const failed = explain(`define network "${found.name}" as it was`, error).message;
    return `its definition has the change (${failed}): run up again, which goes on from here`;
  }
  return "its definition is as it was before: correct the change and run up again";
}

/** The mark stays this run's: its state knows the object by it. */
async function define({ place }: Request, text: string, mark: Goal["mark"]): Promise<void> {
  const root = parseXml(text);
  writeMark(root, mark);
  await whileRacing(() => place.host.call("NETWORK_DEFINE_XML", { xml: printXml(root) }));
}
