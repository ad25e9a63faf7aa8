import { setSchedule } from "../../../../provider/resources/domain/parts/limiting";
import type { Running } from "../../../../provider/resources/domain/live";
import { LibvirtError } from "../../../../provider/rpc";
import { parseXml } from "../../../../provider/xml";

const guest = (tune: string) => `<domain><cputune>${tune}</cputune></domain>`;
const rejected = new LibvirtError({ code: 8, domain: 10, level: 2, int1: 0, int2: 0, message: "out of range" });

/** A guest whose host takes shares up to `most`, and what libvirt was asked to set. */
function running(before: string, after: string, most: bigint) {
  const asked: string[][] = [];
  let shares = "?";
  const call = (name: string, args: { readonly params?: readonly { field: string; value: bigint }[] }) => {
    if (name === "DOMAIN_GET_XML_DESC")
      return Promise.resolve({
        xml: guest(`<shares>${shares}</shares><quota>-1</quota><global_quota>9000</global_quota>`),
      });
    if (name !== "DOMAIN_SET_SCHEDULER_PARAMETERS_FLAGS") throw new Error(name);
    asked.push((args.params ?? []).map(({ field, value }) => `${field}=${value}`));
    const own = args.params?.find(({ field }) => field === "cpu_shares");
    if (own && own.value > most) return Promise.reject(rejected);
    if (own) shares = String(own.value);
    return Promise.resolve({});
  };
  const at = {
    request: { place: { host: { call } } },
    found: { handle: {}, live: parseXml(guest(before)) },
    definition: parseXml(guest(after)),
  } as unknown as Running; // what the act reads of it
  return { at, asked };
}

const change = { path: ["cputune", "shares"], kind: "delete", cost: "live", before: 1, after: undefined } as const;

describe("shares that are taken back", () => {
  it.each([
    ["version 1", 262_144n, "1024"],
    ["version 2", 10_000n, "100"],
  ])("are what a group of %s has by itself", async (_, most, normal) => {
    const { at, asked } = running("<shares>500</shares>", "", most);
    await setSchedule(at, change);
    expect(asked).toEqual([["cpu_shares=10001"], [`cpu_shares=${normal}`]]);
  });
});

describe("a part's limit", () => {
  it("is lifted before the whole machine's limit changes, which comes first", async () => {
    const { at, asked } = running(
      "<quota>5000</quota><global_quota>8000</global_quota>",
      "<global_quota>9000</global_quota>",
      10n,
    );
    await setSchedule(at, { ...change, path: ["cputune", "globalQuota"] });
    expect(asked).toEqual([["vcpu_quota=-1"], ["global_quota=9000", "vcpu_quota=-1"]]);
  });
});
