import { readTable } from "../../fields";
import { Code, isLibvirt, type Network } from "../../rpc";
import { parseXml, readPath, type XmlElement } from "../../xml";
import { type Mark, readMark, unmarked } from "../mark";
import type { Request } from "../port";
import { network as table } from "./fields";
import type { Found } from "../definition";
import { unlessGone } from "../errors";

/** A network as it stands on the host. */
export interface FoundNetwork extends Found {
  readonly active: boolean;
  /** False: it runs, but nobody defined it, so it ends with its stop. */
  readonly persistent: boolean;
  readonly autostart: boolean;
  readonly inactive: XmlElement;
  /** The definition in force; the inactive one where nothing runs. */
  readonly live: XmlElement;
}

/** The bridge of a network, whoever chose its name. */
export function bridgeOf(found: FoundNetwork): string | undefined {
  return readPath(found.live, "bridge/@name") ?? readPath(found.inactive, "bridge/@name");
}

/** virNetworkXMLFlags. */
export const INACTIVE = 1;

/** A network by its UUID; undefined where libvirt says that there is none. */
export async function byId(request: Request, uuid: string): Promise<FoundNetwork | undefined> {
  const { signal } = request;
  const answer = await unlessGone(
    request.place.host.call("NETWORK_LOOKUP_BY_UUID", { uuid }, { signal }),
    Code.NO_NETWORK,
  );
  return answer && picture(request, answer.net);
}

/** A network by its name; undefined where libvirt says that there is none. */
export async function byName(request: Request, name: string): Promise<FoundNetwork | undefined> {
  const { signal } = request;
  const answer = await unlessGone(
    request.place.host.call("NETWORK_LOOKUP_BY_NAME", { name }, { signal }),
    Code.NO_NETWORK,
  );
  return answer && picture(request, answer.net);
}

/** The mark; a network that nobody defines any more has the one of its start, when its cards were still to be plugged in. */
function markOf(root: XmlElement, isDefined: boolean): Mark | undefined {
  const mark = readMark(root);
  return isDefined || !mark ? mark : unmarked(mark, "replug");
}

/** All that the host says of a network; undefined where it went away between two calls. */
async function picture({ place: { host }, signal }: Request, net: Network): Promise<FoundNetwork | undefined> {
  try {
    const [{ xml: inactiveText }, { xml: liveText }, { active }, { persistent }] = await Promise.all([
      host.call("NETWORK_GET_XML_DESC", { net, flags: INACTIVE }, { signal }),
      host.call("NETWORK_GET_XML_DESC", { net, flags: 0 }, { signal }),
      host.call("NETWORK_IS_ACTIVE", { net }, { signal }),
      host.call("NETWORK_IS_PERSISTENT", { net }, { signal }),
    ]);
    // libvirt refuses to answer for a network that is not defined.
    const { autostart } = persistent ? await host.call("NETWORK_GET_AUTOSTART", { net }, { signal }) : { autostart: 0 };
    const [inactive, live] = [parseXml(inactiveText), parseXml(liveText)];
    const mark = markOf(inactive, persistent === 1);
    return {
      id: net.uuid,
      name: net.name,
      values: { ...readTable(table, inactive), autostart: autostart === 1 },
      ...(mark ? { mark } : {}),
      finished: mark?.phase !== "creating",
      active: active === 1,
      persistent: persistent === 1,
      autostart: autostart === 1,
      inactive,
      live,
    };
  } catch (error) {
    if (isLibvirt(error, Code.NO_NETWORK)) return undefined;
    throw error;
  }
}
