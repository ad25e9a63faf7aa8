import { bareMark, type Mark, markFor, readMark, writeMark } from "../../provider/resources/mark";
import { parseXml, printXml } from "../../provider/xml";

const owner = { organization: "o", project: "p", stack: "s", type: "kvm:index:Domain", name: `<w&"eb">` };
const ready: Mark = { owner: "me", incarnation: "1", phase: "ready", deferred: [] };
const MARK = `<kvm:mark xmlns:kvm="urn:pulumi-kvm:mark:1" owner="me" incarnation="1" phase="ready"/>`;

/** The XML after a mark was written into it. */
function marked(xml: string, mark: Mark): string {
  const root = parseXml(xml);
  writeMark(root, mark);
  return printXml(root);
}

describe("a mark", () => {
  it("says whose an object is, which life, and how far it got", () => {
    expect(marked("<domain><name>web</name></domain>", ready)).toBe(
      `<domain><name>web</name><metadata>${MARK}</metadata></domain>`,
    );
    expect(
      printXml(bareMark({ ...ready, deferred: ["memory", "disks[vdb].cache"], since: "2026-05-01T10:00:00.000Z" })),
    ).toBe(
      `<mark owner="me" incarnation="1" phase="ready" deferred="memory disks[vdb].cache" since="2026-05-01T10:00:00.000Z"/>`,
    );
  });

  it.each<Mark>([
    ready,
    markFor(owner, "abc", "creating"),
    { ...ready, deferred: ["memory"], since: "2026-05-01T10:00:00.000Z" },
    { ...ready, formerSeed: "/pool/web-seed-0123456789ab.iso" },
    { ...ready, replug: true },
    { ...ready, deferred: ["cpu.mode"], hostModel: true },
    { ...ready, deferred: ["cpu.mode", "disks[vda].cache", "interfaces[52:54:00:00:00:01].model"] },
    { ...ready, applying: ["title", 'metadata["a key with 100 % of \\"signs\\""]'] },
  ])("comes back as it was written: %j", (mark) => {
    expect(readMark(parseXml(marked("<domain/>", mark)))).toEqual(mark);
  });

  it("is found under whatever prefix libvirt gives it, and not by its name alone", () => {
    const root = (inner: string): Mark | undefined => readMark(parseXml(`<d><metadata>${inner}</metadata></d>`));
    expect(root(`<x:mark xmlns:x="urn:pulumi-kvm:mark:1" owner="me" incarnation="1" phase="ready"/>`)).toEqual(ready);
    expect(root(`<mark xmlns="urn:pulumi-kvm:mark:1" owner="me" incarnation="1" phase="ready"/>`)).toEqual(ready);
    expect(root(`<kvm:mark xmlns:kvm="urn:other" owner="you"/>`)).toBeUndefined();
    expect(root(`<kvm:other xmlns:kvm="urn:pulumi-kvm:mark:1" owner="you"/>`)).toBeUndefined();
    expect(readMark(parseXml("<d/>"))).toBeUndefined();
  });

  it("takes the place of the former one and leaves the rest of the metadata", () => {
    const before = `<d><metadata><a:x xmlns:a="u">1</a:x>${MARK}<b:y xmlns:b="v"/></metadata><devices/></d>`;
    expect(marked(before, ready)).toBe(before);
    expect(marked(before, { ...ready, incarnation: "2" })).toBe(before.replace('incarnation="1"', 'incarnation="2"'));
  });

  it("stands once, also where there were two", () => {
    expect(marked(`<d><metadata>${MARK}${MARK}</metadata></d>`, ready)).toBe(`<d><metadata>${MARK}</metadata></d>`);
  });
});
