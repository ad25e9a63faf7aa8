import { plan } from "../../../provider/resources/volume/plan";

const GIB = 1024n ** 3n;

it("makes what is not there", () => {
  expect(plan(undefined, GIB)).toEqual([{ act: "make" }]);
});

it("makes again what an interrupted create left", () => {
  expect(plan({ finished: false, capacityBytes: 512n * 77n }, GIB)).toEqual([{ act: "clear" }, { act: "make" }]);
});

it("resizes in place", () => {
  const standing = { finished: true, capacityBytes: GIB };
  expect(plan(standing, 2n * GIB)).toEqual([{ act: "resize", fromBytes: GIB, toBytes: 2n * GIB }]);
  expect(plan(standing, GIB / 2n)).toEqual([{ act: "resize", fromBytes: GIB, toBytes: GIB / 2n }]);
});

it("does nothing where the size is as wanted, or differs by less than a sector, or is not told", () => {
  expect(plan({ finished: true, capacityBytes: GIB }, GIB)).toEqual([]);
  expect(plan({ finished: true, capacityBytes: GIB }, GIB - 511n)).toEqual([]);
  expect(plan({ finished: true, capacityBytes: GIB }, undefined)).toEqual([]);
});
