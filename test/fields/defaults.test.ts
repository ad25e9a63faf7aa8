import {
  fillDefaults,
  flag,
  forgetDrifted,
  list,
  map,
  object,
  text,
  UNKNOWN,
  type Values,
} from "../../provider/fields";
import { machine } from "./tables";

const table = (bus: string) => ({
  kind: text({ default: "kvm", doc: "" }),
  tuning: object({ mode: text({ default: "auto", doc: "" }), on: flag({ default: true, doc: "" }) }, { doc: "" }),
  disks: list(
    object({ target: text({ doc: "" }), bus: text({ default: bus, doc: "" }), file: text({ doc: "" }) }, { doc: "" }),
    { key: (item: Values) => (typeof item["target"] === "string" ? item["target"] : undefined), doc: "" },
  ),
});

describe("defaults", () => {
  it("are filled in, and the filled paths are recorded", () => {
    expect(fillDefaults(table("virtio"), { tuning: {}, disks: [{ target: "vda" }] }, undefined)).toEqual({
      kind: "kvm",
      tuning: { mode: "auto", on: true },
      disks: [{ target: "vda", bus: "virtio" }],
      __defaults: ["kind", "tuning.mode", "tuning.on", "disks[vda].bus"],
    });
  });

  it("are not filled into an object that the program does not give", () => {
    expect(fillDefaults(table("virtio"), {}, undefined)).toEqual({ kind: "kvm", __defaults: ["kind"] });
  });

  it("record nothing where the program gives all", () => {
    expect(fillDefaults(table("virtio"), { kind: "kvm" }, undefined)).toEqual({ kind: "kvm" });
  });

  it("leave null and undefined out, at every depth", () => {
    const news = { kind: "kvm", tuning: { mode: "x", on: false, other: null }, disks: null, extra: undefined };
    expect(fillDefaults(table("virtio"), news, undefined)).toEqual({ kind: "kvm", tuning: { mode: "x", on: false } });
    const labels = { labels: map({ doc: "" }) };
    expect(fillDefaults(labels, { labels: { a: null, b: "", c: undefined } }, undefined)).toEqual({
      labels: { b: "" },
    });
  });

  it("do not come from the program: a list of its own is replaced", () => {
    expect(fillDefaults(table("virtio"), { kind: "qemu", __defaults: ["kind"] }, undefined)).toEqual({ kind: "qemu" });
  });

  it("stay as they were chosen when a newer version of ours chooses another", () => {
    const first = fillDefaults(table("virtio"), { disks: [{ target: "vda" }] }, undefined);
    const later = fillDefaults(table("scsi"), { disks: [{ target: "vda" }, { target: "vdb" }] }, first);
    expect(later["disks"]).toEqual([
      { target: "vda", bus: "virtio" },
      { target: "vdb", bus: "scsi" },
    ]);
    expect(later["__defaults"]).toEqual(["kind", "disks[vda].bus", "disks[vdb].bus"]);
    expect(fillDefaults(table("sata"), { disks: [{ target: "vda" }, { target: "vdb" }] }, later)["disks"]).toEqual([
      { target: "vda", bus: "virtio" },
      { target: "vdb", bus: "scsi" },
    ]);
  });

  it("that another hand changed are filled anew, and the others stay as they were chosen", () => {
    const news = { tuning: {}, disks: [{ target: "vda" }, { target: "vdb" }] };
    const first = fillDefaults(table("virtio"), news, undefined);
    const disks = [
      { target: "vda", bus: "sata" },
      { target: "vdb", bus: "virtio" },
    ];
    const seen = { ...first, kind: "qemu", tuning: { mode: "hand", on: true }, disks };
    const refreshed = forgetDrifted(table("virtio"), seen, first);
    expect(refreshed["__defaults"]).toEqual(["tuning.on", "disks[vdb].bus"]);
    expect({ ...refreshed, __defaults: undefined }).toEqual({ ...seen, __defaults: undefined });
    expect(fillDefaults(table("scsi"), news, refreshed)).toEqual({
      ...first,
      disks: [
        { target: "vda", bus: "scsi" },
        { target: "vdb", bus: "virtio" },
      ],
    });
  });

  it("stay for the only item of a list, which needs no identity", () => {
    const first = fillDefaults(table("virtio"), { disks: [{ file: "/a" }] }, undefined);
    expect(fillDefaults(table("scsi"), { disks: [{ file: "/b" }] }, first)["disks"]).toEqual([
      { file: "/b", bus: "virtio" },
    ]);
  });

  it("come back when a program gave a value and gives it no more", () => {
    const given = fillDefaults(table("virtio"), { kind: "qemu", disks: [{ target: "vda", bus: "scsi" }] }, undefined);
    const taken = fillDefaults(table("virtio"), { disks: [{ target: "vda" }] }, given);
    expect(taken).toEqual({
      kind: "kvm",
      disks: [{ target: "vda", bus: "virtio" }],
      __defaults: ["kind", "disks[vda].bus"],
    });
  });

  it("belong to an item, not to its place: a reorder moves none", () => {
    const news = [{ target: "vda" }, { target: "vdb", bus: "scsi" }];
    const first = fillDefaults(table("virtio"), { disks: news }, undefined);
    const turned = fillDefaults(table("sata"), { disks: [{ target: "vdb" }, { target: "vda" }] }, first);
    expect(turned["disks"]).toEqual([
      { target: "vdb", bus: "sata" },
      { target: "vda", bus: "virtio" },
    ]);
  });

  it("are not put in the place of what is not known yet", () => {
    const values = fillDefaults(table("virtio"), { kind: UNKNOWN, tuning: UNKNOWN, disks: [UNKNOWN] }, undefined);
    expect(values).toEqual({ kind: UNKNOWN, tuning: UNKNOWN, disks: [UNKNOWN] });
  });

  it("are the same on every run", () => {
    const news = { name: "web", disks: [{ target: "vda" }, { target: "vdb", bus: "scsi" }] };
    const first = fillDefaults(machine, news, undefined);
    expect(fillDefaults(machine, news, first)).toEqual(first);
    expect(news).toEqual({ name: "web", disks: [{ target: "vda" }, { target: "vdb", bus: "scsi" }] });
  });
});
