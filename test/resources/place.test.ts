import { Place, samePlace } from "../../provider/resources/place";

const A = "a4728df2-f7af-4e90-a639-f883d76b3c62";
const B = "1c9e2f10-0000-4000-8000-f883d76b3c62";

describe("a place", () => {
  it("is the same by the host's UUID, whatever its name is now", () => {
    expect(samePlace(`${A}/system/qemu`, `${A}/system/qemu`)).toBe(true);
    expect(samePlace(`${A}@old/system`, `${A}@new/system`)).toBe(true);
  });

  it("is another with another UUID, mode, user or driver", () => {
    expect(samePlace(`${A}/system/qemu`, `${B}/system/qemu`)).toBe(false);
    expect(samePlace(`${A}/system/qemu`, `${A}/session:1000/qemu`)).toBe(false);
    expect(samePlace(`${A}/system/qemu`, `${A}/system/lxc`)).toBe(false);
  });

  it("is the same by name where no SMBIOS backs the UUID, which is then a new one at each start of the daemon", () => {
    expect(samePlace(`${A}@board/system`, `${B}@board/system`)).toBe(true);
    expect(samePlace(`${A}@board/system`, `${B}@other/system`)).toBe(false);
    expect(samePlace(`${A}@board/system`, `${B}/system`)).toBe(false);
  });
});

describe("a question asked by many", () => {
  const gates: (() => void)[] = [];
  const ask = (): Promise<number> =>
    new Promise((resolve) =>
      gates.push(() => {
        resolve(gates.length);
      }),
    );
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it("is asked once for all who come while it is under way, after it and not with it", async () => {
    const place = new Place({ uri: "qemu:///system" });
    const first = place.together("x", ask);
    await turn();
    const [second, third] = [place.together("x", ask), place.together("x", ask)];
    await turn();
    expect(gates).toHaveLength(1);
    gates[0]?.();
    await first;
    await turn();
    expect(gates).toHaveLength(2);
    gates[1]?.();
    expect(await Promise.all([first, second, third])).toEqual([1, 2, 2]);
  });

  it("is asked again after a failure, and another question does not wait for it", async () => {
    const place = new Place({ uri: "qemu:///system" });
    await expect(place.together("x", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await place.together("x", () => Promise.resolve(7))).toBe(7);
    void place.together("x", () => new Promise(() => undefined));
    expect(await place.together("y", () => Promise.resolve(8))).toBe(8);
  });
});

describe("the place of a session", () => {
  it("is named by its user, however the host is reached", async () => {
    const facts = { uuid: "u", arch: "x86_64", hardwareVirtualisation: true, domainTypes: [] };
    const identity = async (uri: string, user: string): Promise<string> => {
      const place = new Place({ uri });
      jest.spyOn(place, "facts").mockResolvedValue(facts);
      jest.spyOn(place.host, "user").mockResolvedValue(user);
      return place.identity("machines");
    };
    expect(await identity("qemu+ssh://ann@h/session", "1000")).toBe("u/session:1000/qemu");
    expect(await identity("qemu:///session", "1000")).toBe("u/session:1000/qemu");
    expect(await identity("qemu+ssh://bob@h/session", "1001")).toBe("u/session:1001/qemu");
    expect(await identity("qemu+ssh://ann@h/system", "0")).toBe(await identity("qemu:///system", "0"));
  });
});
