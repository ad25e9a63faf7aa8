import { changesOf } from "../../../provider/resources/domain/changes";
import { deferredOf, pendingOf } from "../../../provider/resources/domain/pending";
import { complete } from "../../../provider/resources/domain/wanted";
import { readMark } from "../../../provider/resources/mark";
import type { Values } from "../../../provider/fields";
import { facts, found, ID, inputs, mark, NOW, planned, type Stage } from "./fakeHost";

const definition = (cpu: string, screen = "", more = mark(), head = ""): string =>
  `<domain type="kvm"${head}><name>web</name><uuid>${ID}</uuid>${more}<memory unit="KiB">65536</memory>` +
  `<currentMemory unit="KiB">65536</currentMemory><vcpu>2</vcpu><os><type arch="x86_64" machine="pc-q35-7.2">hvm</type></os>` +
  `${cpu}<clock offset="utc"/><devices>${screen}</devices></domain>`;
const expanded = `<cpu mode="custom" match="exact" check="full"><model fallback="forbid">Skylake-Client</model></cpu>`;
const maximum = `<cpu mode="maximum" check="none"/>`;
const screen = (port: number): string =>
  `<graphics type="vnc" port="${port}" autoport="yes" listen="127.0.0.1"><listen type="address" address="127.0.0.1"/></graphics>`;
const waiting = (labels: string, more = ""): string => mark(` deferred="${labels}" since="${NOW}"${more}`);
const running = (inactive: string, live: Parameters<typeof definition>): Stage => ({
  inactive,
  live: definition(live[0], live[1], mark(), ' id="3"'),
});

/** The costs of an update, and what waits afterwards. */
async function judged(stage: Stage, args: Values, former: Values): Promise<[string[], readonly string[]]> {
  const machine = await found(stage, { ...former, ...args });
  const changes = changesOf(machine, complete(inputs(args), ID, inputs(former), facts), inputs(former));
  return [changes.map(({ path, cost }) => `${path.join(".")} ${cost}`), deferredOf(machine, changes)];
}

describe("the host's CPU model, which libvirt shows in a guest by the name that it came to", () => {
  const away = { cpu: { mode: "maximum" } };
  const back = { cpu: { mode: "host-model" } };

  it("is kept in the mark while another one waits, and no longer", async () => {
    const stage = running(definition(`<cpu mode="host-model"/>`), [expanded]);
    const { plan } = await planned(stage, away, back);
    expect([plan.deferred, readMark(plan.definition!)?.hostModel]).toEqual([["cpu.mode"], true]);
    const { plan: other } = await planned(stage, { ...back, memory: 128 }, back);
    expect([other.deferred, readMark(other.definition!)?.hostModel]).toEqual([["memory"], undefined]);
  });

  it("waits for nothing when it comes back to a guest that was started with it", async () => {
    const started = running(definition(maximum, "", waiting("cpu.mode", ' hostModel="yes"')), [expanded]);
    expect(await judged(started, back, away)).toEqual([["cpu.mode live"], []]);
  });

  it("waits where the guest was started with that model by its name", async () => {
    const named = running(definition(maximum, "", waiting("cpu.mode")), [expanded]);
    expect(await judged(named, back, away)).toEqual([["cpu.mode restart"], ["cpu.mode"]]);
  });
});

describe("a screen whose port the host chooses", () => {
  const vnc = { graphics: { vnc: {} } };
  const cpu = `<cpu mode="host-model"/>`;
  const away = running(definition(cpu, "", waiting("graphics")), [expanded, screen(5900)]);

  it("waits for nothing when it comes back", async () => {
    expect(await judged(away, vnc, {})).toEqual([["graphics live"], []]);
  });

  it("waits where it comes back with another port, place or password", async () => {
    for (const more of [{ port: 5999 }, { listen: { type: "address", address: "0.0.0.0" } }, { password: "x" }])
      expect(await judged(away, { graphics: { vnc: more } }, {})).toEqual([["graphics restart"], ["graphics"]]);
  });

  it("waits where the guest runs with a port that is taken back", async () => {
    const given = `<graphics type="vnc" port="5920" autoport="no" listen="127.0.0.1"><listen type="address" address="127.0.0.1"/></graphics>`;
    const fixed = running(definition(cpu, given), [expanded, given]);
    const port = { port: 5920 };
    expect(await judged(fixed, vnc, { graphics: { vnc: port } })).toEqual([
      ["graphics.vnc.port restart"],
      ["graphics.vnc.port"],
    ]);
    const chosen = { graphics: { vnc: { autoport: true } } };
    expect((await judged(fixed, chosen, { graphics: { vnc: { ...port, autoport: false } } }))[0]).toEqual([
      "graphics.vnc.port restart",
      "graphics.vnc.autoport restart",
    ]);
  });

  it("waits for nothing either where another hand brought it back", async () => {
    const stage = running(definition(cpu, screen(-1), waiting("graphics")), [expanded, screen(5900)]);
    expect(pendingOf(await found(stage, vnc))).toEqual([]);
  });
});
