import type { Edit } from "./program";
import type { Failure } from "./walk";

/** Drops edits while the walk still fails: the shortest list that is found within the time. What has no end says nothing. */
export async function shrunk(
  edits: readonly Edit[],
  failure: Failure,
  run: (edits: readonly Edit[]) => Promise<Failure | undefined>,
  withinMs: number,
): Promise<{ readonly edits: readonly Edit[]; readonly failure: Failure }> {
  const end = Date.now() + withinMs;
  let best = { edits: edits.slice(0, failure.at + 1), failure };
  // Halves first, then quarters, then single edits; the last one is what failed, unless it was seen at the end only.
  for (let size = Math.ceil(best.edits.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    const failing = best.failure.at < best.edits.length ? 1 : 0;
    for (let from = best.edits.length - failing - size; from > -size && Date.now() < end; from -= size) {
      const fewer = best.edits.filter((_, index) => index < from || index >= from + size);
      if (fewer.length === best.edits.length || fewer.length === 0) continue;
      const again = await run(fewer).catch((error: unknown) => void process.stderr.write(`${String(error)}\n`));
      if (again) best = { edits: fewer.slice(0, again.at + 1), failure: again };
    }
  }
  return best;
}
