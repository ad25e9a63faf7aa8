// The rows of pools, volumes and seeds. The pools `table` and `second`, with the volumes `one` and `two`, stand on the host.
import { cloudInitDisk } from "../../../provider/resources/cloudInitDisk/fields";
import { pool } from "../../../provider/resources/pool/fields";
import { volume } from "../../../provider/resources/volume/fields";
import { type Conformance, row } from "./table";

const netfs = { source: { hosts: [{ name: "nfs.example" }], dir: "/export" } };

export const pools: Conformance = {
  token: "StoragePool",
  table: pool,
  base: { type: "dir", path: "/var/lib/libvirt/images/pool-NN" },
  rows: [
    row("name", "table-pool", "table-pool-2"),
    row("type", "dir", "netfs", { then: netfs, shows: ["source.dir", "source.hosts", "type"] }),
    row("path", "/var/lib/libvirt/images/a", "/var/lib/libvirt/images/b"),
    row("permissions.mode", "0711", "0750"),
    row("permissions.owner", 0, 1),
    row("permissions.group", 0, 1),
    row("autostart", true, false),
    row("build.overwrite", false, true, { shows: ["build"] }),
    row("deletionProtection", undefined, true),
    row("adopt", undefined, true),
  ],
  reasons: { "source.": "pools with a source need a server or a device; test/resources/pool.test.ts compares theirs" },
};

const seedUserData = "#cloud-config\nhostname: a\n";

export const volumes: Conformance = {
  token: "Volume",
  table: volume,
  base: { pool: "table", capacity: 0.01 },
  rows: [
    row("name", "table-volume", "table-volume-2"),
    row("pool", "table", "second"),
    row("capacity", 0.01, 0.02),
    row("format", "raw", "qcow2"),
    row("source", "/var/lib/libvirt/images/source-a", "/var/lib/libvirt/images/source-b", { becomes: "replace" }),
    row("content", { $asset: "a" }, { $asset: "b" }, { with: { format: "raw" }, becomes: "replace" }),
    row("sha256", undefined, "c93eee2d0db02f10acc7460d9576e122dcf8cd53c4bf8dfcae1b3e74ebcfff5a", {
      with: { source: "/var/lib/libvirt/images/source-a" }, // 4096 times "a"
    }),
    row("backing", "table/one", "table/two", { with: { format: "qcow2" } }),
    row("allowShrink", undefined, true),
    row("allowDataLoss", undefined, true),
    row("deletionProtection", undefined, true),
    row("adopt", undefined, true),
  ],
  reasons: {},
};

export const seeds: Conformance = {
  token: "CloudInitDisk",
  table: cloudInitDisk,
  base: { pool: "table", userData: seedUserData },
  rows: [
    row("name", "table-seed", "table-seed-2"),
    row("pool", "table", "second"),
    row("userData", seedUserData, "#cloud-config\nhostname: b\n", { becomes: "replace" }),
    row("metaData", "instance-id: a\n", "instance-id: b\n", { becomes: "replace" }),
    row("networkConfig", "version: 2\n", "version: 1\n", { becomes: "replace" }),
    row("deletionProtection", undefined, true),
    row("adopt", undefined, true),
  ],
  reasons: {},
};
