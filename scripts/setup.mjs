// setup.mjs [--check] [quickstart | test | check | unit]: brings a fresh machine to where the project's commands work, and does nothing
// where nothing is missing. --check only tells, and exits with 1 when something is missing.
import { daemons } from "./setup/daemons.mjs";
import { engine } from "./setup/engine.mjs";
import { kvm } from "./setup/kvm.mjs";
import { languages } from "./setup/languages.mjs";
import { build, dependencies } from "./setup/node.mjs";
import { packages } from "./setup/packages.mjs";
import { Stop, isProgram, main, say } from "./shell.mjs";

const steps = {
  quickstart: [engine, dependencies, packages("quickstart"), kvm, daemons, build],
  // Tests bring a daemon of their own: the lab's.
  test: [engine, dependencies, packages("test"), build, languages],
  check: [dependencies, build],
  unit: [dependencies, packages("unit")],
};

/** Does what is missing, one line for each act with its reason. The engine's build runs beside the rest; the languages' hosts may come with it. */
export async function setup(purpose = "quickstart") {
  const running = [];
  for (const step of steps[purpose]) {
    if (step === languages) await ended(running);
    const missing = await step.missing();
    if (missing.length === 0) continue;
    say(`set-up: ${describe(step)}: ${missing.join(", ")}`);
    const done = step.fix();
    if (step === engine) running.push(settled(done));
    else await done;
  }
  await ended(running);
}

async function ended(running) {
  for (const failure of await Promise.all(running)) if (failure !== undefined) throw failure;
}

const describe = (step) => (typeof step.does === "function" ? step.does() : step.does);

// Held until it is awaited: a rejection that nobody waits for yet would end the process.
const settled = (promise) =>
  promise.then(
    () => undefined,
    (error) => error,
  );

/** What is missing, as a list of texts; nothing is changed. */
export async function missing(purpose = "quickstart") {
  const lists = await Promise.all(steps[purpose].map((step) => step.missing()));
  return lists.flat();
}

async function tell(purpose) {
  const list = await missing(purpose);
  if (list.length === 0) say("Nothing is missing.");
  for (const entry of list) say(`missing: ${entry}`);
  return list.length === 0 ? 0 : 1;
}

if (isProgram(import.meta)) {
  await main(async () => {
    const words = process.argv.slice(2);
    const [purpose = "quickstart", ...rest] = words.filter((word) => word !== "--check");
    if (rest.length > 0 || steps[purpose] === undefined) {
      throw new Stop("usage: node scripts/setup.mjs [--check] [quickstart | test | check | unit]");
    }
    if (words.includes("--check")) return tell(purpose);
    await setup(purpose);
    say("Everything is there.");
  });
}
