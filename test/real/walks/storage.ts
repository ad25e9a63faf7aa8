// The samples of pools, volumes and seeds.
import { pools as poolRows, seeds as seedRows, volumes as volumeRows } from "../../e2e/conformance/storage";
import { sample, samplesOf } from "./sample";

export const pools = samplesOf(poolRows, {
  base: poolRows.base,
  rows: [],
  reasons: {
    type: "a pool of another type needs a server or a device",
    "source.": "a pool with a source needs a server or a device",
    "source.hosts": "a pool with a source needs a server or a device",
  },
});

export const volumes = samplesOf(volumeRows, {
  base: volumeRows.base,
  rows: [
    sample("capacity", 0.01, 0.02, { with: { allowShrink: true } }),
    sample("content", { text: "a" }, { text: "b" }, { with: { format: "raw" } }),
  ],
  reasons: {},
});

export const seeds = samplesOf(seedRows, { base: seedRows.base, rows: [], reasons: {} });
