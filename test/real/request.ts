import { Place } from "../../provider/resources/place";
import type { Request } from "../../provider/resources/port";

/** What a door heard while a resource worked. */
export interface Heard {
  readonly info: string[];
  readonly warn: string[];
}

/** A place at the daemon beside which the tests run. */
export function placeOf(uri = "qemu:///system"): Place {
  return new Place({ uri });
}

/** A request as a door makes it, for the resource of that logical name in a stack of the tests. */
export function requestFor(
  name: string,
  place: Place,
  options: Partial<Request> & { token?: string } = {},
): Request & { heard: Heard } {
  const heard: Heard = { info: [], warn: [] };
  const { token = "Domain", ...rest } = options;
  return {
    name,
    owner: { organization: "organization", project: "tests", stack: "real", type: `kvm:index:${token}`, name },
    place,
    preview: false,
    signal: new AbortController().signal,
    progress: () => undefined,
    info: (message) => heard.info.push(message),
    warn: (message) => heard.warn.push(message),
    ...rest,
    heard,
  };
}
