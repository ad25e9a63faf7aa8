import { text, UNKNOWN } from "../../provider/fields";
import {
  identityUnknown,
  identityValues,
  newIncarnation,
  ownedMac,
  ownedName,
  ownedNumber,
  ownedUuid,
  type Owner,
  printOwner,
} from "../../provider/resources/owner";

const owner: Owner = {
  organization: "acme",
  project: "shop",
  stack: "prod",
  type: "acme:index:Site$kvm:index:Domain",
  name: "web",
};

describe("an owner", () => {
  it("is one line", () => {
    expect(printOwner(owner)).toBe("acme/shop/prod::acme:index:Site$kvm:index:Domain::web");
  });

  it("has the same UUID for ever: a version of ours that computes another orphans what exists", () => {
    expect(ownedUuid(owner, {})).toBe("6c57297f-e9cf-8533-b3a0-b46db6698896");
    expect(ownedUuid(owner, { pool: "default", format: "qcow2" })).toBe("20d28f95-9e74-88e9-9563-466a66a79431");
  });

  it("has a UUID of RFC 9562, version 8", () => {
    for (let count = 0; count < 100; count++) {
      expect(ownedUuid({ ...owner, name: `web-${count}` }, {})).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
    }
  });

  it("has another UUID and another name for each part of it and for each replaced value", () => {
    const others: Owner[] = [
      owner,
      { ...owner, organization: "acme2" },
      { ...owner, project: "shop2" },
      { ...owner, stack: "dev" },
      { ...owner, type: "kvm:index:Domain" },
      { ...owner, name: "web2" },
    ];
    const uuids = [
      ...others.map((one) => ownedUuid(one, {})),
      ownedUuid(owner, { pool: "a" }),
      ownedUuid(owner, { pool: "b" }),
    ];
    expect(new Set(uuids).size).toBe(8);
    expect(ownedName(owner, { pool: "a" })).not.toBe(ownedName(owner, { pool: "b" }));
  });

  it("is the same whatever the order of the values", () => {
    expect(ownedUuid(owner, { a: { x: 1, y: 2 }, b: 1 })).toBe(ownedUuid(owner, { b: 1, a: { y: 2, x: 1 } }));
  });
});

describe("a name that the program does not give", () => {
  it("is the same on every run", () => {
    expect(ownedName(owner, {})).toBe("web-63152a6");
  });

  it.each([
    ["web server", /^web-server-[0-9a-f]{7}$/],
    ["../x", /^x-[0-9a-f]{7}$/],
    ["-rf", /^rf-[0-9a-f]{7}$/],
    ["世界", /^kvm-[0-9a-f]{7}$/],
    ["", /^kvm-[0-9a-f]{7}$/],
    ["a\nb\u202e", /^a-b--[0-9a-f]{7}$/],
    ["x".repeat(300), /^x{100}-[0-9a-f]{7}$/],
  ])("%j becomes a good one", (name, good) => {
    expect(ownedName({ ...owner, name }, {})).toMatch(good);
  });
});

describe("the values of an identity", () => {
  const table = {
    name: text({ filled: true, change: "replace", doc: "" }),
    pool: text({ change: "replace", doc: "" }),
    format: text({ change: "replace", doc: "" }),
    title: text({ change: "live", doc: "" }),
  };

  it("are those whose change replaces, without the name", () => {
    expect(identityValues(table, { name: "n", pool: "p", title: "t", other: 1 })).toEqual({ pool: "p" });
  });

  it("are unknown while one of them is, and only then", () => {
    expect(identityUnknown({ pool: UNKNOWN })).toBe(true);
    expect(identityUnknown({ pool: { inner: [UNKNOWN] } })).toBe(true);
    expect(identityUnknown({ pool: "p" })).toBe(false);
    expect(identityUnknown({ pool: "\\u0000unknown" })).toBe(false);
  });
});

describe("a card's MAC", () => {
  it("is the same for ever, unicast, and another for each machine and card", () => {
    const uuid = "3d7a1f52-0000-8000-8000-000000000001";
    expect(ownedMac(uuid, "")).toBe("52:54:00:e8:01:58");
    expect(ownedMac(uuid, "lan")).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/);
    expect(new Set([ownedMac(uuid, ""), ownedMac(uuid, "lan"), ownedMac("other", "lan")]).size).toBe(3);
  });
});

describe("small marks", () => {
  it("are numbers below a bound, and lives that never repeat", () => {
    expect(ownedNumber(owner, {}, 1000)).toBe(ownedNumber(owner, {}, 1000));
    expect(ownedNumber(owner, {}, 1000)).toBeLessThan(1000);
    expect(newIncarnation()).toMatch(/^[0-9a-f]{16}$/);
    expect(newIncarnation()).not.toBe(newIncarnation());
  });
});
