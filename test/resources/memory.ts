import { flag, int, map, text, type Values } from "../../provider/fields";
import { resource } from "../../provider/resources/flow";
import type { Place } from "../../provider/resources/place";
import type { Request } from "../../provider/resources/port";
import { ConnectionError } from "../../provider/rpc";
import type { Definition, Found, Goal } from "../../provider/resources/definition";

export interface Box extends Found {
  readonly values: Values;
}

/** A host in memory with boxes on it: what the flow is tested against. */
export class Shelf {
  readonly boxes = new Map<string, Box>();
  /** What was done to it, in order. */
  readonly acts: string[] = [];
  readonly lives = new Map<string, string>();
  host = "host-a";
  /** Why this account may only look. */
  denied: string | undefined;
  /** The host does not answer. */
  away = false;
  /** Thrown in the middle of reach: before the box is there, or after. */
  fails: { when: "before" | "after"; error: Error; thenAway?: boolean } | undefined;
  forbid: string | undefined;

  reachable(): void {
    if (this.away) throw new ConnectionError("no answer", "qemu:///system", false);
  }

  private fail(when: "before" | "after"): void {
    if (this.fails?.when !== when) return;
    this.away = this.fails.thenAway === true;
    throw this.fails.error;
  }

  reach(found: Box | undefined, goal: Goal): Box {
    this.fail("before");
    const { inputs: values, mark } = goal;
    this.boxes.set(goal.id, { id: goal.id, name: goal.name, values, mark, finished: false });
    this.acts.push(`${found ? "change" : "make"} ${goal.name}`);
    this.fail("after");
    const box: Box = { id: goal.id, name: goal.name, values, mark: { ...mark, phase: "ready" }, finished: true };
    this.boxes.set(goal.id, box);
    return box;
  }
}

/** What a box is. */
export const table = {
  name: text({ filled: true, change: "restart", doc: "" }),
  room: text({ change: "replace", doc: "" }),
  title: text({ change: "live", doc: "" }),
  labels: map({ change: "live", doc: "" }),
  size: int({ default: 1, change: "restart", doc: "" }),
  adopt: flag({ doc: "" }),
  deletionProtection: flag({ doc: "" }),
  uuid: text({ output: true, doc: "" }),
} as const;

/** The resource of boxes on a shelf. */
export function boxes(shelf: Shelf, more: Partial<Definition<Box>> = {}) {
  const definition: Definition<Box> = {
    token: "Box",
    noun: "box",
    table,
    scope: "rest",
    stables: ["uuid"],
    id: (uuid) => uuid,
    observe: async (_, id) => {
      await Promise.resolve();
      shelf.reachable();
      return shelf.boxes.get(id);
    },
    occupant: (_, inputs) => Promise.resolve([...shelf.boxes.values()].find(({ name }) => name === inputs["name"])),
    forbidReplace: () => Promise.resolve(shelf.forbid),
    reach: async (_, found, goal) => {
      await Promise.resolve();
      return shelf.reach(found, goal);
    },
    remove: (_, { id, name }) => {
      shelf.acts.push(`remove ${name}`);
      shelf.boxes.delete(id);
      return Promise.resolve();
    },
    outputs: ({ id }) => ({ uuid: id }),
    ...more,
  };
  return resource(definition);
}

/** A request of the resource of that logical name in a stack. */
export function requestOn(
  shelf: Shelf,
  more: Partial<Request> & { stack?: string } = {},
): Request & { heard: { info: string[]; warn: string[] } } {
  const heard = { info: [] as string[], warn: [] as string[] };
  const { name = "web", stack = "dev", ...rest } = more;
  const identity = (): Promise<string> =>
    Promise.resolve().then(() => {
      shelf.reachable();
      return shelf.host;
    });
  return {
    name,
    owner: { organization: "o", project: "p", stack, type: "kvm:index:Box", name },
    // Only what the flow asks of a place.
    place: {
      identity,
      denial: () => Promise.resolve(shelf.denied),
      lives: shelf.lives,
      uri: { text: "qemu:///system" },
    } as unknown as Place,
    preview: false,
    signal: new AbortController().signal,
    progress: () => undefined,
    info: (message) => heard.info.push(message),
    warn: (message) => heard.warn.push(message),
    ...rest,
    heard,
  };
}
