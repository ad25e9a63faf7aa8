import { checkValues, readTable, UNKNOWN, type Values } from "../../provider/fields";
import { complaints } from "../../provider/resources/pool/check";
import { pool } from "../../provider/resources/pool/fields";
import { changesOf, plan } from "../../provider/resources/pool/plan";
import { parseXml } from "../../provider/xml";
import type { Goal } from "../../provider/resources/definition";
import type { FoundPool } from "../../provider/resources/pool/observe";

const wrong = (values: Values): string[] => {
  const failures = checkValues(pool, values);
  return (failures.length > 0 ? failures : complaints({ type: "dir", ...values })).map(({ property }) => property);
};

describe("a pool's check", () => {
  it("lets pass what libvirt's manual shows", () => {
    expect(wrong({ name: "images", path: "/var/lib/libvirt/images" })).toEqual([]);
    expect(
      wrong({ type: "netfs", path: "/mnt/nfs", source: { hosts: [{ name: "nfs.example" }], dir: "/export" } }),
    ).toEqual([]);
    expect(wrong({ type: "logical", source: { name: "vg0" } })).toEqual([]);
    // What an import reads of a directory.
    expect(wrong({ path: "/var/lib/libvirt/images", source: {} })).toEqual([]);
    expect(
      wrong({
        type: "iscsi",
        path: "/dev/disk/by-path",
        source: { hosts: [{ name: "10.0.0.1", port: 3260 }], devices: ["iqn.2013-06.com.example:iscsi-pool"] },
      }),
    ).toEqual([]);
    expect(
      wrong({
        type: "rbd",
        source: {
          hosts: [{ name: "mon1" }],
          name: "pool",
          auth: { type: "ceph", username: "admin", secretUuid: "2ec115d7-3a88-3ceb-bc12-0ac909a6fd87" },
        },
      }),
    ).toEqual([]);
    expect(wrong({ path: UNKNOWN, source: UNKNOWN, type: UNKNOWN })).toEqual([]);
  });

  it.each([
    ["no path", { name: "x" }, "path"],
    ["a relative path", { path: "images" }, "path"],
    ["a path with ..", { path: "/var/../etc" }, "path"],
    ["a newline in a path", { path: "/var/x\ny" }, "path"],
    ["an option as a name", { name: "-rf", path: "/x" }, "name"],
    ["a way up as a name", { name: "../x", path: "/x" }, "name"],
    ["an unknown type", { type: "tape", path: "/x" }, "type"],
    ["a source of a directory", { path: "/x", source: { dir: "/y" } }, "source"],
    ["a missing server", { type: "netfs", path: "/x", source: { dir: "/y" } }, "source.hosts"],
    ["a missing source", { type: "fs", path: "/x" }, "source.devices"],
    ["a build of what cannot be built", { type: "mpath", build: {} }, "build"],
    ["a mode that is none", { path: "/x", permissions: { mode: "rwx" } }, "permissions.mode"],
    ["a space in a device", { type: "disk", source: { devices: ["a b"] } }, "source.devices[0]"],
    ["an output", { path: "/x", capacity: 1 }, "capacity"],
  ])("refuses %s, and says where", (_, values: Values, property) => {
    expect(wrong(values)).toEqual([property]);
  });
});

const goal = (inputs: Values, managed?: Values): Goal => ({
  id: "0b6ba0a4-0000-8000-8000-000000000002",
  name: "images",
  inputs: { name: "images", type: "dir", ...inputs },
  managed,
  mark: { owner: "me", incarnation: "1", phase: "ready", deferred: [] },
});

const found = (xml: string, more: Partial<FoundPool> = {}): FoundPool => {
  const inactive = parseXml(xml);
  return {
    id: "0b6ba0a4-0000-8000-8000-000000000002",
    name: "images",
    values: readTable(pool, inactive),
    finished: true,
    active: true,
    persistent: true,
    autostart: true,
    inactive,
    live: inactive,
    capacity: 1,
    available: 1,
    madeDirectory: false,
    ran: true,
    ...more,
  };
};

const DIR = `<pool type="dir"><name>images</name><uuid>0b6ba0a4-0000-8000-8000-000000000002</uuid><source/>
  <target><path>/srv/images</path><permissions><mode>0711</mode></permissions></target></pool>`;

describe("the plan for a pool", () => {
  it("of nothing defines it, starts it or else makes its directory, and sets autostart last", () => {
    expect(
      plan(undefined, goal({ path: "/srv/images", permissions: { mode: "0700" }, autostart: true }), true),
    ).toEqual(
      [
        {
          act: "define",
          xml:
            "<pool type='dir'><name>images</name><uuid>0b6ba0a4-0000-8000-8000-000000000002</uuid>" +
            "<target><path>/srv/images</path><permissions><mode>0700</mode></permissions></target></pool>",
        },
        { act: "start", builds: [0] },
        { act: "autostart", on: true },
      ].map((step) => ("xml" in step ? { ...step, xml: step.xml.replaceAll("'", '"') } : step)),
    );
  });

  it("formats only what does not start, where build says so, and overwrites only where that says so", () => {
    const second = (inputs: Values, fresh = true): object | undefined => plan(undefined, goal(inputs), fresh)[1];
    const disk = { type: "disk", source: { devices: ["/dev/sdb"] } };
    expect(second(disk)).toEqual({ act: "start", builds: [] });
    expect(second({ ...disk, build: {} })).toEqual({ act: "start", builds: [4] });
    expect(second({ ...disk, build: { overwrite: true } })).toEqual({ act: "start", builds: [8] });
    const fs = { type: "fs", path: "/srv/x", source: { devices: ["/dev/sdb1"] } };
    expect(second(fs)).toEqual({ act: "start", builds: [0] });
    // Its mount point alone may be missing.
    expect(second({ ...fs, build: { overwrite: true } })).toEqual({ act: "start", builds: [0, 8] });
    expect(second({ path: "/srv/x", build: { overwrite: true } })).toEqual({ act: "start", builds: [0] });
  });

  it("never formats what is no new pool, also where its definition was taken away", () => {
    const overwrite = { type: "fs", path: "/srv/x", source: { devices: ["/dev/sdb1"] }, build: { overwrite: true } };
    expect(plan(undefined, goal(overwrite, overwrite), false).slice(1)).toEqual([
      { act: "start", builds: [0] },
      { act: "autostart", on: true },
    ]);
  });

  it("of what is there is empty, and never builds what it did not make", () => {
    expect(plan(found(DIR), goal({ path: "/srv/images/", permissions: { mode: "711" } }, {}), false)).toEqual([]);
    expect(plan(found(DIR, { active: false }), goal({ path: "/srv/images" }, {}), false)).toEqual([
      { act: "start", builds: [] },
    ]);
  });

  it("defines before it stops, so that a refusal leaves the pool running", () => {
    const steps = plan(found(DIR), goal({ path: "/srv/images", permissions: { mode: "0700" } }, {}), false);
    expect(steps.map(({ act }) => act)).toEqual(["define", "stop", "build", "start"]);
  });

  it("restarts what still runs as it was before its definition was written, unless the program ignores that", () => {
    const live = parseXml(DIR.replace("0711", "0700"));
    const [there, wish] = [found(DIR, { live }), goal({ path: "/srv/images", permissions: { mode: "0711" } }, {})];
    expect(changesOf(there, wish.inputs, {})).toEqual([
      { path: ["permissions", "mode"], kind: "update", cost: "restart", before: "0700", after: "0711" },
    ]);
    expect(plan(there, wish, false).map(({ act }) => act)).toEqual(["stop", "build", "start"]);
    expect(plan(there, wish, false, ([name]) => name === "permissions")).toEqual([]);
    expect(plan(found(DIR, { live, active: false }), wish, false)).toEqual([{ act: "start", builds: [] }]);
    const elsewhere = parseXml(DIR.replace("/srv/images", "/srv/old"));
    expect(changesOf(found(DIR, { live: elsewhere }), wish.inputs, {})).toMatchObject([
      { path: ["path"], cost: "restart" },
    ]);
  });

  it("changes autostart alone while it runs", () => {
    expect(plan(found(DIR), goal({ path: "/srv/images", autostart: false }, {}), false)).toEqual([
      { act: "autostart", on: false },
    ]);
  });
});
