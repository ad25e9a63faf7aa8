import { wholeBlocks } from "../../../provider/resources/volume/fields";
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

it("does nothing where the size is as wanted, or differs by less than a block, or is not told", () => {
  expect(plan({ finished: true, capacityBytes: GIB }, GIB)).toEqual([]);
  expect(plan({ finished: true, capacityBytes: GIB }, GIB - 4095n)).toEqual([]);
  expect(plan({ finished: true, capacityBytes: GIB }, undefined)).toEqual([]);
  expect(plan({ finished: true, capacityBytes: GIB }, GIB, true)).toEqual([{ act: "tell", bytes: GIB }]);
});

it("fills the last block of the host in a raw image, the last sector in qcow2", () => {
  expect([wholeBlocks(0n, "raw"), wholeBlocks(4096n, "raw"), wholeBlocks(4097n, "raw")]).toEqual([0n, 4096n, 8192n]);
  expect([wholeBlocks(1n, "qcow2"), wholeBlocks(513n, "qcow2")]).toEqual([512n, 1024n]);
});
