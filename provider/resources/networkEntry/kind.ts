import type { Failure, Table, Values } from "../../fields";
import type { XmlElement } from "../../xml";
import { Side } from "../network/live";
import type { FoundNetwork } from "../network/observe";

/** An entry in a definition, with the place that NetworkUpdate knows it by. */
export interface Entry {
  readonly node: XmlElement;
  /** The position of its <ip>; -1 where it stands in none. */
  readonly parentIndex: number;
}

/** What one kind of entry of a network adds to what all have in common. */
export interface Kind {
  readonly token: string;
  /** libvirt's noun, for messages. */
  readonly noun: string;
  readonly table: Table;
  /** virNetworkUpdateSection. */
  readonly section: number;
  /** The key of an entry in its network; undefined where it has none that is known. */
  key(values: Values): string | undefined;
  /** A key as a user writes it (an import), in the words of `key`. */
  keyIn(text: string): string;
  /** What is wrong with inputs, whatever the network. */
  complaints(inputs: Values): Failure[];
  /** What the network has against an entry of these inputs, whose key is `key`. */
  misfits(root: XmlElement, network: string, inputs: Values, key: string): Failure[];
  /** All entries of the kind in a definition. */
  entries(root: XmlElement): Entry[];
  /** Where an entry of these inputs goes; it fits. */
  parentIndex(root: XmlElement, inputs: Values): number;
  /** True where libvirt changes an entry into another in one call; else the old one goes before the new one comes. */
  modifies(before: Entry, after: Entry): boolean;
}

/** The side of a network, running or defined, with the entry as it stands there. */
export interface Standing {
  /** `Side` of network/live. */
  readonly flag: number;
  readonly root: XmlElement;
  readonly entry: Entry | undefined;
}

/** Where an entry may stand: in the definition, and in the running network. */
export function sidesOf({ persistent, inactive, active, live }: FoundNetwork): { flag: number; root: XmlElement }[] {
  const defined = persistent ? [{ flag: Side.CONFIG, root: inactive }] : [];
  return [...defined, ...(active ? [{ flag: Side.LIVE, root: live }] : [])];
}
