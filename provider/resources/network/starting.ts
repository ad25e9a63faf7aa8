import { isRecord, type Values } from "../../fields";
import { Code, isLibvirt, type Network } from "../../rpc";
import { parseXml, printXml, writePath } from "../../xml";
import { explain, Explained } from "../errors";
import type { Request } from "../port";
import { INACTIVE } from "./observe";
import { whileRacing } from "./racing";

/** Starts it, in the words of `action` where it fails; one that runs already is what was wanted. */
export async function start(request: Request, net: Network, inputs: Values, action: string): Promise<void> {
  const { place, signal } = request;
  try {
    await place.host.call("NETWORK_CREATE", { net }, { signal });
  } catch (error) {
    if (isLibvirt(error, Code.OPERATION_INVALID) && (await isActive(request, net))) return;
    throw isLibvirt(error, Code.INTERNAL_ERROR) ? withAddresses(explain(action, error), inputs) : error;
  }
}

export async function isActive({ place, signal }: Request, net: Network): Promise<boolean> {
  return (await place.host.call("NETWORK_IS_ACTIVE", { net }, { signal })).active === 1;
}

/** libvirt has one code for whatever keeps a bridge from its addresses, most often that another one has them. */
function withAddresses(error: Error, { ips }: Values): Error {
  const list: readonly unknown[] = Array.isArray(ips) ? ips : [];
  const given = list.flatMap((ip, index) => (isRecord(ip) ? [`ips[${index}].address (${String(ip["address"])})`] : []));
  if (given.length === 0) return error;
  const advice = `where the host has such a network already, give ${given.join(", ")} a free one`;
  return new Explained(`${error.message}; ${advice}`, { cause: error });
}

/** Stops it; one that stands still or is gone is what was wanted. */
export async function stop({ place, signal }: Request, net: Network): Promise<void> {
  try {
    await place.host.call("NETWORK_DESTROY", { net }, { signal });
  } catch (error) {
    if (!isLibvirt(error, Code.OPERATION_INVALID, Code.NO_NETWORK)) throw error;
  }
}

/** Lets libvirt choose the bridge's name again, where it chose it. */
export async function forgetBridge({ place, signal }: Request, net: Network, { bridge }: Values): Promise<void> {
  if (isRecord(bridge) && bridge["name"] !== undefined) return;
  const { xml } = await place.host.call("NETWORK_GET_XML_DESC", { net, flags: INACTIVE }, { signal });
  const root = parseXml(xml);
  writePath(root, "bridge/@name", undefined);
  await whileRacing(() => place.host.call("NETWORK_DEFINE_XML", { xml: printXml(root) }, { signal }));
}
