import type { Difference, Failure, Path, Table, Values } from "../fields";
import type { Owner } from "./owner";
import type { Place } from "./place";
import type { Steady } from "./steady";

/** What a door hands over with each operation, whichever door it is. */
export interface Request {
  /** The logical name in the program. */
  readonly name: string;
  /** Who owns the object: never taken from the host, known before the first call. */
  readonly owner: Owner;
  readonly place: Place;
  readonly preview: boolean;
  /** Ends the operation early; what exists by then is returned as a partial failure. */
  readonly signal: AbortSignal;
  /** The user's own bound for the operation (`customTimeouts`), in milliseconds; absent: the resource's default. */
  readonly timeoutMs?: number;
  /** The program's former inputs, as check left them. */
  readonly oldInputs?: Values;
  /** The name that `pulumi:autonaming` of the project has for it, where the door knows it. */
  readonly autonaming?: string;
  /** True for a property that `ignoreChanges` names: a preview leaves it out. */
  ignores?(path: Path): boolean;
  /**
   * Told before the first act of a create or an update: what the state must keep where the operation is broken off and
   * gives no answer in time.
   */
  begun?(left: Created): void;
  /** Told where something has been taken apart that must be put together again: from here on a cancel waits for that. */
  mustEnd?(): void;
  /** A short line about what is going on now; replaced by the next one. */
  progress(message: string): void;
  info(message: string): void;
  warn(message: string): void;
}

/** The request without the caller's signal: what was taken apart is put together again also after a cancel. */
export function unbound(request: Request): Request {
  request.mustEnd?.();
  return { ...request, signal: new AbortController().signal };
}

/** As much of a request as it takes to look at a host. */
export type Looking = Pick<Request, "place" | "signal">;

/** What a preview says about an object. */
export interface Diff {
  readonly differences: readonly Difference[];
  /** Top-level properties that call for a new object. */
  readonly replaces: readonly string[];
  readonly deleteBeforeReplace: boolean;
  /** Outputs that an update does not change. */
  readonly stables: readonly string[];
  /** True also where there is no difference in a property: the object is gone or another host answers. */
  readonly changes: boolean;
}

export interface Created {
  readonly id: string;
  readonly outputs: Values;
}

export interface ReadBack extends Created {
  /** The inputs as the host has them now. */
  readonly inputs: Values;
}

/** Everything that a door may ask of a resource; the logic behind it knows no door. */
export interface Resource extends Steady {
  /** The name in tokens and messages: `Domain`. */
  readonly token: string;
  readonly table: Table;
  check(
    request: Request,
    olds: Values | undefined,
    news: Values,
  ): Promise<{ readonly inputs: Values; readonly failures: readonly Failure[] }>;
  diff(request: Request, id: string, olds: Values, news: Values): Promise<Diff>;
  create(request: Request, inputs: Values): Promise<Created>;
  /** Undefined: libvirt itself says that the object is gone. A host that does not answer is an error. */
  read(request: Request, id: string, olds: Values): Promise<ReadBack | undefined>;
  update(request: Request, id: string, olds: Values, news: Values): Promise<{ readonly outputs: Values }>;
  delete(request: Request, id: string, olds: Values): Promise<void>;
}

/** Output of an object whose create or update did not get to its end. */
export const UNFINISHED = "__unfinished";

/** A function of a program: it looks at a host and changes nothing. */
export interface Lookup {
  /** The name in tokens and messages: `getHost`. */
  readonly token: string;
  readonly doc: string;
  readonly args: Table;
  /** What it finds; `required` is always there. */
  readonly results: Table;
  /** Ways to say what is meant: the arguments of exactly one of them are given. */
  readonly ways?: readonly (readonly string[])[];
  /** Throws where the object is not there, with what was sought, where, and what next. */
  look(from: Looking, args: Values): Promise<Values>;
}

/** The object exists, but not as wanted: the door records what there is, and the next `up` goes on with it. */
export class PartialFailure extends Error {
  override readonly name = "PartialFailure";
  constructor(
    message: string,
    readonly id: string,
    readonly outputs: Values,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A refusal that protects something: nothing was touched. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}
