import { UNKNOWN } from "../../../provider/fields";
import { contentOf, seedOf } from "../../../provider/resources/cloudInitDisk/seed";

it("is the same for the same inputs and another for other ones", () => {
  const inputs = { userData: "#cloud-config\n" };
  expect(contentOf("web", inputs)).toBe(contentOf("web", { ...inputs }));
  expect(contentOf("web", inputs)).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(contentOf("web", { userData: "#cloud-config\nx: 1\n" })).not.toBe(contentOf("web", inputs));
  expect(contentOf("db", inputs)).not.toBe(contentOf("web", inputs));
});

it("is not known while a part of it is not", () => {
  expect(contentOf("web", { userData: UNKNOWN })).toBe(UNKNOWN);
  expect(contentOf("web", { networkConfig: UNKNOWN })).toBe(UNKNOWN);
});

it("names the machine by the logical name as a host name, unless meta-data says otherwise", () => {
  expect(seedOf("My_web.1", {}).toString("latin1")).toContain("local-hostname: my-web-1\n");
  const own = seedOf("web", { metaData: "instance-id: 7\n" }).toString("latin1");
  expect(own).toContain("instance-id: 7\n");
  expect(own).not.toContain("local-hostname");
});
