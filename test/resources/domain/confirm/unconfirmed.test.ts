import { backTo, gated, gateOf, openGate } from "../../../../provider/resources/domain/confirm/confirm";
import { restartSteps } from "../../../../provider/resources/domain/power/restart";
import { markUnconfirmed, unconfirmedIn } from "../../../../provider/resources/domain/confirm/unconfirmed";
import { printXml } from "../../../../provider/xml";
import { found, goal, ID, inputs, mark, MARK, planned } from "../fakeHost";
import { wishesIn, wishesOf } from "../../../../provider/resources/domain/wishes";

const definition = (memoryKib: number, attributes = "", id = ""): string =>
  `<domain type="kvm"${id}><name>web</name><uuid>${ID}</uuid>${mark(attributes)}` +
  `<memory unit="KiB">${memoryKib}</memory><currentMemory unit="KiB">${memoryKib}</currentMemory>` +
  `<vcpu placement="static">2</vcpu><os><type arch="x86_64" machine="pc-q35-7.2">hvm</type></os>` +
  `<cpu mode="host-model"/><clock offset="utc"/><devices/></domain>`;
const confirm = { by: "tcp:22", within: 30 };
const asked = { confirm, whenRestartNeeded: "restart", powerState: "running" };
const running = { inactive: definition(65536), live: definition(65536, "", ` id="3"`) };

describe("a change that has to be confirmed", () => {
  it("says so in the definition that is written before the first act, with what stood before", async () => {
    const { found: machine, plan } = await planned(running, { ...asked, memory: 128 }, asked);
    expect(gateOf(inputs(asked), machine, plan)).toEqual({ by: "tcp:22", withinMs: 30_000 });
    const { definition: written } = gated(plan, machine, goal({ ...asked, memory: 128 }, asked));
    expect(written && printXml(written)).toContain(
      `unconfirmed="{&quot;former&quot;:{&quot;memory&quot;:64},&quot;lost&quot;:[],&quot;restart&quot;:true}" confirm="tcp:22 30"`,
    );
  });

  it("is asked for again by the next update, which has nothing else to do, and knows the way back", async () => {
    const text = ` confirm="tcp:22 30" unconfirmed="{&quot;former&quot;:{&quot;memory&quot;:64},&quot;lost&quot;:[&quot;graphics&quot;],&quot;restart&quot;:true}"`;
    const stage = { inactive: definition(131072, text), live: definition(131072, "", ` id="4"`) };
    const now = { ...asked, memory: 128 };
    const { found: machine, plan } = await planned(stage, now);
    expect(openGate(machine, inputs(now))).toEqual([
      { path: ["confirm"], kind: "update", cost: "live", before: "not confirmed", after: "tcp:22" },
    ]);
    expect(gateOf(inputs(now), machine, plan)).toEqual({ by: "tcp:22", withinMs: 30_000 });
    const again = gated(plan, machine, goal(now, now));
    expect([again.definition, again.live, again.power]).toEqual([undefined, [], []]);
    const back = backTo(goal(now, now), machine, inputs(now), plan);
    expect(back.inputs).toMatchObject({ memory: 64, whenRestartNeeded: "restart", shutdown: { thenForce: true } });
    expect(back.lost).toEqual(["graphics"]);
    expect([back.mark.confirm, back.mark.shutdown]).toEqual(["tcp:22 30", undefined]);
  });

  it("is not asked for where the program wants no answer, or no running guest", async () => {
    const stage = { inactive: definition(65536, ` unconfirmed="{}"`), live: definition(65536, "", ` id="4"`) };
    const machine = await found(stage, {});
    expect(openGate(machine, inputs({}))).toEqual([]);
    expect(openGate(machine, inputs({ ...asked, powerState: "stopped" }))).toEqual([]);
    const paused = await planned({ ...stage, state: 3 }, { ...asked, powerState: "unmanaged" });
    expect(gateOf(inputs({ ...asked, powerState: "unmanaged" }), paused.found, paused.plan)).toBeUndefined();
  });

  it("goes back to what its guest had, where it pays for what waited", async () => {
    const stage = { inactive: definition(131072), live: definition(65536, "", ` id="3"`) };
    const now = { ...asked, memory: 128 };
    const { found: machine, plan } = await planned(stage, now);
    expect(plan.restarts).toBe(true);
    expect(backTo(goal(now, now), machine, inputs(now), plan).inputs["memory"]).toBe(64);
  });
});

describe("the mark of a change that is not confirmed", () => {
  it("keeps the oldest values, and no password", () => {
    const once = markUnconfirmed(MARK, { memory: 64, graphics: { vnc: { password: "x" } }, title: undefined }, true);
    expect(unconfirmedIn(once)).toEqual({ former: { memory: 64, title: null }, lost: ["graphics"], restart: true });
    const twice = markUnconfirmed(once, { memory: 128, graphics: { vnc: {} }, vcpus: 2 }, false);
    expect(unconfirmedIn(twice)).toEqual({
      former: { vcpus: 2, memory: 64, title: null },
      lost: ["graphics"],
      restart: true,
    });
  });

  it("says that it is open also where another hand wrote nonsense", () => {
    expect(unconfirmedIn({ ...MARK, unconfirmed: "{" })).toEqual({ former: {}, lost: [], restart: false });
    expect(unconfirmedIn(MARK)).toBeUndefined();
  });

  it.each([
    [{}, {}, {}],
    [{ confirm: { by: "agent" } }, { confirm: "agent 120" }, { confirm: { by: "agent", within: 120 } }],
    [{ shutdown: { timeout: 60 } }, {}, {}],
    [{ shutdown: { timeout: 5 } }, { shutdown: "5" }, { shutdown: { timeout: 5 } }],
    [{ shutdown: { thenForce: true } }, { shutdown: "60 force" }, { shutdown: { timeout: 60, thenForce: true } }],
    [
      { shutdown: { timeout: 0, thenForce: false } },
      { shutdown: "0 never" },
      { shutdown: { timeout: 0, thenForce: false } },
    ],
  ])("carries the program's wishes %j as %j", (wishes, texts, read) => {
    expect(wishesOf(wishes)).toEqual(texts);
    expect(wishesIn({ ...MARK, ...wishesOf(wishes) })).toEqual(read);
  });
});

describe("the steps of a power cycle", () => {
  it.each([
    ["running", "running", ["stop", "start"]],
    ["running", "paused", ["stop", "start paused"]],
    ["running", "unmanaged", ["stop", "start"]],
    ["paused", "running", ["resume", "stop", "start"]],
    ["paused", "paused", ["resume", "stop", "start paused"]],
    ["paused", "unmanaged", ["resume", "stop", "start paused"]],
    ["suspended", "running", ["resume", "stop", "start"]],
  ] as const)("from %s to %s: %j", (from, to, steps) => {
    expect(restartSteps(from, to)).toEqual(steps);
  });
});
