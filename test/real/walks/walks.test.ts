// Random walks: small programs edited at random by a seeded generator. A failure prints the shortest list of edits that fails.
import { describeInLab } from "../../e2e/engine";
import { placeOf } from "../request";
import { MINUTE_MS, walked, walksOf } from "./asked";
import { furnish } from "./furnish";
import { ThroughPort } from "./throughPort";

jest.setTimeout(60 * MINUTE_MS);

describeInLab("a program edited at random", () => {
  const place = placeOf();
  beforeAll(() => {
    furnish();
  });
  afterAll(() => place.host.close());

  it.each(walksOf([1, 2], 10))("reaches what each preview says, and in the end what a fresh build is: %s", (_, edits) =>
    walked(place, edits, () => new ThroughPort(place, "real")),
  );
});
