import { Place } from "../../../provider/resources/place";
import type { Request } from "../../../provider/resources/port";
import { volume } from "../../../provider/resources/volume/lifecycle";

// A volume group gives whole extents of 4 MiB, and libvirt resizes no volume of it (no resizeVol in its driver).
const pool = { name: "vg", uuid: "00000000-0000-0000-0000-00000000beef" };
const EXTENTS = 3n * 4n * 1024n ** 2n;
const xml = `<volume type='block'><name>v</name><key>k</key><capacity unit='bytes'>${EXTENTS}</capacity>
  <physical unit='bytes'>${EXTENTS}</physical><target><path>/dev/vg/v</path><format type='raw'/></target></volume>`;

const place = new Place({ uri: "qemu:///system" });
const answers: Record<string, unknown> = {
  STORAGE_VOL_GET_XML_DESC: { xml },
  STORAGE_POOL_LOOKUP_BY_NAME: { pool },
  STORAGE_POOL_GET_INFO: { state: 2, capacity: 1n << 40n, allocation: 0n, available: 1n << 40n },
  STORAGE_POOL_GET_XML_DESC: { xml: "<pool type='logical'/>" },
  CONNECT_LIST_ALL_DOMAINS: { domains: [] },
};
beforeEach(() => {
  const call = (name: string) => (name in answers ? Promise.resolve(answers[name]) : Promise.reject(new Error(name)));
  jest.spyOn(place.host, "call").mockImplementation(call as never);
  jest.spyOn(place.host, "download").mockImplementation(async function* () {
    yield await Promise.resolve(Buffer.alloc(4096, 1));
  });
});

/** A preview in a stack whose volume has these inputs. */
const request = (): Request => ({
  name: "v",
  owner: { organization: "o", project: "p", stack: "s", type: "kvm:index:Volume", name: "v" },
  place,
  preview: true,
  signal: new AbortController().signal,
  progress: () => undefined,
  info: () => undefined,
  warn: () => undefined,
});

const inputs = { name: "v", pool: "vg", capacity: 0.01, format: "raw" };
const state = { ...inputs, __pool: pool.uuid, __made: "raw - -" };

describe("a volume of a volume group", () => {
  it("that was rounded up to an extent is as wanted", async () => {
    const seen = volume.diff({ ...request(), oldInputs: inputs }, "vg/v", state, inputs);
    expect((await seen).changes).toBe(false);
  });

  it("cannot be grown by libvirt, as the preview says", async () => {
    const more = { ...inputs, capacity: 1 };
    const seen = volume.diff({ ...request(), oldInputs: inputs }, "vg/v", state, more);
    await expect(seen).rejects.toThrow(/logical/);
  });

  it("is as wanted once it was grown on the host", async () => {
    const more = { ...inputs, capacity: 0.0115 };
    const seen = volume.diff({ ...request(), oldInputs: inputs }, "vg/v", state, more);
    expect((await seen).differences).toEqual([]);
  });

  it("does not shrink, whether the program allows it or not", async () => {
    const less = { ...inputs, capacity: 0.005, allowShrink: true };
    await expect(volume.diff({ ...request(), oldInputs: inputs }, "vg/v", state, less)).rejects.toThrow(/logical/);
    const same = { ...inputs, allowShrink: true };
    const seen = volume.diff({ ...request(), oldInputs: inputs }, "vg/v", state, same);
    expect((await seen).differences).toEqual([]);
  });
});
