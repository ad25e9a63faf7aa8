import { writeFileSync } from "node:fs";
import type { Values } from "../../provider/fields";
import { getDomain, getDomains } from "../../provider/resources/domain/lookup";
import { domain } from "../../provider/resources/domain/lifecycle";
import { answer } from "../../provider/resources/lookup";
import type { Place } from "../../provider/resources/place";
import { parseXml, printXml } from "../../provider/xml";
import { changesLive, clear, costs, small, virsh } from "./changing";
import { Driven } from "./driven";
import { placeOf } from "./request";

// What a program keeps with its machine in <metadata>, on real machines in their firmware.
jest.setTimeout(60_000);

let place: Place;
beforeAll(() => {
  place = placeOf();
});
afterAll(async () => {
  await place.host.close();
});
afterEach(clear);

const keeping = (metadata: Values): Values => ({ ...small, metadata });
const URI = "urn:pulumi-kvm:metadata:1";

/** What libvirt gives out for our namespace; it fails where there is nothing. */
const kept = (machine: Driven, ...scope: string[]): string =>
  virsh("metadata", machine.id ?? "", "--uri", URI, ...scope).replace(/\n\s*/g, "");
const bothKept = (machine: Driven): string[] => [kept(machine), kept(machine, "--config")];

function byHand(machine: Driven, entries: string, ...scope: string[]): void {
  virsh("metadata", machine.id ?? "", "--uri", URI, "--key", "hand", "--set", `<texts>${entries}</texts>`, ...scope);
}

describe("a machine's metadata", () => {
  it("comes, changes key by key and goes on the running guest, and says so key by key", async () => {
    const web = new Driven(domain, place, "kept");
    await web.up(small);
    const first = { team: "payments", "example.com/cost-center": "7" };
    await web.preview(keeping(first));
    expect(web.said).toEqual([
      `${String(web.outputs["name"])}: live: metadata.team set to payments, metadata["example.com/cost-center"] set to 7`,
    ]);
    await changesLive(web, keeping(first));
    const entries = `<entry key="team" value="payments"/><entry key="example.com/cost-center" value="7"/>`;
    expect(bothKept(web)).toEqual([`<metadata>${entries}</metadata>`, `<metadata>${entries}</metadata>`]);

    const second = { team: "billing", stage: "prod" };
    await web.preview(keeping(second));
    expect(web.said).toEqual([
      `${String(web.outputs["name"])}: live: metadata.team payments -> billing, metadata.stage set to prod, ` +
        `metadata["example.com/cost-center"] removed`,
    ]);
    await changesLive(web, keeping(second));
    const changed = `<metadata><entry key="team" value="billing"/><entry key="stage" value="prod"/></metadata>`;
    expect(bothKept(web)).toEqual([changed, changed]);

    const none = await changesLive(web, small);
    expect(none.live + none.inactive).not.toContain(URI);
  });

  it("keeps any text that XML can carry, and two keys that differ in case only", async () => {
    const web = new Driven(domain, place, "texts");
    const texts = {
      Team: "upper",
      team: "lower",
      "a.b/c:d": ` two\nlines\r\n\tand  <&>"' é 😀 `,
      blank: "  ",
      empty: "",
      constructor: "a word of JavaScript",
    };
    await web.up(keeping(texts));
    expect((await web.preview(keeping(texts))).differences).toEqual([]);
    await changesLive(web, keeping({ ...texts, team: "other\n" }));
    await web.refresh();
    expect(web.inputs?.["metadata"]).toEqual({ ...texts, team: "other\n" });
    expect(kept(web)).toContain('<entry key="Team" value="upper"/><entry key="team" value="other&#10;"/>');
  });

  it("leaves what other tools keep there, in the guest and in the definition", async () => {
    const web = new Driven(domain, place, "beside");
    await web.up(keeping({ team: "a" }));
    const theirs = ["--uri", "urn:other", "--key", "o", "--set", "<app><a>theirs</a></app>"];
    virsh("metadata", web.id ?? "", ...theirs, "--live", "--config");
    const mark = /<kvm:mark .*\/>/.exec(virsh("dumpxml", web.id ?? "", "--inactive"))?.[0];
    for (const metadata of [{ team: "b" }, { stage: "c" }, {}]) await changesLive(web, keeping(metadata));
    for (const scope of ["--live", "--config"])
      expect(virsh("metadata", web.id ?? "", "--uri", "urn:other", scope).replace(/\n\s*/g, "")).toBe(
        "<app><a>theirs</a></app>",
      );
    expect(virsh("dumpxml", web.id ?? "", "--inactive")).toContain(mark);
  });

  it.each(["--live", "--config", "--live --config"])(
    "is drift where another hand changed it (%s), shown by a refresh and mended in the same run",
    async (scope) => {
      const web = new Driven(domain, place, "drift");
      const args = keeping({ team: "a", stage: "b" });
      await web.up(args);
      byHand(web, `<entry key="team" value="hand"/><entry key="more" value="x"/>`, ...scope.split(" "));
      await web.refresh();
      expect(await costs(web, args)).toEqual(["metadata.team live", "metadata.stage live", "metadata.more live"]);
      await changesLive(web, args);
      for (const texts of bothKept(web)) {
        expect(texts).toContain('<entry key="team" value="a"/>');
        expect(texts).toContain('<entry key="stage" value="b"/>');
        expect(texts).not.toContain("more");
      }
    },
  );

  it("is not looked at where the program gives none, read by an adoption and a refresh, and told by the functions", async () => {
    const other = new Driven(domain, place, "other");
    await other.up({ ...small, name: "handed" });
    byHand(other, `<entry key="team" value="hand"/>`, "--live", "--config");
    expect((await other.preview({ ...small, name: "handed" })).differences).toEqual([]);

    const file = "/tmp/handed.xml";
    const root = parseXml(virsh("dumpxml", other.id ?? "", "--inactive"));
    const foreign = printXml(root)
      .replace(/<kvm:mark [^>]*\/>/, "")
      .replace(/<uuid>.*<\/uuid>/, "")
      .replace("handed", "found");
    writeFileSync(file, foreign);
    virsh("define", file);
    const imported = new Driven(domain, place, "found");
    imported.id = virsh("domuuid", "found").trim();
    await imported.refresh();
    expect(imported.inputs?.["metadata"]).toEqual({ team: "hand" });

    const mine = new Driven(domain, place, "mine");
    const args = { ...small, name: "found", powerState: "stopped", adopt: true };
    await mine.up(args);
    expect(kept(mine)).toContain('<entry key="team" value="hand"/>');
    await mine.up({ ...args, metadata: { team: "mine" } });
    expect(kept(mine)).toBe('<texts><entry key="team" value="mine"/></texts>');

    const from = { place, signal: new AbortController().signal };
    expect((await answer(getDomain, from, { name: "found" }))["metadata"]).toEqual({ team: "mine" });
    const { domains } = await answer(getDomains, from, {});
    expect((domains as Values[]).map(({ name, metadata }) => [name, metadata])).toEqual([
      ["found", { team: "mine" }],
      ["handed", { team: "hand" }],
    ]);
  });

  it("waits for nothing beside what waits, and comes with a stopped machine's next start", async () => {
    const web = new Driven(domain, place, "both");
    await web.up(small);
    const run = virsh("domid", web.id ?? "");
    const both = { ...keeping({ team: "a" }), memory: 96 };
    expect((await costs(web, both)).sort()).toEqual(["memory restart", "metadata.team live"]);
    await web.up(both);
    expect(virsh("domid", web.id ?? "")).toBe(run);
    expect(web.outputs["restartPending"]).toEqual(["memory"]);
    expect(kept(web)).toBe('<metadata><entry key="team" value="a"/></metadata>');
    virsh("destroy", web.id ?? "");
    await web.up({ ...both, metadata: { team: "b" }, powerState: "stopped" });
    expect(kept(web)).toBe('<metadata><entry key="team" value="b"/></metadata>');
    await web.up({ ...both, metadata: { team: "c" } });
    expect(bothKept(web)).toEqual(Array(2).fill('<metadata><entry key="team" value="c"/></metadata>'));
  });
});
