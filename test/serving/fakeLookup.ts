import { list, text } from "../../provider/fields";
import { lookup, missing } from "../../provider/resources/lookup";

/** A function that looks at nothing: it knows one machine. */
export const getThing = lookup({
  token: "getThing",
  doc: "A thing.",
  args: {
    name: text({ doc: "Name." }),
    pool: text({ doc: "Pool." }),
    id: text({ doc: "Id." }),
    token: text({ secret: true, doc: "Token." }),
  },
  ways: [["id"], ["pool", "name"]],
  results: {
    name: text({ required: true, doc: "Name." }),
    title: text({ doc: "Title." }),
    key: text({ secret: true, doc: "Key." }),
    tags: list(text({ doc: "Tag." }), { required: true, doc: "Tags." }),
  },
  look: (from, { id, pool, name }) => {
    if (id === "away") throw new TypeError("the host is away");
    if (id === "gone") throw missing(from, { noun: "thing", how: 'named "gone"', code: 42, next: "look again" });
    return Promise.resolve({ name: id ?? `${pool ?? ""}/${name ?? ""}`, title: undefined, key: "k-123456", tags: [] });
  },
});
