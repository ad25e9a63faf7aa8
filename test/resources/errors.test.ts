import { patiently } from "../../provider/resources/errors";
import { LibvirtError } from "../../provider/rpc";

const refusal = (code: number) => new LibvirtError({ code, domain: 18, level: 2, int1: 0, int2: 0, message: "busy" });
const signal = new AbortController().signal;

/** An act that libvirt refuses `times` times. */
function refused(times: number, code: number): { act: () => Promise<string>; tries: () => number } {
  let tries = 0;
  const act = (): Promise<string> => {
    tries += 1;
    return tries <= times ? Promise.reject(refusal(code)) : Promise.resolve("done");
  };
  return { act, tries: () => tries };
}

describe("patience", () => {
  it("tries again while the code passes", async () => {
    const { act, tries } = refused(3, 55);
    expect(await patiently({ signal }, { code: 55, forMs: 1000 }, act)).toBe("done");
    expect(tries()).toBe(4);
  });

  it("has an end, and then says what libvirt said", async () => {
    const { act, tries } = refused(99, 55);
    await expect(patiently({ signal }, { code: 55, forMs: 150 }, act)).rejects.toMatchObject({ code: 55 });
    // At 0, 25, 75 and 175 ms.
    expect(tries()).toBe(4);
  });

  it("has none with another code, or after a cancel", async () => {
    const other = refused(1, 38);
    await expect(patiently({ signal }, { code: 55, forMs: 1000 }, other.act)).rejects.toMatchObject({ code: 38 });
    expect(other.tries()).toBe(1);
    const cancelled = AbortSignal.abort();
    const busy = refused(99, 55);
    await expect(patiently({ signal: cancelled }, { code: 55, forMs: 1000 }, busy.act)).rejects.toThrow(/abort/i);
    expect(busy.tries()).toBe(1);
  });
});
