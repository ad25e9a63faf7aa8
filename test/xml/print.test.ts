import { element, parseXml, printXml, XmlError, type XmlElement } from "../../provider/xml";

describe("printing", () => {
  it("adds no blank text", () => {
    expect(printXml(element("a", { x: "1" }, element("b"), "t", element("c", {}, "u")))).toBe(
      `<a x="1"><b/>t<c>u</c></a>`,
    );
  });

  it.each(["<", "&", '"', "'", "]]>", "-->", "&lt;", "\r\n", "\t", " ", "a\u{1F600}b", "<!--", "\u0085\u2028"])(
    "brings %j back in text and attribute, and makes no element of it",
    (nasty) => {
      const root = element("a", { x: nasty }, element("b", {}, nasty));
      expect(parseXml(printXml(root))).toEqual(root);
    },
  );

  it.each(["\u0000", "\u0008", "\u000B", "\u001F", "\uD800", "\uDC00", "\uFFFE", "\uFFFF"])("refuses %j", (bad) => {
    expect(() => printXml(element("a", {}, bad))).toThrow(XmlError);
    expect(() => printXml(element("a", { x: bad }))).toThrow(XmlError);
    expect(() => printXml({ name: "a", attributes: new Map(), children: [{ comment: bad }] })).toThrow(XmlError);
  });

  it("names the character that it refuses", () => {
    expect(() => printXml(element("a", {}, "x\u0000"))).toThrow("U+0000 cannot stand in XML; leave it out");
  });

  it.each(["", "a b", "a><evil/><b", "1a", "a\u0000", "<a", "a=", "\u{1F600}"])("refuses the name %j", (name) => {
    expect(() => printXml(element(name))).toThrow(XmlError);
    expect(() => printXml(element("a", { [name]: "1" }))).toThrow(XmlError);
  });

  it.each([{ comment: "a--b" }, { comment: "a-" }, { comment: "\r" }, { cdata: "]]>" }, { cdata: "\r" }])(
    "refuses what has no escape: %j",
    (node) => {
      expect(() => printXml({ name: "a", attributes: new Map(), children: [node] })).toThrow(XmlError);
    },
  );

  it("refuses a tree that contains itself", () => {
    const loop: XmlElement = element("a");
    loop.children.push(loop);
    expect(() => printXml(loop)).toThrow("nested more than 256 deep");
  });
});
