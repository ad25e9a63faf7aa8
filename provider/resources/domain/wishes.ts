import { isRecord, type Values } from "../../fields";
import type { Mark } from "../mark";

/** How long a guest may take to stop where its program says nothing. */
export const SHUTDOWN_SECONDS = 60;

/** What has to answer after a change, and how soon. */
export interface Gate {
  readonly by: string;
  readonly withinMs: number;
}

/** The program's wishes for a restart by other hands (`pulumi-kvm pending --apply`), as a mark carries them. */
export function wishesOf(inputs: Values): Pick<Mark, "confirm" | "shutdown"> {
  const gate = gateWished(inputs["confirm"]);
  const shutdown = isRecord(inputs["shutdown"]) ? inputs["shutdown"] : {};
  const { timeout = SHUTDOWN_SECONDS, thenForce } = shutdown;
  const then = thenForce === undefined ? [] : [thenForce === true ? "force" : "never"];
  return {
    ...(gate ? { confirm: `${gate.by} ${gate.withinMs / 1000}` } : {}),
    ...(timeout === SHUTDOWN_SECONDS && then.length === 0 ? {} : { shutdown: [String(timeout), ...then].join(" ") }),
  };
}

/** The gate that a program's `confirm` asks for. */
export function gateWished(wish: unknown): Gate | undefined {
  if (!isRecord(wish)) return undefined;
  const seconds = typeof wish["within"] === "number" ? wish["within"] : 120;
  return { by: String(wish["by"]), withinMs: seconds * 1000 };
}

/** The wishes of a mark, in the program's terms. */
export function wishesIn(mark: Mark | undefined): Values {
  const [by, within] = mark?.confirm?.split(" ") ?? [];
  const [timeout, then] = mark?.shutdown?.split(" ") ?? [];
  const force = then === undefined ? {} : { thenForce: then === "force" };
  return {
    ...(by === undefined ? {} : { confirm: { by, within: Number(within) } }),
    ...(timeout === undefined ? {} : { shutdown: { timeout: Number(timeout), ...force } }),
  };
}
