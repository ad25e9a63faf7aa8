import { differences, int, list, map, object, text, type Values } from "../../provider/fields";
import type { Definition, Found } from "../../provider/resources/definition";
import { ignoredAsFound } from "../../provider/resources/ignored";
import type { Request } from "../../provider/resources/port";

const part = {
  name: text({ xml: "@name", doc: "Its identity." }),
  file: text({ xml: "@file", change: "live", doc: "A file." }),
  volume: text({ xml: "@volume", change: "live", doc: "A volume." }),
  size: int({ xml: "@size", change: "live", doc: "Its size." }),
};
const table = {
  parts: list(object(part, { oneOf: ["file", "volume"], change: "live", doc: "A part." }), {
    xml: "part",
    key: (item) => (typeof item["name"] === "string" ? item["name"] : undefined),
    change: "live",
    doc: "Parts.",
  }),
  seed: object(
    { text: text({ change: "live", doc: "A text." }), pool: text({ change: "live", doc: "A pool." }) },
    { change: "live", doc: "A seed." },
  ),
  labels: map({ change: "live", doc: "Labels." }),
  power: text({ change: "live", doc: "On or off." }),
  starts: text({ change: "live", doc: "Follows `power`." }),
};

/** Only what the common flow asks of it. */
const kind = {
  table,
  wanted: (_: Found, inputs: Values): Values => ({ ...inputs, starts: inputs["starts"] ?? inputs["power"] }),
  changes: ({ values }: Found, wanted: Values, managed: Values | undefined) =>
    differences(table, values, wanted, { managed, situation: { before: values, after: wanted } }),
} as unknown as Definition<Found>;

/** The inputs that an update goes by, where these paths are ignored. */
function kept(values: Values, inputs: Values, ...paths: string[]): Values {
  const request = { ignores: (path: readonly unknown[]) => paths.includes(path.join(".")) } as unknown as Request;
  const found = { id: "1", name: "one", values, finished: true };
  return ignoredAsFound(kind, request, found, inputs, inputs);
}

describe("inputs with what is ignored as it is found", () => {
  it("have the host's value at that path alone", () => {
    const found = { parts: [{ name: "a", file: "/theirs", size: 1 }] };
    const inputs = { parts: [{ name: "a", file: "/ours", size: 2 }] };
    expect(kept(found, inputs, "parts.0.file")).toEqual({ parts: [{ name: "a", file: "/theirs", size: 2 }] });
  });

  it("have the kind of a variant that the host has", () => {
    const found = { parts: [{ name: "a", file: "/theirs", size: 1 }] };
    const inputs = { parts: [{ name: "a", volume: "ours", size: 2 }] };
    expect(kept(found, inputs, "parts.0.volume")).toEqual({ parts: [{ name: "a", file: "/theirs", size: 2 }] });
    expect(kept(found, inputs, "parts.0.volume", "parts.0.size")).toEqual({
      parts: [{ name: "a", file: "/theirs", size: 1 }],
    });
  });

  it("have no item that is not there, and have one that is, whatever becomes of the others", () => {
    const found = { parts: [{ name: "theirs" }, { name: "b", size: 1 }] };
    const inputs = { parts: [{ name: "gone" }, { name: "b", size: 2 }, { name: "new" }] };
    expect(kept(found, inputs, "parts.0")).toEqual({
      parts: [{ name: "b", size: 2 }, { name: "new" }, { name: "theirs" }],
    });
  });

  it("have each key of a map by itself", () => {
    const inputs = { labels: { a: "ours", b: "ours" } };
    expect(kept({ labels: { a: "theirs" } }, inputs, "labels.a")).toEqual({ labels: { a: "theirs", b: "ours" } });
  });

  it("have a whole one or none of what no XML tells", () => {
    const found = { seed: { text: "", pool: "" } };
    const inputs = { seed: { text: "ours", pool: "p" } };
    expect(kept(found, inputs, "seed.text")).toEqual(inputs);
    expect(kept(found, inputs, "seed.text", "seed.pool")).toEqual({ seed: { text: "", pool: "" } });
  });

  it("let nothing follow from the host's value that follows from the program's", () => {
    expect(kept({ power: "off", starts: "on" }, { power: "on" }, "power")).toEqual({ power: "off", starts: "on" });
    expect(kept({ power: "off", starts: "off" }, { power: "on" }, "power")).toEqual({ power: "off", starts: "on" });
  });
});
