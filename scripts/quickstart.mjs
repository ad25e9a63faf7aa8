// quickstart.mjs [preview | destroy] [--image FILE]: examples/quickstart through the real Pulumi engine, with a state of its
// own beside the project, on a guest made on the spot; --image boots the file of a cloud image instead.
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { guest } from "./guest.mjs";
import { projectRoot } from "./places.mjs";
import { remains } from "./quickstart/remains.mjs";
import { page } from "./quickstart/page.mjs";
import { mendState } from "./quickstart/checkpoint.mjs";
import { clearDeadLocks } from "./quickstart/locks.mjs";
import { setup } from "./setup.mjs";
import { engineEnvironment } from "./setup/engine.mjs";
import { Stop, capture, isProgram, main, must, say, show } from "./shell.mjs";

const program = join(projectRoot, "examples/quickstart");
const state = join(projectRoot, ".cache/quickstart");
const stack = "quickstart";
const config = ["--config-file", join(state, "config.yaml")];

const acts = { up, preview, destroy };

async function up(pulumi, settings) {
  const startMs = Date.now();
  const code = pulumi.show(["up", "--yes", "--skip-preview", ...config, ...settings]);
  if (code !== 0) return code;
  const upMs = Date.now() - startMs;
  const address = pulumi.must(["stack", "output", "address"]).trim();
  const text = await page(`http://${address}/`, 60_000);
  say(`\n${text.trimEnd()}\n`);
  say(
    `The guest at http://${address}/ said this. pulumi up took ${seconds(upMs)}, the page was there after ${seconds(Date.now() - startMs)}.`,
  );
  say("Next: npm run quickstart -- preview   shows that nothing changes. Change memory or title in");
  say("examples/quickstart/index.ts: the same says what that costs, and npm run quickstart does it.");
  say("npm run quickstart -- destroy   removes it all.");
  return 0;
}

function preview(pulumi, settings) {
  const code = pulumi.show(["preview", ...config, ...settings]);
  const same = code === 0 && pulumi.capture(["preview", "--expect-no-changes", ...config, ...settings]).code === 0;
  if (same) say("Nothing changes: the definition of the machine is as the program says.");
  return code;
}

function destroy(pulumi) {
  const all = JSON.parse(pulumi.must(["stack", "export"])).deployment?.resources ?? [];
  const before = all.filter((resource) => !resource.type.startsWith("pulumi:"));
  const code = pulumi.show(["destroy", "--yes", "--skip-preview", ...config]);
  if (code !== 0) return code;
  pulumi.must(["stack", "rm", "--yes", "--preserve-config", stack]);
  rmSync(state, { recursive: true, force: true });
  const left = remains(before);
  if (left.length === 0)
    say(`Nothing is left of the ${before.length} objects: no machine, network, pool, volume, file or state.`);
  for (const entry of left) say(`left behind: ${entry}`);
  return left.length === 0 ? 0 : 1;
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** The CLI with the program's folder and our state; `show` prints its output, `must` returns it. */
function engine() {
  const options = { cwd: program, env: engineEnvironment(state) };
  return {
    show: (args) => show(["pulumi", ...args], options),
    must: (args) => must(["pulumi", ...args], options),
    capture: (args) => capture(["pulumi", ...args], options),
  };
}

/** The stack, made when it is not there; false when it is not and shall not be. */
function selectStack(pulumi, { create }) {
  const settings = join(program, `Pulumi.${stack}.yaml`);
  const theirs = existsSync(settings);
  const { code, out, err } = pulumi.capture(["stack", "select", stack, ...(create ? ["--create"] : [])]);
  // A new stack writes its salt beside the program; ours has its settings with its state, so that the example stays clean.
  if (!theirs) rmSync(settings, { force: true });
  if (code !== 0 && create) throw new Stop(`${out}${err}`.trimEnd());
  return code === 0;
}

/** What `npm install` would do in the example, from this checkout: it finds the rest in the folders above. */
function linkPackage() {
  const link = join(program, "node_modules/pulumi-kvm");
  if (existsSync(link)) return;
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), projectRoot), link, "dir");
}

function understood(words) {
  const usage = new Stop("usage: npm run quickstart [-- preview | destroy] [--image FILE]");
  const [first = "up"] = words;
  const act = first.startsWith("--") ? "up" : first;
  const rest = words.slice(first === act && words.length > 0 ? 1 : 0);
  if (acts[act] === undefined) throw usage;
  if (rest.length === 0) return { act };
  if (rest.length !== 2 || rest[0] !== "--image") throw usage;
  const image = resolve(rest[1]);
  if (!existsSync(image)) throw new Stop(`quickstart: there is no file ${image}.`);
  return { act, image };
}

async function quickstart(words) {
  const { act, image } = understood(words);
  await setup("quickstart");
  linkPackage();
  const settings = [];
  if (act !== "destroy") {
    const { kernel, initrd } = guest();
    settings.push("-c", `kernel=${kernel}`, "-c", `initrd=${initrd}`, ...(image ? ["-c", `image=${image}`] : []));
  }
  if (clearDeadLocks(state)) say("The run before was killed: its lock is removed.");
  if (mendState(state)) say("The run before was killed while it wrote its state: the state before it is used.");
  const pulumi = engine();
  if (!selectStack(pulumi, { create: act === "up" })) {
    say(act === "destroy" ? "There is nothing to destroy." : "There is nothing yet: npm run quickstart makes it.");
    return act === "destroy" ? 0 : 1;
  }
  return acts[act](pulumi, settings);
}

if (isProgram(import.meta)) await main(() => quickstart(process.argv.slice(2)));
