import { isUnfinished, markerBlock, oddBytes } from "../../../provider/resources/volume/proof";

const owner = { organization: "organization", project: "p", stack: "s", type: "kvm:index:Volume", name: "disk" };
const other = { ...owner, stack: "t" };
const spot = { pool: "pool", name: "disk" };
const zeros = Buffer.alloc(4096);
const marker = Buffer.concat([markerBlock(owner, spot), Buffer.alloc(3584, 7)]);

it("begins with words that no image format begins with", () => {
  const block = markerBlock(owner, spot);
  expect(block).toHaveLength(512);
  expect(block.toString("latin1")).toMatch(/^PULUMI-KVM unfinished volume [0-9a-f-]{36}\n\0+$/);
});

it("knows a volume of the owner's odd size that nobody has written", () => {
  const fileBytes = oddBytes(owner, spot);
  expect(fileBytes % 512n).toBe(0n);
  expect(fileBytes).toBeLessThanOrEqual(2n * 1024n ** 3n);
  expect(isUnfinished(owner, spot, { fileBytes, allocatedBytes: 0n, head: zeros })).toBe(true);
  expect(isUnfinished(other, spot, { fileBytes, allocatedBytes: 0n, head: zeros })).toBe(false);
  expect(isUnfinished(owner, { ...spot, name: "disk2" }, { fileBytes, allocatedBytes: 0n, head: zeros })).toBe(false);
  expect(isUnfinished(owner, spot, { fileBytes: fileBytes + 512n, allocatedBytes: 0n, head: zeros })).toBe(false);
  expect(isUnfinished(owner, spot, { fileBytes, allocatedBytes: 4096n, head: Buffer.alloc(4096, 1) })).toBe(false);
});

it("knows the owner's marker whatever the size, and nobody else's", () => {
  expect(isUnfinished(owner, spot, { fileBytes: 20n, allocatedBytes: 4096n, head: marker.subarray(0, 20) })).toBe(true);
  expect(isUnfinished(owner, spot, { fileBytes: 99_999n, allocatedBytes: 8192n, head: marker })).toBe(true);
  expect(isUnfinished(other, spot, { fileBytes: 99_999n, allocatedBytes: 8192n, head: marker })).toBe(false);
});

it("takes small content of the wanted length for its own only while it has no block", () => {
  const evidence = { fileBytes: 1000n, wantedBytes: 1000n, head: Buffer.alloc(1000) };
  expect(isUnfinished(owner, spot, { ...evidence, allocatedBytes: 0n })).toBe(true);
  expect(isUnfinished(owner, spot, { ...evidence, allocatedBytes: 4096n })).toBe(false);
  expect(isUnfinished(owner, spot, { ...evidence, wantedBytes: 1001n, allocatedBytes: 0n })).toBe(false);
  expect(isUnfinished(owner, spot, { ...evidence, wantedBytes: undefined, allocatedBytes: 0n })).toBe(false);
  const large = { fileBytes: 65_536n, wantedBytes: 65_536n, head: zeros, allocatedBytes: 0n };
  expect(isUnfinished(owner, spot, large)).toBe(false);
});
