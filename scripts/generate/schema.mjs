// The text of schema.json: what the tables of the compiled provider say, and the examples.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { projectRoot } from "../places.mjs";

const require = createRequire(import.meta.url);
const compiled = (path) => require(join(projectRoot, "dist", path));

/** Where the example of each resource and function lies: TOKEN.pp, from which `languages.json` is translated, and TOKEN.yaml. */
export const examplesFolder = join(projectRoot, "examples/resources");
export const languagesFile = join(examplesFolder, "languages.json");

// What each resource is, for the first line of its page.
const docs = {
  Domain: "A virtual machine (https://libvirt.org/formatdomain.html).",
  Network: "A virtual network with its DHCP and DNS (https://libvirt.org/formatnetwork.html).",
  StoragePool: "A storage pool: where volumes lie (https://libvirt.org/formatstorage.html).",
  Volume: "A volume in a storage pool: a disk, an image, a file for guests to read.",
  CloudInitDisk: "A NoCloud seed for cloud-init as a volume, to be given to machines as a CD.",
  DhcpHost:
    "A fixed address in the DHCP of a network that another program may own (https://libvirt.org/formatnetwork.html#addressing).",
  DnsHost:
    "The names of an address in the DNS of a network that another program may own (https://libvirt.org/formatnetwork.html#addressing).",
};

/** The same tables and examples give the same text. */
export function schemaText(languages = knownLanguages()) {
  const { schemaParts } = compiled("fields/schema.js");
  const { load, loadLookup, lookupNames, tokens } = compiled("resources/index.js");
  const { providerTable } = compiled("serving/settings.js");
  const { dynamicType, pluginType } = compiled("serving/hidden.js");
  // A stack that the other door made goes on here without a replacement.
  const aliased = (token, resource) => ({ ...resource, aliases: [{ type: dynamicType(token) }] });
  const about = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  const resources = tokens.map((token) => ({ token, doc: page(token, languages[token]), table: load(token).table }));
  const lookups = lookupNames
    .map(loadLookup)
    .map(({ token, doc, args, results }) => ({ token, doc: page(token, languages[token], doc), args, results }));
  const provider = { token: "Provider", doc: "One host, as its URI says.", table: providerTable };
  const parts = schemaParts("kvm", resources, lookups, provider);
  const { config, functions, types, provider: described, resources: plain } = parts;
  const all = Object.fromEntries(tokens.map((token) => [pluginType(token), aliased(token, plain[pluginType(token)])]));
  const schema = { ...metadata(about), config, types, provider: described, resources: all, functions };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

function knownLanguages() {
  return existsSync(languagesFile) ? JSON.parse(readFileSync(languagesFile, "utf8")) : {};
}

/** The description of a resource or function, with its example in every language in the form that Pulumi's generators read. */
function page(token, programs, doc = docs[token]) {
  if (doc === undefined) throw new Error(`generate: ${token} has no line in docs`);
  if (programs === undefined) return doc;
  const yaml = readFileSync(join(examplesFolder, `${token}.yaml`), "utf8");
  const blocks = Object.entries({ ...programs, yaml }).map(
    ([language, code]) => `\`\`\`${language}\n${code.trimEnd()}\n\`\`\``,
  );
  return [
    doc,
    "{{% examples %}}",
    "## Example Usage",
    "{{% example %}}",
    `### ${titleOf(token)}`,
    ...blocks,
    "{{% /example %}}",
    "{{% /examples %}}",
  ].join("\n\n");
}

/** The first line of the example is a comment with its title. */
function titleOf(token) {
  const [first] = readFileSync(join(examplesFolder, `${token}.pp`), "utf8").split("\n");
  return first.replace(/^\/\/ */, "");
}

function metadata(about) {
  const repository = about.homepage;
  const publisher = new URL(repository).pathname.split("/")[1];
  return {
    $schema: "https://raw.githubusercontent.com/pulumi/pulumi/master/pkg/codegen/schema/pulumi.json",
    name: "kvm",
    displayName: "KVM",
    version: about.version,
    description: about.description,
    keywords: ["pulumi", "kvm", "libvirt", "qemu", "category/infrastructure", "kind/native"],
    homepage: repository,
    repository,
    license: about.license,
    publisher,
    pluginDownloadURL: `github://api.github.com/${publisher}`,
    meta: { moduleFormat: "(.*)" },
    language: {
      // The package's own classes are those of the dynamic door; the plugin's are its subpath.
      nodejs: { packageName: `${about.name}/plugin`, respectSchemaVersion: true },
      python: { packageName: "pulumi_kvm", pyproject: { enabled: true }, respectSchemaVersion: true },
      go: { importBasePath: `${repository.replace("https://", "")}/sdk/go/kvm`, respectSchemaVersion: true },
      csharp: { rootNamespace: "PulumiKvm", packageReferences: { Pulumi: "3.*" }, respectSchemaVersion: true },
      java: {
        basePackage: "com.pulumikvm",
        buildFiles: "gradle",
        dependencies: {
          "com.pulumi:pulumi": "1.12.0",
          "com.google.code.gson:gson": "2.8.9",
          "com.google.code.findbugs:jsr305": "3.0.2",
        },
      },
    },
  };
}
