import { type Table, type Values, writeTable } from "../../fields";
import { cloneXml, element, equalXml, printXml, type XmlElement } from "../../xml";
import type { Step } from "../network/updates";
import type { Entry, Kind, Standing } from "./kind";

/** The steps to an entry that stands as wanted on each side; a side that has it so already is left alone. */
export function plan(
  kind: Kind,
  standing: readonly Standing[],
  inputs: Values,
  managed: Values | undefined,
): readonly Step[] {
  return joined(standing.map((side) => reaching(kind, side, inputs, managed)));
}

/** The steps to a network without the entry. */
export function removal(standing: readonly Standing[]): readonly Step[] {
  return joined(standing.map(({ flag, entry }) => (entry ? [step("delete", entry, flag)] : [])));
}

function reaching(kind: Kind, { flag, root, entry }: Standing, inputs: Values, managed: Values | undefined): Step[] {
  const after = {
    node: patched(kind.table, entry?.node, inputs, managed),
    parentIndex: kind.parentIndex(root, inputs),
  };
  if (!entry) return [step("add", after, flag)];
  if (after.parentIndex === entry.parentIndex && equalXml(after.node, entry.node)) return [];
  if (kind.modifies(entry, after)) return [{ ...step("modify", after, flag), before: printXml(entry.node) }];
  return [step("delete", entry, flag), step("add", after, flag)];
}

function patched(table: Table, found: XmlElement | undefined, inputs: Values, managed: Values | undefined): XmlElement {
  const node = found ? cloneXml(found) : element("host");
  writeTable(table, node, inputs, managed);
  return node;
}

function step(act: Step["act"], { node, parentIndex }: Entry, flags: number): Step {
  return { act, parentIndex, xml: printXml(node), flags };
}

/** Both sides in one call where they need the same: libvirt does it on both or on none. */
function joined([first = [], second = []]: readonly (readonly Step[])[]): readonly Step[] {
  const same =
    first.length === second.length && first.every((one, index) => sameStep(one, second[index] ?? { ...one, xml: "" }));
  return same
    ? first.map((one, index) => ({ ...one, flags: one.flags | (second[index]?.flags ?? 0) }))
    : [...first, ...second];
}

function sameStep(one: Step, other: Step): boolean {
  return one.act === other.act && one.parentIndex === other.parentIndex && one.xml === other.xml;
}
