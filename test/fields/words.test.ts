import {
  type Difference,
  inWords,
  int,
  list,
  map,
  mebibytes,
  object,
  printPath,
  text,
  UNKNOWN,
} from "../../provider/fields";

const limits = { total: int({ change: "live", doc: "." }), read: int({ change: "live", doc: "." }) };
const table = {
  memory: mebibytes({ change: "restart", doc: "." }),
  disks: list(
    object(
      {
        name: text({ change: "live", doc: "." }),
        limits: object(limits, { change: "live", doc: "." }),
        size: mebibytes({ change: "live", doc: "." }),
      },
      { doc: "." },
    ),
    { change: "live", doc: "." },
  ),
  labels: map({ change: "live", doc: "." }),
  login: object(
    { user: text({ change: "live", doc: "." }), password: text({ change: "live", secret: true, doc: "." }) },
    { change: "live", doc: "." },
  ),
};

const said = (path: Difference["path"], before: unknown, after: unknown, more: Partial<Difference> = {}): string => {
  const kind = before === undefined ? "add" : after === undefined ? "delete" : "update";
  return inWords({ path, kind, cost: "live", before, after, ...more }, table);
};

describe("a difference in words", () => {
  it("tells values and their unit", () => {
    expect(said(["memory"], 1024, 2048)).toBe("memory 1024 -> 2048 MiB");
    expect(said(["disks", 0, "size"], undefined, 8)).toBe("disks[0].size set to 8 MiB");
    expect(said(["memory"], 0.020000457763671875, 64.5)).toBe("memory 0.0200005 -> 64.5 MiB");
    expect(said(["memory"], 1234567890, 2)).toBe("memory 1234567890 -> 2 MiB");
    expect(said(["disks", 0, "size"], 8, undefined)).toBe("disks[0].size removed");
    expect(said(["disks", 0, "name"], "", "a")).toBe("disks[0].name set to a");
  });

  it("tells the few properties of an object that differ, by the name that it is told under", () => {
    const path = ["disks", 0, "limits"];
    expect(said(path, undefined, { total: 5 })).toBe("disks[0].limits.total set to 5");
    expect(said(path, { total: 5 }, { read: 6 })).toBe("disks[0].limits.total removed, disks[0].limits.read set to 6");
    const change: Difference = { path, kind: "add", cost: "live", before: undefined, after: { total: 5 } };
    expect(inWords(change, table, (at) => `${printPath(at.slice(2))} of disk a`)).toBe(
      "limits.total of disk a set to 5",
    );
    expect(said(path, undefined, {})).toBe("disks[0].limits added");
  });

  it("tells each text of a map by its key, and of a whole one only that it is another", () => {
    expect(said(["labels", "team"], undefined, "payments")).toBe("labels.team set to payments");
    expect(said(["labels", "cost-center"], "1", "2")).toBe('labels["cost-center"] 1 -> 2');
    expect(said(["labels", "team"], "payments", undefined)).toBe("labels.team removed");
    expect(said(["labels"], { team: "payments" }, UNKNOWN)).toBe("labels changed");
  });

  it("keeps the values of secrets to itself", () => {
    expect(said(["login"], undefined, { user: "ann", password: "canary" })).toBe(
      "login.user set to ann, login.password added",
    );
    expect(said(["login"], { password: "canary" }, { password: "bird" }, { secret: true })).toBe("login changed");
  });
});
