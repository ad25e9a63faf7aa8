import { readTable, writeTable } from "../../../fields";
import { Code, isLibvirt, LibvirtError } from "../../../rpc";
import { cloneXml, printXml, type XmlElement } from "../../../xml";
import { Explained, messageOf } from "../../errors";
import { unmarked, writeMark } from "../../mark";
import type { Looking, Request } from "../../port";
import { passes, waitedFor } from "./confirm";
import { domain as table } from "../fields";
import { setMark, settle } from "./marking";
import { type FoundDomain, handleOf, macsOf, observe } from "../observe";
import { pendingOf } from "../pending";
import { runPower } from "../power/power";
import { proveStart } from "../proof/proof";
import { goesOnAs, restartSteps } from "../power/restart";
import { markUnconfirmed } from "./unconfirmed";
import { picture, waitFor } from "../power/waiting";
import { Create } from "../flags";
import { gateWished, wishesIn } from "../wishes";

/** What a running machine owes: its definition says more than its guest has. */
export interface Debt {
  readonly uuid: string;
  readonly name: string;
  /** The properties that wait for a power cycle. */
  readonly fields: readonly string[];
  /** Whose program deferred them; absent: another hand wrote the definition. */
  readonly owner?: string;
  /** The program that the machine belongs to; absent: none, so that it is not ours to restart unasked. */
  readonly program?: string;
  /** When the first of them was deferred (ISO 8601, UTC), where the machine tells. */
  readonly since?: string;
}

/** How long a guest that had an address may take to have one again. */
const ADDRESS_MS = 120_000;
// virConnectListAllDomainsFlags
const ACTIVE = 1;

/** The debts of all running machines of a host, by name. */
export async function debts(from: Looking): Promise<Debt[]> {
  const { domains } = await from.place.host.call("CONNECT_LIST_ALL_DOMAINS", { need_results: 1, flags: ACTIVE });
  const all = await Promise.all(domains.map(({ uuid }) => debtOf(from, uuid)));
  return all.flatMap((one) => (one ? [one] : [])).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function debtOf(from: Looking, uuid: string): Promise<Debt | undefined> {
  const found = await observe(from, uuid, {});
  const fields = found?.persistent ? pendingOf(found) : [];
  if (!found || fields.length === 0) return undefined;
  const { mark } = found;
  const told = mark !== undefined && fields.some((field) => mark.deferred.includes(field));
  return {
    uuid,
    name: found.name,
    fields,
    ...(mark ? { program: mark.owner } : {}),
    ...(told ? { owner: mark.owner } : {}),
    ...(told && mark.since !== undefined ? { since: mark.since } : {}),
  };
}

/**
 * Power-cycles a machine that owes something, after the same proof as an update and through the same gate: it has an address
 * again where it had one, and answers as its program's `confirm` asks. Where it does not, its former definition comes back.
 */
export async function pay(request: Request, { uuid, name }: Debt): Promise<void> {
  const found = await observe(request, uuid, {});
  if (!found?.live || pendingOf(found).length === 0) return;
  await proveStart(request, name, uuid, found.inactive, found.live);
  const { mark } = found;
  const restarting = goesOnAs(restartSteps(found.power, "unmanaged"));
  if (mark) await setMark(request, uuid, { ...markUnconfirmed(mark, waitedFor(found), true), restarting });
  try {
    await cycle(request, found);
  } catch (error) {
    throw await afterCycle(request, found, error);
  }
  await settle(request, uuid, "unconfirmed");
  const after = await observe(request, uuid, {});
  const left = after ? pendingOf(after) : [];
  if (left.length > 0) throw new Explained(`domain "${name}" was restarted, and still waits with ${left.join(", ")}`);
}

/** Stops and starts the guest, and waits for what tells that it is well. One that was paused is paused again, and tells nothing. */
async function cycle(request: Request, found: FoundDomain): Promise<void> {
  const { id, name, values } = found;
  const wishes = wishesIn(found.mark);
  const macs = macsOf(values);
  const before = await picture(request, id, values, macs);
  const steps = restartSteps(found.power, "unmanaged");
  for (const step of steps) await runPower(request, name, id, step, { ...values, ...wishes }, found.power);
  await settle(request, id, "restarting");
  if (steps.at(-1) !== "start") return;
  const gate = gateWished(wishes["confirm"]);
  if (gate && !(await passes(request, found, gate)))
    throw new Explained(`${gate.by} did not answer within ${gate.withinMs / 1000} s`);
  const wait = { address: found.addresses.length > 0, agent: false, timeoutMs: ADDRESS_MS };
  await waitFor(request, name, id, wait, before, macs);
}

/** What to say of a power cycle that failed; a guest that was stopped for it goes back to what it was. */
async function afterCycle(request: Request, found: FoundDomain, error: unknown): Promise<unknown> {
  const { id, name, mark } = found;
  const now = await observe(request, id, {});
  if (now && runOf(now) === runOf(found)) {
    if (mark) await setMark(request, id, mark);
    return error;
  }
  const said = `domain "${name}" was restarted for ${pendingOf(found).join(", ")} and is not well: ${messageOf(error)}`;
  request.warn(`${said}; its former definition comes back`);
  try {
    await comeBack(request, found);
  } catch (failure) {
    return new Explained(`${said}. Its former definition could not be brought back: ${messageOf(failure)}`);
  }
  return new Explained(`${said}. Its former definition is back, and runs`);
}

/** Names one run of a guest: libvirt numbers them. */
function runOf({ live }: FoundDomain): string | undefined {
  return live?.attributes.get("id");
}

/** By force: the guest hears nothing. What the running guest had is known to start; its definition is the last resort, whole. */
async function comeBack(request: Request, found: FoundDomain): Promise<void> {
  try {
    await startAs(request, found, asInGuest(found));
  } catch (error) {
    if (!(error instanceof LibvirtError) || !found.live) throw error;
    await startAs(request, found, cloneXml(found.live));
  }
}

async function startAs(request: Request, found: FoundDomain, definition: XmlElement): Promise<void> {
  const { host } = request.place;
  const dom = handleOf(found.id);
  const { mark } = found;
  const restarting = found.power === "running" ? "running" : "paused";
  if (mark) writeMark(definition, { ...unmarked(mark, "since"), restarting, deferred: [] });
  await host.call("DOMAIN_DEFINE_XML_FLAGS", { xml: printXml(definition), flags: 0 });
  await host.call("DOMAIN_DESTROY_FLAGS", { dom, flags: 0 }).catch((error: unknown) => {
    if (!isLibvirt(error, Code.OPERATION_INVALID)) throw error;
  });
  await host.call("DOMAIN_CREATE_WITH_FLAGS", { dom, flags: restarting === "running" ? 0 : Create.PAUSED });
  await settle(request, found.id, "restarting");
}

/** The definition with what the running guest had in place of what waited. */
function asInGuest(found: FoundDomain): XmlElement {
  const root = cloneXml(found.inactive);
  const before = readTable(table, root);
  const live = found.live ? readTable(table, found.live) : {};
  const former = Object.fromEntries(Object.keys(waitedFor(found)).map((name) => [name, live[name]]));
  writeTable(table, root, { ...before, ...former }, before);
  return root;
}
