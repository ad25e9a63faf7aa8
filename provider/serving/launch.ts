// The head of the plugin's one file. The program stands below it as lines of comment, which no compiler reads, and is compiled
// through V8's code cache where an earlier start left one: without it, compiling takes a third of a start.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { Script } from "node:vm";

const DIGEST_BYTES = 32;
// The first operations come before it, so that what they compile is kept too.
const KEEP_AFTER_MS = 1_000;

type Body = (
  exports: object,
  require: NodeJS.Require,
  module: { exports: object },
  filename: string,
  dirname: string,
) => void;

/** What stands in a file below its head, compiled and run; `digest` tells it from every other version's. */
export function launched(file: string, digest: string, load: NodeJS.Require): object {
  const kept = join(cacheFolder(), `plugin-${digest.slice(0, 16)}-${process.version}-${process.arch}`);
  const cachedData = keptCode(kept);
  const source = `(function (exports, require, module, __filename, __dirname) {${programIn(readFileSync(file, "latin1"))}\n})`;
  const script = new Script(source, { filename: file, ...(cachedData && { cachedData }) });
  const module = { exports: {} };
  (script.runInThisContext() as Body)(module.exports, load, module, file, dirname(file));
  if (cachedData === undefined || script.cachedDataRejected === true) {
    setTimeout(() => {
      keep(kept, script.createCachedData());
    }, KEEP_AFTER_MS).unref();
  }
  return module.exports;
}

function programIn(text: string): string {
  return text.slice(text.search(/^\/\//m)).replace(/^\/\//gm, "");
}

function cacheFolder(): string {
  const given = process.env["XDG_CACHE_HOME"];
  return join(given !== undefined && isAbsolute(given) ? given : join(homedir(), ".cache"), "pulumi-kvm");
}

/** V8 looks at the version of the code, not at damage: that is what the digest in front is for. */
function keptCode(file: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const data = bytes.subarray(DIGEST_BYTES);
    return digestOf(data).equals(bytes.subarray(0, DIGEST_BYTES)) ? data : undefined;
  } catch {
    return undefined;
  }
}

/** Without a home, or on a full disk, every start compiles anew. */
function keep(file: string, data: Buffer): void {
  const fresh = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(fresh, Buffer.concat([digestOf(data), data]));
    renameSync(fresh, file);
  } catch {
    return;
  }
}

function digestOf(data: Buffer): Buffer {
  return createHash("sha256").update(data).digest();
}
