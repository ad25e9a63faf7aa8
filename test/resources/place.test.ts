import { samePlace } from "../../provider/resources/place";

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
