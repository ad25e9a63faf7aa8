// Makes a Volume of a file as the provider's process does, and takes it away; prints seconds and growth in JSON.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { provider } = require("../../../dynamic");

const [source, pool] = process.argv.slice(2);
const owner = { organization: "bench", project: "bench", stack: "bench", type: "kvm:index:Volume", name: "bench" };
const volume = provider("Volume");
const secondsSince = (start) => (performance.now() - start) / 1000;
const peakMib = () => process.resourceUsage().maxRSS / 1024;

// A small one first: the code is loaded and the connections stand, as in the middle of an up.
const first = await made({ name: "bench-first", pool, capacity: 1 });
await volume.delete(first.id, first.outs);

const before = peakMib();
const start = performance.now();
const { inputs } = await checked({ name: "bench-image", pool, source });
const checkSeconds = secondsSince(start);
const created = performance.now();
const image = await volume.create(inputs);
const createSeconds = secondsSince(created);
const ourGrowthMib = peakMib() - before;
await volume.delete(image.id, image.outs);
process.stdout.write(`${JSON.stringify({ checkSeconds, createSeconds, ourGrowthMib })}\n`);
process.exit(0);

async function checked(args) {
  const answer = await volume.check({}, { ...args, __owner: owner });
  if (answer.failures.length > 0) throw new Error(JSON.stringify(answer.failures));
  return answer;
}

async function made(args) {
  const { inputs: all } = await checked(args);
  return volume.create(all);
}
