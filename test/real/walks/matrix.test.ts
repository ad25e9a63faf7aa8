// Each input that may change, changed on a real object: what the diff announces is what happens. Tells how many are proven.
import type { Values } from "../../../provider/fields";
import { tokens } from "../../../provider/resources";
import type { Diff } from "../../../provider/resources/port";
import { describeInLab } from "../../e2e/engine";
import { argsOf } from "../../e2e/conformance/table";
import { placeOf } from "../request";
import { type Batch, batches } from "./batches";
import { Coverage } from "./coverage";
import { dhcpHosts, dnsHosts } from "./entries";
import { furnish } from "./furnish";
import { Machine } from "./machine";
import { machines } from "./machines";
import { networks } from "./networks";
import { changeable, excused, type Need, type Sample } from "./sample";
import { pools, seeds, volumes } from "./storage";
import { Thing, type ThingToken } from "./things";

jest.setTimeout(240_000);

/** `npm run walks` proves the way back too. */
const whole = process.env["PULUMI_KVM_WALKS"] !== undefined;

const things = [networks, dhcpHosts, dnsHosts, pools, volumes, seeds];
const tables = [machines, ...things];
const coverage = new Coverage(tables);

describe("the samples", () => {
  it("are of all resources", () => {
    expect(tables.map(({ token }) => token).sort()).toEqual([...tokens].sort());
  });

  it.each(tables)("have a line or a reason for each input of $token that may change", ({ table, rows, reasons }) => {
    const told = new Set(rows.map(({ path }) => path));
    expect(changeable(table).filter((path) => !told.has(path) && !excused(path, reasons))).toEqual([]);
  });
});

describeInLab("a real object", () => {
  const place = placeOf();
  beforeAll(() => {
    furnish();
  });
  afterAll(async () => {
    await place.host.close();
    process.stderr.write(`${coverage.table()}\n`);
  });

  const guests = batches(machines.base, machines.rows).map((batch, number) => [title(batch), batch, number] as const);

  it.each(guests)("of kind Domain changes %s as announced", async (_, { samples, before, after }, number) => {
    const machine = new Machine(place, `walk-${number}`, 0);
    const missing = await unmet(samples);
    if (missing !== undefined) {
      for (const one of samples) coverage.excuse("Domain", one, `needs ${missing}`);
      return;
    }
    try {
      await machine.create(before);
      const there = await machine.step(after);
      expect(unannounced(samples, there.diff)).toEqual([]);
      expect(there.wrong).toEqual([]);
      if (there.diff.replaces.length === 0) {
        expect(await machine.cycle(after, there.diff.differences)).toEqual([]);
        if (whole) await goesBack(machine, before);
      }
      for (const one of samples) coverage.prove("Domain", one, costsOf(one, there.diff));
    } finally {
      await machine.destroy();
    }
  });

  async function goesBack(machine: Machine, before: Values): Promise<void> {
    const back = await machine.step(before);
    expect(back.wrong).toEqual([]);
    expect(await machine.cycle(before, back.diff.differences)).toEqual([]);
  }

  async function unmet(samples: readonly Sample[]): Promise<Need | undefined> {
    const { hardwareVirtualisation } = await place.facts();
    return samples.map(({ needs }) => needs).find((need) => need !== undefined && !hardwareVirtualisation);
  }

  const others = things.flatMap((table) =>
    table.rows.map((one, number) => [table.token, one.path, table, one, number] as const),
  );

  it.each(others)("of kind %s changes %s as announced", async (token, _, table, one, number) => {
    const thing = new Thing(place, token as ThingToken, `${token.toLowerCase()}-${number}`);
    try {
      await thing.create(argsOf(table, one, number, one.before));
      const there = await thing.step(argsOf(table, one, number, one.after, one.then));
      expect(unannounced([one], there.diff)).toEqual([]);
      expect(there.wrong).toEqual([]);
      if (whole && there.diff.replaces.length === 0) {
        expect((await thing.step(argsOf(table, one, number, one.before))).wrong).toEqual([]);
      }
      coverage.prove(token, one, costsOf(one, there.diff));
    } finally {
      await thing.destroy();
    }
  });
});

function title({ samples }: Batch): string {
  return samples.map(({ path }) => path).join(", ");
}

/** Samples of which the diff says nothing. */
function unannounced(samples: readonly Sample[], diff: Diff): string[] {
  return samples.filter((one) => costsOf(one, diff).length === 0).map(({ path }) => path);
}

/** What the diff says that a sample's change costs: at its path, above it (a device that comes and goes), or below. */
function costsOf({ path }: Sample, { differences }: Diff): Diff["differences"][number]["cost"][] {
  const own = path.replaceAll("[]", "");
  return differences.flatMap(({ path: steps, cost }) => {
    const one = steps.filter((step) => typeof step === "string").join(".");
    return own === one || own.startsWith(`${one}.`) || one.startsWith(`${own}.`) ? [cost] : [];
  });
}
