import { checkValues, readTable, UNKNOWN, type Values, writeTable } from "../../../../provider/fields";
import { domain } from "../../../../provider/resources/domain/fields";
import { bareMetadata } from "../../../../provider/resources/domain/parts/metadata";
import { parseXml, printXml } from "../../../../provider/xml";

const others = `<o:app xmlns:o="urn:other"><o:a>kept</o:a></o:app><mark xmlns="urn:pulumi-kvm:mark:1" owner="me"/>`;
const own = (entries: string): string =>
  `<kvm:metadata xmlns:kvm="urn:pulumi-kvm:metadata:1">${entries}</kvm:metadata>`;
const machine = (inside: string): string => `<domain><metadata>${inside}</metadata></domain>`;
const read = (xml: string): unknown => readTable(domain, parseXml(xml))["metadata"];

function written(xml: string, metadata: Values | undefined, managed: Values = {}): string {
  const root = parseXml(xml);
  writeTable({ metadata: domain.metadata }, root, metadata ? { metadata } : {}, { metadata: managed });
  return printXml(root);
}

const complaints = (metadata: unknown): string[] =>
  checkValues(domain, { memory: 64, metadata }).map(({ property, reason }) => `${property}: ${reason}`);

describe("the texts of a program", () => {
  it("are written beside what other tools keep", () => {
    expect(written("<domain/>", { team: "a" })).toBe(machine(own(`<kvm:entry key="team" value="a"/>`)));
    expect(written(machine(others), { team: "a", "example.com/Cost": "1\n2" })).toBe(
      machine(others + own(`<kvm:entry key="team" value="a"/><kvm:entry key="example.com/Cost" value="1&#10;2"/>`)),
    );
  });

  it("are changed one by one, in their places", () => {
    const entries = `<kvm:entry key="a" value="1"/><kvm:entry key="b" value="2"/><kvm:entry key="c" value="3"/>`;
    expect(written(machine(own(entries) + others), { c: "3", a: "9", A: "8" })).toBe(
      machine(
        own(`<kvm:entry key="a" value="9"/><kvm:entry key="c" value="3"/><kvm:entry key="A" value="8"/>`) + others,
      ),
    );
  });

  it("go without a trace, and leave what others keep", () => {
    const entry = `<kvm:entry key="a" value="1"/>`;
    expect(written(machine(others + own(entry)), undefined, { a: "1" })).toBe(machine(others));
    expect(written(machine(others + own(entry)), {})).toBe(machine(others));
    expect(written(machine(own(entry)), {})).toBe("<domain/>");
    expect(written(machine(others), {})).toBe(machine(others));
  });

  it("are read and changed under the prefix that another hand chose", () => {
    const hers = (entries: string): string => `<x:labels xmlns:x="urn:pulumi-kvm:metadata:1">${entries}</x:labels>`;
    const plain = `<labels xmlns="urn:pulumi-kvm:metadata:1"><entry key="a" value="1"/></labels>`;
    expect([read(machine(hers(`<x:entry key="a" value="1"/>`))), read(machine(plain))]).toEqual([
      { a: "1" },
      { a: "1" },
    ]);
    expect(written(machine(hers(`<x:entry key="a" value="1"/>`)), { a: "1", b: "2" })).toBe(
      machine(hers(`<x:entry key="a" value="1"/><x:entry key="b" value="2"/>`)),
    );
  });

  it("are none where the namespace is another's, or the key is none that a program can write", () => {
    expect(read(machine(others + `<kvm:metadata xmlns:kvm="urn:other:2"><kvm:entry key="a"/></kvm:metadata>`))).toBe(
      undefined,
    );
    const strange = `<kvm:entry key="two words" value="1"/><kvm:entry key="__proto__" value="1"/><kvm:note key="n"/>`;
    expect(read(machine(own(strange)))).toBe(undefined);
    expect(written(machine(own(strange)), { a: "1" })).toBe(machine(own(`${strange}<kvm:entry key="a" value="1"/>`)));
  });

  it("are cut where another hand wrote a megabyte", () => {
    const long = "x".repeat(1024 * 1024);
    expect(read(machine(own(`<kvm:entry key="a" value="${long}"/>`)))).toEqual({
      a: `${"x".repeat(262144)}... (1048576 characters)`,
    });
  });

  it("are handed to libvirt without its namespace, which it adds itself", () => {
    const bare = (xml: string): string | undefined => {
      const found = bareMetadata(parseXml(xml));
      return found && printXml(found);
    };
    expect(bare(machine(others + own(`<kvm:entry key="a" value="1"/>`)))).toBe(
      `<metadata><entry key="a" value="1"/></metadata>`,
    );
    expect(bare(machine(others))).toBeUndefined();
  });
});

describe("check", () => {
  it.each(["team", "Team", "cost-center", "example.com/team", "urn:a:b", "a@b+c", "0", "a".repeat(256)])(
    "takes the key %s",
    (key) => {
      expect(complaints({ [key]: "any\ttext\r\n of XML: <&>\"'" })).toEqual([]);
    },
  );

  it.each(["", "two words", "-a", ".a", "__proto__", "é", "a\n", "a".repeat(257)])("refuses the key %j", (key) => {
    const metadata = JSON.parse(`{${JSON.stringify(key)}: "1"}`) as Values;
    expect(complaints(metadata)[0]).toMatch(
      /^metadata(\.|\[").*: a key has 1 to 256 letters, digits, '\.', '_', '-', '\/', ':', '@' or '\+', and begins with a letter or digit$/s,
    );
  });

  it("refuses what XML cannot carry, what is no text, and too much, with the path", () => {
    expect(complaints({ "a.b": "x\u0000" })).toEqual([
      'metadata["a.b"]: has the character U+0000, which XML cannot carry',
    ]);
    expect(complaints({ team: 7 })).toEqual(["metadata.team: must be text, not number 7"]);
    expect(complaints({ a: "x".repeat(262144) })).toEqual([
      "metadata: has 262145 characters in all; at most 262144 are allowed",
    ]);
    expect(complaints({ team: UNKNOWN })).toEqual([]);
  });
});
