import { deepEqual, type Values } from "../fields";
import type { Place } from "./place";

/** A refresh compares right after each read: nobody would see more in a second look. */
const FRESH_MS = 500;

interface Glimpse<F> {
  readonly found: F;
  readonly known: Values;
  readonly acts: number;
  readonly atMs: number;
}

/** What reads saw a moment ago, each for one comparison; nothing that changes an object ever goes by it. */
export class Glimpses<F> {
  private readonly places = new WeakMap<Place, Map<string, Glimpse<F>>>();

  /** `known` are the values that the look was made with, `acts` the place's count before it. */
  keep(place: Place, id: string, found: F, known: Values, acts: number): void {
    const seen = this.places.get(place) ?? new Map<string, Glimpse<F>>();
    this.places.set(place, seen);
    const now = Date.now();
    for (const [other, { atMs }] of seen) if (now - atMs > FRESH_MS) seen.delete(other);
    seen.set(id, { found, known, acts, atMs: now });
  }

  /** Takes what was seen of an object; undefined where it is old, made with other values, or we have acted since. */
  take(place: Place, id: string, known: Values): F | undefined {
    const seen = this.places.get(place)?.get(id);
    this.places.get(place)?.delete(id);
    if (!seen || seen.acts !== place.acts || Date.now() - seen.atMs > FRESH_MS) return undefined;
    return deepEqual(seen.known, known) ? seen.found : undefined;
  }
}
