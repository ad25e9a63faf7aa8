import { removableCpus } from "../../../../provider/resources/domain/parts/cpus";
import { runLive } from "../../../../provider/resources/domain/live";
import { changesOf } from "../../../../provider/resources/domain/changes";
import { complete } from "../../../../provider/resources/domain/wanted";
import { LibvirtError } from "../../../../provider/rpc";
import { parseXml } from "../../../../provider/xml";
import { facts, found, ID, inputs, mark, requestTo } from "../fakeHost";

/** A guest with CPUs as libvirt shows them: `o` of its start, `+` plugged in, `-` not there. */
const guest = (cpus: string, type = "kvm", head = ' id="3"'): string => {
  const one = (sign: string, id: number): string =>
    `<vcpu id="${id}" enabled="${sign === "-" ? "no" : "yes"}" hotpluggable="${sign === "o" ? "no" : "yes"}"/>`;
  const online = cpus.replaceAll("-", "").length;
  return (
    `<domain type="${type}"${head}><name>web</name><uuid>${ID}</uuid>${mark()}<memory unit="KiB">65536</memory>` +
    `<currentMemory unit="KiB">65536</currentMemory><vcpu current="${online}">${cpus.length}</vcpu>` +
    `<vcpus>${Array.from(cpus, one).join("")}</vcpus><os><type arch="x86_64" machine="pc-q35-7.2">hvm</type></os><devices/></domain>`
  );
};

const args = (onlineVcpus: number) => ({ vcpus: 4, onlineVcpus });

/** What a change to so many CPUs costs. */
async function cost(live: string, after: number): Promise<string[]> {
  const former = live.match(/ current="(\d)"/)?.[1];
  const machine = await found({ inactive: live.replace(' id="3"', ""), live }, args(Number(former)));
  const wanted = complete(inputs(args(after)), ID, inputs(args(Number(former))), facts);
  const changes = changesOf(machine, wanted, inputs(args(Number(former))));
  return changes.filter(({ path }) => path[0] === "onlineVcpus").map((one) => one.cost);
}

describe("fewer CPUs", () => {
  it("are live where enough of them were plugged in, and wait where they were there at the start", async () => {
    expect(await cost(guest("oo++"), 2)).toEqual(["live"]);
    expect(await cost(guest("oo++"), 1)).toEqual(["restart"]);
    expect(await cost(guest("oooo"), 3)).toEqual(["restart"]);
  });

  it("wait under emulation, where QEMU does not tell libvirt that a CPU is gone", async () => {
    expect(await cost(guest("oo++", "qemu"), 3)).toEqual(["restart"]);
    expect(removableCpus(parseXml(guest("oo++")))).toBe(2);
    expect(removableCpus(parseXml(guest("oo++", "qemu")))).toBe(0);
  });

  const timeout = new LibvirtError({ code: 68, domain: 10, level: 2, int1: 0, int2: 0, message: "timed out" });

  /** Asks a guest that shows these CPUs one after the other, where each call ends so. */
  async function ask(shown: readonly string[], answers: readonly (Error | undefined)[]): Promise<number> {
    const live = guest("oo++");
    const machine = await found({ inactive: guest("oo--", "kvm", ""), live }, args(4));
    const request = requestTo({ inactive: live });
    let asked = 0;
    const looks = [...shown];
    const call = (procedure: string): Promise<unknown> => {
      if (procedure === "DOMAIN_GET_XML_DESC") {
        return Promise.resolve({ xml: guest(looks.length > 1 ? (looks.shift() ?? "") : (looks[0] ?? "")) });
      }
      const answer = answers[asked++];
      return answer ? Promise.reject(answer) : Promise.resolve({});
    };
    const at = { ...request, place: { host: { call } } as unknown as typeof request.place };
    const { error } = await runLive({ request: at, found: machine, definition: parseXml(live) }, [
      { path: ["onlineVcpus"], kind: "update", cost: "live", before: 4, after: 2 },
    ]);
    if (error !== undefined) throw error as Error; // what an act throws is one
    return asked;
  }

  it("are asked for again after each one that goes late", async () => {
    expect(await ask(["oo++", "oo+-", "oo+-", "oo--"], [timeout, timeout])).toBe(2);
    expect(await ask(["oo--"], [undefined])).toBe(1);
  });

  it("that a guest keeps are an error with the property, both values and what to expect", async () => {
    let now = 0;
    const clock = jest.spyOn(performance, "now").mockImplementation(() => (now += 8000));
    await expect(ask(["oo++"], [timeout, timeout])).rejects.toThrow(
      'change onlineVcpus 4 -> 2 of running domain "web": the guest still has 4 CPUs after 20 s: it did not give up 2 of them. ' +
        "Its definition has 2, from its next power cycle on; until then the next up asks again",
    );
    clock.mockRestore();
  });

  it("that a guest refuses at once are an error with libvirt's words", async () => {
    const refused = new LibvirtError({ code: 9, domain: 10, level: 2, int1: 0, int2: 0, message: "rejected" });
    await expect(ask(["oo++"], [refused])).rejects.toThrow(
      'change onlineVcpus 4 -> 2 of running domain "web": libvirt refused (9, operation failed): rejected',
    );
  });
});
