// Upgrades: a state that an earlier version left is taken over as it is, without a difference.
// Each test/fixtures/states/VERSION has the program and, for each door, the state that VERSION recorded of it. A release
// records its own: RECORD_STATES=1 node scripts/lab.mjs npx jest test/e2e/conformance/states.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describeInLab } from "../engine";
import { type Door, DoorProgram, doors, type Recorded } from "./doors";
import { clearFleet, fleet, fleetOnHost, wholeFleet } from "./fleet";

const folder = resolve(__dirname, "../../fixtures/states");

interface Exported {
  readonly deployment: { readonly resources: readonly Recorded[] };
}

/**
 * What no two hosts and no two runs share: which host it is, and the random word of each object's making. All else of an
 * object (UUIDs, MACs, names) follows from its owner, so it is the same wherever the program runs.
 */
const OWN = ["__host", "__incarnation"];

/** The recorded state as it would stand here: with this host's identity, and the lives of the objects that stand here. */
function settled(recorded: Exported, here: readonly Recorded[]): Exported {
  const resources = recorded.deployment.resources.map((one) => {
    const twin = here.find(({ urn }) => urn === one.urn);
    if (twin === undefined || one.outputs === undefined) return one;
    const own = Object.fromEntries(OWN.map((name) => [name, twin.outputs?.[name]]));
    return { ...one, outputs: { ...one.outputs, ...own } };
  });
  return { ...recorded, deployment: { ...recorded.deployment, resources } };
}

/** An exported state without what this machine alone knows. */
function recordable(text: string): string {
  const { deployment } = JSON.parse(text) as Exported;
  const resources = deployment.resources.map((one) => {
    const own = Object.fromEntries(OWN.map((name) => [name, `recorded${name}`]));
    const outputs = one.outputs?.["__host"] === undefined ? {} : { outputs: { ...one.outputs, ...own } };
    return { ...one, ...outputs, sourcePosition: undefined, stackTrace: undefined };
  });
  return `${JSON.stringify({ version: 3, deployment: { ...deployment, resources } }, null, 2)}\n`;
}

function record(version: string, door: Door): void {
  const made = new DoorProgram(door, fleet());
  made.upped();
  mkdirSync(join(folder, version), { recursive: true });
  writeFileSync(join(folder, version, "program.js"), `${fleet()}\n`);
  writeFileSync(join(folder, version, `${door}.json`), recordable(made.stateText()));
  made.close();
}

if (process.env["RECORD_STATES"] === "1") {
  const { version } = JSON.parse(readFileSync(resolve(folder, "../../../package.json"), "utf8")) as { version: string };
  describeInLab.each(doors)("this version's state", (door) => {
    it(`is recorded through the ${door} door`, () => {
      record(version, door);
      expect(existsSync(join(folder, version, `${door}.json`))).toBe(true);
    }, 240_000);
  });
}

const versions = existsSync(folder) ? readdirSync(folder) : [];

describeInLab.each(["0.1.0", ...versions.filter((one) => one !== "0.1.0")])("a state of version %s", (version) => {
  afterEach(() => {
    clearFleet();
  });

  it.each(doors)(
    "recorded through the %s door is no change to this version, and is destroyed by it",
    (door) => {
      const source = readFileSync(join(folder, version, "program.js"), "utf8");
      const maker = new DoorProgram(door, source);
      maker.upped();
      const state = JSON.parse(readFileSync(join(folder, version, `${door}.json`), "utf8")) as Exported;
      const here = maker.recorded();
      expect(state.deployment.resources.filter(({ urn }) => here.some((one) => one.urn === urn))).toHaveLength(5);

      const program = new DoorProgram(door, source);
      const file = join(program.folder, "state.json");
      writeFileSync(file, JSON.stringify(settled(state, here)));
      expect(program.run("stack", "import", "--file", file)).toMatchObject({ code: 0 });
      expect(program.plan().planned).toEqual({});
      program.upped();
      expect(fleetOnHost()).toEqual(wholeFleet);
      expect(program.destroy()).toMatchObject({ code: 0 });
      expect(fleetOnHost()).toEqual([]);
      program.close();
      maker.close();
    },
    240_000,
  );
});
