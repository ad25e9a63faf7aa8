import { printPath } from "../../provider/fields";

describe("a property path", () => {
  it.each([
    [[], ""],
    [["name"], "name"],
    [["disks", 0, "bus"], "disks[0].bus"],
    [["os", "loader", "secure"], "os.loader.secure"],
    [["labels", "a.b"], 'labels["a.b"]'],
    [["labels", 'say "hi"\\'], 'labels["say \\"hi\\"\\\\"]'],
    [["labels", ""], 'labels[""]'],
    [["2nd"], '["2nd"]'],
    [["_x1", 10, 2], "_x1[10][2]"],
  ])("%j is written %s", (path, printed) => {
    expect(printPath(path)).toBe(printed);
  });
});
