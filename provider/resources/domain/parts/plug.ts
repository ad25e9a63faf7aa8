import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectionError, isLibvirt } from "../../../rpc";
import { childrenOf, cloneXml, find, parseXml, printXml, readPath, removeChild, type XmlElement } from "../../../xml";
import type { Request } from "../../port";
import type { Running } from "../live";
import { Impact } from "../flags";

/** How long a guest may take to let go of a device. */
const DETACH_SECONDS = 20;
/** A word of the guest may be lost with the connection that tells it. */
const LOOK_AGAIN_MS = 1000;

/** True for a guest that was started with an order of kinds (`<os><boot dev='hd'/>`): it takes no device with a place of its own. */
export function bootsByKind(live: XmlElement): boolean {
  return find(live, "os/boot") !== undefined;
}

/** The places in the boot order that a guest's devices have. */
export function bootOrders(live: XmlElement): readonly string[] {
  const devices = find(live, "devices")?.children ?? [];
  const places = devices.flatMap((node) => ("name" in node ? childrenOf(node, "boot") : []));
  return places.flatMap((boot) => boot.attributes.get("order") ?? []);
}

/** Plugs a device of the definition into the running guest; a place in the boot order that it cannot have now waits. */
export async function attach({ request, found }: Running, planned: XmlElement): Promise<void> {
  const device = cloneXml(planned);
  const { live } = found;
  const cannotHave = (boot: XmlElement): boolean =>
    live !== undefined && (bootsByKind(live) || bootOrders(live).includes(boot.attributes.get("order") ?? ""));
  for (const node of childrenOf(device, "boot").filter(cannotHave)) removeChild(device, node);
  await request.place.host.call("DOMAIN_ATTACH_DEVICE_FLAGS", {
    dom: found.handle,
    xml: printXml(device),
    flags: Impact.LIVE,
  });
}

/** Asks the guest for a device, and waits for its answer; `remedy`: what else to do where it keeps it. */
export async function detach(
  { request, found }: Running,
  inGuest: XmlElement,
  held: (root: XmlElement) => boolean,
  remedy = "",
): Promise<void> {
  const { host } = request.place;
  const answer = await listen(request, found.id, readPath(inGuest, "alias/@name"));
  const end = performance.now() + DETACH_SECONDS * 1000;
  try {
    await host.call("DOMAIN_DETACH_DEVICE_FLAGS", { dom: found.handle, xml: printXml(inGuest), flags: Impact.LIVE });
    // The answer to the call only says that the guest was asked.
    for (;;) {
      request.signal.throwIfAborted();
      const refused = answer.refused();
      const { xml } = await host.call("DOMAIN_GET_XML_DESC", { dom: found.handle, flags: 0 });
      if (!held(parseXml(xml))) return;
      if (refused) throw new Error(`the guest refused to let go of it; ${KEPT}${remedy}`);
      const leftMs = end - performance.now();
      if (leftMs <= 0) throw new Error(`the guest did not let go of it within ${DETACH_SECONDS} s; ${KEPT}${remedy}`);
      await answer.within(Math.min(LOOK_AGAIN_MS, leftMs));
    }
  } finally {
    await answer.end();
  }
}

const KEPT = "it is taken out of the definition only";

/** What a guest says to being asked for a device. */
interface Answer {
  /** True once the guest said no. */
  refused(): boolean;
  /** Resolves with the next word of the guest, or when the time is over. */
  within(timeMs: number): Promise<void>;
  end(): Promise<void>;
}

/** Listens to what becomes of one device of a guest. */
async function listen({ place, signal }: Request, uuid: string, alias: string | undefined): Promise<Answer> {
  let refused = false;
  let spoken = new AbortController();
  const hear = (isRefusal: boolean) => (event: { dom: { uuid: string }; devAlias: string } | "resync") => {
    if (event !== "resync" && (event.dom.uuid !== uuid || event.devAlias !== alias)) return;
    if (isRefusal && event !== "resync") refused = true;
    spoken.abort();
  };
  const ends = await Promise.all([
    place.host.subscribe("domainDeviceRemoved", hear(false)).catch(unheard),
    place.host.subscribe("domainDeviceRemovalFailed", hear(true)).catch(unheard),
  ]);
  return {
    refused: () => refused,
    within: async (timeMs) => {
      await sleep(timeMs, undefined, { signal: AbortSignal.any([spoken.signal, signal]) }).catch(woken);
      spoken = new AbortController();
    },
    end: async () => {
      await Promise.all(ends.map((end) => end()));
    },
  };
}

/** Where no events come, the guest is looked at. */
function unheard(error: unknown): () => Promise<void> {
  if (!(error instanceof ConnectionError) && !isLibvirt(error, Code.NO_SUPPORT, Code.OPERATION_UNSUPPORTED))
    throw error;
  return () => Promise.resolve();
}

function woken(error: unknown): void {
  if (!(error instanceof Error) || error.name !== "AbortError") throw error;
}

/** Changes a device that the guest has; libvirt takes what it can change under a guest, and refuses all else. */
export async function update({ request, found }: Running, changed: XmlElement): Promise<void> {
  await request.place.host.call("DOMAIN_UPDATE_DEVICE_FLAGS", {
    dom: found.handle,
    xml: printXml(changed),
    flags: Impact.LIVE,
  });
}
