import {
  asText,
  checkValues,
  differences,
  type Difference,
  type Failure,
  fillDefaults,
  forgetDrifted,
  foundAsManaged,
  grammar,
  hasUnknown,
  ownInputs,
  type Values,
} from "../fields";
import { messageOf } from "./errors";
import { asked, asLeft, changedWishes, compare, costsInWords, situate } from "./compare";
import type { Definition, Found, Goal } from "./definition";
import { Glimpses } from "./glimpse";
import {
  guardAdoption,
  guardBlindReplace,
  guardMaking,
  guardProtected,
  guardRemaking,
  guardReplace,
  guardUpdate,
} from "./guards";
import { ignoredAsFound } from "./ignored";
import { markFor } from "./mark";
import { calledOf, sameIdentity, whatOf, withName } from "./naming";
import { identityValues, newIncarnation, ownedUuid, printOwner } from "./owner";
import { isAway, samePlace } from "./place";
import { steadyOf } from "./steady";
import {
  type Created,
  type Diff,
  PartialFailure,
  type ReadBack,
  Refusal,
  type Request,
  type Resource,
  UNFINISHED,
} from "./port";

/** Where an object lives, as recorded with it. */
const HOST = "__host";
const INCARNATION = "__incarnation";

/** Makes a resource from its definition: one flow for create, update and adoption. */
export function resource<F extends Found>(definition: Definition<F>): Resource {
  const flow = new Flow(definition);
  return {
    token: definition.token,
    table: definition.table,
    ...(definition.stables ? { stables: definition.stables } : {}),
    follows: (olds, news) => definition.follows?.(olds, news) ?? [],
    check: (request, olds, news) => flow.check(request, olds, news),
    diff: (request, id, olds, news) => flow.diff(request, id, olds, news),
    create: (request, inputs) => acting(request, () => flow.create(request, inputs)),
    read: (request, id, olds) => flow.read(request, id, olds),
    update: (request, id, olds, news) => acting(request, () => flow.update(request, id, olds, news)),
    delete: (request, id, olds) => acting(request, () => flow.delete(request, id, olds)),
  };
}

async function acting<T>({ place }: Request, act: () => Promise<T>): Promise<T> {
  const denial = await place.denial();
  if (denial !== undefined) throw new Refusal(denial);
  place.acts += 1;
  try {
    return await act();
  } finally {
    place.acts += 1;
  }
}

class Flow<F extends Found> {
  private readonly glimpses = new Glimpses<F>();

  constructor(private readonly kind: Definition<F>) {}

  async check(
    request: Request,
    olds: Values | undefined,
    news: Values,
  ): Promise<{ inputs: Values; failures: readonly Failure[] }> {
    const before = olds && Object.keys(olds).length > 0 ? olds : undefined;
    const failures = checkValues(this.kind.table, news);
    const filled = fillDefaults(this.kind.table, news, before);
    // What has the wrong type must not reach code that trusts the type.
    if (failures.length > 0) return { inputs: filled, failures };
    const more = (await this.kind.checkMore?.(request, before, filled)) ?? { inputs: filled, failures: [] };
    return { inputs: withName(this.kind.table, request, before, more.inputs), failures: more.failures };
  }

  async diff(request: Request, id: string, olds: Values, news: Values): Promise<Diff> {
    const managed = request.oldInputs ?? olds;
    try {
      const stranger = await this.otherPlace(request, olds);
      if (stranger !== undefined) {
        request.warn(stranger);
        return { ...NO_DIFF, stables: this.kind.stables ?? [], changes: true };
      }
      const known = { ...olds, ...news };
      const found = this.glimpses.take(request.place, id, known) ?? (await this.kind.observe(request, id, known));
      if (!found) return await this.gone(request, id, olds, news);
      return await this.compare(request, found, managed, olds, news);
    } catch (error) {
      if (!isAway(error)) throw error;
      request.warn(`${this.what(olds)}: ${messageOf(error)}; the preview goes by the state alone`);
      const all = differences(this.kind.table, managed, news, { managed, situation: situate(managed, news) });
      const diff = this.judge(olds, news, asked(request, all));
      if (diff.replaces.length > 0) guardBlindReplace(this.kind, olds, news);
      return diff;
    }
  }

  private async gone(request: Request, id: string, olds: Values, news: Values): Promise<Diff> {
    await guardRemaking(this.kind, request, id, { ...olds, ...news });
    request.info(`${this.what(olds)} is gone from the host; it will be made again`);
    const lost = (await this.kind.lost?.(request, id, olds, news)) ?? [];
    return { ...this.judge(olds, news, lost), changes: true };
  }

  private async compare(request: Request, found: F, managed: Values, olds: Values, news: Values): Promise<Diff> {
    const { wanted, differences: plain } = compare(this.kind, found, news, managed);
    const more = (await this.kind.differencesMore?.(request, found, wanted, plain, managed)) ?? [];
    const all = asked(request, [...plain, ...more]);
    if (this.kind.announce) this.kind.announce(request, found, all, wanted);
    else if (all.length > 0) request.info(`${found.name}: ${costsInWords(all, this.kind.table)}`);
    if (olds[UNFINISHED] === true)
      request.info(`${this.what(olds)} was not finished by the last run; this one goes on`);
    const diff = this.judge(olds, news, all);
    const certain = all.some(({ cost, after }) => cost === "replace" && !hasUnknown(after));
    if (diff.replaces.length > 0) await guardReplace(this.kind, request, found, { olds, inputs: news }, certain);
    else await guardUpdate(this.kind, request, found, all, wanted);
    return diff;
  }

  private judge(olds: Values, news: Values, all: readonly Difference[]): Diff {
    const replaces = [...new Set(all.filter(({ cost }) => cost === "replace").map(({ path }) => String(path[0])))];
    // A name can stand only once: what the program or `pulumi:autonaming` chose stays, an own one differs with each replacement.
    const stands = news["name"] !== undefined && news["name"] === olds["name"];
    // With the same values of the identity the new one would have the UUID of the old.
    const twin = sameIdentity(this.kind.table, olds, news) && this.kind.id("", olds) === this.kind.id("", news);
    return {
      differences: all,
      replaces,
      deleteBeforeReplace: replaces.length > 0 && (stands || twin || this.kind.single === true),
      stables:
        replaces.length > 0
          ? []
          : steadyOf(this.kind, olds, news).filter((name) => !all.some(({ path }) => path[0] === name)),
      changes: all.length > 0 || olds[UNFINISHED] === true || changedWishes(this.kind.table, olds, news).length > 0,
    };
  }

  async create(request: Request, inputs: Values): Promise<Created> {
    const identity = identityValues(this.kind.table, inputs);
    const uuid = ownedUuid(request.owner, identity);
    const id = (await this.kind.locate?.(request, inputs)) ?? this.kind.id(uuid, inputs);
    const found = (await this.kind.observe(request, id, inputs)) ?? (await this.kind.occupant(request, inputs));
    if (!found) await guardMaking(this.kind, request, id, inputs);
    const adopted = found !== undefined && this.admit(request, found, id, inputs);
    if (adopted) guardAdoption(this.kind, found, inputs);
    // A new life also for a create that goes on: the engine's delete of the former one must not meet it.
    const incarnation = newIncarnation();
    const goal: Goal = {
      id: adopted ? found.id : id,
      name: calledOf(this.kind, inputs),
      inputs,
      managed: undefined,
      mark: markFor(request.owner, incarnation, "creating"),
    };
    try {
      const made = await this.arrive(request, found, goal);
      request.place.lives.set(this.lifeKey(made.id), incarnation);
      return made;
    } catch (error) {
      if (error instanceof PartialFailure) request.place.lives.set(this.lifeKey(error.id), incarnation);
      throw error;
    }
  }

  private lifeKey(id: string): string {
    return `${this.kind.token}/${id}`;
  }

  /** Decides about an object that stands where the new one would: true to adopt it, false to go on with our own. */
  private admit(request: Request, found: F, id: string, inputs: Values): boolean {
    const ours = found.id === id && (found.mark === undefined || found.mark.owner === printOwner(request.owner));
    if (ours && !found.finished) return false;
    if (inputs["adopt"] === true) {
      request.info(`${this.what(inputs)} exists on the host and is adopted`);
      return true;
    }
    // An id made of names (`pool/name`) tells nothing of who made the object.
    const telling = this.kind.id("a", inputs) !== this.kind.id("b", inputs);
    const own = found.mark ? found.mark.owner === printOwner(request.owner) : telling && found.id === id;
    const nobody = own ? "this resource made it" : "it carries no owner";
    const owner = found.mark ? `it belongs to ${found.mark.owner}` : nobody;
    // These three look the same from here.
    const why = own
      ? " (a run that was interrupted before its state was written, another backend of the stack, or a forced replacement)"
      : "";
    throw new Refusal(
      `${this.kind.noun} "${found.name}" (${found.id}) exists on the host already; ${owner}${why}. It was not touched. ` +
        `To manage it from this program set \`adopt: true\` for one up; to replace it, destroy it alone ` +
        `(pulumi destroy --target URN) and run up`,
    );
  }

  async update(request: Request, id: string, olds: Values, news: Values): Promise<{ outputs: Values }> {
    await this.refuseOtherPlace(request, olds);
    const found = await this.kind.observe(request, id, { ...olds, ...news });
    if (found) this.refuseOtherLife(request, found, olds);
    else await guardRemaking(this.kind, request, id, { ...olds, ...news });
    const incarnation = asText(olds[INCARNATION]) ?? newIncarnation();
    const managed = request.oldInputs ?? olds;
    const goal: Goal = {
      id,
      name: calledOf(this.kind, news),
      inputs: found ? ignoredAsFound(this.kind, request, found, news, managed) : news,
      managed,
      state: olds,
      mark: markFor(request.owner, incarnation, "ready"),
    };
    return this.arrive(request, found, goal);
  }

  /** Brings the object to the goal; whatever fails after something exists is a partial failure, never forgotten. */
  private async arrive(request: Request, found: F | undefined, goal: Goal): Promise<Created> {
    // Known before the first act: a failure after it must not need the host to be recorded.
    const host = await request.place.identity(this.kind.scope);
    const base = { ...goal.inputs, [HOST]: host, [INCARNATION]: goal.mark.incarnation };
    request.begun?.({ id: goal.id, outputs: { ...goal.state, ...base, [UNFINISHED]: true } });
    try {
      const reached = await this.kind.reach(request, found, goal);
      return { id: reached.id, outputs: { ...base, ...this.kind.outputs(reached, goal.inputs) } };
    } catch (error) {
      throw await this.partial(request, goal, base, error);
    }
  }

  /** An object that exists, or may exist, must not be forgotten by the engine; one that surely does not is a plain error. */
  private async partial(request: Request, goal: Goal, base: Values, error: unknown): Promise<unknown> {
    let outputs = {};
    try {
      const left = await this.kind.observe(request, goal.id, { ...goal.state, ...goal.inputs });
      if (!left && goal.managed === undefined) return error;
      // A refusal touched nothing, unless it came after the object was made or taken over.
      const begun = left?.mark?.incarnation === goal.mark.incarnation;
      if (error instanceof Refusal && (goal.managed !== undefined || !begun)) return error;
      if (left) outputs = this.kind.outputs(left, goal.inputs);
    } catch {
      // The host cannot say whether it exists: the state keeps the id, and the next run looks again.
      if (error instanceof Refusal) return error;
    }
    const message = messageOf(error);
    // What was managed stays known, so that the next update removes what this one did not get to.
    const kept = ownInputs(this.kind.table, goal.managed ?? {});
    return new PartialFailure(message, goal.id, { ...kept, ...base, ...outputs, [UNFINISHED]: true }, { cause: error });
  }

  async read(request: Request, id: string, olds: Values): Promise<ReadBack | undefined> {
    await this.refuseOtherPlace(request, olds);
    const { acts } = request.place;
    const found = await this.sought(request, id, olds);
    if (!found) return undefined;
    this.glimpses.keep(request.place, id, found, olds, acts);
    const inputs = this.inputsAsFound(request, found, request.oldInputs ?? olds);
    const life =
      olds[INCARNATION] ?? (found.mark?.owner === printOwner(request.owner) ? found.mark.incarnation : undefined);
    const host = await request.place.identity(this.kind.scope);
    const kept = olds[UNFINISHED] === true ? { [UNFINISHED]: true } : {};
    const outputs = { ...inputs, ...this.kind.outputs(found, inputs), [HOST]: host, ...kept };
    return { id: found.id, inputs, outputs: life === undefined ? outputs : { ...outputs, [INCARNATION]: life } };
  }

  /** Finds by id; where the id is a UUID, a name is taken too. */
  private sought(request: Request, id: string, olds: Values): Promise<F | undefined> {
    const byName = this.kind.id(id, {}) === id && grammar.uuidText(id) !== undefined;
    return byName ? this.kind.occupant(request, { ...olds, name: id }) : this.kind.observe(request, id, olds);
  }

  /** The program's inputs, with what the host says now where that is not what they say. */
  private inputsAsFound(request: Request, here: F, managed: Values): Values {
    const found = asLeft(this.kind, here, managed);
    const known = Object.keys(managed).some((name) => !name.startsWith("__"));
    if (!known) return ownInputs(this.kind.table, this.kind.imported?.(request, found) ?? found.values);
    const { differences: drifted } = compare(this.kind, found, managed, undefined);
    const changed = new Set(drifted.map(({ path }) => String(path[0])));
    const seen = (name: string, value: unknown): unknown => {
      const field = this.kind.table[name];
      return field && changed.has(name) ? foundAsManaged(field, found.values[name], value) : value;
    };
    const own = ownInputs(this.kind.table, managed);
    const values = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, seen(name, value)]));
    return forgetDrifted(this.kind.table, values, own);
  }

  async delete(request: Request, id: string, olds: Values): Promise<void> {
    await this.refuseOtherPlace(request, olds);
    const found = await this.kind.observe(request, id, olds);
    if (!found) return;
    guardProtected(this.kind, olds, "deleted");
    const life = asText(olds[INCARNATION]);
    if (life === undefined) this.refuseOtherLife(request, found, olds);
    // What carries no mark has its life in the memory of the process that made it: one process serves one `up`.
    const now = request.place.lives.get(this.lifeKey(found.id)) ?? found.mark?.incarnation;
    if (now !== undefined && life !== undefined && now !== life) {
      request.warn(`${this.what(olds)} on the host is a later one; it was not touched`);
      return;
    }
    await this.kind.remove(request, found, olds);
    request.place.lives.delete(this.lifeKey(found.id));
  }

  /** Another host answers than the one that the object was made on: a sentence, or undefined. */
  private async otherPlace(request: Request, olds: Values): Promise<string | undefined> {
    const recorded = asText(olds[HOST]);
    if (recorded === undefined) return undefined;
    const here = await request.place.identity(this.kind.scope);
    if (samePlace(recorded, here)) return undefined;
    return (
      `${this.what(olds)} lives on the host ${recorded}, but ${request.place.uri.text} reaches ${here} now. ` +
      `Nothing is done to it: point the provider back, or destroy it there first`
    );
  }

  private async refuseOtherPlace(request: Request, olds: Values): Promise<void> {
    const reason = await this.otherPlace(request, olds);
    if (reason !== undefined) throw new Refusal(reason);
  }

  private refuseOtherLife(request: Request, found: F, olds: Values): void {
    const life = asText(olds[INCARNATION]);
    if (!found.mark || found.mark.owner === "") return;
    if (life === undefined ? found.mark.owner === printOwner(request.owner) : found.mark.incarnation === life) return;
    throw new Refusal(`${this.what(olds)} on the host is not the one of this state; it belongs to ${found.mark.owner}`);
  }

  private what(values: Values): string {
    return whatOf(this.kind, values);
  }
}

const NO_DIFF = { differences: [], replaces: [], deleteBeforeReplace: false, changes: false } as const;
