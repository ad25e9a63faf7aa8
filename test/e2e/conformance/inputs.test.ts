// Every input of every resource, through both doors: one up of a resource for each input, then a preview for each question.
import { rmSync, writeFileSync } from "node:fs";
import { describeInLab, virsh } from "../engine";
import { type Declared, DoorProgram, doors, programText } from "./doors";
import { dhcpHosts, dnsHosts } from "./entries";
import { machines } from "./machines";
import { networks } from "./networks";
import { pools, seeds, volumes } from "./storage";
import { announced, type Conformance, declared, fieldAt, inputsOf, nameOf } from "./table";

const table = [machines, networks, pools, volumes, seeds, dhcpHosts, dnsHosts];
const images = "/var/lib/libvirt/images";

/** What the rows stand on, made by other hands. */
function furnish(): void {
  for (const [name, text] of Object.entries({ "source-a": "a", "source-b": "b" }))
    writeFileSync(`${images}/${name}`, text.repeat(4096));
  for (const name of ["table", "second"]) {
    virsh("pool-define-as", name, "dir", "--target", `${images}/${name}`);
    virsh("pool-build", name);
    virsh("pool-start", name);
  }
  for (const [index, name] of ["entries", "entries-2"].entries()) {
    const subnets = `<ip address='10.92.${index}.1' prefix='24'/><ip family='ipv6' address='fd00:92:${index}::1' prefix='64'/>`;
    writeFileSync(`${images}/net.xml`, `<network><name>${name}</name>${subnets}</network>`);
    virsh("net-define", `${images}/net.xml`);
  }
  for (const name of ["one", "two"]) virsh("vol-create-as", "table", name, "4M", "--format", "qcow2");
}

const before = (one: Conformance): Declared[] => one.rows.map((row, number) => declared(one, number, row.before));
const after = (one: Conformance): Declared[] =>
  one.rows.map((row, number) => declared(one, number, row.after, row.then));
const unknown = (one: Conformance): Declared[] =>
  one.rows.map((_, number) => declared(one, number, { $unknown: true }));

describe("the table", () => {
  it.each(table)("has a row or a reason for each input of $token", ({ table: fields, rows, reasons }) => {
    const told = new Set(rows.map(({ path }) => path));
    const excused = (path: string): boolean =>
      Object.keys(reasons).some((reason) => (reason.endsWith(".") ? path.startsWith(reason) : path === reason));
    expect(inputsOf(fields).filter((path) => !told.has(path) && !excused(path))).toEqual([]);
    expect([...told].filter((path) => !inputsOf(fields).includes(path))).toEqual([]);
    expect(Object.values(reasons).filter((reason) => reason.length < 10)).toEqual([]);
    for (const { path } of rows) expect(fieldAt(fields, path)).toBeDefined();
  });
});

/** The next test finds the host as it was. */
function clear(): void {
  for (const name of ["table", "second"]) {
    virsh("pool-destroy", name);
    virsh("pool-undefine", name);
    rmSync(`${images}/${name}`, { recursive: true, force: true });
  }
  for (const name of ["entries", "entries-2"]) virsh("net-undefine", name);
}

describeInLab.each(doors)("each input through the %s door", (door) => {
  let program: DoorProgram;
  beforeAll(() => {
    furnish();
    program = new DoorProgram(door, programText(table.flatMap(before)));
    program.upped();
  }, 600_000);
  afterAll(() => {
    program.close();
    clear();
  }, 240_000);

  it("is unchanged in a preview after up", () => {
    program.write(programText(table.flatMap(before)));
    expect(program.plan().planned).toEqual({});
  }, 120_000);

  it("is announced as what its change costs", () => {
    program.write(programText(table.flatMap(after)));
    const { planned } = program.plan();
    const expected = table.flatMap((one) =>
      one.rows.map((row, number) => {
        const shows = row.shows ?? [row.path.replaceAll("[]", "[0]")];
        return [nameOf(one, number), { op: announced(one, row), paths: door === "plugin" ? shows : [] }];
      }),
    );
    expect(planned).toEqual(Object.fromEntries(expected));
  }, 120_000);

  it("may be unknown, for an object that stands and for one to come", () => {
    program.write(programText(table.flatMap(unknown)));
    expect(Object.keys(program.plan().planned)).toContain("later");
    const fresh = new DoorProgram(door, programText(table.flatMap(unknown)), { project: "fresh" });
    const { planned } = fresh.plan();
    expect(new Set(Object.values(planned).map(({ op }) => op))).toEqual(new Set(["create"]));
    expect(Object.keys(planned)).toHaveLength(1 + table.flatMap(({ rows }) => rows).length);
    fresh.close();
  }, 240_000);
});
