import type { Place } from "../../../provider/resources/place";
import { Machine } from "./machine";
import type { Program } from "./program";
import { Thing } from "./things";
import type { Guest, Way } from "./way";

/** Drives each resource by itself, as the engine would: every announced cost is compared with the host. */
export class ThroughPort implements Way {
  private machine: Machine;
  private readonly network: Thing;
  private readonly volumes: readonly Thing[];

  constructor(
    private readonly place: Place,
    private readonly stack: string,
  ) {
    this.machine = this.newMachine();
    this.network = new Thing(place, "Network", "walked", stack);
    this.volumes = ["walked-a", "walked-b"].map((name) => new Thing(place, "Volume", name, stack));
  }

  async build(program: Program, guest: Guest): Promise<void> {
    for (const [index, volume] of this.volumes.entries()) await volume.create(program.volumes[index] ?? {});
    await this.network.create(program.network);
    await this.machine.create(program.machine, guest);
  }

  async isWritten({ machine, network }: Program): Promise<boolean> {
    const checked = await Promise.all([this.machine.check(machine), this.network.check(network)]);
    return checked.every(({ failures }) => failures.length === 0);
  }

  async up({ machine, network, volumes }: Program): Promise<string[]> {
    const wrong: string[] = [];
    for (const [index, volume] of this.volumes.entries())
      wrong.push(...(await volume.step(volumes[index] ?? {})).wrong);
    wrong.push(...(await this.network.step(network)).wrong);
    return [...wrong, ...(await this.machine.step(machine)).wrong];
  }

  cycle({ machine }: Program, guest: Guest): Promise<string[]> {
    return this.machine.cycle(machine, [], guest);
  }

  async destroy(): Promise<void> {
    await this.machine.destroy();
    this.machine = this.newMachine();
    await this.network.destroy();
    for (const volume of this.volumes) await volume.destroy();
  }

  private newMachine(): Machine {
    return new Machine(this.place, "walked", 0, this.stack);
  }
}
