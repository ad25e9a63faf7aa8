import { Glimpses } from "../../provider/resources/glimpse";
import { Place } from "../../provider/resources/place";

const known = { name: "web", memory: 64 };

describe("what a read saw", () => {
  let place: Place;
  let glimpses: Glimpses<string>;
  beforeEach(() => {
    place = new Place({ uri: "qemu:///system" });
    glimpses = new Glimpses();
    glimpses.keep(place, "a", "seen", known, place.acts);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it("serves one comparison with the same values", () => {
    expect(glimpses.take(place, "a", { memory: 64, name: "web" })).toBe("seen");
    expect(glimpses.take(place, "a", known)).toBeUndefined();
  });

  it("serves no other object, place or values", () => {
    expect(glimpses.take(place, "b", known)).toBeUndefined();
    expect(glimpses.take(new Place({ uri: "qemu:///system" }), "a", known)).toBeUndefined();
    expect(glimpses.take(place, "a", { ...known, memory: 65 })).toBeUndefined();
  });

  it("is forgotten with anything that we begin or end", () => {
    place.acts += 1;
    expect(glimpses.take(place, "a", known)).toBeUndefined();
  });

  it("is old after half a second", () => {
    const now = Date.now();
    jest.spyOn(Date, "now").mockReturnValue(now + 600);
    expect(glimpses.take(place, "a", known)).toBeUndefined();
  });
});
