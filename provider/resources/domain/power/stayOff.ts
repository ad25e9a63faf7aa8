import { Code, isLibvirt } from "../../../rpc";
import { parseXml, readPath } from "../../../xml";
import type { Request } from "../../port";
import { handleOf } from "../observe";
import { Impact } from "../flags";

// virDomainLifecycle, virDomainLifecycleAction
const POWEROFF = 0;
const DESTROY = 0;
const RESTART = 1;

/**
 * Tells a guest that is about to be asked to stop to stay off, where libvirt would reset it for that (`onPoweroff: "restart"`).
 * Returns what takes that back, for a guest that does not stop.
 */
export async function stayOff({ place }: Request, uuid: string): Promise<() => Promise<void>> {
  const dom = handleOf(uuid);
  const set = async (action: number): Promise<void> => {
    await place.host
      .call("DOMAIN_SET_LIFECYCLE_ACTION", { dom, type: POWEROFF, action, flags: Impact.LIVE })
      .catch(unlessNeedless);
  };
  const { xml } = await place.host.call("DOMAIN_GET_XML_DESC", { dom, flags: 0 });
  if (readPath(parseXml(xml), "on_poweroff") !== "restart") return () => Promise.resolve();
  await set(DESTROY);
  return () => set(RESTART);
}

/** What went off meanwhile needs nothing any more, and a driver without such an action stops its guests in its own way. */
function unlessNeedless(error: unknown): void {
  const needless = [Code.OPERATION_INVALID, Code.NO_DOMAIN, Code.NO_SUPPORT, Code.OPERATION_UNSUPPORTED];
  if (!isLibvirt(error, ...needless)) throw error;
}
