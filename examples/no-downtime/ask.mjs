// ask.mjs URL: asks the counter again and again, and says once a second what it heard.
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const url = new URL(process.argv[2]);
const PAUSE_MS = 100;
const CONNECT_MS = 1000;
const ANSWER_MS = 60_000;

const heard = { counter: 0, answers: 0, lost: 0, resets: 0, boots: new Set(), slowestMs: 0 };

/** A connection, tried for as long as nobody answers: no request is under way yet. A host that refuses it is an error. */
async function connection() {
  for (;;) {
    const socket = connect({ host: url.hostname, port: Number(url.port || 80) });
    const outcome = await new Promise((done) => {
      socket.once("connect", () => done("connected"));
      socket.once("error", ({ code }) => done(code));
      socket.setTimeout(CONNECT_MS, () => done("ETIMEDOUT"));
    });
    if (outcome === "connected") return socket.setTimeout(ANSWER_MS);
    socket.destroy();
    if (outcome !== "ETIMEDOUT" && outcome !== "EHOSTUNREACH") throw new Error(outcome);
    if (outcome === "EHOSTUNREACH") await sleep(PAUSE_MS);
  }
}

/** What one request is answered; it is sent once. */
async function answer() {
  const socket = await connection();
  const text = await new Promise((done, fail) => {
    let text = "";
    socket.on("data", (bytes) => (text += bytes));
    socket.on("end", () => done(text));
    socket.on("error", fail);
    socket.on("timeout", () => fail(new Error("no answer")));
    socket.write(`GET ${url.pathname} HTTP/1.0\r\nHost: ${url.host}\r\n\r\n`);
  }).finally(() => socket.destroy());
  const [, counter, boot] = /^HTTP\/1\.\d 200 [^]*\r\n\r\n(\d+) (\S+)\n$/.exec(text) ?? [];
  if (counter === undefined) throw new Error("another answer");
  return { counter: Number(counter), boot };
}

function count({ counter, boot }) {
  if (heard.answers > 0) {
    if (counter <= heard.counter) heard.resets += 1;
    // One that was counted, and whose answer came to nobody.
    else heard.lost += counter - heard.counter - 1;
  }
  heard.counter = counter;
  heard.answers += 1;
  heard.boots.add(boot);
}

function tell() {
  const { counter, answers, lost, resets, boots, slowestMs } = heard;
  const slowest = `slowest ${Math.round(slowestMs)} ms`;
  console.log(
    `counter ${counter}, answers ${answers}, lost ${lost}, resets ${resets}, boots ${boots.size}, ${slowest}`,
  );
  heard.slowestMs = 0;
}
setInterval(tell, 1000);

for (;;) {
  const start = performance.now();
  // Until the first answer the guest is still booting.
  await answer().then(count, () => (heard.lost += heard.answers > 0 ? 1 : 0));
  heard.slowestMs = Math.max(heard.slowestMs, performance.now() - start);
  await sleep(PAUSE_MS);
}
