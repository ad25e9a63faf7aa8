import { type Group, type Judgement, type Matter, matters } from "./matters";
import type { Seen } from "./observe";

/** Something that a host cannot do, and what gives it to it. */
export interface Lack {
  /** A word for programs, always the same: `kvm`. */
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
}

/** What there is to say about one matter. */
export interface Finding {
  readonly what: string;
  readonly title: string;
  readonly group: Group;
  readonly state: "ok" | "lacks" | "unclear";
  /** The fact, why it is missing, or why it does not show from here. */
  readonly says: string;
  /** What gives it, or how to look; absent where it is there, or where `says` has it already. */
  readonly remedy?: string;
  readonly essential: boolean;
}

/** All that there is to say about a host, the gravest first, as far as it can be seen without changing anything on it; pure. */
export function findingsOf(seen: Seen): Finding[] {
  return matters.flatMap((matter) => {
    const judgement = matter.judge(seen);
    return judgement === undefined ? [] : [findingOf(matter, judgement)];
  });
}

/** What a host cannot do; pure. */
export function lacksOf(seen: Seen): Lack[] {
  return findingsOf(seen).flatMap(({ what, state, says, remedy }) =>
    state === "lacks" && remedy !== undefined ? [{ what, why: says, remedy }] : [],
  );
}

/** What is said about a matter that was judged. */
export function findingOf(matter: Omit<Matter, "judge">, judgement: Judgement): Finding {
  const { what, title, group, essential = false } = matter;
  const about = { what, title, group, essential };
  if ("fact" in judgement) return { ...about, state: "ok", says: judgement.fact };
  const next = matter.remedy === undefined ? {} : { remedy: matter.remedy };
  if ("why" in judgement) return { ...about, state: "lacks", says: judgement.why, ...next };
  return { ...about, state: "unclear", says: judgement.unclear, ...next };
}
