import { ask } from "../../provider/serving/asking";

describe("a function in the program's process", () => {
  it("names every wrong argument before any host is asked", async () => {
    const away = (): string => "qemu+unix:///system?socket=/nowhere";
    await expect(ask("getDomain", away, { name: 1, nam: "web" })).rejects.toThrow(
      'getDomain: name: must be text, not number 1; nam: unknown property; did you mean "name"?',
    );
    await expect(ask("getVolume", away, { pool: "p" })).rejects.toThrow(
      'getVolume: pool: give "id", or "pool" with "name"',
    );
  });

  it("says that the host is away", async () => {
    const away = (): string => "qemu+unix:///system?socket=/nowhere";
    await expect(ask("getHost", away, {})).rejects.toThrow(/^getHost: .*\/nowhere/);
  });

  it("says which setting cannot work", async () => {
    await expect(ask("getHost", () => "qemu+ext://host/system", {})).rejects.toThrow(/^provider\.uri: /);
  });
});
