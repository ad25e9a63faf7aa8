import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const script = pathToFileURL(join(__dirname, "../../scripts/walks.mjs")).href;

/** The scripts are ES modules, which jest does not load: a Node of their own evaluates the expression. */
function evaluated(expression: string): unknown {
  const source = `import * as module from ${JSON.stringify(script)}; process.stdout.write(JSON.stringify(${expression}));`;
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", source], { encoding: "utf8" }));
}

describe("npm run walks", () => {
  it("walks a thousand times, and thirty times through the engine, of twenty edits each", () => {
    expect(evaluated("[module.options.walks, module.options.engine, module.options.steps]")).toEqual([
      { type: "string", default: "1000" },
      { type: "string", default: "30" },
      { type: "string", default: "20" },
    ]);
  });
});
