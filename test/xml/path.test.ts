import {
  appendChild,
  child,
  childrenOf,
  cloneXml,
  element,
  ensurePath,
  equalXml,
  find,
  findAll,
  illegalCharacter,
  parseXml,
  printXml,
  quoted,
  readPath,
  removeChild,
  textOf,
  writePath,
  XmlError,
} from "../../provider/xml";

const machine = `<domain type="kvm"><title> a  b </title><vcpu current="2">4</vcpu><devices>
  <disk device="cdrom"><target dev="sda"/></disk>
  <disk device="disk"><source file="/a"/><target dev="vda"/></disk>
  <channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>
</devices></domain>`;

/** The machine's XML after one write. */
function after(path: string, value: string | undefined, before = machine): string {
  const root = parseXml(before);
  writePath(root, path, value);
  return printXml(root);
}

describe("reading by path", () => {
  const root = parseXml(machine);

  it.each([
    ["@type", "kvm"],
    ["title", " a  b "],
    ["vcpu/@current", "2"],
    ["vcpu", "4"],
    ["devices/disk/@device", "cdrom"],
    ["devices/disk/source/@file", "/a"],
    ["devices/disk[target/@dev='vda']/@device", "disk"],
    ["devices/disk[@device='disk'][target/@dev='vda']/source/@file", "/a"],
    [`devices/channel[@type="unix"]/target/@name`, "org.qemu.guest_agent.0"],
  ])("%s is %j", (path, value) => {
    expect(readPath(root, path)).toBe(value);
  });

  it.each(["@id", "description", "vcpu/@cpuset", "vcpu/x", "devices/disk[@device='lun']/@device", "title/@a"])(
    "%s is absent",
    (path) => {
      expect(readPath(root, path)).toBeUndefined();
    },
  );

  it("tells an empty element from an absent one", () => {
    expect(readPath(parseXml("<a><b/></a>"), "b")).toBe("");
  });

  it("reads the own text of the element itself", () => {
    expect(readPath(parseXml("<a>x<b>y</b><![CDATA[z]]></a>"), ".")).toBe("xz");
  });

  it("finds the first and all, through all parents", () => {
    expect(find(root, "devices/disk")?.attributes.get("device")).toBe("cdrom");
    expect(findAll(root, "devices/disk/target").map((node) => node.attributes.get("dev"))).toEqual(["sda", "vda"]);
    expect(find(root, "devices/nothing")).toBeUndefined();
  });

  it.each(["", "/a", "a/", "a//b", "a[", "a[b]", "a[@b='c]", "a]", "@a/b", "a b", "a[@b='c']d", "@"])(
    "refuses the path %j",
    (path) => {
      expect(() => readPath(root, path)).toThrow(XmlError);
      expect(() => {
        writePath(root, path, "x");
      }).toThrow(XmlError);
    },
  );

  it("refuses an attribute where an element is asked for", () => {
    expect(() => find(root, "vcpu/@current")).toThrow(XmlError);
    expect(() => ensurePath(root, "vcpu/@current")).toThrow(XmlError);
  });

  it.each(["it's", `"both" 'kinds'`, "a]b", "a/b", "''", "[@x='1']"])("selects by the value %j", (value) => {
    const holder = element("a", {}, element("b", { n: "other" }), element("b", { n: value, found: "yes" }));
    expect(readPath(holder, `b[@n=${quoted(value)}]/@found`)).toBe("yes");
  });
});

describe("writing by path", () => {
  it("changes an attribute in place", () => {
    expect(after("vcpu/@current", "3")).toBe(machine.replace(`current="2"`, `current="3"`));
  });

  it("changes text in place and keeps attributes", () => {
    expect(after("vcpu", "8")).toBe(machine.replace(">4<", ">8<"));
  });

  it("writes nothing where the value already stands, however it is quoted", () => {
    expect(after("b", "x<y", "<a><b><![CDATA[x<y]]></b></a>")).toBe("<a><b><![CDATA[x<y]]></b></a>");
  });

  it("makes missing elements at the end", () => {
    expect(after("features/acpi", "")).toBe(machine.replace("</domain>", "<features><acpi/></features></domain>"));
    expect(after("b/c/@d", "1", "<a>\n  <x/>\n</a>")).toBe(`<a>\n  <x/><b><c d="1"/></b>\n</a>`);
  });

  it("uses the deepest part that is there", () => {
    expect(after("b/c/d", "1", `<a><b/><b><c e="f"/></b></a>`)).toBe(`<a><b/><b><c e="f"><d>1</d></c></b></a>`);
  });

  it("selects by a predicate", () => {
    expect(after("devices/disk[target/@dev='vda']/source/@file", "/b")).toBe(machine.replace("/a", "/b"));
  });

  it("writes the predicate into what it makes", () => {
    expect(after("channel[@type='unix']/target[@type='virtio']/@name", "n", "<devices/>")).toBe(
      `<devices><channel type="unix"><target type="virtio" name="n"/></channel></devices>`,
    );
    expect(after("disk[target/@dev='vdb']/@device", "disk", "<devices/>")).toBe(
      `<devices><disk device="disk"><target dev="vdb"/></disk></devices>`,
    );
  });

  it("removes an attribute and leaves an element that still says something", () => {
    expect(after("vcpu/@current", undefined)).toBe(machine.replace(` current="2"`, ""));
    expect(after("devices/channel[@type='unix']/target/@name", undefined)).toBe(
      machine.replace(` name="org.qemu.guest_agent.0"`, ""),
    );
  });

  it("removes an element with the ancestors that it leaves empty, never the root", () => {
    expect(after("b/c/d", undefined, "<a>\n  <b>\n    <c>\n      <d>1</d>\n    </c>\n  </b>\n</a>")).toBe("<a>\n</a>");
    expect(after("b/c/@d", undefined, `<a><b x="1"><c d="1"/></b></a>`)).toBe(`<a><b x="1"/></a>`);
    expect(after("b/c", undefined, "<a><b>text<c/></b></a>")).toBe("<a><b>text</b></a>");
  });

  it("removes nothing where nothing was", () => {
    expect(after("features/acpi/@x", undefined, "<a><features><acpi/></features></a>")).toBe(
      "<a><features><acpi/></features></a>",
    );
    expect(after("nothing/at/all", undefined)).toBe(machine);
  });

  it("sets and removes the root's own text and attribute", () => {
    expect(after(".", "t", "<a><b/></a>")).toBe("<a>t<b/></a>");
    expect(after(".", undefined, "<a>t</a>")).toBe("<a/>");
    expect(after("@x", undefined, `<a x="1"/>`)).toBe("<a/>");
  });

  it("leaves the unknown, comments and layout alone", () => {
    const text = `<a>\n  <!-- note -->\n  <q:x xmlns:q="u" y="1">z</q:x>\n  <b>1</b>\n</a>`;
    expect(after("b", "2", text)).toBe(text.replace(">1<", ">2<"));
  });

  it("returns the element that it finds or makes", () => {
    const root = parseXml("<a/>");
    const made = ensurePath(root, "b[@k='v']");
    expect(ensurePath(root, "b[@k='v']")).toBe(made);
    expect(printXml(root)).toBe(`<a><b k="v"/></a>`);
  });
});

describe("nodes", () => {
  it("appends before the blank text of the end tag and takes out with the blank text before", () => {
    const root = parseXml("<a>\n  <b/>\n</a>");
    const added = element("c");
    appendChild(root, added);
    expect(printXml(root)).toBe("<a>\n  <b/><c/>\n</a>");
    removeChild(root, added);
    expect(printXml(root)).toBe("<a>\n  <b/>\n</a>");
    removeChild(root, element("b"));
    expect(printXml(root)).toBe("<a>\n  <b/>\n</a>");
    removeChild(root, child(root, "b")!);
    expect(printXml(root)).toBe("<a>\n</a>");
  });

  it("clones deeply, also as a callback", () => {
    const list = Array.from({ length: 300 }, () => parseXml(machine));
    const [copy] = list.map(cloneXml).slice(-1);
    writePath(copy!, "devices/disk/@device", "lun");
    expect(printXml(list[299]!)).toBe(machine);
  });

  it("lists children by name and reads their text", () => {
    const root = parseXml("<a><b>1</b><c/><b>2</b></a>");
    expect(childrenOf(root, "b").map(textOf)).toEqual(["1", "2"]);
    expect(child(root, "d")).toBeUndefined();
  });

  it.each([
    ["<a x='1' y='2'/>", "<a y='2' x='1'></a>", true],
    ["<a>\n <b/> </a>", "<a><b/></a>", true],
    ["<a>x<!-- c -->y</a>", "<a>xy</a>", true],
    ["<a><![CDATA[<]]></a>", "<a>&lt;</a>", true],
    ["<a>x</a>", "<a> x</a>", false],
    ["<a x='1'/>", "<a x='2'/>", false],
    ["<a x='1'/>", "<a y='1'/>", false],
    ["<a><b/><c/></a>", "<a><c/><b/></a>", false],
    ["<a><b/></a>", "<a><b/><b/></a>", false],
    ["<a>b</a>", "<a><b/></a>", false],
  ])("%s and %s: the same is %s", (left, right, same) => {
    expect(equalXml(parseXml(left), parseXml(right))).toBe(same);
    expect(equalXml(parseXml(right), parseXml(left))).toBe(same);
  });

  it("names the first character that XML cannot carry", () => {
    expect(illegalCharacter("ok\t\n\r\u{1F600}")).toBeUndefined();
    expect(illegalCharacter("a\u001Fb\u0000")).toBe("U+001F");
    expect(illegalCharacter("\uD800")).toBe("U+D800");
  });
});
