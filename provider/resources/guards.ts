import { type Difference, printPath, type Values } from "../fields";
import { compare } from "./compare";
import type { Definition, Found, Replacement } from "./definition";
import { whatOf } from "./naming";
import { Refusal, type Request } from "./port";

/** Throws where an update must not happen. */
export async function guardUpdate<F extends Found>(
  kind: Definition<F>,
  request: Request,
  found: F,
  changes: readonly Difference[],
  wanted: Values,
): Promise<void> {
  refuseFor(await kind.forbidUpdate?.(request, found, changes, wanted));
}

/** Throws where a replacement must not happen. One that only unknown values call for may turn out to be none: its delete asks again. */
export async function guardReplace<F extends Found>(
  kind: Definition<F>,
  request: Request,
  found: F,
  replacement: Replacement,
  certain: boolean,
): Promise<void> {
  if (certain) guardProtected(kind, replacement.olds, "replaced");
  const reason = await kind.forbidReplace?.(request, found, replacement);
  if (certain) refuseFor(reason);
  else if (reason !== undefined) request.warn(reason);
  refuseFor(await kind.forbidLoss?.(request, found, replacement));
}

/** The host may be back when the engine replaces: bytes that it could not be asked about now are refused now. */
export function guardBlindReplace<F extends Found>(kind: Definition<F>, olds: Values, news: Values): void {
  guardProtected(kind, olds, "replaced");
  const holdsBytes = kind.table["allowDataLoss"] !== undefined;
  if (!holdsBytes || news["allowDataLoss"] === true) return;
  throw new Refusal(
    `${whatOf(kind, olds)} would be replaced, and its host cannot say whether a guest wrote to it: ` +
      `run again when it answers, or set \`allowDataLoss: true\``,
  );
}

/** Throws where one that is gone, or was never there, must not be made: somebody holds what was in its place. */
export async function guardMaking<F extends Found>(
  kind: Definition<F>,
  request: Request,
  id: string,
  inputs: Values,
): Promise<void> {
  refuseFor(await kind.forbidMaking?.(request, id, inputs));
}

/** Throws where one that is gone cannot be made again, as another one stands in its place: it has its name and another id. */
export async function guardRemaking<F extends Found>(
  kind: Definition<F>,
  request: Request,
  id: string,
  inputs: Values,
): Promise<void> {
  const other = await kind.occupant(request, inputs);
  if (other && other.id !== id) {
    throw new Refusal(
      `${whatOf(kind, inputs)} is another one now (${other.id}, not ${id}): other hands made it again. It was not touched. ` +
        `To manage it from this program let the state forget the former one (pulumi refresh) and set \`adopt: true\` for one up; ` +
        `else take it away, and the former one is made again`,
    );
  }
  await guardMaking(kind, request, id, inputs);
}

/** Throws for an object with `deletionProtection`. */
export function guardProtected<F extends Found>(kind: Definition<F>, values: Values, done: string): void {
  if (values["deletionProtection"] !== true) return;
  throw new Refusal(
    `${whatOf(kind, values)} has deletionProtection and would be ${done}: set it to false and run up before`,
  );
}

/** Adopting takes an object as it is: what only a new one could have is refused. */
export function guardAdoption<F extends Found>(kind: Definition<F>, found: F, inputs: Values): void {
  const replacing = compare(kind, found, inputs, undefined).differences.filter(({ cost }) => cost === "replace");
  const wrong = replacing.map(({ path }) => printPath(path));
  if (wrong.length === 0) return;
  throw new Refusal(
    `${kind.noun} "${found.name}" was not adopted: it differs from the program in ${wrong.join(", ")}, ` +
      `which only a new one could have. Write them as they are on the host`,
  );
}

function refuseFor(reason: string | undefined): void {
  if (reason !== undefined) throw new Refusal(reason);
}
