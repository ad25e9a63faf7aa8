import { placeOf } from "./request";

describe("the place of a real daemon", () => {
  it("is named by its host, and by the driver for machines alone", async () => {
    const place = placeOf();
    const machines = await place.identity("machines");
    expect(machines).toMatch(/^[0-9a-f-]{36}(@[^/]+)?\/system\/qemu$/);
    expect(await place.identity("rest")).toBe(machines.replace(/\/qemu$/, ""));
    process.stdout.write(`      ${machines}\n`);
    await place.host.close();
  });
});
