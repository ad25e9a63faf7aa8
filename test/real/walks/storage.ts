// The samples of pools and volumes.
import { pools as poolRows, volumes as volumeRows } from "../../e2e/conformance/storage";
import { samplesOf } from "./sample";

export const pools = samplesOf(poolRows, {
  base: poolRows.base,
  rows: poolRows.rows.filter(({ path }) => path !== "type"),
  reasons: {
    type: "a pool of another type needs a server or a device",
    "source.": "a pool with a source needs a server or a device",
    "source.hosts": "a pool with a source needs a server or a device",
  },
});

export const volumes = samplesOf(volumeRows, { base: volumeRows.base, rows: volumeRows.rows, reasons: {} });
