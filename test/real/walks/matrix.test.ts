// Each input that may change, changed on a real object: what the diff announces is what happens. Prints how many are proven.
import { describeInLab } from "../../e2e/engine";
import { argsOf } from "../../e2e/conformance/table";
import { placeOf } from "../request";
import { type Batch, batches } from "./batches";
import { furnish } from "./furnish";
import { Machine } from "./machine";
import { machines } from "./machines";
import { networks } from "./networks";
import { changeable, excused, type Sample, type Samples } from "./sample";
import { pools, volumes } from "./storage";
import { Thing, type ThingToken } from "./things";

jest.setTimeout(240_000);

/** `npm run walks` proves the way back by a power cycle too. */
const whole = process.env["PULUMI_KVM_WALKS"] !== undefined;

const things: readonly Samples[] = [networks, pools, volumes];
const tables = [machines, ...things];

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
      if (whole) expect(await machine.cycle(before, back.diff.differences)).toEqual([]);
    } finally {
      await machine.destroy();
    }
  });
});

describeInLab.each(things)("a $token", (table) => {
  const place = placeOf();
  afterAll(() => place.host.close());

  const all = table.rows.map((one, number) => [one.path, one, number] as const);
  it.each(all)("changes %s as announced", async (_, one, number) => {
    const thing = new Thing(place, table.token as ThingToken, `${table.token.toLowerCase()}-${number}`);
    try {
      await thing.create(argsOf(table, one, number, one.before));
      const there = await thing.step(argsOf(table, one, number, one.after, one.then));
      expect(unannounced([one], there.diff)).toEqual([]);
      expect(there.wrong).toEqual([]);
      if (there.diff.replaces.length > 0) return;
      expect((await thing.step(argsOf(table, one, number, one.before))).wrong).toEqual([]);
    } finally {
      await thing.destroy();
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
