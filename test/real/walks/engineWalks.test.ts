// The same walks through the real engine: preview, up and refresh of its CLI, by either door.
import { doors } from "../../e2e/conformance/doors";
import { describeInLab } from "../../e2e/engine";
import { placeOf } from "../request";
import { MINUTE_MS, walked, walksOf } from "./asked";
import { furnish } from "./furnish";
import { ThroughEngine } from "./throughEngine";

jest.setTimeout(60 * MINUTE_MS);

const walks = walksOf([3, 4], 3).map(([title, edits], index) => {
  const door = doors[index % doors.length] ?? "plugin";
  return [`${title}, ${door} door`, edits, door] as const;
});

describeInLab("a program edited at random, through the engine", () => {
  const place = placeOf();
  beforeAll(() => {
    furnish();
  });
  afterAll(() => place.host.close());

  it.each(walks)("reaches what each preview says, and in the end what a fresh build is: %s", (_, edits, door) =>
    walked(place, edits, () => new ThroughEngine(place, door)),
  );
});
