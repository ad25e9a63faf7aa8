import { type Difference, isRecord, printPath, type Values } from "../../fields";
import { readMark } from "../mark";
import { LOOPBACK } from "./parts/graphics";
import type { FoundDomain } from "./observe";

/**
 * True for a guest that was started with what its definition's mark lists as deferred: it has the mark of its start. A number
 * of libvirt's would not do: after a managed save a guest goes on with what it had, and after a reboot of the host they begin anew.
 */
export function hasDeferred({ mark, live }: FoundDomain): boolean {
  return mark?.since !== undefined && live !== undefined && readMark(live)?.since === mark.since;
}

/** Since when something waits for this guest's power cycle; undefined where nothing that an update deferred does. */
export function waitingSince(found: FoundDomain): string | undefined {
  return found.mark !== undefined && found.mark.deferred.length > 0 && !hasDeferred(found)
    ? found.mark.since
    : undefined;
}

/** The running guest as its definition said at its start: without what libvirt chose or wrote in other words since. */
export function asStarted(found: FoundDomain): Values | undefined {
  const live = found.situation?.live;
  if (!live) return undefined;
  const { cpu } = live;
  const named = found.mark?.hostModel === true && !hasDeferred(found) && isRecord(cpu);
  return { ...withoutChosenPorts(live), ...(named ? { cpu: { ...cpu, mode: "host-model", model: undefined } } : {}) };
}

/** Values without the ports of screens that the host chooses at each start. */
export function withoutChosenPorts(values: Values): Values {
  const { graphics } = values;
  if (!isRecord(graphics)) return values;
  const screens = Object.entries(graphics).map(([kind, screen]) => [
    kind,
    isRecord(screen) ? unchosen(screen) : screen,
  ]);
  return { ...values, graphics: Object.fromEntries(screens) as Values };
}

function unchosen(screen: Values): Values {
  if (screen["autoport"] !== true) return screen;
  return { ...screen, port: undefined, tlsPort: undefined };
}

/**
 * Screens as changes write them into a definition: what the program does not say stays, less what it takes back, or is as on a
 * new screen.
 */
export function writtenScreens({ values }: FoundDomain, wanted: unknown, changes: readonly Difference[]): unknown {
  if (!isRecord(wanted)) return wanted;
  const { graphics } = withoutChosenPorts(values);
  const taken = new Set(changes.flatMap(({ kind, path }) => (kind === "delete" ? [printPath(path)] : [])));
  const screens = Object.entries(wanted).map(([kind, screen]) => {
    if (!isRecord(screen)) return [kind, screen];
    const there = isRecord(graphics) ? graphics[kind] : undefined;
    const kept = Object.entries(isRecord(there) ? there : newScreen(screen)).filter(
      ([name]) => !taken.has(`graphics.${kind}.${name}`),
    );
    return [kind, { ...Object.fromEntries(kept), ...screen }];
  });
  return Object.fromEntries(screens) as Values;
}

function newScreen({ port, tlsPort }: Values): Values {
  const chosen = port === undefined && tlsPort === undefined;
  return { ...(chosen ? { autoport: true } : {}), listen: { type: "address", address: LOOPBACK } };
}

/** libvirt shows a guest's host-model as the model that it came to: the mark keeps that its definition asked for that. */
export function startedAs(found: FoundDomain, deferred: readonly string[]): { hostModel?: true } {
  const waits = (labels: readonly string[] = []): boolean =>
    labels.some((name) => name === "cpu" || name.startsWith("cpu."));
  if (!waits(deferred)) return {};
  const { cpu } = found.values;
  const before = waitingSince(found) !== undefined && waits(found.mark?.deferred);
  const isHostModel = before ? found.mark?.hostModel === true : isRecord(cpu) && cpu["mode"] === "host-model";
  return isHostModel ? { hostModel: true } : {};
}
