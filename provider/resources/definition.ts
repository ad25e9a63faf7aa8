import type { Difference, Failure, Situation, Table, Values } from "../fields";
import type { Mark } from "./mark";
import type { Request } from "./port";
import type { Steady } from "./steady";

/** An object as it stands on the host, in the program's terms. */
export interface Found {
  readonly id: string;
  readonly name: string;
  /** What the host says, in the table's terms and in the program's own words where several say the same. */
  readonly values: Values;
  /** Whose it is, where the object can carry that. */
  readonly mark?: Mark;
  /** False: a create of this object did not get to its end. */
  readonly finished: boolean;
  readonly situation?: Omit<Situation, "before" | "after" | "item">;
  /** True where the host keeps passwords from this account. */
  readonly secretsUnseen?: boolean;
}

/** What a resource is asked to reach. */
export interface Goal {
  readonly id: string;
  readonly name: string;
  readonly inputs: Values;
  /** The program's former inputs: what they had and `inputs` has not is to be removed. */
  readonly managed: Values | undefined;
  /** The outputs so far; absent for a create. */
  readonly state?: Values;
  readonly mark: Mark;
}

/** A new object in the place of one that stands. */
export interface Replacement {
  readonly olds: Values;
  readonly inputs: Values;
}

/** What one kind of object adds to the common flow. */
export interface Definition<F extends Found> extends Steady {
  readonly token: string;
  /** libvirt's noun, for messages. */
  readonly noun: string;
  readonly table: Table;
  /** Whether the driver is part of where it lives. */
  readonly scope: "machines" | "rest";
  /** The id that an owner's object will have. */
  id(uuid: string, inputs: Values): string;
  /** That id where the host has a part in it; throws where what it is made from is not there. */
  locate?(request: Request, inputs: Values): Promise<string>;
  /** What it is called in messages, where it has no name of its own. */
  called?(values: Values): string;
  /** The host holds no two of them side by side: the old one goes before the one that replaces it comes. */
  readonly single?: true;
  /** Inputs as check leaves them: what only this kind can complete or complain about. */
  checkMore?(
    request: Request,
    olds: Values | undefined,
    inputs: Values,
  ): Promise<{ inputs: Values; failures: Failure[] }>;
  /** Finds an object by its id; undefined when libvirt says that there is none. */
  observe(request: Request, id: string, inputs: Values): Promise<F | undefined>;
  /** Finds an object of any owner that stands where a new one of this name would. */
  occupant(request: Request, inputs: Values): Promise<F | undefined>;
  /** The object as if what the host cannot tell of it were as it was left; pure. */
  recalled?(found: F, known: Values): F;
  /** The inputs with all that follows from them and from the found object; pure. */
  wanted?(found: F, inputs: Values, managed: Values | undefined): Values;
  /** The differences, where comparing the table with what was found is not all there is to it; pure. */
  changes?(found: F, wanted: Values, managed: Values | undefined): Difference[];
  /** Differences that no field tells. */
  differencesMore?(
    request: Request,
    found: F,
    wanted: Values,
    changes: readonly Difference[],
    managed: Values,
  ): Promise<readonly Difference[]>;
  /** What makes one that is gone come back as a new object only: its id could not be the same. */
  lost?(request: Request, id: string, olds: Values, news: Values): Promise<readonly Difference[]>;
  /** What an import writes into the program of an object; says what it leaves out. */
  imported?(request: Request, found: F): Values;
  /** Says in words what an update would do. */
  announce?(request: Request, found: F, changes: readonly Difference[], wanted: Values): void;
  /** Says why an update must not happen (it would cost more than the program allows, or cannot be done), or nothing. */
  forbidUpdate?(
    request: Request,
    found: F,
    changes: readonly Difference[],
    wanted: Values,
  ): string | undefined | Promise<string | undefined>;
  /** Says why one that is not there must not be made (a guest holds what was in its place), or nothing. */
  forbidMaking?(request: Request, id: string, inputs: Values): Promise<string | undefined>;
  /** Says why its delete would be refused, which a replacement has to do, or nothing. */
  forbidReplace?(request: Request, found: F, replacement: Replacement): Promise<string | undefined>;
  /** Says what a replacement would lose, of which no delete asks, or nothing. */
  forbidLoss?(request: Request, found: F, replacement: Replacement): Promise<string | undefined>;
  /** Brings the object to the goal from wherever it is, and returns it as it then stands. */
  reach(request: Request, found: F | undefined, goal: Goal): Promise<F>;
  /** Takes the object away; it was checked to be ours. */
  remove(request: Request, found: F, olds: Values): Promise<void>;
  /** What only the host knows. */
  outputs(found: F, inputs: Values): Values;
}
