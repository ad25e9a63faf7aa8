import { readTable } from "../../../fields";
import { type Domain, LibvirtError } from "../../../rpc";
import { printXml, type XmlElement } from "../../../xml";
import { explain, isForbidden, messageOf, saidBy } from "../../errors";
import { Refusal, type Request } from "../../port";
import { blankFor, dropBlank, dropLeftovers, dropVariables, proveHeld, refill, type Volume } from "./blanks";
import { proveCards } from "./cardNeeds";
import { proveLimits } from "../parts/controllers";
import { domain as table } from "../fields";
import { isRemovable, propertyOf } from "./standIns";
import { aloneWith, isUefi, type Twin, twinOf } from "./twin";
import { Create } from "../flags";

/**
 * Starts a new definition paused, as a machine of its own that goes away again: what this host cannot start never stops
 * the guest that runs. Images that the guest does not write to are opened read-only; for others stand empty ones.
 */
export async function proveStart(
  request: Request,
  name: string,
  uuid: string,
  definition: XmlElement,
  live: XmlElement | undefined,
): Promise<void> {
  const type = definition.attributes.get("type") ?? "";
  // Only QEMU starts a machine that does not run yet.
  if (type !== "kvm" && type !== "qemu") return;
  request.progress(`proving that this host can start the new definition of domain "${name}"`);
  const untold = await proveCards(request, name, definition);
  await proveHeld(request, name, definition, live);
  await dropLeftovers(request, uuid, definition);
  const twin = twinOf(definition, uuid, live);
  const made: Volume[] = [];
  const missing = [...twin.unproven, ...untold];
  try {
    for (const disk of twin.held) {
      const blank = await blankFor(request, disk, uuid);
      if (blank) made.push(blank);
      else if (!isRemovable(disk)) missing.push(propertyOf(disk));
      refill(twin.root, disk, blank);
    }
    await prove(request, name, twin);
  } finally {
    for (const vol of made) await dropBlank(request, vol);
    if (isUefi(definition)) await dropVariables(request, twin.root);
  }
  if (missing.length > 0) {
    request.info(`domain "${name}": its new definition starts on this host; ${missing.join(", ")} could not be proven`);
  }
}

async function prove(request: Request, name: string, twin: Twin): Promise<void> {
  const refusal = `domain "${name}" was not stopped and not changed: `;
  const error = await start(request, twin.root, async (dom) => {
    await proveLimits(request, dom, readTable(table, twin.root)).catch((cause: unknown) => {
      throw new Refusal(`${refusal}${messageOf(cause)}`, { cause });
    });
  });
  if (!error) return;
  if (isForbidden(error)) throw explain(`prove the new definition of domain "${name}"`, error);
  const { what, cause } = await blame(request, twin, error);
  throw new Refusal(`${refusal}this host cannot start its new definition${what}${saidBy(cause)}`, { cause });
}

/** The first part that does not start alone either, while the machine starts without it. */
async function blame(
  request: Request,
  twin: Twin,
  whole: LibvirtError,
): Promise<{ readonly what: string; readonly cause: LibvirtError }> {
  const general = { what: "", cause: whole };
  if (twin.parts.length === 0 || (await start(request, aloneWith(twin, undefined)))) return general;
  for (const part of twin.parts) {
    const cause = await start(request, aloneWith(twin, part));
    if (cause) return { what: ` with ${part.path} "${part.value}"`, cause };
  }
  return general;
}

/** Starts a machine paused, looks at it, and ends it; libvirt's word where it does not start. */
async function start(
  { place: { host } }: Request,
  root: XmlElement,
  look?: (dom: Domain) => Promise<void>,
): Promise<LibvirtError | undefined> {
  // Where the line breaks, the daemon ends it with the connection.
  const flags = Create.PAUSED | Create.AUTODESTROY;
  try {
    const { dom } = await host.call("DOMAIN_CREATE_XML", { xml_desc: printXml(root), flags });
    try {
      await look?.(dom);
    } finally {
      await host.call("DOMAIN_DESTROY_FLAGS", { dom, flags: 0 });
    }
    return undefined;
  } catch (error) {
    if (error instanceof LibvirtError) return error;
    throw error;
  }
}
