// generate.mjs: writes schema.json from the tables of the compiled provider.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { projectRoot } from "./places.mjs";
import { setup } from "./setup.mjs";
import { isProgram, main, say } from "./shell.mjs";

const require = createRequire(import.meta.url);
const compiled = (path) => require(join(projectRoot, "dist", path));

// What each resource is, for the first line of its page.
const docs = {
  Domain: "A virtual machine (https://libvirt.org/formatdomain.html).",
  Network: "A virtual network with its DHCP and DNS (https://libvirt.org/formatnetwork.html).",
  StoragePool: "A storage pool: where volumes lie (https://libvirt.org/formatstorage.html).",
  Volume: "A volume in a storage pool: a disk, an image, a file for guests to read.",
  CloudInitDisk: "A NoCloud seed for cloud-init as a volume, to be given to machines as a CD.",
};

/** The text of schema.json; the same tables give the same text. */
export function schemaText() {
  const { schemaParts } = compiled("fields/schema.js");
  const { load, tokens } = compiled("resources/index.js");
  const { providerTable } = compiled("serving/settings.js");
  const about = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  const resources = tokens.map((token) => ({ token, doc: docs[token] ?? missing(token), table: load(token).table }));
  const provider = { token: "Provider", doc: "One host, as its URI says.", table: providerTable };
  const { config, types, provider: described, resources: all } = schemaParts("kvm", resources, provider);
  const schema = { ...metadata(about), config, types, provider: described, resources: all };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

function missing(token) {
  throw new Error(`generate: ${token} has no line in docs`);
}

function metadata(about) {
  const repository = about.homepage;
  const publisher = new URL(repository).pathname.split("/")[1];
  return {
    $schema: "https://raw.githubusercontent.com/pulumi/pulumi/master/pkg/codegen/schema/pulumi.json",
    name: "kvm",
    displayName: "KVM",
    version: about.version,
    description: `${about.description} (schema generated from provider/resources/*/fields.ts by scripts/generate.mjs)`,
    keywords: ["pulumi", "kvm", "libvirt", "qemu", "category/infrastructure", "kind/native"],
    homepage: repository,
    repository,
    license: about.license,
    publisher,
    pluginDownloadURL: `github://api.github.com/${publisher}`,
    meta: { moduleFormat: "(.*)" },
    language: {
      nodejs: { packageName: about.name, respectSchemaVersion: true },
      python: { packageName: "pulumi_kvm", pyproject: { enabled: true }, respectSchemaVersion: true },
      go: { importBasePath: `${repository.replace("https://", "")}/sdk/go/kvm`, respectSchemaVersion: true },
      csharp: { respectSchemaVersion: true },
      java: { basePackage: "com.pulumikvm", buildFiles: "gradle" },
    },
  };
}

if (isProgram(import.meta)) {
  await main(async () => {
    await setup("check");
    const text = schemaText();
    writeFileSync(join(projectRoot, "schema.json"), text);
    say(`schema.json: ${text.length} bytes from ${Object.keys(docs).length} tables`);
    return 0;
  });
}
