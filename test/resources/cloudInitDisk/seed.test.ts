import { scryptSync } from "node:crypto";
import { UNKNOWN } from "../../../provider/fields";
import { contentOf, seedOf } from "../../../provider/resources/cloudInitDisk/seed";

it("is the same for the same inputs and another for other ones", async () => {
  const inputs = { userData: "#cloud-config\n" };
  const content = await contentOf("web", inputs);
  expect(await contentOf("web", { ...inputs })).toBe(content);
  expect(await contentOf("web", { userData: "#cloud-config\nx: 1\n" })).not.toBe(content);
  expect(await contentOf("db", inputs)).not.toBe(content);
});

it("is a digest that is slow to try passwords against", async () => {
  const inputs = { userData: "password: canary\n" };
  const slow = scryptSync(seedOf("web", inputs), "web", 32, { N: 16384, r: 8, p: 1 });
  expect(await contentOf("web", inputs)).toBe(`scrypt:${slow.toString("hex")}`);
});

it("is not known while a part of it is not", async () => {
  expect(await contentOf("web", { userData: UNKNOWN })).toBe(UNKNOWN);
  expect(await contentOf("web", { networkConfig: UNKNOWN })).toBe(UNKNOWN);
});

it("names the machine by the logical name as a host name, unless meta-data says otherwise", () => {
  expect(seedOf("My_web.1", {}).toString("latin1")).toContain("local-hostname: my-web-1\n");
  const own = seedOf("web", { metaData: "instance-id: 7\n" }).toString("latin1");
  expect(own).toContain("instance-id: 7\n");
  expect(own).not.toContain("local-hostname");
});
