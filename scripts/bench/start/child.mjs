// Starts as Pulumi's host of dynamic providers does, then loads our code; prints the CPU seconds of both, in JSON.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const [what] = process.argv.slice(2);
// The host's own start wants the engine's address, and prints the port where it serves: it is ready then.
process.argv = [process.argv[0], process.argv[1], "127.0.0.1:1"];
const served = new Promise((resolve) => {
  console.log = resolve;
});
require("@pulumi/pulumi/cmd/dynamic-provider");
await served;

const owner = { organization: "bench", project: "bench", stack: "bench", type: "kvm:index:Domain", name: "bench" };
const bare = cpuSeconds();
const { provider } = require("../../../dynamic");
if (what === "answer") {
  await provider("Domain").read("00000000-0000-4000-8000-000000000000", { __owner: owner, name: "bench" });
} else {
  const names = what === "all" ? require("../../../dist/resources").tokens : [what];
  for (const name of names) {
    // A name of the wrong type: check loads the resource, complains, and asks no daemon.
    const { failures } = await provider(name).check({}, { __owner: owner, name: 7, pool: 7, type: 7 });
    if (failures.length === 0) throw new Error(`${name} took a number for a name`);
  }
}
process.stdout.write(`${JSON.stringify({ bare, added: cpuSeconds() - bare })}\n`);
process.exit(0);
