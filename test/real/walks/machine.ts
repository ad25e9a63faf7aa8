import { setTimeout as sleep } from "node:timers/promises";
import type { Difference, Values } from "../../../provider/fields";
import { domain } from "../../../provider/resources/domain/lifecycle";
import type { Place } from "../../../provider/resources/place";
import type { Diff } from "../../../provider/resources/port";
import { virsh } from "../../e2e/engine";
import { Driven } from "../driven";
import { booted, bootIn, carded } from "./guest";
import { afterCycle, complaints } from "./proof";
import { look, type Sight } from "./sight";
import type { Guest } from "./way";

/** How long a guest under software emulation may take to do what it was told. */
const SLOW_MS = 15_000;

/** What one step showed. */
export interface Step {
  readonly diff: Diff;
  /** What is not as announced; none: it all happened. */
  readonly wrong: readonly string[];
}

/** A machine that is changed through the port and looked at by other means after each change. */
export class Machine {
  private readonly driven: Driven;

  constructor(
    place: Place,
    readonly name: string,
    private readonly number: number,
    stack = "real",
  ) {
    this.driven = new Driven(domain, place, name, stack);
  }

  get id(): string {
    return this.driven.id ?? "";
  }

  /** Properties that wait, as the state says. */
  get pending(): readonly string[] {
    return this.driven.outputs["restartPending"] as string[]; // an output of the table
  }

  /** Creates it, and waits until its guest answers where somebody asks it. */
  async create(args: Values, guest: Guest = "answers"): Promise<void> {
    await this.driven.up(carded(args, this.number));
    if (guest === "answers") await booted(this.id, args, this.number);
  }

  check(args: Values): ReturnType<Driven["check"]> {
    return this.driven.check(carded(args, this.number));
  }

  /** Announces, updates, and compares the announcement with the host. */
  async step(args: Values): Promise<Step> {
    const wanted = carded(args, this.number);
    const [before, boot] = [look(this.id), await bootIn(this.id, this.number)];
    const former = { id: this.id, life: this.driven.outputs["__incarnation"] };
    const diff = await this.driven.preview(wanted);
    try {
      await this.driven.up(wanted);
    } catch (error) {
      return { diff, wrong: [`the update failed: ${(error as Error).message}`] };
    }
    if (diff.replaces.length > 0) return { diff, wrong: [...this.replaced(former), ...(await this.left(wanted))] };
    const wrong = await this.happened(diff.differences, before);
    const after = boot === undefined ? undefined : await bootIn(this.id, this.number);
    if (after !== undefined && boot !== after) wrong.push("the guest booted again");
    return { diff, wrong: [...wrong, ...(await this.left(wanted))] };
  }

  /** What a balloon and a CPU do takes a while. */
  private async happened(differences: readonly Difference[], before: Sight): Promise<string[]> {
    const end = Date.now() + SLOW_MS;
    for (;;) {
      const wrong = complaints(differences, before, look(this.id), this.pending);
      if (wrong.length === 0 || Date.now() > end) return wrong;
      await sleep(500);
    }
  }

  /** The new one may have the former's UUID, where that was deleted first. */
  private replaced(former: { readonly id: string; readonly life: unknown }): string[] {
    const all = virsh("list", "--all", "--uuid").split("\n");
    return [
      ...(this.driven.outputs["__incarnation"] === former.life
        ? ["announced a replacement, and is the same machine"]
        : []),
      ...(this.id !== former.id && all.includes(former.id) ? ["the replaced machine is still there"] : []),
      ...(all.includes(this.id) ? [] : ["the new machine is not there"]),
    ];
  }

  /** The next diff is empty. */
  private async left(wanted: Values): Promise<string[]> {
    const { differences, changes } = await this.driven.preview(wanted);
    if (!changes) return [];
    const told = differences.map(
      ({ path, kind, cost, before, after }) =>
        `${path.join(".")} ${kind} ${cost}, ${JSON.stringify(before)} -> ${JSON.stringify(after)}`,
    );
    const state = virsh("domstate", this.id, "--reason");
    return [`the next diff is not empty: ${told.join("; ")}; the machine is ${state}`];
  }

  /** A power cycle by hand, after which the guest has all of it and nothing waits. */
  async cycle(args: Values, differences: readonly Difference[] = [], guest: Guest = "answers"): Promise<string[]> {
    if (virsh("domstate", this.id) !== "shut off") virsh("destroy", this.id);
    virsh("start", this.id);
    if (guest === "answers") await booted(this.id, args, this.number);
    const end = Date.now() + SLOW_MS;
    let wrong = afterCycle(differences, look(this.id));
    while (wrong.length > 0 && Date.now() < end) {
      await sleep(500);
      wrong = afterCycle(differences, look(this.id));
    }
    await this.driven.refresh();
    if (this.pending.length > 0) wrong.push(`restartPending after a power cycle: ${this.pending.join(", ")}`);
    if (args["powerState"] === "stopped") virsh("destroy", this.id);
    return args["powerState"] === "paused" ? wrong : [...wrong, ...(await this.left(carded(args, this.number)))];
  }

  async destroy(): Promise<void> {
    if (this.driven.id !== undefined) await this.driven.destroy();
  }
}
