// What our code adds to the start of the process that serves dynamic providers. CPU time, because a start that waits for
// another process's turn is not slower by its own fault.
import { child, inTurn, median } from "./measure.mjs";

const goalSeconds = 0.1;

export async function* start({ quick }) {
  const one = (what) => () => child("start/child.mjs", what);
  const runs = await inTurn(quick ? 3 : 9, {
    domain: one("Domain"),
    all: one("all"),
    answer: one("answer"),
  });
  const share = (list) => median(list.map(({ added }) => added / goalSeconds));
  yield { what: `require and Domain's code / ${goalSeconds} s`, ratio: share(runs.domain), goal: 1 };
  yield { what: `require and the code of all resources / ${goalSeconds} s`, ratio: share(runs.all), goal: 1 };
  yield {
    what: "the process with our code, up to libvirt's first answer / without",
    ratio: median(runs.answer.map(({ added, bare }) => (bare + added) / bare)),
  };
}
