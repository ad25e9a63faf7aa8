import type { Values } from "../../../provider/fields";
import { changesOf } from "../../../provider/resources/domain/changes";
import { forecast } from "../../../provider/resources/domain/forecast";
import { complete } from "../../../provider/resources/domain/wanted";
import { facts, found, ID, inputs, mark, type Stage } from "./fakeHost";

// The line that a preview says of a machine.

const definition = (mebibytes: number, marked: string): string =>
  `<domain type="kvm"><name>web</name><uuid>${ID}</uuid>${marked}<memory unit="MiB">${mebibytes}</memory>` +
  `<currentMemory unit="MiB">64</currentMemory><vcpu>2</vcpu><os><type arch="x86_64" machine="pc-q35-7.2">hvm</type></os>` +
  `<cpu mode="host-model"/><clock offset="utc"/><devices/></domain>`;
/** The definition has 128 MiB since an earlier update, the guest 64. */
const waiting: Stage = {
  inactive: definition(128, mark(' deferred="memory" since="2026-05-01T09:00:00.000Z"')),
  live: definition(64, mark()),
};

async function line(stage: Stage, wish: Values, former: Values): Promise<string | undefined> {
  const machine = await found(stage, { ...former, ...wish });
  const wanted = complete(inputs(wish), ID, inputs(former), facts);
  return forecast(machine, changesOf(machine, wanted, inputs(former)), wanted);
}

const asDefined = { memory: 128, currentMemory: 64, powerState: "running", autostart: true };

it.each<[string, Values, string]>([
  ["waits since an earlier update", {}, "web: waits for a power cycle since an earlier update: memory"],
  ["changes once more, and so is told once", { memory: 256 }, "web: waits for a power cycle: memory 128 -> 256 MiB"],
  [
    "restarts the guest together with what waits",
    { whenRestartNeeded: "restart", maxMemory: { size: 1024, slots: 2 } },
    "web: restarts the guest: maxMemory.size set to 1024 MiB, maxMemory.slots set to 2, memory of an earlier update",
  ],
])("a property %s", async (_, more, told) => {
  expect(await line(waiting, { ...asDefined, ...more }, asDefined)).toBe(told);
});

it("a machine that is off is told what it gets, and that it is started", async () => {
  const off = { inactive: definition(128, mark()), autostart: true };
  expect(await line(off, { ...asDefined, memory: 256 }, asDefined)).toBe(
    "web: it is stopped: memory 128 -> 256 MiB, started",
  );
});
