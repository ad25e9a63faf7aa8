import {
  type Machine,
  neededUsers,
  overlayOn,
  usersOfVolume,
  writerOf,
  writersOf,
} from "../../../provider/resources/volume/inUse";
import { parseXml } from "../../../provider/xml";

const target = { pool: "pool", name: "disk", path: "/pool/disk" };

function machine(running: boolean, ...definitions: string[]): Machine {
  const domain = { name: "web", uuid: "0c5b7d0a-0000-4000-8000-000000000001", id: running ? 1 : -1 };
  return { domain, running, definitions: definitions.map((xml) => parseXml(`<domain>${xml}</domain>`)) };
}

const users = (...machines: Machine[]) => usersOfVolume({ machines, overlays: [] }, target);

it.each([
  ["a disk", "<devices><disk><source file='/pool/disk'/></disk></devices>"],
  ["a block device", "<devices><disk><source dev='/pool/disk'/></disk></devices>"],
  ["a volume by name", "<devices><disk><source pool='pool' volume='disk'/></disk></devices>"],
  [
    "a link of a chain",
    "<devices><disk><source file='/o'/><backingStore><source file='/pool/disk'/></backingStore></disk></devices>",
  ],
  ["a kernel", "<os><kernel>/pool/disk</kernel></os>"],
])("sees a volume as %s", (_, xml) => {
  expect(users(machine(false, xml))).toEqual(['the machine "web"']);
  expect(users(machine(true, "<devices/>", xml))).toEqual(['the running machine "web"']);
});

it("sees nobody where only the name is alike", () => {
  expect(users(machine(true, "<devices><disk><source file='/pool/disk2'/></disk></devices>"))).toEqual([]);
});

it("sees overlays", () => {
  const overlays = [
    { id: "pool/over", path: "/pool/over", backingPath: "/pool/disk" },
    { id: "pool/else", path: "/pool/else", backingPath: "/pool/base" },
  ];
  expect(usersOfVolume({ machines: [], overlays }, target)).toEqual(['the volume "pool/over"']);
});

it("takes overlays for needed that a machine names, and those below them", () => {
  const overlays = [
    { id: "pool/below", path: "/pool/below", backingPath: "/pool/disk" },
    { id: "pool/between", path: "/pool/between", backingPath: "/pool/below" },
    { id: "pool/top", path: "/pool/top", backingPath: "/pool/between" },
    { id: "pool/left", path: "/pool/left", backingPath: "/pool/disk" },
  ];
  const top = machine(false, "<devices><disk><source file='/pool/top'/></disk></devices>");
  const needed = neededUsers({ machines: [top], overlays });
  expect(needed.overlays.map(({ id }) => id).sort()).toEqual(["pool/below", "pool/between", "pool/top"]);
  expect(usersOfVolume(needed, target)).toEqual(['the volume "pool/below"']);
  expect(neededUsers({ machines: [], overlays }).overlays).toEqual([]);
});

it("takes for a writer only who runs now, has it as the active image and may write", () => {
  const disk = (inner: string): string => `<devices><disk>${inner}<target dev='vdb'/></disk></devices>`;
  const source = "<source file='/pool/disk'/>";
  expect(writerOf([machine(true, disk(source), "<devices/>")], target)?.disk).toBe("vdb");
  expect(writersOf([machine(true, disk(source)), machine(true, disk(source))], target)).toHaveLength(2);
  expect(writerOf([machine(false, disk(source))], target)).toBeUndefined();
  expect(writerOf([machine(true, disk(`${source}<readonly/>`))], target)).toBeUndefined();
  const backing = `<source file='/o'/><backingStore>${source}</backingStore>`;
  expect(writerOf([machine(true, disk(backing))], target)).toBeUndefined();
});

it("finds the image that lies on a volume in a chain, of a running machine that may write", () => {
  const chain =
    "<source file='/top'/><backingStore><source file='/between'/><backingStore><source file='/pool/disk'/><backingStore/>" +
    "</backingStore></backingStore><target dev='vda'/>";
  const disk = (inner: string): string => `<devices><disk>${inner}</disk></devices>`;
  const over = (...machines: Machine[]) => overlayOn(machines, target);
  expect(over(machine(true, disk(chain), "<devices/>"))).toMatchObject({ disk: "vda", path: "/between" });
  expect(over(machine(false, disk(chain)))).toBeUndefined();
  expect(over(machine(true, disk(`${chain}<readonly/>`)))).toBeUndefined();
  expect(over(machine(true, disk("<source file='/pool/disk'/><backingStore/>")))).toBeUndefined();
});
