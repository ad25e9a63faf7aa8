import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { element, equalXml, parseXml, printXml, XmlError } from "../../provider/xml";

jest.setTimeout(30_000);

const domain = `<domain type='kvm' id='3'>
  <name>web</name>
  <metadata>
    <!-- kept -->
    <app:own xmlns:app="http://example.org/app" a="p&#10;q&#9;r&#13;s&quot;">v&#13;w</app:own>
  </metadata>
  <description>a &lt; b &amp;&amp; c &gt; d ]]&gt; &#x1F600; é 007 1e5</description>
  <vcpu placement='static' current='2'>4</vcpu>
  <features><acpi/><apic/></features>
  <note><![CDATA[<raw> & ]] > text]]></note>
  <mixed>one <b>two</b> three<!--four--> five</mixed>
</domain>
`;

describe("reading", () => {
  it("keeps the order of siblings, blank text, comments and CDATA", () => {
    expect(parseXml("<a> <b/>x<c/><!-- y --><b/><![CDATA[<z>]]></a>").children).toEqual([
      { text: " " },
      element("b"),
      { text: "x" },
      element("c"),
      { comment: " y " },
      element("b"),
      { cdata: "<z>" },
    ]);
  });

  it("decodes the five named references and the numeric ones, once", () => {
    expect(parseXml("<a>&amp;lt; &lt;&gt;&quot;&apos; &#65;&#x42;&#x1F600;&#13;</a>").children).toEqual([
      { text: "&lt; <>\"' AB\u{1F600}\r" },
    ]);
  });

  it("turns literal white space in an attribute into blanks and keeps the referenced", () => {
    expect(parseXml("<a b='1\n2\t3&#10;4&#9;5&#13;6\r\n7'/>").attributes.get("b")).toBe("1 2 3\n4\t5\r6 7");
  });

  it("leaves numbers, leading zeros and outer blanks as they are", () => {
    expect(parseXml("<a b=' 007 '> 1e5 </a>")).toEqual({
      name: "a",
      attributes: new Map([["b", " 007 "]]),
      children: [{ text: " 1e5 " }],
    });
  });

  it("reads past a byte order mark, a declaration, and comments around the root", () => {
    expect(parseXml(`\uFEFF<?xml version="1.0" encoding='UTF-8'?>\n<!-- libvirt --><a/>\n<!-- end -->\n`)).toEqual(
      element("a"),
    );
  });

  it.each(["__proto__", "constructor", "prototype", "hasOwnProperty", "toString", "#text".slice(1)])(
    "takes %s for a name like any other",
    (name) => {
      const root = parseXml(`<x><${name} ${name}="1">t</${name}><${name}/></x>`);
      expect(root.children).toEqual([element(name, Object.fromEntries([[name, "1"]]), "t"), element(name)]);
      expect(Object.prototype).not.toHaveProperty("1");
    },
  );
});

describe("what is refused", () => {
  it.each([
    ["a wrong end tag", "<a><b></a>"],
    ["a crossed end tag", "<a><b></a></b>"],
    ["an element left open", "<a><b>"],
    ["an end tag alone", "</a>"],
    ["two roots", "<a/><b/>"],
    ["two roots, the first with content", "<a></a><b></b>"],
    ["text before the root", "junk<a/>"],
    ["text after the root", "<a/>junk"],
    ["a reference after the root", "<a/>&#32;"],
    ["CDATA outside the root", "<a/><![CDATA[x]]>"],
    ["nothing", ""],
    ["only white space", " \n"],
    ["only a comment", "<!-- a -->"],
    ["an attribute without quotes", "<a x=1/>"],
    ["an attribute without a value", "<a x/>"],
    ["attributes without a blank between them", `<a x="1"y="2"/>`],
    ["a duplicate attribute", `<a x="1" x="2"/>`],
    ["a < in an attribute", `<a x="<"/>`],
    ["a bare &", "<a>a & b</a>"],
    ["a bare & in an attribute", `<a x="a & b"/>`],
    ["a reference without its end", "<a>&lt</a>"],
    ["an undefined reference", "<a>&nope;</a>"],
    ["an HTML reference", "<a>&nbsp;</a>"],
    ["a reference to U+0000", "<a>&#0;</a>"],
    ["a reference to a control character", "<a>&#x1;</a>"],
    ["a reference to a surrogate", "<a>&#xD800;</a>"],
    ["a reference past Unicode", "<a>&#x110000;</a>"],
    ["a very long reference", "<a>&#99999999999999999999;</a>"],
    ["a capital X in a reference", "<a>&#X41;</a>"],
    ["a control character", "<a>\u0001</a>"],
    ["U+0000", "<a>\u0000</a>"],
    ["U+FFFE", "<a>\uFFFE</a>"],
    ["a lone surrogate", "<a>\uD83D</a>"],
    ["]]> in text", "<a>]]></a>"],
    ["-- in a comment", "<a><!-- a -- b --></a>"],
    ["a comment that ends in three dashes", "<a><!-- a ---></a>"],
    ["a comment left open", "<a><!-- a </a>"],
    ["the comment <!-->", "<a><!--></a>"],
    ["CDATA left open", "<a><![CDATA[x</a>"],
    ["a DOCTYPE", "<!DOCTYPE a><a/>"],
    ["a DOCTYPE with an external entity", `<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>`],
    ["an entity declaration", "<a><!ENTITY b 'c'></a>"],
    ["a processing instruction", "<?php echo 1 ?><a/>"],
    ["a stylesheet", `<?xml version="1.0"?><?xml-stylesheet href="a"?><a/>`],
    ["a processing instruction in the root", "<a><?b?></a>"],
    ["a late declaration", ` <?xml version="1.0"?><a/>`],
    ["a malformed declaration", "<?xml?><a/>"],
    ["a blank before the name", "< a/>"],
    ["a blank in the end tag", "<a></ a>"],
    ["a name that begins with a digit", "<1a/>"],
    ["a no-break space between name and attribute", `<a\u00A0b="1"/>`],
    ["a slash in the middle", "<a / >"],
    ["attributes in an end tag", `<a></a b="1">`],
  ])("%s", (_, text) => {
    expect(() => parseXml(text)).toThrow(XmlError);
  });

  it("never quotes the document, which may hold secrets", () => {
    expect(() => parseXml("<a>\n<password>hunter2</a>")).toThrow("XML refused at line 2: </password> was expected");
  });
});

describe("limits", () => {
  // Far above what linear work takes on a busy machine, far below what anything else would.
  const quickMs = 8000;
  const inMs = (act: () => unknown): number => {
    const start = performance.now();
    act();
    return performance.now() - start;
  };

  it("takes 256 levels and refuses 257, and 100,000 without delay", () => {
    const nested = (depth: number): string => "<a>".repeat(depth) + "</a>".repeat(depth);
    expect(printXml(parseXml(nested(256)))).toBe(nested(255).replace("<a></a>", "<a><a/></a>"));
    expect(() => parseXml(nested(257))).toThrow("nested more than 256 deep");
    expect(
      inMs(() => {
        expect(() => parseXml(nested(100_000))).toThrow(XmlError);
      }),
    ).toBeLessThan(quickMs);
  });

  it("takes 1,000 attributes on an element and refuses more, and 100,000 without delay", () => {
    const wide = (count: number): string => `<a${Array.from({ length: count }, (_, i) => ` a${i}=""`).join("")}/>`;
    expect(parseXml(wide(1000)).attributes.size).toBe(1000);
    expect(() => parseXml(wide(1001))).toThrow("more than 1000 attributes");
    expect(
      inMs(() => {
        expect(() => parseXml(wide(100_000))).toThrow(XmlError);
      }),
    ).toBeLessThan(quickMs);
  });

  it("takes 4 MiB and refuses a byte more, counted in UTF-8, and 64 MB without delay", () => {
    const sized = (bytes: number): string => `<a>${"x".repeat(bytes - 7)}</a>`;
    expect(parseXml(sized(4 * 1024 * 1024)).children).toHaveLength(1);
    expect(() => parseXml(sized(4 * 1024 * 1024 + 1))).toThrow("larger than 4194304 bytes");
    expect(() => parseXml(`<a>${"é".repeat(2 * 1024 * 1024)}</a>`)).toThrow("larger than 4194304 bytes");
    expect(
      inMs(() => {
        expect(() => parseXml(sized(64_000_000))).toThrow(XmlError);
      }),
    ).toBeLessThan(quickMs);
  });

  it.each([
    ["200,000 references", `<a>${"&lt;".repeat(200_000)}</a>`],
    ["200,000 references in an attribute", `<a b="${"&lt;".repeat(200_000)}"/>`],
    ["50,000 empty elements", `<a>${"<b/>".repeat(50_000)}</a>`],
    ["50,000 comments", `<a>${"<!---->".repeat(50_000)}</a>`],
  ])("reads %s in linear time", (_, text) => {
    expect(inMs(() => parseXml(text))).toBeLessThan(quickMs);
  });

  it.each([
    ["blanks in a tag", `<a${" ".repeat(1_000_000)}`],
    ["one endless name", `<${"a".repeat(1_000_000)}`],
    ["one endless attribute name", `<a ${"b".repeat(1_000_000)}`],
    ["ampersands", `<a>${"&".repeat(1_000_000)}</a>`],
    ["open comments", "<a>" + "<!-- ".repeat(200_000)],
    ["open brackets", "<".repeat(1_000_000)],
    ["a declaration that does not end", `<?xml version${" ".repeat(1_000_000)}`],
  ])("refuses %s without delay", (_, text) => {
    expect(
      inMs(() => {
        expect(() => parseXml(text)).toThrow(XmlError);
      }),
    ).toBeLessThan(quickMs);
  });
});

/** Every XML file of the libvirt that is installed here: CPU models, networks, filters. */
function installed(): string[] {
  const roots = ["/usr/share/libvirt/cpu_map", "/usr/share/libvirt/networks", "/usr/share/libvirt/nwfilter"];
  return roots.filter(existsSync).flatMap((root) =>
    readdirSync(root)
      .filter((file) => file.endsWith(".xml"))
      .map((file) => readFileSync(join(root, file), "utf8")),
  );
}

describe("a round trip", () => {
  it("loses nothing of a domain with everything in it", () => {
    const root = parseXml(domain);
    expect(printXml(root)).toBe(`<domain type="kvm" id="3">
  <name>web</name>
  <metadata>
    <!-- kept -->
    <app:own xmlns:app="http://example.org/app" a="p&#10;q&#9;r&#13;s&quot;">v&#13;w</app:own>
  </metadata>
  <description>a &lt; b &amp;&amp; c &gt; d ]]&gt; \u{1F600} é 007 1e5</description>
  <vcpu placement="static" current="2">4</vcpu>
  <features><acpi/><apic/></features>
  <note><![CDATA[<raw> & ]] > text]]></note>
  <mixed>one <b>two</b> three<!--four--> five</mixed>
</domain>`);
    expect(parseXml(printXml(root))).toEqual(root);
  });

  it("loses nothing of the files of the installed libvirt", () => {
    const texts = installed();
    // The count is shown, so that a machine without libvirt does not pass for one with it.
    console.info(`round trip: ${texts.length} files of the installed libvirt`);
    for (const text of texts) {
      const root = parseXml(text);
      const printed = printXml(root);
      expect(parseXml(printed)).toEqual(root);
      expect(equalXml(parseXml(printed), root)).toBe(true);
    }
  });
});
