// generate.mjs: writes what follows from the tables: schema.json, the examples in every language, and the SDKs.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildProvider } from "./build.mjs";
import { examplesFolder, languagesFile, schemaText } from "./generate/schema.mjs";
import { sdkFault, translated, writeSdks } from "./generate/sdks.mjs";
import { projectRoot } from "./places.mjs";
import { setup } from "./setup.mjs";
import { isProgram, main, say } from "./shell.mjs";

const schemaFile = join(projectRoot, "schema.json");

/** What is not as it would be generated, in one line; undefined when all is. Needs no Go. */
export function staleness() {
  if (readFileSync(schemaFile, "utf8") !== schemaText()) return "schema.json is not as the tables say";
  return sdkFault();
}

if (isProgram(import.meta)) {
  await main(async () => {
    await setup("unit");
    buildProvider();
    const programs = await translated(schemaText({}), examplesFolder);
    writeFileSync(languagesFile, `${JSON.stringify(programs, undefined, 2)}\n`);
    const text = schemaText(programs);
    writeFileSync(schemaFile, text);
    await writeSdks(text);
    say(`schema.json: ${text.length} bytes; sdk/: dotnet, go, java, nodejs and python`);
    return 0;
  });
}
