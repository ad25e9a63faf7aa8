import { object, text, withKnownSecrets } from "../../provider/fields";

const secret = (name: string) => text({ xml: name, change: "live", secret: true, doc: "" });
const table = {
  title: text({ xml: "title", change: "live", doc: "" }),
  key: secret("key"),
  screen: object({ password: secret("@password"), port: text({ xml: "@port", change: "live", doc: "" }) }, { doc: "" }),
} as const;

describe("secrets that an account may not see", () => {
  it("are as they were left, and nothing else is", () => {
    const known = { title: "then", key: "k", screen: { password: "p", port: "1" } };
    expect(withKnownSecrets(table, { screen: {} }, known)).toEqual({ key: "k", screen: { password: "p" } });
  });

  it("are not given to what is not there, nor put in the place of what was seen", () => {
    expect(withKnownSecrets(table, { key: "seen" }, { key: "k", screen: { password: "p" } })).toEqual({ key: "seen" });
  });
});
