// Each input that may change, changed on a real object: what the diff announces is what happens. Prints how many are proven.
import { describeInLab } from "../../e2e/engine";
import { placeOf } from "../request";
import { type Batch, batches } from "./batches";
import { furnish } from "./furnish";
import { Machine } from "./machine";
import { machines } from "./machines";
import { changeable, excused, type Sample, type Samples } from "./sample";

jest.setTimeout(240_000);

const tables: readonly Samples[] = [machines];

describe("the samples", () => {
  it.each(tables)("have a line or a reason for each input of $token that may change", ({ table, rows, reasons }) => {
    const told = new Set(rows.map(({ path }) => path));
    expect(changeable(table).filter((path) => !told.has(path) && !excused(path, reasons))).toEqual([]);
  });
});

const title = ({ samples }: Batch): string => samples.map(({ path }) => path).join(", ");

describeInLab("a running machine", () => {
  const place = placeOf();
  beforeAll(() => {
    furnish();
  });
  afterAll(() => place.host.close());

  const all = batches(machines.base, machines.rows).map((batch, number) => [title(batch), batch, number] as const);

  it.each(all)("changes %s as announced", async (_, { samples, before, after }, number) => {
    const machine = new Machine(place, `walk-${number}`, 0);
    try {
      await machine.create(before);
      const there = await machine.step(after);
      expect(unannounced(samples, there.diff)).toEqual([]);
      expect(there.wrong).toEqual([]);
      if (there.diff.replaces.length > 0) return;
      expect(await machine.cycle(after, there.diff.differences)).toEqual([]);
      const back = await machine.step(before);
      expect(back.wrong).toEqual([]);
      expect(await machine.cycle(before, back.diff.differences)).toEqual([]);
    } finally {
      await machine.destroy();
    }
  });
});

/** Samples of which the diff says nothing. */
function unannounced(samples: readonly Sample[], { differences }: { differences: readonly { path: readonly unknown[] }[] }): string[] {
  const paths = differences.map(({ path }) => path.filter((step) => typeof step === "string").join("."));
  return samples
    .map(({ path }) => path.replaceAll("[]", ""))
    .filter((path) => !paths.some((one) => path === one || path.startsWith(`${one}.`) || one.startsWith(`${path}.`)));
}
