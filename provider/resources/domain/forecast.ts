import type { Difference, Values } from "../../fields";
import type { FoundDomain } from "./observe";
import { label, pendingOf, touches } from "./pending";
import { restarts } from "./power/restart";
import { tell } from "./words";

/** What an up will do in a line: what the guest gets now, what stops it, and what waits for its next power cycle. */
export function forecast(found: FoundDomain, changes: readonly Difference[], wanted: Values): string | undefined {
  const words = (costs: readonly string[]): string =>
    changes
      .filter(({ cost, path }) => costs.includes(cost) && !["restartPending", "confirm"].includes(String(path[0])))
      .map(tell)
      .join(", ");
  // What changes now is told as that.
  const waiting = pendingOf(found).filter((name) => !changes.some((one) => touches(label(one), name)));
  const asks = changes.some(({ path }) => path[0] === "confirm")
    ? ["an earlier update is not confirmed yet: its guest is asked again"]
    : [];
  if (restarts(found, changes, wanted)) {
    const all = [
      words(["restart", "live"]),
      ...(waiting.length > 0 ? [`${waiting.join(", ")} of an earlier update`] : []),
    ];
    return `${found.name}: restarts the guest: ${[...all, ...asks].filter((text) => text !== "").join(", ")}`;
  }
  const spoken = found.live
    ? [["live", words(["live"])] as const, ["waits for a power cycle", words(["restart"])] as const]
    : [[`it is ${found.power}`, words(["live", "restart"])] as const];
  const parts = spoken.flatMap(([title, text]) => (text === "" ? [] : [`${title}: ${text}`]));
  // No difference is left, but the guest does not have it yet.
  if (waiting.length > 0) parts.push(`waits for a power cycle since an earlier update: ${waiting.join(", ")}`);
  parts.push(...asks);
  if (found.saved)
    parts.push("it has a saved state: the next start goes on with the definition that it was saved with");
  return parts.length > 0 ? `${found.name}: ${parts.join("; ")}` : undefined;
}
