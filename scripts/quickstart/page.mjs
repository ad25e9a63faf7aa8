// A page from a machine that may still be on its way up.
import { get } from "node:http";
import { Stop } from "../shell.mjs";

/** The body of a page; asked again until it is there, for `withinMs` at most. */
export async function page(url, withinMs) {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const { body, failure } = await once(url);
    if (body !== undefined) return body;
    if (Date.now() > deadlineMs) throw new Stop(`${url} did not answer within ${withinMs / 1000} s: ${failure}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** One try; short, because a connection asked for before the guest has its address is only retried after a second. */
function once(url) {
  return new Promise((resolve) => {
    const request = get(url, { timeout: 1_000, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => (body += text));
      response.on("end", () =>
        resolve(response.statusCode === 200 ? { body } : { failure: `HTTP ${response.statusCode}` }),
      );
      response.on("error", (error) => resolve({ failure: error.message }));
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", (error) => resolve({ failure: error.message }));
  });
}
