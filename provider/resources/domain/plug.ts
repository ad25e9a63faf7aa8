import { setTimeout as sleep } from "node:timers/promises";
import { childrenOf, cloneXml, find, parseXml, printXml, removeChild, type XmlElement } from "../../xml";
import type { Running } from "./live";

// virDomainModificationImpact
const LIVE = 1;
/** How long a guest may take to let go of a device. */
const DETACH_SECONDS = 20;

/** True for a guest that was started with an order of kinds (`<os><boot dev='hd'/>`): it takes no device with a place of its own. */
export function bootsByKind(live: XmlElement): boolean {
  return find(live, "os/boot") !== undefined;
}

/** Plugs a device of the definition into the running guest. */
export async function attach({ request, found }: Running, planned: XmlElement): Promise<void> {
  const device = cloneXml(planned);
  if (found.live && bootsByKind(found.live)) for (const node of childrenOf(device, "boot")) removeChild(device, node);
  await request.place.host.call("DOMAIN_ATTACH_DEVICE_FLAGS", {
    dom: found.handle,
    xml: printXml(device),
    flags: LIVE,
  });
}

/** Asks the guest for a device, and waits until it let go of it; `remedy`: what else to do where it does not. */
export async function detach(
  { request, found }: Running,
  inGuest: XmlElement,
  held: (root: XmlElement) => boolean,
  remedy = "",
): Promise<void> {
  const { host } = request.place;
  await host.call("DOMAIN_DETACH_DEVICE_FLAGS", { dom: found.handle, xml: printXml(inGuest), flags: LIVE });
  // The answer only says that the guest was asked.
  for (let waited = 0; waited < DETACH_SECONDS * 5; waited++) {
    request.signal.throwIfAborted();
    const { xml } = await host.call("DOMAIN_GET_XML_DESC", { dom: found.handle, flags: 0 });
    if (!held(parseXml(xml))) return;
    await sleep(200);
  }
  throw new Error(
    `the guest did not let go of it within ${DETACH_SECONDS} s; it is taken out of the definition only${remedy}`,
  );
}

/** Changes a device that the guest has; libvirt takes what it can change under a guest, and refuses all else. */
export async function update({ request, found }: Running, changed: XmlElement): Promise<void> {
  await request.place.host.call("DOMAIN_UPDATE_DEVICE_FLAGS", {
    dom: found.handle,
    xml: printXml(changed),
    flags: LIVE,
  });
}
