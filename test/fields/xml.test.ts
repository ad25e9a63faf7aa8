import {
  int,
  list,
  object,
  readTable,
  text,
  UNKNOWN,
  unitBytes,
  type Values,
  writeTable,
  mebibytes,
} from "../../provider/fields";
import { parseXml, printXml } from "../../provider/xml";
import { differ, machine, randomFrom, read, write } from "./tables";

const full = `<domain type="qemu">
  <name>web</name>
  <title>a &lt; b</title>
  <memory unit="KiB">65536</memory>
  <vcpu current="1">2</vcpu>
  <os>
    <type arch="x86_64">hvm</type>
    <loader secure="yes" type="pflash"/>
  </os>
  <features>
    <acpi/>
    <vmport state="off"/>
  </features>
  <devices>
    <emulator>/usr/bin/qemu</emulator>
    <disk type="file" device="disk">
      <driver name="qemu" cache="none"/>
      <source file="/a.img" index="1"/>
      <target dev="vda" bus="virtio"/>
      <!-- by hand -->
    </disk>
    <disk type="block" device="disk">
      <source dev="/dev/b"/>
      <target dev="vdb" bus="scsi"/>
      <readonly/>
    </disk>
  </devices>
</domain>`;

describe("reading", () => {
  it("takes no more of a text than a program could have written", () => {
    const host = parseXml(`<domain><title>${"x".repeat(5000)}</title></domain>`);
    expect(readTable(machine, host)["title"]).toBe(`${"x".repeat(4096)}... (5000 characters)`);
  });

  it("says what the XML says, and nothing of what it lacks", () => {
    expect(read(full)).toEqual({
      name: "web",
      title: "a < b",
      kind: "qemu",
      memory: 64,
      vcpus: 2,
      vmport: false,
      acpi: true,
      os: { arch: "x86_64", loader: { secure: true } },
      disks: [
        { file: "/a.img", target: "vda", bus: "virtio", cache: "none" },
        { block: "/dev/b", target: "vdb", bus: "scsi", readOnly: true },
      ],
    });
    expect(read("<domain/>")).toEqual({});
  });

  it.each([
    ["<memory>1024</memory>", 1],
    ['<memory unit="KiB">1536</memory>', 1.5],
    ['<memory unit="k">1024</memory>', 1],
    ['<memory unit="MiB">64</memory>', 64],
    ['<memory unit="M">64</memory>', 64],
    ['<memory unit="GiB">2</memory>', 2048],
    ['<memory unit="TiB">1</memory>', 1048576],
    ['<memory unit="bytes">1048576</memory>', 1],
    ['<memory unit="b">1048576</memory>', 1],
    ['<memory unit="KB">1048576</memory>', 1000],
    ['<memory unit="MB">1048.576</memory>', 1000],
    ['<memory unit="GB">1.048576</memory>', 1000],
    ["<memory>\n  1024\n</memory>", 1],
    ["<memory/>", undefined],
    ["<memory>much</memory>", undefined],
    ["<memory>1-2</memory>", undefined],
    ['<video ram="65536"/>', 64],
    ['<bridge delay="2"/>', 2],
    ["<vcpu>4</vcpu>", 4],
  ])("%s is %s", (xml, value) => {
    const values = read(`<domain>${xml}</domain>`);
    expect(values["memory"] ?? values["videoRam"] ?? values["delay"] ?? values["vcpus"]).toBe(value);
  });

  it("knows libvirt's units by their bytes", () => {
    expect([undefined, "bytes", "KiB", "KB", "G", "GB", "PiB", "EiB"].map(unitBytes)).toEqual([
      1024, 1, 1024, 1000, 1073741824, 1000000000, 1125899906842624, 1152921504606846976,
    ]);
  });

  it("reads the unit of a number that is selected by an attribute of its own", () => {
    const table = { page: mebibytes({ xml: "page[@node='0']", doc: "" }) };
    expect(readTable(table, parseXml(`<a><page node="0" unit="GiB">1</page></a>`))).toEqual({ page: 1024 });
    const root = parseXml("<a/>");
    writeTable(table, root, { page: 2 });
    expect(printXml(root)).toBe(`<a><page node="0" unit="KiB">2048</page></a>`);
  });
});

describe("writing", () => {
  it("changes nothing, to the byte, where the wish is met", () => {
    expect(write(full, read(full), read(full))).toBe(full);
    expect(write(full, {})).toBe(full);
    expect(write(full, { memory: 64, disks: [{ target: "vdb" }, { target: "vda" }] })).toBe(full);
  });

  it.each([
    ["text", { name: "web" }, "<domain><name>web</name></domain>"],
    ["text of several lines", { notes: "a\nb" }, "<domain><description>a\nb</description></domain>"],
    ["markup in text", { title: `<&>"'` }, `<domain><title>&lt;&amp;&gt;"'</title></domain>`],
    ["an attribute", { kind: "kvm" }, `<domain type="kvm"/>`],
    ["memory", { memory: 64 }, `<domain><memory unit="KiB">65536</memory></domain>`],
    ["memory by halves", { memory: 0.5 }, `<domain><memory unit="KiB">512</memory></domain>`],
    ["capacity", { capacity: 10 }, `<domain><capacity unit="KiB">10485760</capacity></domain>`],
    ["capacity to the byte", { capacity: 0.0000001 }, `<domain><capacity unit="bytes">107</capacity></domain>`],
    ["memory in an attribute", { videoRam: 64 }, `<domain><video ram="65536"/></domain>`],
    ["a number", { vcpus: 2 }, "<domain><vcpu>2</vcpu></domain>"],
    ["seconds", { delay: 1.5 }, `<domain><bridge delay="1.5"/></domain>`],
    ["yes", { suspend: true }, `<domain><pm suspend="yes"/></domain>`],
    ["no", { suspend: false }, `<domain><pm suspend="no"/></domain>`],
    ["on", { vmport: true }, `<domain><features><vmport state="on"/></features></domain>`],
    ["off", { vmport: false }, `<domain><features><vmport state="off"/></features></domain>`],
    ["presence", { acpi: true }, "<domain><features><acpi/></features></domain>"],
    ["absence", { acpi: false }, "<domain/>"],
    ["objects in objects", { os: { loader: { secure: true } } }, `<domain><os><loader secure="yes"/></os></domain>`],
    ["a list of texts", { tags: ["a", "b"] }, "<domain><tags><tag>a</tag><tag>b</tag></tags></domain>"],
    [
      "a list of objects",
      { disks: [{ file: "/a", target: "vda", readOnly: true }] },
      `<domain><devices><disk type="file"><source file="/a"/><target dev="vda"/><readonly/></disk></devices></domain>`,
    ],
    ["nothing of a wish that stands outside", { wait: 5, labels: { a: "b" }, asset: 1, uuid: "x" }, "<domain/>"],
  ])("writes %s", (_, wanted, xml) => {
    expect(write("<domain/>", wanted)).toBe(xml);
  });

  it("touches the one place that is to change", () => {
    expect(write(full, { memory: 128 })).toBe(full.replace("65536", "131072"));
    expect(write(full, { vcpus: 4 })).toBe(full.replace(">2<", ">4<"));
    expect(write(full, { vmport: true })).toBe(full.replace('state="off"', 'state="on"'));
    expect(write(full, { os: { loader: { secure: false } } })).toBe(full.replace('secure="yes"', 'secure="no"'));
    expect(write(full, { disks: [{ target: "vda", cache: "unsafe" }, { target: "vdb" }] })).toBe(
      full.replace('cache="none"', 'cache="unsafe"'),
    );
  });

  it("keeps the words of the host where they say the same", () => {
    const gib = `<domain><memory unit="GiB">2</memory></domain>`;
    expect(write(gib, { memory: 2048 })).toBe(gib);
    expect(write(gib, { memory: 2049 })).toBe(`<domain><memory unit="KiB">2098176</memory></domain>`);
  });

  it("removes what was managed and is wanted no more, and nothing else", () => {
    expect(write(full, {}, { title: "a < b" })).toBe(full.replace("\n  <title>a &lt; b</title>", ""));
    expect(write(full, { os: {} }, { os: { loader: { secure: true } } })).toBe(
      full.replace('\n    <loader secure="yes" type="pflash"/>', ""),
    );
    expect(write(full, { os: { loader: {} } }, { os: { loader: { secure: true } } })).toBe(
      full.replace(' secure="yes"', ""),
    );
    expect(write(full, {}, { notes: "was gone already" })).toBe(full);
    expect(
      write(full, { disks: [{ target: "vda" }, { target: "vdb" }] }, { disks: [{ target: "vdb", readOnly: true }] }),
    ).toBe(full.replace("\n      <readonly/>", ""));
  });

  it("takes out a flag of presence that is now false", () => {
    expect(write(full, { acpi: false })).toBe(full.replace("\n    <acpi/>", ""));
  });
});

describe("a list with identities", () => {
  const two = [{ target: "vda" }, { target: "vdb" }];

  it("is not changed by a reorder", () => {
    expect(write(full, { disks: [...two].reverse() })).toBe(full);
  });

  it("gets a new item after those that stand there", () => {
    const added = write(full, { disks: [{ target: "vdc", file: "/c" }, ...two] });
    const item = `<disk type="file"><source file="/c"/><target dev="vdc"/></disk>`;
    expect(added).toBe(full.replace("</disk>\n  </devices>", `</disk>${item}\n  </devices>`));
  });

  it("loses an item that is not wanted, with all that it had", () => {
    expect(write(full, { disks: [{ target: "vda" }] })).toBe(
      full.replace(/\n {4}<disk type="block"[\s\S]*?<\/disk>/, ""),
    );
    expect(write(full, { disks: [] })).toBe(full.replace(/\n {4}<disk[\s\S]*<\/disk>/, ""));
  });

  it("changes a variant whole: what belonged to the file goes, what no variant knows stays", () => {
    expect(write(full, { disks: [{ target: "vda", block: "/dev/a" }, { target: "vdb" }] })).toBe(
      full
        .replace('<disk type="file" device="disk">', '<disk type="block" device="disk">')
        .replace('\n      <source file="/a.img" index="1"/>', "")
        .replace("<!-- by hand -->\n    </disk>", '<!-- by hand --><source dev="/dev/a"/>\n    </disk>'),
    );
  });

  it("changes a variant also where the former one was managed", () => {
    const managed = { disks: [{ target: "vda", file: "/a.img" }] };
    const changed = write(full, { disks: [{ target: "vda", block: "/dev/a" }, { target: "vdb" }] }, managed);
    expect(read(changed)["disks"]).toEqual([
      { block: "/dev/a", target: "vda", bus: "virtio", cache: "none" },
      { block: "/dev/b", target: "vdb", bus: "scsi", readOnly: true },
    ]);
  });

  it("leaves alone what others added, where the list is shared", () => {
    const table = {
      hosts: list(
        object(
          { ip: text({ xml: "@ip", change: "live", doc: "" }), name: text({ xml: "@n", change: "live", doc: "" }) },
          { doc: "" },
        ),
        { xml: "dns/host", key: (item: Values) => item["ip"] as string, shared: true, change: "live", doc: "" },
      ),
    };
    const root = parseXml(`<n><dns><host ip="1"/><host ip="2" n="b"/></dns></n>`);
    writeTable(table, root, { hosts: [{ ip: "3" }] }, { hosts: [{ ip: "2" }] });
    expect(printXml(root)).toBe(`<n><dns><host ip="1"/><host ip="3"/></dns></n>`);
    writeTable(table, root, {}, { hosts: [{ ip: "3" }] });
    expect(printXml(root)).toBe(`<n><dns><host ip="1"/></dns></n>`);
  });
});

describe("a list without identities", () => {
  const tags = "<domain><tags><tag>a</tag>\n<tag>b</tag>\n<tag>c</tag></tags></domain>";

  it("comes into the order that is wanted", () => {
    expect(read(write(tags, { tags: ["c", "a", "b"] }))["tags"]).toEqual(["c", "a", "b"]);
    expect(read(write(tags, { tags: ["d", "a"] }))["tags"]).toEqual(["d", "a"]);
    expect(read(write(tags, { tags: ["a", "a", "b"] }))["tags"]).toEqual(["a", "a", "b"]);
    expect(write(tags, { tags: ["a", "b", "c"] })).toBe(tags);
  });

  it("is empty when nothing is wanted in it", () => {
    expect(read(write(tags, { tags: [] }))["tags"]).toBeUndefined();
  });

  it("keeps what the table does not know beside items that stay", () => {
    const table = {
      slots: list(object({ n: int({ xml: "@n", change: "live", doc: "" }) }, { doc: "" }), { xml: "slot", doc: "" }),
    };
    const root = parseXml(`<a><slot n="1" by="hand"/><other/><slot n="2"/></a>`);
    writeTable(table, root, { slots: [{ n: 2 }, { n: 1 }] });
    expect(printXml(root)).toBe(`<a><slot n="2"/><other/><slot n="1" by="hand"/></a>`);
  });
});

describe("an object that has no element of its own", () => {
  const screens = {
    graphics: object(
      {
        spice: object({ port: int({ xml: "@port", doc: "" }) }, { xml: "graphics[@type='spice']", doc: "" }),
        vnc: object({ port: int({ xml: "@port", doc: "" }) }, { xml: "graphics[@type='vnc']", doc: "" }),
      },
      { xml: ".", doc: "" },
    ),
  };

  it("loses what was managed, and not what another hand put beside it", () => {
    const root = parseXml(`<d><graphics type="spice" port="1"/><graphics type="vnc" port="2"/></d>`);
    writeTable(screens, root, {}, { graphics: { spice: {} } });
    expect(printXml(root)).toBe(`<d><graphics type="vnc" port="2"/></d>`);
  });
});

/** Values of the machine's table, as a program might write them. */
function randomValues(random: (below: number) => number): Values {
  const words = ["a", "", "<&>\"'", "]]>", "-->", "世界", " two  words ", "x,y", "0", "no"];
  const word = (): string => words[random(words.length)] ?? "";
  const maybe = <T>(value: () => T): T | undefined => (random(3) > 0 ? value() : undefined);
  const some = (values: Record<string, unknown>): Values =>
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const disks = ["vda", "vdb", "vdc", "vdd"]
    .filter(() => random(2) > 0)
    .sort(() => random(3) - 1)
    .map((target) => {
      const kind = random(3);
      return some({
        file: kind === 1 ? `/${word()}.img` : undefined,
        block: kind === 2 ? `/dev/${word()}` : undefined,
        target,
        bus: maybe(() => ["virtio", "scsi"][random(2)]),
        cache: maybe(() => `c${random(5)}`),
        readOnly: maybe(() => random(2) > 0),
        bootOrder: maybe(() => 1 + random(99)),
      });
    });
  return some({
    name: "web",
    title: maybe(word),
    notes: maybe(() => `${word()}\n${word()}`),
    kind: maybe(() => ["kvm", "qemu"][random(2)]),
    memory: maybe(() => 1 + random(4096) / 4),
    capacity: maybe(() => random(1000000) / 1024 ** 3),
    videoRam: maybe(() => 1 + random(64)),
    vcpus: maybe(() => 1 + random(64)),
    delay: maybe(() => random(120) / 2),
    suspend: maybe(() => random(2) > 0),
    vmport: maybe(() => random(2) > 0),
    acpi: maybe(() => random(2) > 0),
    os: maybe(() =>
      some({
        arch: maybe(() => "x86_64"),
        kernel: maybe(() => "/k"),
        loader: maybe(() => some({ secure: maybe(() => random(2) > 0) })),
      }),
    ),
    disks: maybe(() => disks),
    tags: maybe(() => Array.from({ length: random(4) }, () => `t${random(3)}`)),
  });
}

describe("any values", () => {
  const random = randomFrom(20240521);
  const cases = Array.from({ length: 150 }, () => [randomValues(random), randomValues(random)] as const);

  it("are met once they are written, whatever stood there and was managed", () => {
    for (const [before, after] of cases) {
      const once = write(full, before);
      expect({ before, left: differ(read(once), before) }).toEqual({ before, left: [] });
      const twice = write(once, after, before);
      expect({ before, after, left: differ(read(twice), after, before) }).toEqual({ before, after, left: [] });
    }
  });

  it("are written once: a second time changes no byte", () => {
    for (const [before, after] of cases) {
      const once = write(full, after, before);
      expect(write(once, after, before)).toBe(once);
      expect(write(once, after, after)).toBe(once);
    }
  });

  it("leave what the table does not know", () => {
    for (const [before, after] of cases) {
      const written = write(write(full, before), after, before);
      expect(written).toContain("<emulator>/usr/bin/qemu</emulator>");
      const stays = [before, after].every(({ disks }) =>
        ((disks ?? []) as Values[]).some(({ target }) => target === "vda"),
      );
      if (stays) expect(written).toContain("<!-- by hand -->");
    }
  });

  it("come back as they were from an empty element", () => {
    for (const [, after] of cases) {
      expect(differ(after, read(write("<domain/>", after)))).toEqual([]);
    }
  });
});

describe("what is not known yet", () => {
  it("is a difference", () => {
    expect(differ({ title: "a", disks: [] }, { title: UNKNOWN, disks: UNKNOWN })).toEqual([
      "title update live",
      "disks update live",
    ]);
    expect(Object.keys(machine)).toContain("title");
  });
});
