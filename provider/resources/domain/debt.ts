import { Explained } from "../errors";
import type { Looking, Request } from "../port";
import { macsOf, observe } from "./observe";
import { pendingOf } from "./pending";
import { runPower } from "./power";
import { proveStart } from "./proof";
import { restartSteps } from "./restart";
import { picture, waitFor } from "./waiting";

/** What a running machine owes: its definition says more than its guest has. */
export interface Debt {
  readonly uuid: string;
  readonly name: string;
  /** The properties that wait for a power cycle. */
  readonly fields: readonly string[];
  /** Whose program deferred them; absent: another hand wrote the definition. */
  readonly owner?: string;
  /** When the first of them was deferred (ISO 8601, UTC), where the machine tells. */
  readonly since?: string;
}

/** How long a guest that had an address may take to have one again. */
const ADDRESS_MS = 120_000;
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
    ...(told ? { owner: mark.owner } : {}),
    ...(told && mark.since !== undefined ? { since: mark.since } : {}),
  };
}

/** Power-cycles a machine that owes something, after the same proof as an update; it has an address again where it had one. */
export async function pay(request: Request, { uuid, name }: Debt): Promise<void> {
  const found = await observe(request, uuid, {});
  if (!found?.live || pendingOf(found).length === 0) return;
  await proveStart(request, name, uuid, found.inactive);
  const macs = macsOf(found.values);
  const wait = { address: found.addresses.length > 0, agent: false, timeoutMs: ADDRESS_MS };
  const before = await picture(request, uuid, found.values, macs);
  for (const step of restartSteps(found.power, "unmanaged")) {
    request.signal.throwIfAborted();
    await runPower(request, name, uuid, step, found.values);
  }
  await waitFor(request, name, uuid, wait, before, macs);
  const after = await observe(request, uuid, {});
  const left = after ? pendingOf(after) : [];
  if (left.length > 0) throw new Explained(`domain "${name}" was restarted, and still waits with ${left.join(", ")}`);
}
