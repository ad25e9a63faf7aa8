// The licence texts of what the plugin's one file is made of: whoever hands it on has to hand these on too.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectRoot } from "../places.mjs";
import { Stop } from "../shell.mjs";

/** Where it lies beside the plugin. */
export const licencesFile = "THIRD_PARTY_LICENSES";

/** The texts of all packages that these source files belong to, by esbuild's names for them. */
export function licencesOf(sources) {
  const names = sources.map((source) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1]);
  const packages = [...new Set(names.filter((name) => name !== undefined))].sort();
  return `The plugin of pulumi-kvm has these works inside.\n${rule}${packages.map(packageLicence).join(rule)}`;
}

/** Node's own text, for the executable that has Node inside. */
export function nodeLicence() {
  const home = dirname(dirname(process.execPath));
  const found = [join(home, "LICENSE"), "/usr/share/doc/nodejs/LICENSE"].find((file) => existsSync(file));
  const text =
    found === undefined
      ? `https://github.com/nodejs/node/blob/${process.version}/LICENSE\n`
      : readFileSync(found, "utf8");
  return `${rule}Node.js ${process.version}\n\n${text}`;
}

const rule = `\n${"-".repeat(80)}\n\n`;

function packageLicence(name) {
  const folder = join(projectRoot, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
  if (license === undefined && texts.length === 0) throw new Stop(`${name} has no licence: it cannot be bundled`);
  return [`${name} ${version}, ${license}\n`, ...texts.map((file) => readFileSync(join(folder, file), "utf8"))].join(
    "\n",
  );
}
