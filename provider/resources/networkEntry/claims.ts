import { printOwner } from "../owner";
import type { Place } from "../place";
import type { Request } from "../port";

// Whose the entries are, as far as this process has heard of them from their states: one process serves one `up`.
const places = new WeakMap<Place, Map<string, string>>();

function ownersOf(place: Place): Map<string, string> {
  const owners = places.get(place) ?? new Map<string, string>();
  places.set(place, owners);
  return owners;
}

/** Notes that an entry is the request's, unless it is another's already; returns whose it is. */
export function claim({ place, owner }: Request, id: string): string {
  const owners = ownersOf(place);
  const holder = owners.get(id) ?? printOwner(owner);
  owners.set(id, holder);
  return holder;
}

/** Forgets the request's own claim. */
export function release({ place, owner }: Request, id: string): void {
  const owners = ownersOf(place);
  if (owners.get(id) === printOwner(owner)) owners.delete(id);
}
