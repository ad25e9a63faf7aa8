import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";

// Which rooms a room may import from, beside itself.
const below = {
  "index.ts": ["serving", "fields"],
  serving: ["resources", "fields"],
  resources: ["fields", "xml", "media", "rpc"],
  fields: ["xml"],
  xml: [],
  media: [],
  rpc: ["transport"],
  transport: [],
} as const satisfies Record<string, readonly string[]>;

// The files that may import a package: changing it edits these.
const doors: Readonly<Record<string, RegExp>> = {
  "@pulumi/pulumi": /^serving\//,
  "@grpc/grpc-js": /^serving\/plugin\//,
  "google-protobuf": /^serving\/plugin\//,
  "fast-xml-parser": /^xml\/parse\.ts$/,
  ssh2: /^transport\/ssh\/library\.ts$/,
};

const root = join(__dirname, "../provider");
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => name.split(sep).join("/"))
  .sort();

interface Import {
  readonly file: string;
  readonly target: string;
}

const imports: readonly Import[] = files.flatMap((file) => {
  const text = readFileSync(join(root, file), "utf8").replace(/^\s*(\/\/|\*).*$/gm, "");
  const found = text.matchAll(/(?:^|\s)(?:from|import|require\(|import\()\s*\(?"([^"]+)"/gm);
  return [...found].map(([, target = ""]) => ({ file, target }));
});

function roomOf(path: string): string {
  return path.split("/")[0] ?? "";
}

describe("rooms", () => {
  it("look down: nothing imports upward", () => {
    const upward = imports.filter(({ file, target }) => {
      if (!target.startsWith(".")) return false;
      const there = roomOf(posix.normalize(posix.join(dirname(file), target)));
      const here = roomOf(file);
      const allowed = (below as Readonly<Record<string, readonly string[]>>)[here] ?? [];
      return there !== here && !allowed.includes(there);
    });
    const told = upward.map(
      ({ file, target }) => `${file} imports ${target}; its room may use those that \`below\` lists`,
    );
    expect(told).toEqual([]);
  });

  it("are all on the list", () => {
    const known = Object.keys(below);
    expect([...new Set(files.map(roomOf))].filter((room) => !known.includes(room))).toEqual([]);
  });

  it("have one door for each package", () => {
    const strangers = imports.filter(({ file, target }) => {
      if (target.startsWith(".") || target.startsWith("node:")) return false;
      const name = target
        .split("/")
        .slice(0, target.startsWith("@") ? 2 : 1)
        .join("/");
      return !doors[name]?.test(file);
    });
    expect(strangers).toEqual([]);
  });

  it.each(["serving/dynamic.ts", "serving/cli.ts"])("start fast: %s and all that it loads know no Pulumi", (start) => {
    const reached = new Set<string>();
    const follow = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const { target } of imports.filter((one) => one.file === file && one.target.startsWith("."))) {
        const path = posix.normalize(posix.join(dirname(file), target));
        const next = [`${path}.ts`, `${path}/index.ts`].find((name) => files.includes(name));
        if (next !== undefined) follow(next);
      }
    };
    follow(start);
    expect(imports.filter(({ file, target }) => reached.has(file) && target.startsWith("@pulumi"))).toEqual([]);
  });

  it("hold files that can be read in one sitting", () => {
    const long = files
      .map((file) => ({ file, lines: readFileSync(join(root, file), "utf8").split("\n").length }))
      .filter(({ lines }) => lines > 401);
    expect(long.map(({ file, lines }) => `${relative(root, join(root, file))}: ${lines}`)).toEqual([]);
  });

  it("use names that say what they hold", () => {
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|managers?)(\/|\.ts)/.test(file))).toEqual([]);
  });
});
