import { int, text, UNKNOWN, type Values } from "../../provider/fields";
import { load, tokens } from "../../provider/resources";
import { withName } from "../../provider/resources/naming";
import { Place } from "../../provider/resources/place";
import type { Request } from "../../provider/resources/port";
import { requestFor } from "../real/request";

const table = {
  name: text({ filled: true, change: "replace", doc: "." }),
  kind: text({ change: "replace", doc: "." }),
  size: int({ change: "live", doc: "." }),
};
const place = new Place({ uri: "test:///default" });

function nameOf(inputs: Values, olds?: Values, autonaming?: Request["autonaming"]): unknown {
  const request = requestFor("web", place, autonaming ? { autonaming } : {});
  return withName(table, request, olds, inputs)["name"];
}

describe("a name that the program does not give", () => {
  it("is filled for each object of a host, and not for an entry, whose name is the guest's", () => {
    const named = tokens.filter((token) => load(token).table["name"]?.filled);
    expect(named).toEqual(["Domain", "Network", "StoragePool", "Volume", "CloudInitDisk"]);
  });

  const filled = { name: "web-old", kind: "a", __defaults: ["name"] };

  it("is the same on every run, and another where the identity changes", () => {
    expect(nameOf({ kind: "a", size: 1 })).toMatch(/^web-[0-9a-f]{7}$/);
    expect(nameOf({ kind: "a", size: 2 })).toBe(nameOf({ kind: "a", size: 1 }));
    expect(nameOf({ kind: "b" })).not.toBe(nameOf({ kind: "a" }));
  });

  it("stays once it stands in the state, whatever autonaming says later", () => {
    expect(nameOf({ kind: "a" }, filled)).toBe("web-old");
    expect(nameOf({ kind: "a" }, filled, "web")).toBe("web-old");
    expect(nameOf({ kind: "b" }, filled)).not.toBe("web-old");
  });

  it("is what autonaming enforces", () => {
    expect(nameOf({ kind: UNKNOWN }, undefined, "web")).toBe("web");
  });

  it("is unknown while the identity is", () => {
    expect(nameOf({ kind: UNKNOWN })).toBe(UNKNOWN);
  });

  it("is recorded as filled", () => {
    expect(withName(table, requestFor("web", place), undefined, { kind: "a" })["__defaults"]).toEqual(["name"]);
    expect(withName(table, requestFor("web", place), undefined, { name: "x" })).toEqual({ name: "x" });
  });
});
