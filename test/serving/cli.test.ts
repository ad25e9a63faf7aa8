import type { Finding } from "../../provider/resources/host/lacks";
import { run, version } from "../../provider/serving/cli/commands";
import { ageOf, hoursOf, isWithin } from "../../provider/serving/cli/pending";
import { asJson, asText, canRun, type Report } from "../../provider/serving/cli/report";

async function ran(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: "", err: "" };
  const code = await run(words, { out: (text) => (said.out += text), err: (text) => (said.err += text) });
  return { code, ...said };
}

const ok: Finding = { what: "kvm", title: "KVM", group: "machines", state: "ok", says: "yes", essential: false };
const lack: Finding = {
  ...ok,
  what: "tpm",
  title: "TPM",
  state: "lacks",
  says: "there is none",
  remedy: "install swtpm",
};
const unclear: Finding = {
  ...ok,
  what: "dnsmasq",
  title: "dnsmasq",
  group: "link",
  state: "unclear",
  says: "libvirt is silent",
  remedy: "`dnsmasq --version`",
};
const report: Report = { version: "1.2.3", uri: "qemu:///system", findings: [ok, lack, unclear] };

describe("the words of the command", () => {
  it("ask for help and for the version", async () => {
    expect(await ran("--help")).toMatchObject({
      code: 0,
      err: "",
      out: expect.stringContaining("\n  doctor ") as string,
    });
    expect(await ran("doctor", "--help")).toMatchObject({ code: 0, out: expect.stringContaining("--json") as string });
    expect(await ran("--version")).toEqual({ code: 0, err: "", out: `${version()}\n` });
  });

  it.each([
    [[], /^usage: pulumi-kvm COMMAND/],
    [["docter\u001b[2J"], /^pulumi-kvm: there is no command "docter\\u001b\[2J"\nusage: /],
    [["toString"], /^pulumi-kvm: there is no command "toString"\n/],
    [["doctor", "--url", "x"], /^pulumi-kvm: Unknown option '--url'.*\nusage: pulumi-kvm doctor /s],
    [["doctor", "--uri"], /^pulumi-kvm: .*--uri.*\nusage: pulumi-kvm doctor /s],
    [["pending", "--max", "2"], /^pulumi-kvm: --max goes with --apply\nusage: pulumi-kvm pending /],
    [["pending", "--apply", "--max", "0"], /^pulumi-kvm: --max is a number from 1 to 999\nusage: /],
    [["pending", "--apply", "--window", "2-4"], /^pulumi-kvm: --window is such as 22:00-04:00\nusage: /],
    [["doctor", "qemu:///system"], /^pulumi-kvm: .*qemu:\/\/\/system.*\nusage: pulumi-kvm doctor /s],
  ])("%j: usage and exit code 2", async (words, said) => {
    const { code, out, err } = await ran(...words);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(said);
  });

  it("name a URI that cannot work, whose secrets are not said", async () => {
    const { code, out } = await ran("doctor", "--uri", "qemu+ssh://me:hunter2@host/system");
    expect(code).toBe(1);
    expect(out).toMatch(/lacks +connection +a password in a URI would stand in state and logs: remove it/);
    expect(out).not.toContain("hunter2");
  });
});

describe("the report", () => {
  it("has a line for each finding, and below it what to do", () => {
    expect(asText(report)).toBe(`pulumi-kvm 1.2.3: qemu:///system

link
  cannot tell  dnsmasq  libvirt is silent
               to see: \`dnsmasq --version\`

machines
  ok           KVM      yes
  lacks        TPM      there is none
               remedy: install swtpm

The host can run machines. Lacks: 1; not to be told from here: 1.
`);
  });

  it("is JSON for programs, with the lacks of getHost", () => {
    expect(JSON.parse(asJson(report))).toEqual({
      version: "1.2.3",
      uri: "qemu:///system",
      canRunMachines: true,
      findings: [ok, lack, unclear],
      lacks: [{ what: "tpm", why: "there is none", remedy: "install swtpm" }],
    });
  });

  it("cannot steer a terminal, nor fake a line", () => {
    const evil = { ...report, findings: [{ ...ok, says: "a\u001b]0;x\u0007\nlink\n  ok\u009b2J" }] };
    for (const text of [asText(evil), asJson(evil)]) expect(text).not.toMatch(/[^\P{Cc}\n]/u);
    expect(asText(evil)).toContain("a\\u001b]0;x\\u0007 link ok\\u009b2J\n");
  });

  it("says whether machines run", () => {
    expect(canRun({ ...report, findings: [{ ...lack, essential: true }] })).toBe(false);
    expect(asText({ ...report, findings: [{ ...lack, essential: true }] })).toContain("cannot run machines");
  });
});

describe("the window of power cycles", () => {
  const at = (hour: number, minute = 0): Date => new Date(2026, 0, 1, hour, minute);

  it("is a part of the day, or lies over midnight", () => {
    const day = hoursOf("02:00-04:30") ?? { from: 0, to: 0 };
    expect([at(1, 59), at(2), at(4, 29), at(4, 30)].map((now) => isWithin(day, now))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    const night = hoursOf("22:00-4:00") ?? { from: 0, to: 0 };
    expect([at(21), at(23), at(3, 59), at(4)].map((now) => isWithin(night, now))).toEqual([false, true, true, false]);
    expect([hoursOf("24:00-04:00"), hoursOf("22-4")]).toEqual([undefined, undefined]);
  });
});

describe("an age in words", () => {
  it("has one unit", () => {
    const since = "2026-01-01T00:00:00.000Z";
    const ages = [60, 7200, 49 * 3600].map((seconds) => ageOf(since, Date.parse(since) + seconds * 1000));
    expect(ages).toEqual(["1 minute", "2 hours", "2 days"]);
    expect(ageOf("nonsense", 0)).toBe("an unknown time");
  });
});
