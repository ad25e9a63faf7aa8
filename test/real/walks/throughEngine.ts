import { deepEqual, type Values } from "../../../provider/fields";
import type { Place } from "../../../provider/resources/place";
import { virsh } from "../../e2e/engine";
import { type Door, DoorProgram, type Plan } from "../../e2e/conformance/doors";
import { booted, bootIn, carded } from "./guest";
import type { Program } from "./program";
import { look } from "./sight";
import { ThroughPort } from "./throughPort";
import type { Guest, Way } from "./way";

const MACHINE = "walked";
const NUMBER = 0;

/** A Pulumi program of one stack, by preview, up and refresh of the real engine. */
export class ThroughEngine implements Way {
  private stack: DoorProgram | undefined;

  constructor(
    private readonly place: Place,
    private readonly door: Door,
  ) {}

  async build(program: Program): Promise<void> {
    this.stack = new DoorProgram(this.door, textOf(program));
    this.stack.upped();
    await booted(MACHINE, program.machine, NUMBER);
  }

  /** Asked of resources that are not made: the engine would only say no. */
  isWritten(program: Program): Promise<boolean> {
    return new ThroughPort(this.place, "asked").isWritten(program);
  }

  async up(program: Program): Promise<string[]> {
    const stack = this.running();
    stack.write(textOf(program));
    const plan = stack.plan();
    const [before, boot] = [look(MACHINE), await bootIn(MACHINE, NUMBER)];
    const uuid = virsh("domuuid", MACHINE);
    const ran = stack.up();
    if (ran.code !== 0) return [`the update failed: ${ran.text}`];
    const after = look(MACHINE);
    const wrong: string[] = [];
    const replaced = plan.planned[MACHINE]?.op === "replace";
    if (!replaced && virsh("domuuid", MACHINE) !== uuid) wrong.push("the machine is another one, unannounced");
    if (!plan.planned[MACHINE] && !deepEqual(before, after) && !plan.planned["net"])
      wrong.push("nothing was announced of the machine, and it is not as it was");
    if (!replaced && before.power === (program.machine["powerState"] ?? "running")) {
      if (before.run !== after.run) wrong.push(`the guest's run was ${String(before.run)} and is ${String(after.run)}`);
      const now = boot === undefined ? undefined : await bootIn(MACHINE, NUMBER);
      if (now !== undefined && now !== boot) wrong.push("the guest booted again");
    } else await booted(MACHINE, program.machine, NUMBER);
    wrong.push(...after.loose.map((mac) => `card ${mac} hangs in the air`));
    return [...wrong, ...open("the next preview", stack.plan())];
  }

  async cycle(program: Program, guest: Guest): Promise<string[]> {
    const stack = this.running();
    if (look(MACHINE).power !== "stopped") virsh("destroy", MACHINE);
    virsh("start", MACHINE);
    if (guest === "answers") await booted(MACHINE, program.machine, NUMBER);
    const power = program.machine["powerState"] ?? "running";
    if (power === "stopped") virsh("destroy", MACHINE);
    if (power === "paused") virsh("suspend", MACHINE);
    const refreshed = stack.refresh();
    if (refreshed.code !== 0) return [`the refresh failed: ${refreshed.text}`];
    const waiting = stack.recorded().find(({ urn }) => urn.endsWith(`::${MACHINE}`))?.outputs?.["restartPending"];
    return [
      ...(deepEqual(waiting, []) ? [] : [`restartPending after a power cycle: ${JSON.stringify(waiting)}`]),
      ...open("the preview after a refresh", stack.plan()),
    ];
  }

  destroy(): Promise<void> {
    const { stack } = this;
    this.stack = undefined;
    const ran = stack?.destroy();
    stack?.close();
    if (ran && ran.code !== 0) throw new Error(`pulumi destroy: ${ran.text}`);
    return Promise.resolve();
  }

  private running(): DoorProgram {
    if (!this.stack) throw new Error("the walk was not begun");
    return this.stack;
  }
}

function open(which: string, { planned }: Plan): string[] {
  const told = Object.entries(planned).map(([name, { op, paths }]) => `${op} ${name} ${paths.join(", ")}`);
  return told.length > 0 ? [`${which} is not empty: ${told.join("; ")}`] : [];
}

/** The machine comes after what it stands on. */
function textOf({ machine, network, volumes }: Program): string {
  const made = (token: string, name: string, args: Values): string =>
    `new kvm.${token}(${JSON.stringify(name)}, ${JSON.stringify(args)}, { dependsOn: [...made] })`;
  return [
    "const made = [];",
    ...volumes.map((args) => `made.push(${made("Volume", String(args["name"]), args)});`),
    `made.push(${made("Network", "net", network)});`,
    `${made("Domain", MACHINE, carded(machine, NUMBER))};`,
  ].join("\n");
}
